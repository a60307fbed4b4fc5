// What waits to be sent when the network takes less than we make.

/** The publisher's streams; everything else is control. */
export type Lane = "control" | "audio" | "video" | "screen";

export interface Outgoing {
  bytes: Uint8Array;
  lane: Lane;
  key?: boolean; // of video and screen: decodable without earlier frames
  /** May be sent as a datagram: small, and worthless when late. */
  datagram?: boolean;
}

interface Waiting extends Outgoing {
  at: number;
}

/** Bytes of video and screen that may wait: one keyframe of the highest rung and more. */
const videoBytes = 1_000_000;
/** Age of the oldest picture worth sending, in ms. */
const videoAge = 1_000;
/** Audio packets that may wait: half a second. More would be played in a rush. */
const audioPackets = 25;

/**
 * Outbox orders by importance: control, audio, then pictures. It is bounded: too many
 * sounds lose the oldest, too many pictures skip that stream to its next keyframe.
 */
export class Outbox {
  private readonly control: Waiting[] = [];
  private readonly audio: Waiting[] = [];
  private readonly pictures: Waiting[] = [];
  private readonly skipping = new Set<Lane>();
  private pictureBytes = 0;

  dropped = 0;

  /** needKey is called with a stream that lost frames and has to start anew. */
  constructor(private readonly needKey: (lane: "video" | "screen") => void) {}

  get empty(): boolean {
    return this.control.length + this.audio.length + this.pictures.length === 0;
  }

  /** Whether something other than pictures waits. */
  get urgent(): boolean {
    return this.control.length + this.audio.length > 0;
  }

  get bytes(): number {
    let sum = this.pictureBytes;
    for (const p of this.control) sum += p.bytes.length;
    for (const p of this.audio) sum += p.bytes.length;
    return sum;
  }

  /** How long the oldest packet has been waiting, in ms. */
  age(now: number): number {
    const heads = [this.control[0], this.audio[0], this.pictures[0]];
    return Math.max(0, ...heads.map((p) => (p ? now - p.at : 0)));
  }

  push(packet: Outgoing, now: number): void {
    const waiting = { ...packet, at: now };
    switch (packet.lane) {
      case "control":
        this.control.push(waiting);
        return;
      case "audio":
        if (this.audio.length >= audioPackets) {
          this.audio.shift();
          this.dropped++;
        }
        this.audio.push(waiting);
        return;
      case "video":
      case "screen":
        this.pushPicture(packet.lane, waiting, now);
    }
  }

  /** The next packet to send, or undefined. */
  shift(now: number): Outgoing | undefined {
    const first = this.control.shift() ?? this.audio.shift();
    if (first) return first;
    const oldest = this.pictures[0];
    if (oldest && now - oldest.at > videoAge) this.skip(oldest.lane as "video" | "screen");
    const picture = this.pictures.shift();
    if (picture) this.pictureBytes -= picture.bytes.length;
    return picture;
  }

  private pushPicture(lane: "video" | "screen", packet: Waiting, now: number): void {
    if (packet.key) {
      // A new start makes what waits of this stream superfluous.
      this.discard(lane);
      this.skipping.delete(lane);
    }
    if (this.skipping.has(lane)) {
      this.dropped++;
      return;
    }
    const oldest = this.pictures[0];
    const late = oldest !== undefined && now - oldest.at > videoAge;
    if (!packet.key && (late || this.pictureBytes + packet.bytes.length > videoBytes)) {
      this.dropped++;
      this.skip(lane);
      return;
    }
    this.pictures.push(packet);
    this.pictureBytes += packet.bytes.length;
  }

  private skip(lane: "video" | "screen"): void {
    // A keyframe that already waits is a fresh start: keep it and what follows.
    const at = this.pictures.findLastIndex((p) => p.lane === lane && p.key);
    const head = this.pictures.findIndex((p) => p.lane === lane);
    if (at > head) {
      this.discard(lane, at);
      return;
    }
    this.discard(lane);
    this.skipping.add(lane);
    this.needKey(lane);
  }

  /** Drops what waits of a stream, up to but without position `until`. */
  private discard(lane: Lane, until = this.pictures.length): void {
    for (let i = until - 1; i >= 0; i--) {
      if (this.pictures[i]!.lane !== lane) continue;
      this.pictureBytes -= this.pictures[i]!.bytes.length;
      this.pictures.splice(i, 1);
      this.dropped++;
    }
  }
}
