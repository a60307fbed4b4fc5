import type { TransportKind } from "./contract.ts";
import type { Outgoing } from "./outbox.ts";
import type { Ending, Path } from "./path.ts";

/** A path for tests: remembers what was sent and lets the test speak for the server. */
export class FakePath implements Path {
  onpacket: (bytes: Uint8Array) => void = () => {};
  onend: (ending: Ending) => void = () => {};
  backlog = { bytes: 0, ageMs: 0, dropped: 0 };
  sent: Outgoing[] = [];
  closed = false;

  /** answer is called with every packet sent, as the server would be. */
  constructor(
    readonly kind: TransportKind,
    private readonly answer: (packet: Outgoing, path: FakePath) => void = () => {},
  ) {}

  send(packet: Outgoing): void {
    this.sent.push(packet);
    this.answer(packet, this);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.onend({ code: 1000, reason: "" });
  }
}
