// One sender's voice between the decoder and the loudspeaker.

const ramp = 120; // samples (2.5 ms) of cross-fade wherever two pieces meet
const echo = 960; // samples (20 ms) of concealment before it is silent

/** What happened to one voice; samples count from the start. */
export interface PlayoutStats {
  played: number;
  concealed: number; // of played: invented because nothing had arrived
  dropped: number; // cut out to catch up
  inserted: number; // silence added to fall back
  fill: number; // samples waiting now
  level: number; // RMS of the last quantum
}

/**
 * Playout holds decoded samples until they are due. It waits until `target` samples are
 * there, plays, hides gaps by fading out a mirror of the last moment, and follows the
 * sender's clock by cutting or stretching silence. Speech is cut only when far behind.
 */
export class Playout {
  private readonly ring: Float32Array;
  private read = 0;
  private fill = 0;
  private playing = false;
  private rising = 0; // samples of fade-in left
  private sincePush = 0;
  private readonly tail = new Float32Array(echo); // the last samples played, as a ring
  private tailAt = 0;
  private fading = echo; // samples of concealment already made; echo: silent
  private least = Infinity; // lowest fill in the current window
  private seen = 0; // samples of the current window
  private spare = 0; // lowest fill of the last window: what could be cut without a gap
  private sinceCut = 0;
  private target: number;

  readonly stats: PlayoutStats = { played: 0, concealed: 0, dropped: 0, inserted: 0, fill: 0, level: 0 };

  constructor(private readonly rate = 48_000) {
    this.ring = new Float32Array(rate); // one second is more than anybody wants to lag
    this.target = rate * 0.06;
  }

  /** How much to hold back, in samples. */
  setTarget(samples: number): void {
    this.target = Math.min(samples, this.ring.length / 2);
  }

  push(samples: Float32Array): void {
    const n = samples.length;
    const over = this.fill + n - this.ring.length;
    if (over > 0) this.skip(Math.min(over, this.fill));
    const size = this.ring.length;
    for (let i = Math.max(0, n - size), at = (this.read + this.fill) % size; i < n; i++) {
      this.ring[at] = samples[i]!;
      if (++at === size) at = 0;
      this.fill++;
    }
    this.sincePush = 0;
  }

  /** Stands in for `samples` that were lost, so that what follows keeps its time. */
  lose(samples: number): void {
    const size = this.ring.length;
    const span = Math.min(this.fill, echo);
    if (!this.playing || span === 0) return; // conceal() covers it when it is due
    const n = Math.min(samples, 3 * echo, size - this.fill);
    const end = this.read + this.fill;
    // Back and forth over the last moment: no jump anywhere.
    for (let i = 0; i < n; i++) {
      const back = i % (2 * span) < span ? i % span : span - 1 - (i % span);
      const gain = Math.max(0, 1 - i / (2 * echo));
      this.ring[(end + i) % size] = this.ring[(end - 1 - back + size) % size]! * gain;
    }
    this.fill += n;
    this.stats.concealed += n;
  }

  /** Adds the next samples to out, so that several voices mix. */
  pull(out: Float32Array): void {
    const n = out.length;
    this.sincePush += n;
    this.stats.played += n;
    if (!this.playing && (this.fill >= this.target || (this.fill >= n && this.sincePush > this.target))) {
      this.playing = true;
      this.rising = ramp;
      this.least = Infinity;
      this.seen = 0;
      this.spare = 0;
    }
    if (this.playing && this.fill < n) this.playing = false;
    if (!this.playing) {
      this.conceal(out);
      this.stats.fill = this.fill;
      return;
    }
    this.follow(n);
    if (this.stretches(n)) {
      this.stats.inserted += n;
      this.stats.level = 0;
      return;
    }
    this.take(out);
    this.watch(n);
  }

  private take(out: Float32Array): void {
    let energy = 0;
    for (let i = 0; i < out.length; i++) {
      let v = this.ring[this.read]!;
      if (++this.read === this.ring.length) this.read = 0;
      if (this.rising > 0) {
        const gain = 1 - this.rising-- / ramp;
        v = v * gain + this.mirror() * (1 - gain);
        this.fading += 2; // one for the step back, one because v joins the tail
      }
      energy += v * v;
      this.remember(v);
      out[i]! += v;
    }
    this.fill -= out.length;
    this.fading = 0;
    this.stats.fill = this.fill;
    this.stats.level = Math.sqrt(energy / out.length);
  }

  /** Plays the last moment backwards while it fades: no jump, and a vowel goes on. */
  private conceal(out: Float32Array): void {
    if (this.fading >= echo) {
      this.stats.level = 0;
      return;
    }
    for (let i = 0; i < out.length && this.fading < echo; i++) {
      out[i]! += this.mirror();
      this.fading++;
      this.stats.concealed++;
    }
    this.stats.level *= 0.7;
  }

  /** The sample that mirrors the last one played, `fading` samples ago, faded. */
  private mirror(): number {
    if (this.fading >= echo) return 0;
    const at = (this.tailAt - 1 - this.fading + 2 * echo) % echo;
    return this.tail[at]! * (1 - this.fading / echo);
  }

  private remember(v: number): void {
    this.tail[this.tailAt] = v;
    if (++this.tailAt === echo) this.tailAt = 0;
  }

  /** Cuts what is spare: silence early, speech only when it lags by more than 60 ms. */
  private follow(n: number): void {
    this.sinceCut += n;
    const slack = this.rate * 0.005;
    const spare = Math.min(this.spare, this.fill - n) - slack;
    if (spare > this.rate * 0.4) {
      this.cut(spare);
    } else if (spare > this.rate * 0.02 && this.quiet(n)) {
      this.cut(Math.min(spare, n));
    } else if (spare > this.rate * 0.06 && this.sinceCut > this.rate * 0.1) {
      this.cut(this.rate * 0.01);
    }
  }

  private cut(samples: number): void {
    const n = Math.floor(samples);
    this.skip(n);
    this.spare -= n;
    this.stats.dropped += n;
    this.sinceCut = 0;
    // The mirror of what was played blends into what comes next.
    this.fading = 0;
    this.rising = ramp;
  }

  /** Whether this quantum is better spent on silence, because the buffer nearly ran dry. */
  private stretches(n: number): boolean {
    if (this.spare >= this.rate * 0.003 || this.seen > 0 || this.fill >= this.target) return false;
    return this.stats.played > this.rate && this.quiet(n);
  }

  private quiet(n: number): boolean {
    const m = Math.min(n, this.fill);
    for (let i = 0, at = this.read; i < m; i++) {
      if (Math.abs(this.ring[at]!) > 0.004) return false;
      if (++at === this.ring.length) at = 0;
    }
    return this.stats.level < 0.004;
  }

  private watch(n: number): void {
    this.least = Math.min(this.least, this.fill);
    this.seen += n;
    if (this.seen < this.rate * 2) return;
    this.spare = this.least;
    this.least = Infinity;
    this.seen = 0;
  }

  private skip(n: number): void {
    this.read = (this.read + n) % this.ring.length;
    this.fill -= n;
  }
}
