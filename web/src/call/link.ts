// The connection of a call: gets a ticket, elects a path, watches it, and comes back when
// it breaks. What travels over it is not its business.
import type { ClientConfig } from "../server/account.ts";
import type { Ticket } from "../server/door.ts";
import { backoff, isFinal } from "./backoff.ts";
import type { Cancel, Clock } from "./clock.ts";
import type { Problem, TransportKind } from "./contract.ts";
import { elect, PathEnded } from "./election.ts";
import type { Outgoing } from "./outbox.ts";
import type { Ending, Open, Path } from "./path.ts";
import { closed, Refused } from "./problem.ts";
import { readEcho, readPacket, utf8, writeProbe, type PacketWrapper } from "./wire.ts";

/** Milliseconds without a packet after which a path counts as dead. */
export const deadAfter = 6_000;
const probeEvery = 1_000;
/** Milliseconds without a packet of ours after which the server ends a session. */
const serverPatience = 30_000;
/** A connection that lived this long was good: the next trouble starts from attempt 1. */
const goodAfter = 10_000;
/** Attempts to get in for the first time; later ones never end. */
const firstAttempts = 4;

export interface LinkEvents {
  /** A ticket was issued; called before packets of the new path arrive. */
  ticket(ticket: Ticket): void;
  /** A path is up: from now on packets are sent and received. */
  up(path: { kind: TransportKind; rttMs?: number }): void;
  packet(packet: PacketWrapper, bytes: Uint8Array): void;
  rtt(ms: number): void;
  /** The path broke; the link tries again by itself. attempt counts from 1. */
  down(attempt: number): void;
  /** It is over, and not because stop was called. */
  failed(problem: Problem | "gone"): void;
}

export interface LinkSources {
  clock: Clock;
  random?: () => number;
  config(signal: AbortSignal): Promise<ClientConfig>;
  /** A ticket of somebody admitted; may take as long as the host does. */
  ticket(signal: AbortSignal): Promise<Ticket>;
  /** How to open each way that may be tried with this ticket. */
  ways(ticket: Ticket, config: ClientConfig): Partial<Record<TransportKind, Open>>;
}

export class Link {
  private readonly stopping = new AbortController();
  private path?: Path;
  private hurry?: () => void; // ends the current wait
  private userId: Uint8Array = new Uint8Array();

  constructor(
    private readonly from: LinkSources,
    private readonly events: LinkEvents,
  ) {}

  /** Connects and stays connected until stop, or until failed was called. */
  async run(): Promise<void> {
    const { signal } = this.stopping;
    let attempt = 0;
    let joined = false;
    while (!signal.aborted) {
      const began = this.from.clock.now();
      try {
        const ending = await this.connection(signal, () => {
          joined = true;
        });
        if (signal.aborted) return;
        if (isFinal(ending.code)) return this.events.failed(closed(ending.code, ending.reason));
        if (this.from.clock.now() - began > goodAfter) attempt = 0;
      } catch (err) {
        if (signal.aborted) return;
        if (err instanceof Refused) return this.events.failed(err.problem);
        if (err instanceof PathEnded && isFinal(err.ending.code)) {
          return this.events.failed(closed(err.ending.code, err.ending.reason));
        }
        if (!joined && attempt + 1 >= firstAttempts) return this.events.failed("gone");
      }
      attempt++;
      this.events.down(attempt);
      await this.wait(backoff(attempt, this.from.random));
    }
  }

  /** Sends when a path is up; otherwise the packet is forgotten. */
  send(packet: Outgoing): void {
    this.path?.send(packet);
  }

  get backlog(): Path["backlog"] {
    return this.path?.backlog ?? { bytes: 0, ageMs: 0, dropped: 0 };
  }

  /** Tries again now instead of waiting: the network came back. */
  retry(): void {
    this.hurry?.();
  }

  /** Ends the current path as a broken network would; for tests. */
  cut(): void {
    const path = this.path;
    path?.onend({ code: 0, reason: "cut" });
    path?.close();
  }

  stop(): void {
    this.stopping.abort();
    this.hurry?.();
    this.path?.close();
  }

  /** One connection from the ticket to its end. */
  private async connection(signal: AbortSignal, up: () => void): Promise<Ending> {
    const { clock } = this.from;
    const [config, ticket] = await this.needed(signal);
    this.userId = utf8(ticket.userId);
    this.events.ticket(ticket);
    const won = await elect(
      this.from.ways(ticket, config),
      clock,
      (t) => writeProbe(this.userId, t),
      signal,
    );
    const { path } = won;
    this.path = path;
    let watch: Cancel | undefined;
    try {
      return await new Promise<Ending>((resolve) => {
        let heard = clock.now();
        let looked = heard;
        path.onend = resolve;
        path.onpacket = (bytes) => {
          const packet = readPacket(bytes);
          if (!packet) return;
          // Not only an echo: a busy browser throws datagrams away, and nobody sends for long to who acknowledges nothing.
          heard = clock.now();
          const sent = readEcho(packet);
          if (sent === undefined) return this.events.packet(packet, bytes);
          const rtt = heard - sent;
          if (rtt >= 0 && rtt < 10_000) this.events.rtt(rtt);
        };
        watch = clock.every(probeEvery, () => {
          const now = clock.now();
          const frozen = now - looked - probeEvery;
          looked = now;
          // While this machine was busy nobody read what came; after a sleep the server
          // has given us up, whatever still waits in the socket.
          const slept = frozen >= serverPatience;
          if (frozen > probeEvery && !slept) heard += frozen;
          if (slept || now - heard >= deadAfter) {
            path.close();
            resolve({ code: 0, reason: "nothing heard" });
            return;
          }
          path.send({ lane: "control", bytes: writeProbe(this.userId, now), datagram: true });
        });
        if (signal.aborted) return resolve({ code: 1000, reason: "" });
        up();
        this.events.up({ kind: path.kind, ...(won.rttMs !== undefined && { rttMs: won.rttMs }) });
        for (const bytes of won.held) path.onpacket(bytes);
      });
    } finally {
      watch?.();
      this.path = undefined;
      path.onpacket = () => {};
      path.onend = () => {};
      path.close();
    }
  }

  /** What a connection needs; when one is not to be had, nobody goes on asking for the other. */
  private async needed(signal: AbortSignal): Promise<[ClientConfig, Ticket]> {
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    try {
      return await Promise.all([this.from.config(either), this.from.ticket(either)]);
    } finally {
      stop.abort();
    }
  }

  private wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.stopping.signal.aborted) return resolve();
      const cancel = this.from.clock.after(ms, done);
      const self = this;
      function done() {
        cancel();
        self.hurry = undefined;
        resolve();
      }
      this.hurry = done;
    });
  }
}
