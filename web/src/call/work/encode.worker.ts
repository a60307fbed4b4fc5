// Encodes one camera or screen into packets.
import { fit, type Rung } from "../ladder.ts";
import { MediaType, writeMedia } from "../wire.ts";
import type { FromEncode, Source, ToEncode } from "./messages.ts";

/** A keyframe at least so often, for receivers whose request got lost; microseconds. */
const keyEvery = 10_000_000;
/** And not more often than this, whoever asks; ms. */
const keyPause = 300;
/** Frames that may wait in the encoder. More would only be late. */
const maxQueue = 2;

const codecs = { vp9: "vp09.00.10.08", vp8: "vp8" } as const;
const wireCodecs = { vp8: 1, vp9: 2 } as const;
type Codec = keyof typeof codecs;

let source: Source = "camera";
let userId: Uint8Array = new Uint8Array();
let order: Codec[] = ["vp9", "vp8"];
let rung: Rung = { height: 360, fps: 24, kbps: 550 };
let reader: ReadableStreamDefaultReader<VideoFrame> | undefined;
let encoder: VideoEncoder | undefined;
let codec: Codec | "" = "";
let shape = "";
let size = { width: 0, height: 0 };
let sequence = 0;
let needKey = true;
let lastKey = -Infinity; // timestamp, µs
let lastKeyAt = -Infinity; // performance.now()
let lastFrame = -Infinity; // timestamp, µs
let still: VideoFrame | undefined; // the last frame of a screen, which may not change for long
let failures = 0;

/** Sums since the last report. */
let seen = { frames: 0, bytes: 0, encodeMs: 0, queue: 0 };
let total = 0;
const begun = new Map<number, number>(); // timestamp -> performance.now() at encode()

const post = (message: FromEncode, transfer: Transferable[] = []) => self.postMessage(message, { transfer });

self.onmessage = (e: MessageEvent<ToEncode>) => {
  const m = e.data;
  switch (m.do) {
    case "start":
      source = m.source;
      rung = m.rung;
      if (m.codec !== "auto") order = [m.codec];
      break;
    case "identify":
      userId = m.userId;
      break;
    case "feed":
      void feed(m.stream ?? trackStream(m.track));
      break;
    case "frame":
      take(m.frame);
      break;
    case "rung":
      rung = m.rung;
      break;
    case "key":
      askForKey();
      break;
    case "stop":
      stop();
  }
};

function trackStream(track: unknown): ReadableStream<VideoFrame> {
  return new MediaStreamTrackProcessor({ track, maxBufferSize: 1 } as MediaStreamTrackProcessorInit).readable;
}

async function feed(stream: ReadableStream<VideoFrame>): Promise<void> {
  await reader?.cancel().catch(() => {});
  const mine = stream.getReader();
  reader = mine;
  try {
    for (;;) {
      const { value, done } = await mine.read();
      if (done) return;
      if (reader === mine) take(value);
      else value.close();
    }
  } catch {
    // The track ended; the page knows.
  }
}

/** Encodes or drops a frame, and closes it. */
function take(frame: VideoFrame): void {
  const ts = frame.timestamp;
  // Allow for cameras whose pace is not quite even: a frame may be a quarter early.
  const early = ts - lastFrame < (1_000_000 / rung.fps) * 0.75 && ts >= lastFrame;
  const queue = encoder?.encodeQueueSize ?? 0;
  seen.queue = Math.max(seen.queue, queue);
  if ((early && !needKey) || queue > maxQueue) {
    frame.close();
    return;
  }
  if (source === "screen") {
    still?.close();
    still = frame.clone();
  }
  encode(frame, ts);
  frame.close();
}

function encode(frame: VideoFrame, ts: number): void {
  try {
    if (!configured(frame)) return;
    const key = needKey || ts - lastKey > keyEvery || ts < lastFrame;
    if (key) {
      needKey = false;
      lastKey = ts;
      lastKeyAt = performance.now();
    }
    lastFrame = ts;
    begun.set(ts, performance.now());
    encoder!.encode(frame, { keyFrame: key });
  } catch (err) {
    failed(err);
  }
}

/** Prepares the encoder for the frame and the rung. Reports whether there is one. */
function configured(frame: VideoFrame): boolean {
  const next = order[0];
  if (!next) return false;
  size = fit(frame.displayWidth, frame.displayHeight, rung.height);
  const wanted = `${next} ${size.width}x${size.height} ${rung.fps} ${rung.kbps}`;
  if (encoder?.state === "configured" && wanted === shape) return true;
  if (!encoder || encoder.state === "closed") {
    encoder = new VideoEncoder({ output: send, error: failed });
    begun.clear();
  }
  encoder.configure({
    codec: codecs[next],
    ...size,
    framerate: rung.fps,
    bitrate: rung.kbps * 1000,
    bitrateMode: "variable",
    latencyMode: "realtime",
  });
  shape = wanted;
  codec = next;
  needKey = true;
  return true;
}

function send(chunk: EncodedVideoChunk): void {
  const data = new Uint8Array(chunk.byteLength);
  chunk.copyTo(data);
  const key = chunk.type === "key";
  const packet = writeMedia(
    userId,
    {
      mediaType: source === "screen" ? MediaType.SCREEN : MediaType.VIDEO,
      data,
      frameType: chunk.type,
      timestamp: chunk.timestamp,
      duration: chunk.duration ?? 0,
      videoMetadata: {
        sequence: BigInt(sequence++),
        codec: codec === "" ? 0 : wireCodecs[codec],
        sourceWidth: size.width,
        sourceHeight: size.height,
        encoderTargetBitrateKbps: rung.kbps,
      },
    },
    { key },
  );
  failures = 0;
  total++;
  seen.frames++;
  seen.bytes += packet.length;
  const start = begun.get(chunk.timestamp);
  if (start !== undefined) seen.encodeMs += performance.now() - start;
  begun.delete(chunk.timestamp);
  post({ packet, key }, [packet.buffer]);
}

/** Tries again with a new encoder, and with the next codec when this one keeps failing. */
function failed(err: unknown): void {
  shape = "";
  needKey = true;
  if (encoder && encoder.state !== "closed") encoder.close();
  encoder = undefined;
  if (++failures < 3) return;
  failures = 0;
  order.shift();
  if (order.length === 0) post({ unsupported: String(err) });
}

function askForKey(): void {
  const wait = lastKeyAt + keyPause - performance.now();
  if (wait > 0) {
    setTimeout(askForKey, wait);
    return;
  }
  needKey = true;
  // A screen that does not change gives no frame to hang the keyframe on.
  setTimeout(() => {
    if (!needKey || !still) return;
    const ts = Math.max(still.timestamp, lastFrame) + 1;
    const again = new VideoFrame(still, { timestamp: ts });
    encode(again, ts);
    again.close();
  }, 150);
}

function stop(): void {
  void reader?.cancel().catch(() => {});
  reader = undefined;
  still?.close();
  still = undefined;
  if (encoder && encoder.state !== "closed") encoder.close();
  encoder = undefined;
  shape = "";
  needKey = true;
  lastFrame = -Infinity;
  lastKey = -Infinity;
  begun.clear();
}

setInterval(() => {
  const encodeMs = seen.frames > 0 ? seen.encodeMs / seen.frames : 0;
  post({
    stats: {
      fps: seen.frames,
      kbps: (seen.bytes * 8) / 1000,
      ...size,
      codec,
      encoderQueue: seen.queue,
      busy: (encodeMs * rung.fps) / 1000,
      encodeMs,
      frames: total,
    },
  });
  seen = { frames: 0, bytes: 0, encodeMs: 0, queue: 0 };
}, 1000);
