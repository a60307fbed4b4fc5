import type { Cancel, Clock } from "./clock.ts";

/** A clock for tests: time passes only in advance(). */
export class FakeClock implements Clock {
  private time = 0;
  private readonly timers = new Set<{ at: number; every?: number; fn: () => void }>();

  now(): number {
    return this.time;
  }

  after(ms: number, fn: () => void): Cancel {
    return this.add({ at: this.time + ms, fn });
  }

  every(ms: number, fn: () => void): Cancel {
    return this.add({ at: this.time + ms, every: ms, fn });
  }

  /** Runs due timers in order, letting promises settle after each. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms;
    await settle();
    for (;;) {
      let next: { at: number; every?: number; fn: () => void } | undefined;
      for (const t of this.timers) if (t.at <= end && (!next || t.at < next.at)) next = t;
      if (!next) break;
      this.time = next.at;
      if (next.every) next.at += next.every;
      else this.timers.delete(next);
      next.fn();
      await settle();
    }
    this.time = end;
  }

  /** Passes time in which nothing runs, as in a page that is too busy or asleep. */
  freeze(ms: number): void {
    this.time += ms;
    for (const t of this.timers) if (t.at < this.time) t.at = this.time;
  }

  private add(timer: { at: number; every?: number; fn: () => void }): Cancel {
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }
}

/** Lets every promise that can settle now do so: a macrotask runs after all microtasks. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
