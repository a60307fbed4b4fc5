// Encodes the microphone into packets.
import { MediaType, writeMedia } from "../wire.ts";
import type { CapturedFrame, FromSpeak, ToSpeak } from "./messages.ts";

const rate = 48_000;

// TypeScript's library does not know the options of Opus yet.
const config: AudioEncoderConfig & { opus: Record<string, unknown> } = {
  codec: "opus",
  sampleRate: rate,
  numberOfChannels: 1,
  bitrate: 32_000,
  // Silence is not sent: DTX leaves out what listeners cannot hear.
  opus: { frameDuration: 20_000, application: "voip", signal: "voice", usedtx: true },
};

let userId: Uint8Array = new Uint8Array();
let encoder: AudioEncoder | undefined;
let sequence = 0;
let failures = 0;
/** µs; the time of the samples, which stands still while the microphone is off. */
let last = -1;

const post = (message: FromSpeak, transfer: Transferable[] = []) => self.postMessage(message, { transfer });

self.onmessage = (e: MessageEvent<ToSpeak>) => {
  const m = e.data;
  if (m.do === "start") userId = m.userId;
  else m.port.onmessage = (frame: MessageEvent<CapturedFrame>) => encode(frame.data);
};

function encode(pcm: CapturedFrame): void {
  if (failures > 3) return;
  const now = performance.now() * 1000;
  // Frames come in bursts, samples do not: count them, but follow real pauses.
  const next = last + (pcm.length * 1_000_000) / rate;
  last = last < 0 || now - next > 500_000 ? now : next;
  try {
    if (!encoder || encoder.state !== "configured") {
      encoder = new AudioEncoder({ output: send, error: failed });
      encoder.configure(config);
    }
    const data = new AudioData({
      format: "f32-planar",
      sampleRate: rate,
      numberOfFrames: pcm.length,
      numberOfChannels: 1,
      timestamp: last,
      data: pcm,
    });
    encoder.encode(data);
    data.close();
  } catch (err) {
    failed(err);
  }
}

function send(chunk: EncodedAudioChunk): void {
  failures = 0;
  const data = new Uint8Array(chunk.byteLength);
  chunk.copyTo(data);
  const packet = writeMedia(userId, {
    mediaType: MediaType.AUDIO,
    data,
    frameType: "key",
    timestamp: chunk.timestamp,
    duration: chunk.duration ?? 0,
    audioMetadata: {
      audioNumberOfChannels: 1,
      audioNumberOfFrames: 960,
      audioSampleRate: rate,
      sequence: BigInt(sequence++),
    },
  });
  post({ packet }, [packet.buffer]);
}

function failed(err: unknown): void {
  encoder = undefined;
  if (++failures > 3) post({ unsupported: String(err) });
}
