// The page's side of one encoder: feeds it frames and keeps it on the right rung.
import type { Clock } from "./clock.ts";
import { Ladder, type Rung } from "./ladder.ts";
import { layersFor } from "./layers.ts";
import { watchTrack } from "./selfview.ts";
import { everything, type Wanted } from "./wire.ts";
import type { EncodeStats, FromEncode, Source, ToEncode } from "./work/messages.ts";

export interface SenderEvents {
  packet(bytes: Uint8Array, key: boolean, layer: number): void;
  unsupported(reason: string): void;
}

/** Chromium makes the frame stream on the page; TypeScript knows the worker's form only. */
declare const MediaStreamTrackProcessor:
  | { new (init: { track: MediaStreamTrack; maxBufferSize?: number }): { readable: ReadableStream<VideoFrame> } }
  | undefined;

export class VideoSender {
  private readonly worker: Worker;
  private readonly ladder: Ladder;
  private unwatch?: () => void;
  /** What is being encoded. */
  track?: MediaStreamTrack;
  private congested = false;
  private wish: Wanted = everything;
  stats?: EncodeStats;

  constructor(
    script: string,
    private readonly source: Source,
    plan: { rungs: readonly Rung[]; start: number; top: number },
    private readonly clock: Clock,
    events: SenderEvents,
  ) {
    this.ladder = new Ladder(plan.rungs, plan.start, clock.now(), plan.top);
    this.worker = new Worker(script);
    this.worker.onmessage = (e: MessageEvent<FromEncode>) => {
      const m = e.data;
      if ("packet" in m) events.packet(m.packet, m.key, m.layer);
      else if ("stats" in m) this.stats = m.stats;
      else events.unsupported(m.unsupported);
    };
    // Software VP9 is too slow in Firefox to keep up with a camera.
    const codec = navigator.userAgent.includes("Firefox/") ? "vp8" : "auto";
    this.tell({ do: "start", source, codec, layers: this.layers() });
  }

  get rung(): number {
    return this.ladder.index;
  }

  /** Names the sender of the packets to come. */
  identify(userId: Uint8Array): void {
    this.tell({ do: "identify", userId });
  }

  /** Encodes this track from now on, instead of the one before. */
  feed(track: MediaStreamTrack): void {
    this.release();
    this.track = track;
    if (typeof MediaStreamTrackProcessor !== "undefined") {
      const stream = new MediaStreamTrackProcessor({ track, maxBufferSize: 1 }).readable;
      this.tell({ do: "feed", stream }, [stream]);
      return;
    }
    const clone = track.clone();
    try {
      this.tell({ do: "feed", track: clone }, [clone as unknown as Transferable]);
      return;
    } catch {
      clone.stop(); // tracks cannot be handed to a worker here
    }
    this.unwatch = watchTrack(track, (video) => {
      const frame = new VideoFrame(video, { timestamp: Math.round(performance.now() * 1000) });
      this.tell({ do: "frame", frame }, [frame]);
    });
  }

  /** Stops encoding; numbering goes on with the next feed. */
  pause(): void {
    this.release();
    this.track = undefined;
    this.tell({ do: "stop" });
    this.stats = undefined;
  }

  /** Starts a layer anew, or all. */
  key(layer?: number): void {
    this.tell({ do: "key", ...(layer !== undefined && { layer }) });
  }

  /** Others want this of the camera from now on. */
  wanted(wish: Wanted): void {
    if (wish.layers === this.wish.layers && wish.plain === this.wish.plain) return;
    this.wish = wish;
    this.tell({ do: "layers", layers: this.layers() });
  }

  /** The server reports that a receiver does not keep up. */
  congestion(): void {
    this.congested = true;
    this.adapt(0);
  }

  /** To be called about once a second with the age of what waits to be sent. */
  adapt(queueMs: number): void {
    if (!this.stats) return;
    const { encoderQueue, busy } = this.stats;
    const changed = this.ladder.observe(
      { queueMs, encoderQueue, busy, congestion: this.congested, held: !this.layers().includes(this.ladder.rung) },
      this.clock.now(),
    );
    this.congested = false;
    if (changed) this.tell({ do: "layers", layers: this.layers() });
  }

  close(): void {
    this.release();
    this.worker.terminate();
  }

  /** What is encoded, by number of layer. */
  private layers(): (Rung | undefined)[] {
    const { rung } = this.ladder;
    return this.source === "screen" ? [rung] : layersFor(rung, this.wish);
  }

  private release(): void {
    this.unwatch?.();
    this.unwatch = undefined;
  }

  private tell(message: ToEncode, transfer: Transferable[] = []): void {
    this.worker.postMessage(message, transfer);
  }
}
