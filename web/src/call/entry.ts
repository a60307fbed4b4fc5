// Getting in: from the first question to a ticket, with a password to give, a host to wait for,
// and a waiting room in between. How the server is asked is not its business.
import { Denied, Unreachable } from "../server/http.ts";
import type { Ticket } from "../server/door.ts";
import type { Clock } from "./clock.ts";
import type { Entrance } from "./contract.ts";
import { refusal, Refused, signedOut } from "./problem.ts";

/** Milliseconds between two looks while waiting, for news that got lost. */
const lookEvery = 4_000;

export interface EntrySources {
  clock: Clock;
  /** Not ended by anything: who goes meanwhile has to know what they were given, to give it up. */
  join(password: string | undefined): Promise<Ticket>;
  status(ticket: Ticket, signal: AbortSignal): Promise<Ticket>;
  begun(ticket: Ticket, signal: AbortSignal): Promise<boolean>;
  /** Calls news when something is decided, until the returned function is called. */
  watch(ticket: Ticket, news: () => void): () => void;
}

const why: Record<string, (Entrance & { at: "password" })["why"]> = {
  PASSWORD_REQUIRED: "required",
  WRONG_PASSWORD: "wrong",
  TOO_MANY_ATTEMPTS: "too_many",
};

export class Entry {
  private password: string | undefined;
  private given?: (password: string) => void;
  private was?: Ticket;
  /** The latest answer of the server, perhaps still to come; nothing is asked of it yet while undefined. */
  asked?: Promise<Ticket | undefined>;

  constructor(
    private readonly from: EntrySources,
    /** Shows what stands in the way; undefined when nothing does. */
    private readonly show: (entrance: Entrance | undefined) => void,
  ) {}

  /**
   * A ticket of somebody admitted, however long that takes. Throws Refused when it is pointless,
   * Unreachable when the server does not answer, and that also when signal ends it.
   */
  async admitted(signal: AbortSignal): Promise<Ticket> {
    try {
      if (this.was) await this.still(this.was, signal);
      for (;;) {
        let ticket = await this.ask(signal);
        while (ticket.status === "waiting") ticket = await this.inWaitingRoom(ticket, signal);
        if (ticket.status === "admitted" && ticket.roomToken) {
          this.show(undefined);
          this.asked = Promise.resolve(ticket);
          return (this.was = ticket);
        }
        if (ticket.status === "waiting_for_meeting") await this.forMeeting(ticket, signal);
        else throw new Refused(dismissed(ticket.status));
      }
    } catch (err) {
      if (!(err instanceof Denied)) throw err;
      throw new Refused(refusal(err.code, err.message));
    }
  }

  /** Answers a question for the password. */
  give(password: string): void {
    this.given?.(password);
  }

  /** Who comes back was not sent away meanwhile: asking again would put them in the waiting room. */
  private async still(was: Ticket, signal: AbortSignal): Promise<void> {
    try {
      const { status } = await this.from.status(was, signal);
      if (status === "kicked" || status === "rejected") throw new Refused(dismissed(status));
    } catch (err) {
      if (err instanceof Refused || err instanceof Unreachable) throw err;
      if (err instanceof Denied && err.code === "MEETING_NOT_ACTIVE") throw err;
      // Whoever signed out does not come back as somebody else. A guest's proof just gets old.
      if (err instanceof Denied && err.status === 401 && !was.guest) throw new Refused(signedOut());
      // Nothing on record: asking again decides.
    }
  }

  private async ask(signal: AbortSignal): Promise<Ticket> {
    for (;;) {
      try {
        const asked = this.from.join(this.password);
        const before = this.asked;
        this.asked = asked.catch(() => before);
        return await aborted<Ticket>(signal, (done, fail) => asked.then(done, fail));
      } catch (err) {
        const reason = err instanceof Denied ? why[err.code] : undefined;
        if (!reason) throw err;
        this.show({ at: "password", why: reason });
        this.password = await aborted(signal, (done) => (this.given = done));
        this.given = undefined;
      }
    }
  }

  /** Waits for a decision, or for a while, and asks how it stands. */
  private async inWaitingRoom(ticket: Ticket, signal: AbortSignal): Promise<Ticket> {
    this.show({ at: "waiting", ...hostOf(ticket) });
    return this.until(ticket, signal, async () => {
      const now = await this.from.status(ticket, signal);
      return now.status === "waiting" ? undefined : now;
    });
  }

  /** Waits until the meeting has begun. */
  private async forMeeting(ticket: Ticket, signal: AbortSignal): Promise<void> {
    this.show({ at: "closed", ...hostOf(ticket) });
    await this.until(ticket, signal, async (news) => news || (await this.from.begun(ticket, signal)) || undefined);
  }

  /** Asks after every piece of news and now and then, until there is an answer. */
  private async until<T>(ticket: Ticket, signal: AbortSignal, ask: (news: boolean) => Promise<T | undefined>): Promise<T> {
    let news = false;
    let hurry = () => {};
    const stop = this.from.watch(ticket, () => {
      news = true;
      hurry();
    });
    try {
      for (;;) {
        if (!news) {
          await aborted<void>(signal, (done) => {
            const cancel = this.from.clock.after(lookEvery, done);
            hurry = () => {
              cancel();
              done();
            };
          });
        }
        const because = news;
        news = false;
        try {
          const answer = await ask(because);
          if (answer !== undefined) return answer;
        } catch (err) {
          if (!(err instanceof Unreachable) || signal.aborted) throw err; // whoever waits is patient
        }
      }
    } finally {
      stop();
    }
  }
}

function hostOf(ticket: Ticket): { host?: string } {
  return ticket.ownerName ? { host: ticket.ownerName } : {};
}

function dismissed(status: string): ReturnType<typeof refusal> {
  return refusal(status === "rejected" ? "REJECTED" : status === "left" ? "LEFT" : "REMOVED", "");
}

/** A promise that ends with the signal, too. */
function aborted<T>(signal: AbortSignal, begin: (done: (value: T) => void, fail: (err: unknown) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(new Unreachable("stopped"));
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop, { once: true });
    const settle =
      <V>(how: (value: V) => void) =>
      (value: V) => {
        signal.removeEventListener("abort", stop);
        how(value);
      };
    begin(settle(resolve), settle(reject));
  });
}
