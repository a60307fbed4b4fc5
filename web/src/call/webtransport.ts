import type { Clock } from "./clock.ts";
import { Deframer, isFramed } from "./frames.ts";
import { Lines } from "./lines.ts";
import { Outbox, type NeedKey, type Outgoing } from "./outbox.ts";
import type { Ending, Path } from "./path.ts";
import { maxDatagram, maxPacket } from "./wire.ts";

/** Pictures in flight. Beyond that they wait where we can still choose between them. */
const maxPictures = 32;
const maxFlightBytes = 512 * 1024;

/** Streams with a packet of their own that are read at the same time; a peer that opens more
 * without finishing them waits. */
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
  private readonly lines: Lines;
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
    this.lines = new Lines(() => this.openStream(1));
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
    while (!this.ended) {
      const full = this.pictures >= maxPictures || this.flightBytes > maxFlightBytes;
      if (full && !this.outbox.urgent) return;
      const packet = this.outbox.shift(this.clock.now());
      if (!packet) return;
      void this.transmit(packet);
    }
  }

  private async transmit(packet: Outgoing): Promise<void> {
    const picture = packet.lane === "video" || packet.lane === "screen" ? 1 : 0;
    this.flightBytes += packet.bytes.length;
    this.pictures += picture;
    // What fails is lost; the end of the path is reported elsewhere.
    if (picture) await this.sendStream(packet.bytes).catch(() => {});
    else await this.lines.send(packet.lane, packet.bytes);
    this.flightBytes -= packet.bytes.length;
    this.pictures -= picture;
    this.flush();
  }

  private async sendStream(bytes: Uint8Array): Promise<void> {
    const writer = (await this.openStream(0)).getWriter();
    void writer.write(bytes).catch(() => {});
    await writer.close();
  }

  /** Streams with a higher order go first inside the browser, too. */
  private openStream(sendOrder: number): Promise<WritableStream<Uint8Array>> {
    return this.session.createUnidirectionalStream({ sendOrder } as WebTransportSendStreamOptions);
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
        void this.readStream(readable(value));
      }
    } catch {
      // ended
    }
  }

  private async readStream(stream: ReadableStream<Uint8Array>): Promise<void> {
    const reader = stream.getReader();
    this.reading++;
    let framed: Uint8Array | undefined;
    try {
      framed = await this.readPacket(reader);
    } catch {
      // A reset stream is a packet that the server gave up.
    } finally {
      this.reading--;
      this.resume?.();
      this.resume = undefined;
    }
    if (framed) await this.readFramed(reader, framed).catch(() => reader.cancel().catch(() => {}));
  }

  /** Delivers what packets follow start. */
  private async readFramed(reader: ReadableStreamDefaultReader<Uint8Array>, start: Uint8Array): Promise<void> {
    const deframer = new Deframer();
    for (let chunk: Uint8Array | undefined = start; chunk; chunk = (await reader.read()).value) {
      for (const packet of deframer.push(chunk)) this.deliver(packet);
    }
  }

  /** Delivers the packet of a stream, or returns how a stream of several begins. */
  private async readPacket(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Uint8Array | undefined> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      if (size === 0 && isFramed(value)) return value;
      size += value.length;
      if (size > maxPacket) {
        await reader.cancel();
        return;
      }
      chunks.push(value);
    }
    this.deliver(chunks.length === 1 ? chunks[0]! : join(chunks, size));
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
