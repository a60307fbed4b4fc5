// How much an encoder may ask of the network and of this machine.

export interface Rung {
  height: number; // the shorter side of the picture, pixels
  fps: number;
  kbps: number;
}

/** Camera rungs, from the least. A talking head needs motion more than sharpness. */
export const cameraRungs: readonly Rung[] = [
  { height: 180, fps: 10, kbps: 100 },
  { height: 180, fps: 15, kbps: 160 },
  { height: 270, fps: 20, kbps: 320 },
  { height: 360, fps: 24, kbps: 550 },
  { height: 360, fps: 30, kbps: 750 },
  { height: 540, fps: 30, kbps: 1_200 },
  { height: 720, fps: 30, kbps: 1_900 },
];

/** Screen rungs: text must stay readable, so the size stays and the pace gives way. */
export const screenRungs: readonly Rung[] = [
  { height: 720, fps: 3, kbps: 400 },
  { height: 1080, fps: 5, kbps: 800 },
  { height: 1080, fps: 10, kbps: 1_500 },
  { height: 1080, fps: 15, kbps: 2_500 },
];

/** What an encoder saw since the last observation. */
export interface Pressure {
  queueMs: number; // age of what waits to be sent
  encoderQueue: number; // frames that wait in the encoder, the highest seen
  busy: number; // share of the frame interval that encoding one frame took, 0..
  congestion: boolean; // the server says that a receiver cannot keep up
  held?: boolean; // nobody wants what this rung is for: nothing to learn from how easy it is
}

/**
 * Ladder picks a rung: down at once when something backs up, up slowly and with more
 * patience after each climb that had to be taken back.
 */
export class Ladder {
  private at: number;
  private top: number;
  private changed: number;
  private climbed = -Infinity;
  private patience = 8_000;

  constructor(
    private readonly rungs: readonly Rung[],
    start: number,
    now: number,
    top = rungs.length - 1,
  ) {
    this.top = Math.min(top, rungs.length - 1);
    this.at = Math.min(start, this.top);
    this.changed = now;
  }

  get rung(): Rung {
    return this.rungs[this.at]!;
  }

  get index(): number {
    return this.at;
  }

  /** Takes an observation, about one a second. Reports whether the rung changed. */
  observe(p: Pressure, now: number): boolean {
    const since = now - this.changed;
    if (p.congestion || p.queueMs > 300 || p.encoderQueue > 3 || p.busy > 0.9) {
      // One step needs a moment to show its effect, unless it is really bad.
      const wait = p.queueMs > 1_000 ? 500 : 2_000;
      if (this.at === 0 || since < wait) return false;
      if (now - this.climbed < 10_000) this.patience = Math.min(60_000, this.patience * 2);
      this.at--;
      this.changed = now;
      return true;
    }
    const calm = p.queueMs < 50 && p.encoderQueue <= 1 && p.busy < 0.5;
    if (!calm || p.held) {
      this.changed = Math.max(this.changed, now - this.patience / 2);
      return false;
    }
    if (this.at < this.top && since >= this.patience) {
      this.at++;
      this.changed = now;
      this.climbed = now;
      return true;
    }
    return false;
  }
}

/**
 * The size to encode a picture of w x h at: no larger than the picture, the shorter side at
 * most height, both even because chroma is stored at half the resolution.
 */
export function fit(w: number, h: number, height: number): { width: number; height: number } {
  const scale = Math.min(1, height / Math.min(w, h));
  const even = (x: number) => Math.max(2, Math.round((x * scale) / 2) * 2);
  return { width: even(w), height: even(h) };
}
