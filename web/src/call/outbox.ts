// What waits to be sent when the network takes less than we make.

/** The publisher's streams; everything else is control. */
export type Lane = "control" | "audio" | "video" | "screen";

export interface Outgoing {
  bytes: Uint8Array;
  lane: Lane;
  key?: boolean; // of video and screen: decodable without earlier frames
  layer?: number; // of video and screen: each is a stream of its own
  /** May be sent as a datagram: small, and worthless when late. */
  datagram?: boolean;
}

/** Told of a layer that lost frames and has to start anew. */
export type NeedKey = (lane: "video" | "screen", layer: number) => void;

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
  private readonly skipping = new Set<string>();
  private pictureBytes = 0;

  dropped = 0;

  constructor(private readonly needKey: NeedKey) {}

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
        this.pushPicture(waiting, now);
    }
  }

  /** The next packet to send, or undefined. */
  shift(now: number): Outgoing | undefined {
    const first = this.control.shift() ?? this.audio.shift();
    if (first) return first;
    const oldest = this.pictures[0];
    if (oldest && now - oldest.at > videoAge) this.skip(oldest);
    const picture = this.pictures.shift();
    if (picture) this.pictureBytes -= picture.bytes.length;
    return picture;
  }

  private pushPicture(packet: Waiting, now: number): void {
    const stream = streamOf(packet);
    if (packet.key) {
      // A new start makes what waits of this stream superfluous.
      this.discard(stream);
      this.skipping.delete(stream);
    }
    if (this.skipping.has(stream)) {
      this.dropped++;
      return;
    }
    const oldest = this.pictures[0];
    const late = oldest !== undefined && now - oldest.at > videoAge;
    if (!packet.key && (late || this.pictureBytes + packet.bytes.length > videoBytes)) {
      this.dropped++;
      this.skip(packet);
      return;
    }
    this.pictures.push(packet);
    this.pictureBytes += packet.bytes.length;
  }

  /** Gives up the stream of a packet until its next keyframe. */
  private skip(packet: Waiting): void {
    const stream = streamOf(packet);
    // A keyframe that already waits is a fresh start: keep it and what follows.
    const at = this.pictures.findLastIndex((p) => streamOf(p) === stream && p.key);
    const head = this.pictures.findIndex((p) => streamOf(p) === stream);
    if (at > head) {
      this.discard(stream, at);
      return;
    }
    this.discard(stream);
    this.skipping.add(stream);
    this.needKey(packet.lane as "video" | "screen", packet.layer ?? 0);
  }

  /** Drops what waits of a stream, up to but without position `until`. */
  private discard(stream: string, until = this.pictures.length): void {
    for (let i = until - 1; i >= 0; i--) {
      if (streamOf(this.pictures[i]!) !== stream) continue;
      this.pictureBytes -= this.pictures[i]!.bytes.length;
      this.pictures.splice(i, 1);
      this.dropped++;
    }
  }
}

const streamOf = (p: Outgoing) => `${p.lane}/${p.layer ?? 0}`;
