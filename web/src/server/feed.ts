// The list of one's meetings, kept fresh: read again whenever the server says that it changed,
// and now and then, in case it cannot say so.
import { Denied, Unreachable } from "./http.ts";
import type { Cancel, Clock } from "../call/clock.ts";
import { backoff } from "../call/backoff.ts";
import type { Meeting } from "./meetings.ts";
import { events } from "./sse.ts";

/** Milliseconds between two looks without news. */
const lookEvery = 20_000;

export interface FeedSource {
  feed(signal: AbortSignal): Promise<Meeting[]>;
  changes(signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
}

export interface FeedEvents {
  meetings(list: Meeting[]): void;
  /** The list cannot be had now; it goes on trying. */
  trouble(): void;
  /** Nobody is signed in any more. It is over. */
  stranger(): void;
}

export class Feed {
  private readonly stopping = new AbortController();
  private reading: Promise<void> | undefined;
  private stale = false;
  private readonly cancel: Cancel;

  constructor(
    private readonly clock: Clock,
    private readonly from: FeedSource,
    private readonly on: FeedEvents,
  ) {
    this.cancel = clock.every(lookEvery, () => void this.look());
    void this.look();
    void this.listen();
  }

  stop(): void {
    this.stopping.abort();
    this.cancel();
  }

  /** Reads the list; however often it is called meanwhile, it reads once more afterwards. */
  look(): Promise<void> {
    this.stale = true;
    return (this.reading ??= this.read());
  }

  private async read(): Promise<void> {
    const { signal } = this.stopping;
    while (this.stale && !signal.aborted) {
      this.stale = false;
      try {
        const list = await this.from.feed(signal);
        if (!signal.aborted) this.on.meetings(list);
      } catch (err) {
        if (signal.aborted) break;
        if (err instanceof Denied && err.status === 401) {
          this.stop();
          this.on.stranger();
        } else {
          this.on.trouble();
        }
      }
    }
    this.reading = undefined; // in the same turn: who calls look from now on reads anew
  }

  private async listen(): Promise<void> {
    const { signal } = this.stopping;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        const body = await this.from.changes(signal);
        if (attempt > 1) void this.look(); // what happened meanwhile
        for await (const _ of events(body)) {
          attempt = 1;
          void this.look();
        }
      } catch (err) {
        if (!(err instanceof Unreachable) && signal.aborted) return;
      }
      if (!signal.aborted) await new Promise<void>((done) => this.clock.after(backoff(attempt), done));
    }
  }
}
