// Packets on long-lived streams: each comes after its length, four bytes, big endian.
import { maxPacket } from "./wire.ts";

const lengthBytes = 4;

/** Returns a packet as such a stream carries it. */
export function framed(packet: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(lengthBytes + packet.length);
  new DataView(out.buffer).setUint32(0, packet.length);
  out.set(packet, lengthBytes);
  return out;
}

/** Whether a stream that begins like this carries packets with lengths: no packet begins with zero. */
export function isFramed(start: Uint8Array): boolean {
  return start[0] === 0;
}

/** Deframer takes a stream as it arrives and returns its packets. */
export class Deframer {
  private chunks: Uint8Array[] = [];
  private size = 0;
  private readonly length = new Uint8Array(lengthBytes);

  /** Returns the packets that are complete now; throws when there cannot be any more. */
  push(chunk: Uint8Array): Uint8Array[] {
    this.chunks.push(chunk);
    this.size += chunk.length;
    const packets: Uint8Array[] = [];
    for (;;) {
      if (this.size < lengthBytes) return packets;
      this.peek();
      const length = new DataView(this.length.buffer).getUint32(0);
      if (length === 0 || length > maxPacket) throw new Error(`a packet of ${length} bytes`);
      if (this.size < lengthBytes + length) return packets;
      this.take(lengthBytes);
      packets.push(this.take(length));
    }
  }

  private peek(): void {
    let at = 0;
    for (const c of this.chunks) {
      const part = c.subarray(0, lengthBytes - at);
      this.length.set(part, at);
      at += part.length;
      if (at === lengthBytes) return;
    }
  }

  /** Takes out n bytes that are there; they are copied only when they came in pieces. */
  private take(n: number): Uint8Array {
    this.size -= n;
    const first = this.chunks[0]!;
    if (first.length >= n) {
      if (first.length === n) this.chunks.shift();
      else this.chunks[0] = first.subarray(n);
      return first.subarray(0, n);
    }
    const out = new Uint8Array(n);
    let at = 0;
    let whole = 0;
    while (at < n) {
      const c = this.chunks[whole]!;
      const part = c.subarray(0, n - at);
      out.set(part, at);
      at += part.length;
      if (part.length < c.length) this.chunks[whole] = c.subarray(part.length);
      else whole++;
    }
    this.chunks.splice(0, whole);
    return out;
  }
}
