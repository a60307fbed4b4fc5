// One picture that arrives in layers: the server sends one of them and changes to another at a
// keyframe; before it knows which one is wanted it sends all.
import { maxLayer } from "./wire.ts";
import { Reorder, type Numbered } from "./reorder.ts";

/** A layer that was silent for so long has been given up for another, ms. */
const silence = 500;

interface Layer<T extends Numbered> {
  frames: Reorder<T>;
  heardAt: number;
}

/** Layered releases the frames of one layer at a time, in order; the next one begins with a keyframe. */
export class Layered<T extends Numbered & { layer: number }> {
  /** The layer that the server was asked for; the next one below comes where it is not sent. */
  wanted = maxLayer;

  private current = -1; // -1: needs a keyframe of any
  private latest = 0; // the layer that was heard last
  private layers = new Map<number, Layer<T>>();
  private lostBefore = 0; // of layers that are over

  /** Whether nothing can be shown before a keyframe comes. */
  get starving(): boolean {
    return this.playing?.starving ?? true;
  }

  /** The layer whose keyframe is missing when starving. */
  get missing(): number {
    return this.current < 0 ? this.latest : this.current;
  }

  get layer(): number {
    return this.current;
  }

  get waiting(): number {
    return this.playing?.waiting ?? 0;
  }

  /** Frames that were given up, for statistics. */
  get lost(): number {
    return this.lostBefore + (this.playing?.lost ?? 0);
  }

  /** Takes a frame and returns those that can be decoded now, in order. */
  push(frame: T, now: number): T[] {
    this.latest = frame.layer;
    if (frame.layer !== this.current) {
      if (!this.better(frame.layer, now)) return [];
      if (frame.key) this.begin(frame.layer);
      else if (this.current >= 0 && this.silent(now)) this.starve();
    }
    let layer = this.layers.get(frame.layer);
    // What overtook its keyframe waits for it.
    if (!layer) this.layers.set(frame.layer, (layer = { frames: new Reorder<T>(), heardAt: now }));
    layer.heardAt = now;
    return layer.frames.push(frame, now);
  }

  /** To be called now and then: gives a gap up after its time. */
  expire(now: number): void {
    this.playing?.expire(now);
  }

  /** Drops everything until the next keyframe, for example after a decoder error. */
  starve(): void {
    this.playing?.starve();
    this.lostBefore = this.lost;
    this.layers.delete(this.current);
    this.current = -1;
  }

  private get playing(): Reorder<T> | undefined {
    return this.layers.get(this.current)?.frames;
  }

  private silent(now: number): boolean {
    return now - (this.layers.get(this.current)?.heardAt ?? -Infinity) > silence;
  }

  /** Whether a layer is to follow the current one. */
  private better(layer: number, now: number): boolean {
    if (this.current < 0 || this.silent(now)) return true;
    if (this.current > this.wanted) return layer < this.current;
    return layer > this.current && layer <= this.wanted;
  }

  private begin(layer: number): void {
    this.lostBefore = this.lost;
    for (const other of this.layers.keys()) if (other !== layer) this.layers.delete(other);
    this.current = layer;
  }
}
