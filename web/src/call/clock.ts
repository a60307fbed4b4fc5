// Time as the engine sees it: injected, so that tests need not wait.

/** Cancels a timer; harmless when it already fired. */
export type Cancel = () => void;

export interface Clock {
  /** Monotonic milliseconds. */
  now(): number;
  after(ms: number, fn: () => void): Cancel;
  every(ms: number, fn: () => void): Cancel;
}

/**
 * Timers that keep their pace in a tab nobody looks at: browsers slow timers of hidden
 * pages down to one a minute, but not those of a worker. A call in the background would
 * otherwise miss its heartbeats.
 */
export class WorkerClock implements Clock {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, { fn: () => void; once: boolean }>();
  private last = 0;

  constructor(script: string) {
    this.worker = new Worker(script);
    this.worker.onmessage = (e: MessageEvent<number>) => {
      const timer = this.waiting.get(e.data);
      if (timer?.once) this.waiting.delete(e.data);
      timer?.fn();
    };
  }

  now(): number {
    return performance.now();
  }

  after(ms: number, fn: () => void): Cancel {
    return this.start(ms, fn, true);
  }

  every(ms: number, fn: () => void): Cancel {
    return this.start(ms, fn, false);
  }

  private start(ms: number, fn: () => void, once: boolean): Cancel {
    const id = ++this.last;
    this.waiting.set(id, { fn, once });
    this.worker.postMessage({ id, ms, once });
    return () => {
      if (this.waiting.delete(id)) this.worker.postMessage({ id });
    };
  }
}

/** Timers of the page itself, for what can wait while nobody looks at it. */
export const pageClock: Clock = {
  now: () => performance.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
  every(ms, fn) {
    const timer = setInterval(fn, ms);
    return () => clearInterval(timer);
  },
};
