// Puts the frames of one video stream back into order. WebTransport carries every packet
// on a stream of its own, so neighbours overtake each other; real losses happen only when
// somebody on the way dropped frames on purpose.

export interface Numbered {
  sequence: number;
  key: boolean;
}

/**
 * Reorder releases frames in the order of their sequence numbers. A missing frame is
 * awaited for `wait` milliseconds; after that the stream skips to its next keyframe. A
 * keyframe ahead of a gap is taken at once: nothing before it is worth waiting for.
 */
export class Reorder<T extends Numbered> {
  private next = -1; // the sequence number that may be decoded now; -1: needs a keyframe
  private held = new Map<number, T>();
  private gapSince = 0;
  private lastPush = 0;

  /** Frames that were given up, for statistics. */
  lost = 0;

  constructor(
    private readonly wait = 150,
    private readonly capacity = 90,
  ) {}

  /** Whether nothing can be shown before a keyframe comes. */
  get starving(): boolean {
    return this.next < 0;
  }

  get waiting(): number {
    return this.held.size;
  }

  /** Takes a frame and returns those that can be decoded now, in order. */
  push(frame: T, now: number): T[] {
    const idle = now - this.lastPush;
    this.lastPush = now;
    if (frame.key && (this.next < 0 || frame.sequence > this.next || this.restarted(frame, idle))) {
      if (this.next >= 0 && frame.sequence > this.next) {
        this.lost += frame.sequence - this.next - this.before(frame.sequence);
      }
      this.next = frame.sequence;
      // What a restarted publisher left behind has higher numbers, but nobody will ask.
      for (const s of this.held.keys()) if (s <= frame.sequence || s > frame.sequence + this.capacity) this.held.delete(s);
    } else if (this.next < 0 || frame.sequence < this.next) {
      // A delta that overtook its keyframe is kept for the moment the keyframe comes.
      if (this.next < 0 && !frame.key) this.keep(frame);
      return [];
    }
    this.keep(frame);
    return this.release(now);
  }

  /** To be called now and then: gives a gap up after its time. Reports whether it did. */
  expire(now: number): boolean {
    if (this.next < 0 || this.held.size === 0 || now - this.gapSince < this.wait) return false;
    this.starve();
    return true;
  }

  /** Drops everything until the next keyframe, for example after a decoder error. */
  starve(): void {
    this.lost += this.held.size;
    this.held.clear();
    this.next = -1;
  }

  private release(now: number): T[] {
    const out: T[] = [];
    for (let f = this.held.get(this.next); f; f = this.held.get(this.next)) {
      this.held.delete(this.next++);
      out.push(f);
    }
    if (out.length > 0 || this.held.size === 1) this.gapSince = now;
    return out;
  }

  private keep(frame: T): void {
    if (this.held.size >= this.capacity) {
      const oldest = Math.min(...this.held.keys());
      this.held.delete(oldest);
      this.lost++;
    }
    this.held.set(frame.sequence, frame);
  }

  /** A publisher that switched its camera off and on may count from zero again. */
  private restarted(frame: T, idle: number): boolean {
    if (frame.sequence >= this.next) return false;
    return frame.sequence === 0 || this.next - frame.sequence > this.capacity || idle > 1_000;
  }

  private before(sequence: number): number {
    let n = 0;
    for (const s of this.held.keys()) if (s < sequence) n++;
    return n;
  }
}
