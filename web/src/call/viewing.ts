// Tells the server which cameras are on screen and how large, so that it sends no more.
import type { Cancel, Clock } from "./clock.ts";
import { layerFor } from "./layers.ts";
import { maxLayer, type LayerWish } from "./wire.ts";

/** Changes of the layout are collected for so long, ms: tiles glide, and servers do not listen more often. */
const collect = 250;
/** How long a way that was too narrow is spared before the next layer is tried again, ms. */
const recovery = 15_000;
/** More than these a server does not read; whoever comes after them is sent everything of those shown. */
const most = 64;

export interface ViewingSources {
  /** Heights of the cameras on screen in device pixels, by session. */
  shown(): ReadonlyMap<string, number>;
  /** The sessions whose cameras are on. */
  cameras(): readonly string[];
  /** The sessions whose voice comes in layers. */
  voices(): readonly string[];
}

export interface ViewingEvents {
  /** None means all. */
  viewport(sessions: readonly bigint[]): void;
  layers(wishes: readonly LayerWish[]): void;
}

/** The best of three; the server sends the next one below where there are fewer. */
const bestVoice = 2;

/** No session has this number: a viewport of it alone shows nobody. */
const nobody = 0n;

export class Viewing {
  private layers = new Map<string, number>();
  private ceiling = maxLayer;
  private told = { viewport: "", layers: "" };
  private connected = false;
  private timer?: Cancel;
  private recovering?: Cancel;

  constructor(
    private readonly clock: Clock,
    private readonly from: ViewingSources,
    private readonly events: ViewingEvents,
  ) {}

  /** A new connection is up, to which nothing was said yet. */
  arrived(): void {
    this.connected = true;
    this.told = { viewport: "", layers: "" };
    this.changed();
  }

  left(): void {
    this.connected = false;
  }

  /** Tiles or cameras came, went, or changed their size. */
  changed(): void {
    if (!this.connected) return;
    this.timer ??= this.clock.after(collect, () => {
      this.timer = undefined;
      this.tell();
    });
  }

  /** The way to us is too narrow: one layer less of everything. */
  squeezed(): void {
    this.ceiling = Math.max(0, Math.min(this.ceiling, ...this.highest()) - 1);
    this.recovering?.();
    this.recovering = this.clock.after(recovery, () => this.recover());
    this.changed();
  }

  close(): void {
    this.connected = false;
    this.timer?.();
    this.recovering?.();
  }

  private highest(): number[] {
    return this.layers.size > 0 ? [Math.max(...this.layers.values())] : [];
  }

  private recover(): void {
    this.ceiling++;
    this.recovering = this.ceiling < maxLayer ? this.clock.after(recovery, () => this.recover()) : undefined;
    this.changed();
  }

  private tell(): void {
    if (!this.connected) return;
    const shown = [...this.from.shown()].slice(0, most);
    const next = new Map<string, number>();
    for (const [id, height] of shown) next.set(id, Math.min(this.ceiling, layerFor(height, this.layers.get(id))));
    this.layers = next;
    const hidden = this.from.cameras().some((id) => !next.has(id));
    const viewport = !hidden ? [] : next.size > 0 ? [...next.keys()].map(BigInt) : [nobody];
    // Layers first: a camera that was hidden comes in its layer, not in all of them.
    const layers: LayerWish[] = [...next].map(([id, layer]) => ({ sessionId: BigInt(id), layer }));
    for (const id of this.from.voices().slice(0, most)) layers.push({ sessionId: BigInt(id), layer: Math.min(this.ceiling, bestVoice), voice: true });
    if (this.news("layers", layers.map((l) => `${l.sessionId}:${l.layer}:${l.voice ?? false}`).join())) this.events.layers(layers);
    if (this.news("viewport", viewport.join())) this.events.viewport(viewport);
  }

  private news(what: "viewport" | "layers", text: string): boolean {
    if (this.told[what] === text) return false;
    this.told[what] = text;
    return true;
  }
}
