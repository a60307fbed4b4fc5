// Decodes the cameras and screens of all peers and hands the frames to the page.
import { Layered } from "../layered.ts";
import type { FromSee, PicturePacket, PictureStats, ToSee } from "./messages.ts";

/** Pause between two requests for a keyframe of one stream, ms. The server lets two pass per second. */
const keyPause = 500;
/** Frames on their way to the page; more would show the past. */
const maxUndrawn = 2;
/** Packets that may wait in the decoder before the stream skips ahead. */
const maxQueue = 30;

const codecs: Record<number, string> = { 1: "vp8", 2: "vp09.00.10.08" };

class Stream {
  readonly frames = new Layered<PicturePacket>();
  private decoder?: VideoDecoder;
  private codec = -1;
  private undrawn = 0;
  private askedAt = -Infinity;
  private heardAt = performance.now();
  readonly stats = { decoded: 0, errors: 0, keyRequests: 0, bytes: 0 };

  constructor(private readonly id: string) {}

  push(packet: PicturePacket): void {
    this.heardAt = performance.now();
    this.stats.bytes += packet.data.length;
    for (const p of this.frames.push(packet, this.heardAt)) this.decode(p);
    if (this.frames.starving) this.ask();
  }

  /** Gives overdue packets up; asks again while a running stream shows nothing. */
  tick(now: number): void {
    this.frames.expire(now);
    if (this.frames.starving && now - this.heardAt < 1_000) this.ask();
  }

  drawn(): void {
    this.undrawn = Math.max(0, this.undrawn - 1);
  }

  report(): PictureStats {
    const { lost, waiting, starving, layer } = this.frames;
    return { ...this.stats, lost, waiting, starving, layer };
  }

  close(): void {
    if (this.decoder && this.decoder.state !== "closed") this.decoder.close();
  }

  private decode(p: PicturePacket): void {
    try {
      if (!this.decoder || this.decoder.state !== "configured" || p.codec !== this.codec) {
        if (!p.key) return this.starve();
        this.open(p.codec);
      }
      if (this.decoder!.decodeQueueSize > maxQueue && !p.key) return this.starve();
      this.decoder!.decode(
        new EncodedVideoChunk({ type: p.key ? "key" : "delta", timestamp: p.timestamp, data: p.data }),
      );
    } catch {
      this.failed();
    }
  }

  private open(codec: number): void {
    this.close();
    const mine = new VideoDecoder({
      output: (frame) => this.show(frame),
      error: () => {
        if (this.decoder === mine) this.failed();
      },
    });
    // A sender that does not name its codec is of the family that defaults to VP9.
    mine.configure({ codec: codecs[codec] ?? codecs[2]!, optimizeForLatency: true });
    this.decoder = mine;
    this.codec = codec;
  }

  private show(frame: VideoFrame): void {
    this.stats.decoded++;
    if (this.undrawn >= maxUndrawn) {
      frame.close();
      return;
    }
    this.undrawn++;
    post({ id: this.id, frame }, [frame]);
  }

  private failed(): void {
    this.stats.errors++;
    this.close();
    this.decoder = undefined;
    this.starve();
  }

  private starve(): void {
    this.frames.starve();
    this.ask();
  }

  private ask(): void {
    const now = performance.now();
    if (now - this.askedAt < keyPause) return;
    this.askedAt = now;
    this.stats.keyRequests++;
    post({ id: this.id, needKey: true, layer: this.frames.missing });
  }
}

const streams = new Map<string, Stream>();

const post = (message: FromSee, transfer: Transferable[] = []) => self.postMessage(message, { transfer });

self.onmessage = (e: MessageEvent<ToSee>) => {
  const m = e.data;
  let stream = streams.get(m.id);
  if ("close" in m) {
    stream?.close();
    streams.delete(m.id);
  } else if ("drawn" in m) {
    stream?.drawn();
  } else {
    if (!stream) streams.set(m.id, (stream = new Stream(m.id)));
    if ("want" in m) stream.frames.wanted = m.want;
    else stream.push(m.packet);
  }
};

setInterval(() => {
  const now = performance.now();
  for (const stream of streams.values()) stream.tick(now);
}, 30);

setInterval(() => {
  if (streams.size === 0) return;
  post({ stats: Object.fromEntries([...streams].map(([id, s]) => [id, s.report()])) });
}, 1000);
