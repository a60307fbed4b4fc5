import type { Clock } from "./clock.ts";
import { Outbox, type NeedKey, type Outgoing } from "./outbox.ts";
import type { Ending, Path } from "./path.ts";
import { maxPacket } from "./wire.ts";

/** Bytes the browser may hold for us. Above it packets wait where we can still choose. */
const highWater = 64 * 1024;

/** How often to look whether the browser has sent something; there is no event for it. */
const pollMs = 10;

/** Opens a WebSocket path. */
export function openWebSocket(
  url: string,
  clock: Clock,
  needKey: NeedKey,
  signal: AbortSignal,
): Promise<Path> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new Error("aborted"));
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    const abort = () => {
      socket.close();
      reject(new Error("aborted"));
    };
    signal.addEventListener("abort", abort, { once: true });
    socket.onopen = () => {
      signal.removeEventListener("abort", abort);
      resolve(new WebSocketPath(socket, clock, needKey));
    };
    socket.onclose = (e) => {
      signal.removeEventListener("abort", abort);
      reject(new Error(`websocket closed before it opened: ${e.code}`));
    };
  });
}

class WebSocketPath implements Path {
  readonly kind = "websocket";
  onpacket: (bytes: Uint8Array) => void = () => {};
  onend: (ending: Ending) => void = () => {};

  private readonly outbox: Outbox;
  private stop?: () => void; // of the poll, while something waits
  private ended = false;

  constructor(
    private readonly socket: WebSocket,
    private readonly clock: Clock,
    needKey: NeedKey,
  ) {
    this.outbox = new Outbox(needKey);
    socket.onmessage = (e: MessageEvent<ArrayBuffer | string>) => {
      if (this.ended || typeof e.data === "string" || e.data.byteLength > maxPacket) return;
      this.onpacket(new Uint8Array(e.data));
    };
    socket.onclose = (e) => this.end({ code: e.code === 1006 ? 0 : e.code, reason: e.reason });
  }

  get backlog(): { bytes: number; ageMs: number; dropped: number } {
    return {
      bytes: this.outbox.bytes + this.socket.bufferedAmount,
      ageMs: this.outbox.age(this.clock.now()),
      dropped: this.outbox.dropped,
    };
  }

  send(packet: Outgoing): void {
    if (this.ended) return;
    this.outbox.push(packet, this.clock.now());
    this.flush();
  }

  close(): void {
    if (this.ended) return;
    this.socket.close(1000);
    this.end({ code: 1000, reason: "" });
  }

  private flush(): void {
    while (!this.ended && this.socket.bufferedAmount < highWater) {
      const packet = this.outbox.shift(this.clock.now());
      if (!packet) break;
      this.socket.send(packet.bytes as Uint8Array<ArrayBuffer>);
    }
    if (this.outbox.empty || this.ended) {
      this.stop?.();
      this.stop = undefined;
    } else {
      this.stop ??= this.clock.every(pollMs, () => this.flush());
    }
  }

  private end(ending: Ending): void {
    if (this.ended) return;
    this.ended = true;
    this.stop?.();
    this.onend(ending);
  }
}
