// Encodes one camera or screen into packets, in one or several layers.
import type { Rung } from "../ladder.ts";
import { MediaType, writeMedia } from "../wire.ts";
import { Layer, type Codec } from "./layer.ts";
import type { FromEncode, Source, ToEncode } from "./messages.ts";

const wireCodecs = { vp8: 1, vp9: 2 } as const;

let source: Source = "camera";
let userId: Uint8Array = new Uint8Array();
let order: Codec[] = ["vp9", "vp8"];
let wanted: ReadableStream<VideoFrame> | undefined; // what is to be encoded
let reader: ReadableStreamDefaultReader<VideoFrame> | undefined;
const layers: Layer[] = [];
let still: VideoFrame | undefined; // the last frame of a screen, which may not change for long
let failures = 0;
let total = 0;

const post = (message: FromEncode, transfer: Transferable[] = []) => self.postMessage(message, { transfer });

self.onmessage = (e: MessageEvent<ToEncode>) => {
  const m = e.data;
  switch (m.do) {
    case "start":
      source = m.source;
      use(m.layers);
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
    case "layers":
      use(m.layers);
      break;
    case "key":
      for (const layer of running()) if (m.layer === undefined || m.layer === layer.number) askForKey(layer);
      break;
    case "stop":
      stop();
  }
};

const running = () => layers.filter((layer) => layer.on);

function use(rungs: readonly (Rung | undefined)[]): void {
  while (layers.length < rungs.length) layers.push(new Layer(layers.length, () => order[0], { chunk: send, failed }));
  for (const layer of layers) {
    const rung = rungs[layer.number];
    layer.on = rung !== undefined;
    if (rung) layer.rung = rung;
    else layer.stop();
  }
}

function trackStream(track: unknown): ReadableStream<VideoFrame> {
  return new MediaStreamTrackProcessor({ track, maxBufferSize: 1 } as MediaStreamTrackProcessorInit).readable;
}

async function feed(stream: ReadableStream<VideoFrame>): Promise<void> {
  wanted = stream;
  await reader?.cancel().catch(() => {});
  if (wanted !== stream) return void stream.cancel().catch(() => {}); // switched off or over meanwhile
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
  let taken = false;
  for (const layer of running()) taken = layer.take(frame) || taken;
  if (taken && source === "screen") {
    still?.close();
    still = frame.clone();
  }
  frame.close();
}

function send(layer: Layer, chunk: EncodedVideoChunk, codec: Codec): void {
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
        sequence: BigInt(layer.sequence++),
        codec: wireCodecs[codec],
        sourceWidth: layer.size.width,
        sourceHeight: layer.size.height,
        encoderTargetBitrateKbps: layer.rung.kbps,
      },
    },
    { key, layer: layer.number },
  );
  failures = 0;
  total++;
  layer.seen.bytes += packet.length;
  post({ packet, key, layer: layer.number }, [packet.buffer]);
}

/** The layer tries again with a new encoder, and all with the next codec when this one keeps failing. */
function failed(_: Layer, err: unknown): void {
  if (++failures < 3) return;
  failures = 0;
  order.shift();
  for (const layer of layers) layer.drop();
  if (order.length === 0) post({ unsupported: String(err) });
}

function askForKey(layer: Layer): void {
  const wait = layer.key();
  if (wait > 0) {
    setTimeout(askForKey, wait, layer);
    return;
  }
  // A screen that does not change gives no frame to hang the keyframe on.
  setTimeout(() => {
    if (!layer.needKey || !still) return;
    const ts = Math.max(still.timestamp, layer.lastFrame) + 1;
    const again = new VideoFrame(still, { timestamp: ts });
    layer.encode(again, ts);
    again.close();
  }, 150);
}

function stop(): void {
  void reader?.cancel().catch(() => {});
  wanted = undefined;
  reader = undefined;
  still?.close();
  still = undefined;
  for (const layer of layers) layer.stop();
}

setInterval(() => {
  const reports = running().map((layer) => {
    const { frames, bytes, encodeMs, queue } = layer.seen;
    layer.seen = { frames: 0, bytes: 0, encodeMs: 0, queue: 0 };
    const each = frames > 0 ? encodeMs / frames : 0;
    return { fps: frames, kbps: (bytes * 8) / 1000, ...layer.size, queue, encodeMs: each, busy: (each * layer.rung.fps) / 1000 };
  });
  const top = reports.at(-1);
  if (!top) return;
  const { fps, kbps, width, height, encodeMs } = top;
  post({
    stats: {
      fps, kbps, width, height, encodeMs,
      codec: order[0] ?? "",
      encoderQueue: Math.max(...reports.map((r) => r.queue)),
      busy: Math.max(...reports.map((r) => r.busy)),
      frames: total,
      layers: reports.map((r) => ({ height: r.height, fps: r.fps, kbps: r.kbps })),
    },
  });
}, 1000);
