// Meeting events and lines of chat in the order of the log of their room: over WebTransport each packet comes in
// a stream of its own, so that one may overtake another.
import type { Cancel, Clock } from "./clock.ts";

/** How long an event waits for an earlier one, in ms: many times what a stream may take on its way. */
const patience = 2_000;

/** What has a place in the log: number 0 is none. */
interface Placed {
  eventEpoch: string;
  eventNumber: bigint;
  eventsSkipped?: boolean;
}

export class Sequence<T extends Placed> {
  private epoch = "";
  private number = 0n;
  private held = new Map<bigint, T>();
  private impatient: Cancel | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly due: (m: T) => void,
  ) {}

  /** Up to where we know what happened in the room, as the server wants to be told; "" at first. */
  get position(): string {
    return this.epoch && `${this.epoch}.${this.number}`;
  }

  /** A new connection is up: what the old one still held is told again. */
  restart(): void {
    this.impatient?.();
    this.impatient = undefined;
    this.held.clear();
  }

  take(m: T): void {
    const n = m.eventNumber;
    const begins = m.eventsSkipped === true || (n === 1n && m.eventEpoch !== this.epoch);
    if (n === 0n) return this.due(m);
    if (!begins && this.epoch !== "" && (m.eventEpoch !== this.epoch || n <= this.number)) return this.due(m); // too late
    if (!begins) this.held.set(n, m);
    else this.begin(m);
    this.release();
  }

  private begin(m: T): void {
    this.epoch = m.eventEpoch;
    this.number = m.eventNumber;
    for (const [n, early] of [...this.held].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (n > this.number) continue;
      this.held.delete(n);
      this.due(early);
    }
    this.due(m);
  }

  /** Hands over what follows without a gap. */
  private release(): void {
    for (let m; this.epoch !== "" && (m = this.held.get(this.number + 1n)); ) {
      this.held.delete(++this.number);
      this.due(m);
    }
    if (this.held.size > 0) return void (this.impatient ??= this.clock.after(patience, () => this.skip()));
    this.impatient?.();
    this.impatient = undefined;
  }

  /** Goes on without what does not come. */
  private skip(): void {
    this.impatient = undefined;
    const first = [...this.held.values()].reduce((a, b) => (a.eventNumber < b.eventNumber ? a : b));
    this.epoch = first.eventEpoch;
    this.number = first.eventNumber - 1n;
    this.release();
  }
}
