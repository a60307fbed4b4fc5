/**
 * Speaking tells speech from silence by loudness, with hysteresis: quick to switch on,
 * slow to switch off, so that the highlight does not flicker between words.
 */
export class Speaking {
  private loudSince = -1;
  private lastLoud = -Infinity;
  on = false;

  constructor(
    private readonly loud = 0.02, // RMS of full scale; speech at a desk is 0.03 to 0.1
    private readonly quiet = 0.01,
    private readonly attack = 80, // ms above `loud` to switch on
    private readonly hold = 700, // ms below `quiet` to switch off
  ) {}

  /** Takes a level and reports whether `on` changed. */
  feed(rms: number, now: number): boolean {
    if (rms >= this.loud) {
      if (this.loudSince < 0) this.loudSince = now;
    } else if (rms < this.quiet) {
      this.loudSince = -1;
    }
    if (rms >= this.quiet) this.lastLoud = now;
    const on = this.on
      ? now - this.lastLoud < this.hold
      : this.loudSince >= 0 && now - this.loudSince >= this.attack;
    const changed = on !== this.on;
    this.on = on;
    return changed;
  }
}

/** Loudness for a meter, 0..1: the ear hears in steps of decibels; -60 dB reads as 0. */
export function meter(rms: number): number {
  return rms <= 0.001 ? 0 : Math.min(1, 1 + Math.log10(rms) / 3);
}
