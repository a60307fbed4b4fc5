// One open way to the server. WebSocket and WebTransport look the same from here.
import type { TransportKind } from "./contract.ts";
import type { Outgoing } from "./outbox.ts";

/** Why a path ended. */
export interface Ending {
  code: number; // close code; 0 when the network just went away
  reason: string;
}

export interface Path {
  readonly kind: TransportKind;
  /** Called with every packet; set it in the same turn in which the path was opened. */
  onpacket: (bytes: Uint8Array) => void;
  /** Called once, whoever ended the path. */
  onend: (ending: Ending) => void;
  /** Takes a packet in any state; a closed path forgets it. Never blocks. */
  send(packet: Outgoing): void;
  close(): void;
  /** What waits on this side, for adapting the encoder. */
  readonly backlog: { bytes: number; ageMs: number; dropped: number };
}

/** Opens a path; rejects when that fails or when the signal aborts. */
export type Open = (signal: AbortSignal) => Promise<Path>;
