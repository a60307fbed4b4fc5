// Our own pictures: from camera and screen to their encoders and to our own eyes.
import type { Clock } from "./clock.ts";
import type { Lane, Outgoing } from "./outbox.ts";
import type { Pictures } from "./pictures.ts";
import { cameraPlan, screenPlan } from "./plan.ts";
import { watchTrack } from "./selfview.ts";
import { VideoSender } from "./sender.ts";
import { everything, type Wanted } from "./wire.ts";
import type { Source } from "./work/messages.ts";

export interface OwnEvents {
  packet(packet: Outgoing): void;
  /** This browser encodes nothing that others can read. */
  unsupported(): void;
}

export class OwnPictures {
  readonly senders: Partial<Record<Source, VideoSender>> = {};
  private readonly tracks: Partial<Record<Source, MediaStreamTrack>> = {};
  private readonly selfViews: Partial<Record<Source, () => void>> = {};
  private userId?: Uint8Array;
  private wish?: Wanted;
  private closed = false;

  constructor(
    private readonly clock: Clock,
    private readonly pictures: Pictures,
    private readonly events: OwnEvents,
  ) {}

  /** Says who sends; before that nothing is encoded. */
  identify(userId: Uint8Array): void {
    this.userId = userId;
    for (const source of ["camera", "screen"] as const) this.encode(source);
  }

  /** A camera or screen came, changed, or went. */
  show(source: Source, track: MediaStreamTrack | undefined): void {
    this.selfViews[source]?.();
    delete this.selfViews[source];
    this.tracks[source] = track;
    if (track) {
      this.selfViews[source] = watchTrack(track, (video) => this.pictures.paint(`self/${source}`, video, video.videoWidth, video.videoHeight));
    } else {
      this.pictures.close(`self/${source}`);
      this.senders[source]?.pause();
    }
    this.encode(source);
  }

  /** Starts pictures anew, for somebody who lost us. */
  key(source?: Source, layer?: number): void {
    if (source) this.senders[source]?.key(layer);
    else for (const sender of Object.values(this.senders)) sender.key();
  }

  /** Others want this of the camera from now on; nothing is known of it after a reconnection. */
  wanted(wish: Wanted = everything): void {
    this.wish = wish;
    this.senders.camera?.wanted(wish);
  }

  congestion(): void {
    this.senders.camera?.congestion();
  }

  /** Adapts to how old the oldest waiting packet is. */
  adapt(ageMs: number): void {
    for (const sender of Object.values(this.senders)) sender.adapt(ageMs);
  }

  close(): void {
    this.closed = true;
    for (const sender of Object.values(this.senders)) sender.close();
    for (const stop of Object.values(this.selfViews)) stop();
  }

  private encode(source: Source): void {
    const track = this.tracks[source];
    if (!track || this.closed) return;
    const sender = this.sender(source);
    if (!this.userId || sender.track === track) return;
    sender.identify(this.userId);
    sender.feed(track);
  }

  private sender(source: Source): VideoSender {
    let sender = this.senders[source];
    if (!sender) {
      const lane: Lane = source === "camera" ? "video" : "screen";
      const plan = source === "camera" ? cameraPlan : screenPlan;
      sender = new VideoSender(__SCRIPTS__.encode, source, plan, this.clock, {
        packet: (bytes, key, layer) => this.events.packet({ bytes, lane, key, layer }),
        unsupported: () => this.events.unsupported(),
      });
      this.senders[source] = sender;
      if (source === "camera" && this.wish) sender.wanted(this.wish);
    }
    return sender;
  }
}
