// What the page and the scripts beside it tell each other.
import type { Rung } from "../ladder.ts";
import type { PlayoutStats } from "../playout.ts";

export type Source = "camera" | "screen";

// --- encode.worker: one per camera or screen -------------------------------------------

export type ToEncode =
  | { do: "start"; source: Source; codec: "auto" | "vp8" | "vp9"; layers: readonly (Rung | undefined)[] }
  | { do: "identify"; userId: Uint8Array }
  /** Frames come from this stream (made on the page), or from this track. */
  | { do: "feed"; stream?: ReadableStream<VideoFrame>; track?: unknown }
  /** One frame, where neither works. The worker closes it. */
  | { do: "frame"; frame: VideoFrame }
  /** What to encode from now on, by number of layer. */
  | { do: "layers"; layers: readonly (Rung | undefined)[] }
  /** A keyframe of one layer, or of all. */
  | { do: "key"; layer?: number }
  | { do: "stop" };

/** Of the highest layer, where it does not say otherwise. */
export interface EncodeStats {
  fps: number;
  kbps: number;
  width: number;
  height: number;
  codec: "vp8" | "vp9" | "";
  encoderQueue: number; // highest since the last report, of any layer
  busy: number; // share of the frame interval spent on encoding one frame; the largest of any layer
  encodeMs: number;
  frames: number; // encoded since the start, in all layers
  layers: { height: number; fps: number; kbps: number }[];
}

export type FromEncode =
  | { packet: Uint8Array<ArrayBuffer>; key: boolean; layer: number }
  | { stats: EncodeStats }
  | { unsupported: string };

// --- see.worker: decodes all pictures of all peers --------------------------------------

export interface PicturePacket {
  sequence: number;
  layer: number;
  key: boolean;
  codec: number; // VideoCodec of the wire
  timestamp: number;
  data: Uint8Array;
}

export type ToSee =
  | { id: string; packet: PicturePacket }
  /** The layer that the server was asked for. */
  | { id: string; want: number }
  /** A frame was drawn; another one may come. */
  | { id: string; drawn: true }
  | { id: string; close: true };

export interface PictureStats {
  decoded: number; // frames since the start
  lost: number;
  errors: number;
  keyRequests: number;
  bytes: number;
  waiting: number;
  starving: boolean;
  layer: number; // that is shown; -1 for none
}

export type FromSee =
  | { id: string; frame: VideoFrame }
  | { id: string; needKey: true; layer: number }
  | { stats: Record<string, PictureStats> };

// --- speak.worker: encodes the microphone ------------------------------------------------

export type ToSpeak =
  | { do: "start"; userId: Uint8Array }
  /** Where the capture worklet delivers CapturedFrames. */
  | { do: "listen"; port: MessagePort };

export type FromSpeak = { packet: Uint8Array<ArrayBuffer> } | { unsupported: string };

/** 20 ms of mono at 48 kHz. */
export type CapturedFrame = Float32Array<ArrayBuffer>;

export type ToCapture = { speak: MessagePort } | { on: boolean };
export interface FromCapture {
  level: number; // RMS
}

// --- hear.worker: decodes the voices of all peers ------------------------------------------

export interface VoicePacket {
  sequence: number;
  timestamp: number;
  data: Uint8Array;
}

export type ToHear =
  | { playout: MessagePort }
  | { id: string; packet: VoicePacket }
  | { id: string; close: true };

export interface VoiceStats {
  received: number;
  lost: number;
  errors: number;
  targetMs: number;
}

export type FromHear = { stats: Record<string, VoiceStats> };

/** From hear.worker straight to the playout worklet. */
export type ToPlayout =
  | { id: string; pcm: Float32Array<ArrayBuffer> }
  | { id: string; lost: number } // samples
  | { id: string; target: number } // samples
  | { id: string; close: true };

/** From the page to the playout worklet. */
export type PageToPlayout = { hear: MessagePort };
export type FromPlayout = Record<string, PlayoutStats>;
