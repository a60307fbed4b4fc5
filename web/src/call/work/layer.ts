// Encodes one layer of a picture.
import { fit, type Rung } from "../ladder.ts";

/** A keyframe at least so often, for receivers whose request got lost; microseconds. */
const keyEvery = 10_000_000;
/** And not more often than this, whoever asks; ms. */
const keyPause = 300;
/** Frames that may wait in the encoder. More would only be late. */
const maxQueue = 2;

const codecs = { vp9: "vp09.00.10.08", vp8: "vp8" } as const;
export type Codec = keyof typeof codecs;

export interface LayerEvents {
  chunk(layer: Layer, chunk: EncodedVideoChunk, codec: Codec): void;
  failed(layer: Layer, err: unknown): void;
}

export class Layer {
  /** Whether it is encoded. */
  on = false;
  rung: Rung = { height: 360, fps: 24, kbps: 550 };
  needKey = true;
  size = { width: 0, height: 0 };
  /** Numbers go on when a layer is encoded again. */
  sequence = 0;
  /** Sums since the last report. */
  seen = { frames: 0, bytes: 0, encodeMs: 0, queue: 0 };

  private encoder?: VideoEncoder;
  private shape = "";
  private lastKey = -Infinity; // timestamp, µs
  private lastKeyAt = -Infinity; // performance.now()
  private readonly begun = new Map<number, number>(); // timestamp -> performance.now() at encode()
  lastFrame = -Infinity; // timestamp, µs

  constructor(
    readonly number: number,
    private readonly codec: () => Codec | undefined,
    private readonly events: LayerEvents,
  ) {}

  /** Encodes a frame, or leaves it out for the pace. Returns whether it was encoded. */
  take(frame: VideoFrame): boolean {
    const ts = frame.timestamp;
    // Allow for cameras whose pace is not quite even: a frame may be a quarter early.
    const early = ts - this.lastFrame < (1_000_000 / this.rung.fps) * 0.75 && ts >= this.lastFrame;
    const queue = this.encoder?.encodeQueueSize ?? 0;
    this.seen.queue = Math.max(this.seen.queue, queue);
    if ((early && !this.needKey) || queue > maxQueue) return false;
    this.encode(frame, ts);
    return true;
  }

  encode(frame: VideoFrame, ts: number): void {
    try {
      const codec = this.configured(frame);
      if (!codec) return;
      const key = this.needKey || ts - this.lastKey > keyEvery || ts < this.lastFrame;
      if (key) {
        this.needKey = false;
        this.lastKey = ts;
        this.lastKeyAt = performance.now();
      }
      this.lastFrame = ts;
      this.begun.set(ts, performance.now());
      this.encoder!.encode(frame, { keyFrame: key });
    } catch (err) {
      this.failed(err);
    }
  }

  /** Asks for a keyframe. Returns how long to wait before asking again, in ms, or 0. */
  key(): number {
    const wait = this.lastKeyAt + keyPause - performance.now();
    if (wait > 0) return wait;
    this.needKey = true;
    return 0;
  }

  stop(): void {
    this.drop();
    this.lastFrame = -Infinity;
    this.lastKey = -Infinity;
    this.begun.clear();
  }

  /** Closes the encoder; the next frame gets a new one. */
  drop(): void {
    if (this.encoder && this.encoder.state !== "closed") this.encoder.close();
    this.encoder = undefined;
    this.shape = "";
    this.needKey = true;
  }

  /** Prepares the encoder for the frame and the rung. */
  private configured(frame: VideoFrame): Codec | undefined {
    const codec = this.codec();
    if (!codec) return undefined;
    const { rung } = this;
    this.size = fit(frame.displayWidth, frame.displayHeight, rung.height);
    const wanted = `${codec} ${this.size.width}x${this.size.height} ${rung.fps} ${rung.kbps}`;
    if (this.encoder?.state === "configured" && wanted === this.shape) return codec;
    if (!this.encoder || this.encoder.state === "closed") {
      const mine = new VideoEncoder({
        output: (chunk) => this.output(chunk, codec),
        error: (err) => {
          if (this.encoder === mine) this.failed(err);
        },
      });
      this.encoder = mine;
      this.begun.clear();
    }
    this.encoder.configure({
      codec: codecs[codec],
      ...this.size,
      framerate: rung.fps,
      bitrate: rung.kbps * 1000,
      bitrateMode: "variable",
      latencyMode: "realtime",
    });
    this.shape = wanted;
    this.needKey = true;
    return codec;
  }

  private output(chunk: EncodedVideoChunk, codec: Codec): void {
    const start = this.begun.get(chunk.timestamp);
    if (start !== undefined) this.seen.encodeMs += performance.now() - start;
    this.begun.delete(chunk.timestamp);
    this.seen.frames++;
    this.events.chunk(this, chunk, codec);
  }

  private failed(err: unknown): void {
    this.drop();
    this.events.failed(this, err);
  }
}
