// Which way to the server is better? Both are opened at once, probed, and the loser is
// closed before it counts as a participant.
import type { Clock } from "./clock.ts";
import type { TransportKind } from "./contract.ts";
import type { Ending, Open, Path } from "./path.ts";
import { readEcho, readPacket } from "./wire.ts";

/** Milliseconds; the first three make up a usual election, which takes about 100. */
export const timing = {
  probeEvery: 50,
  enough: 2, // echoes to judge a path by
  settle: 600, // after a path opened it is judged by what came until then
  patience: 1_500, // for WebTransport, when the other path is ready: UDP may be blocked
  give_up: 8_000,
};

/** What is known of one path during an election. */
export interface Standing {
  openedAt?: number; // ms since the election began
  failed: boolean;
  samples: number[]; // round-trip times, ms
}

export type Standings = Partial<Record<TransportKind, Standing>>;

/**
 * Says who has won after `at` ms: WebTransport when it works and is not clearly slower,
 * because a lost packet does not hold up the others there.
 */
export function decide(s: Standings, at: number): TransportKind | "wait" | "nobody" {
  const all = Object.entries(s) as [TransportKind, Standing][];
  const alive = all.filter(([, c]) => !c.failed);
  if (alive.length === 0) return "nobody";
  const judged = (c: Standing) =>
    c.openedAt !== undefined && (c.samples.length >= timing.enough || at - c.openedAt >= timing.settle);
  const open = alive.filter(([, c]) => c.openedAt !== undefined);
  if (at >= timing.give_up) return best(open) ?? "nobody";
  if (!open.some(([, c]) => judged(c))) return "wait";
  const missing = alive.filter(([, c]) => !judged(c));
  for (const [kind, c] of missing) {
    if (c.openedAt !== undefined) return "wait"; // its probes are under way
    if (kind === "webtransport" && at < timing.patience) return "wait";
    // A WebSocket that is late does not hold up WebTransport.
  }
  return best(open) ?? "wait";
}

function best(open: [TransportKind, Standing][]): TransportKind | undefined {
  const candidates = new Map(open);
  const wt = candidates.get("webtransport");
  const ws = candidates.get("websocket");
  if (!wt || !ws) return open[0]?.[0];
  if (wt.samples.length === 0) return ws.samples.length > 0 ? "websocket" : "webtransport";
  if (ws.samples.length === 0) return "webtransport";
  return Math.min(...wt.samples) <= Math.min(...ws.samples) * 2 + 100 ? "webtransport" : "websocket";
}

/** The winner, and what came over it meanwhile: nothing of a call may be missed. */
export interface Elected {
  path: Path;
  held: Uint8Array[];
  rttMs?: number;
}

/** Bytes a candidate may hold back; media beyond it will be repaired by a keyframe. */
const maxHeld = 4_000_000;

/**
 * Opens all candidates and resolves with the winner. Rejects when none can be opened, with
 * the reason of the last one that failed. Probes are made by `probe` from a timestamp.
 */
export function elect(
  candidates: Partial<Record<TransportKind, Open>>,
  clock: Clock,
  probe: (timestamp: number) => Uint8Array,
  signal: AbortSignal,
): Promise<Elected> {
  return new Promise((resolve, reject) => {
    const start = clock.now();
    const standings: Standings = {};
    const paths: Partial<Record<TransportKind, { path: Path; held: Uint8Array[]; bytes: number }>> = {};
    const stop = new AbortController();
    const timers: (() => void)[] = [];
    let reason: unknown = new Error("no way to the server");
    let over = false;

    const finish = (kind?: TransportKind) => {
      if (over) return;
      over = true;
      for (const cancel of timers) cancel();
      signal.removeEventListener("abort", abort);
      stop.abort();
      for (const [k, c] of Object.entries(paths)) if (k !== kind) c.path.close();
      const winner = kind && paths[kind];
      if (!winner) return reject(reason);
      const samples = standings[kind]!.samples;
      resolve({
        path: winner.path,
        held: winner.held,
        ...(samples.length > 0 && { rttMs: Math.min(...samples) }),
      });
    };
    const abort = () => {
      reason = new Error("aborted");
      finish();
    };
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });

    const look = () => {
      const verdict = decide(standings, clock.now() - start);
      if (verdict === "nobody") finish();
      else if (verdict !== "wait") finish(verdict);
    };
    const ask = () => {
      for (const c of Object.values(paths)) {
        c.path.send({ lane: "control", bytes: probe(clock.now()), datagram: true });
      }
    };

    for (const [k, open] of Object.entries(candidates)) {
      const kind = k as TransportKind;
      const standing: Standing = { failed: false, samples: [] };
      standings[kind] = standing;
      open(stop.signal).then(
        (path) => {
          if (over) return path.close();
          const candidate = { path, held: [] as Uint8Array[], bytes: 0 };
          paths[kind] = candidate;
          standing.openedAt = clock.now() - start;
          path.onpacket = (bytes) => {
            const packet = readPacket(bytes);
            const sent = packet && readEcho(packet);
            if (sent !== undefined) {
              const rtt = clock.now() - sent;
              if (rtt >= 0 && rtt < 10_000) standing.samples.push(rtt);
              look();
            } else if (candidate.bytes + bytes.length <= maxHeld) {
              candidate.held.push(bytes);
              candidate.bytes += bytes.length;
            }
          };
          path.onend = (ending) => {
            standing.failed = true;
            delete paths[kind];
            reason = new PathEnded(ending);
            look();
          };
          path.send({ lane: "control", bytes: probe(clock.now()), datagram: true });
          look();
        },
        (err: unknown) => {
          standing.failed = true;
          if (!over) reason = err;
          look();
        },
      );
    }
    timers.push(
      clock.every(timing.probeEvery, () => {
        ask();
        look();
      }),
    );
  });
}

/** A path that was open and ended. */
export class PathEnded extends Error {
  constructor(readonly ending: Ending) {
    super(`path ended: ${ending.code} ${ending.reason}`);
  }
}
