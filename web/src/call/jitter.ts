/** Milliseconds in one audio packet, unless the sender says otherwise. */
export const frameMs = 20;

const window = 6_000; // ms of arrivals that count
const floor = 40; // ms; two packets, or every wake-up of the page would be heard
const ceiling = 400; // ms; beyond that people talk into each other

/**
 * Jitter measures how irregularly the audio of one sender arrives and says how much of it
 * to hold back so that playing it hardly ever runs dry.
 */
export class Jitter {
  private unit = 0; // milliseconds per unit of the sender's timestamps; 0: not known yet
  private last?: { sequence: number; timestamp: number };
  private readonly arrivals: { at: number; late: number }[] = [];
  private goal = floor;

  /** Takes an arrival: when, on our clock in ms, and what the sender wrote on it. */
  add(sequence: number, timestamp: number, at: number): void {
    const last = this.last;
    this.last = { sequence, timestamp };
    if (last && sequence === last.sequence + 1 && this.unit === 0) {
      // Browsers count microseconds, others milliseconds; nobody sends packets shorter
      // than 2.5 ms or longer than 120 ms.
      const step = timestamp - last.timestamp;
      if (step >= 2_500 && step <= 120_000) this.unit = 0.001;
      else if (step >= 2.5 && step <= 120) this.unit = 1;
    }
    // Without a usable timestamp the sequence has to do, which cannot see pauses.
    const media = this.unit > 0 ? timestamp * this.unit : sequence * frameMs;
    const late = at - media;
    const previous = this.arrivals.at(-1);
    if (previous && Math.abs(late - previous.late) > 2_000) this.arrivals.length = 0; // a new timeline
    this.arrivals.push({ at, late });
    while (this.arrivals[0]!.at < at - window) this.arrivals.shift();
    this.adapt();
  }

  /** How much to hold back, in ms. */
  get target(): number {
    return this.goal;
  }

  private adapt(): void {
    const late = this.arrivals.map((a) => a.late).sort((a, b) => a - b);
    const spread = late[Math.floor((late.length - 1) * 0.96)]! - late[0]!;
    const wanted = Math.min(ceiling, Math.max(floor, frameMs + spread + 10));
    // Up at once, because the gap was just heard; down slowly, because it may come again.
    this.goal = wanted > this.goal ? wanted : this.goal + (wanted - this.goal) * 0.01;
  }
}
