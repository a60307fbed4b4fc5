import type { Clock } from "./clock.ts";
import { Outbox, type NeedKey, type Outgoing } from "./outbox.ts";
import type { Ending, Path } from "./path.ts";
import { maxDatagram, maxPacket } from "./wire.ts";

/** Streams in flight. The server grants about a hundred; beyond that packets wait where we
 * can still choose between them. A few are kept for what is not a picture. */
const maxStreams = 48;
const maxPictureStreams = 32;
const maxFlightBytes = 512 * 1024;

/** Streams read at the same time; a peer that opens more without finishing them waits. */
const maxReading = 256;

/** Opens a WebTransport path. hashes are SHA-256 of self-signed certificates, in hex. */
export async function openWebTransport(
  url: string,
  hashes: readonly string[],
  clock: Clock,
  needKey: NeedKey,
  signal: AbortSignal,
): Promise<Path> {
  if (signal.aborted) throw new Error("aborted");
  const session = new WebTransport(url, {
    congestionControl: "low-latency",
    ...(hashes.length > 0 && {
      serverCertificateHashes: hashes.map((h) => ({ algorithm: "sha-256", value: fromHex(h) })),
    }),
  });
  const abort = () => session.close();
  signal.addEventListener("abort", abort, { once: true });
  // Both promises reject when opening fails; each needs somebody who listens.
  session.closed.catch(() => {});
  try {
    await session.ready;
  } finally {
    signal.removeEventListener("abort", abort);
  }
  return new WebTransportPath(session, clock, needKey);
}

class WebTransportPath implements Path {
  readonly kind = "webtransport";
  onpacket: (bytes: Uint8Array) => void = () => {};
  onend: (ending: Ending) => void = () => {};

  private readonly outbox: Outbox;
  private readonly datagrams: WritableStreamDefaultWriter<Uint8Array>;
  private streams = 0;
  private pictures = 0;
  private flightBytes = 0;
  private reading = 0;
  private resume?: () => void; // of the stream loop, when too many streams are being read
  private ended = false;

  constructor(
    private readonly session: WebTransport,
    private readonly clock: Clock,
    needKey: NeedKey,
  ) {
    this.outbox = new Outbox(needKey);
    this.datagrams = datagramWriter(session);
    this.datagrams.closed.catch(() => {});
    session.closed.then(
      (info) => this.end({ code: info?.closeCode ?? 0, reason: info?.reason ?? "" }),
      () => this.end({ code: 0, reason: "" }),
    );
    void this.readDatagrams();
    void this.readStreams(session.incomingUnidirectionalStreams.getReader(), (s) => s);
    void this.readStreams(session.incomingBidirectionalStreams.getReader(), (s) => s.readable);
  }

  get backlog(): { bytes: number; ageMs: number; dropped: number } {
    return {
      bytes: this.outbox.bytes + this.flightBytes,
      ageMs: this.outbox.age(this.clock.now()),
      dropped: this.outbox.dropped,
    };
  }

  send(packet: Outgoing): void {
    if (this.ended) return;
    if (packet.datagram && packet.bytes.length <= maxDatagram) {
      this.datagrams.write(packet.bytes).catch(() => {}); // the path's end is reported elsewhere
      return;
    }
    this.outbox.push(packet, this.clock.now());
    this.flush();
  }

  close(): void {
    if (this.ended) return;
    try {
      this.session.close({ closeCode: 1000, reason: "" });
    } catch {
      // it was closing already
    }
    this.end({ code: 1000, reason: "" });
  }

  private flush(): void {
    while (!this.ended && this.streams < maxStreams) {
      if (this.pictures >= maxPictureStreams || this.flightBytes > maxFlightBytes) {
        if (!this.outbox.urgent) return;
      }
      const packet = this.outbox.shift(this.clock.now());
      if (!packet) return;
      void this.sendStream(packet);
    }
  }

  private async sendStream(packet: Outgoing): Promise<void> {
    const picture = packet.lane === "video" || packet.lane === "screen";
    this.streams++;
    this.flightBytes += packet.bytes.length;
    if (picture) this.pictures++;
    try {
      const stream = await this.session.createUnidirectionalStream({
        sendOrder: picture ? 0 : 1, // sounds overtake pictures inside the browser, too
      } as WebTransportSendStreamOptions);
      const writer = stream.getWriter();
      void writer.write(packet.bytes).catch(() => {});
      await writer.close();
    } catch {
      // A reset stream loses one packet; the end of the path is reported elsewhere.
    }
    this.streams--;
    this.flightBytes -= packet.bytes.length;
    if (picture) this.pictures--;
    this.flush();
  }

  private async readDatagrams(): Promise<void> {
    const reader = (this.session.datagrams.readable as ReadableStream<Uint8Array>).getReader();
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        this.deliver(value);
      }
    } catch {
      // ended
    }
  }

  private async readStreams<S>(
    reader: ReadableStreamDefaultReader<S>,
    readable: (s: S) => ReadableStream<Uint8Array>,
  ): Promise<void> {
    try {
      for (;;) {
        if (this.reading >= maxReading) await new Promise<void>((resolve) => (this.resume = resolve));
        const { value, done } = await reader.read();
        if (done) return;
        void this.readPacket(readable(value));
      }
    } catch {
      // ended
    }
  }

  private async readPacket(stream: ReadableStream<Uint8Array>): Promise<void> {
    this.reading++;
    const reader = stream.getReader();
    const chunks: Uint8Array[] = [];
    let size = 0;
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        size += value.length;
        if (size > maxPacket) {
          await reader.cancel();
          return;
        }
        chunks.push(value);
      }
      this.deliver(chunks.length === 1 ? chunks[0]! : join(chunks, size));
    } catch {
      // A reset stream is a packet that the server gave up.
    } finally {
      this.reading--;
      this.resume?.();
      this.resume = undefined;
    }
  }

  private deliver(bytes: Uint8Array): void {
    if (!this.ended && bytes.length > 0) this.onpacket(bytes);
  }

  private end(ending: Ending): void {
    if (this.ended) return;
    this.ended = true;
    this.resume?.();
    this.onend(ending);
  }
}

/** Newer browsers make writables on demand, older ones have a single one. */
function datagramWriter(session: WebTransport): WritableStreamDefaultWriter<Uint8Array> {
  const d = session.datagrams as unknown as {
    createWritable?: () => WritableStream<Uint8Array>;
    writable?: WritableStream<Uint8Array>;
  };
  return (d.createWritable?.() ?? d.writable!).getWriter();
}

function join(chunks: Uint8Array[], size: number): Uint8Array {
  const out = new Uint8Array(size);
  let at = 0;
  for (const c of chunks) {
    out.set(c, at);
    at += c.length;
  }
  return out;
}

function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
