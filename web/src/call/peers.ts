// What arrives from the others: pictures to their canvases, voices to the loudspeaker.
import { BestLayer } from "./bestlayer.ts";
import { Members, type Member } from "./members.ts";
import type { Pictures } from "./pictures.ts";
import { arrivalQuality } from "./quality.ts";
import type { Quality } from "./contract.ts";
import type { Sound } from "./sound.ts";
import { Speaking } from "./speaking.ts";
import type { MediaPacket } from "./wire.ts";
import type { FromPlayout, FromSee, PictureStats, Source, ToSee } from "./work/messages.ts";

export interface PeerEvents {
  /** A stream cannot go on without a keyframe. */
  needKey(member: Member, source: Source, layer: number): void;
  /** Somebody started or stopped to speak. */
  speaking(): void;
}

/** Counters of one peer that grow; quality is judged by their growth over five seconds. */
interface Mark {
  at: number;
  played: number;
  concealed: number;
  decoded: number;
  lost: number;
}

export class Peers {
  private readonly see: Worker;
  private pictureStats: Record<string, PictureStats> = {};
  private heardStats: FromPlayout = {};
  private readonly voices = new Map<string, Speaking>();
  private readonly best = new Map<string, BestLayer>();
  private readonly marks = new Map<string, Mark[]>();

  constructor(
    script: string,
    private readonly members: Members,
    private readonly pictures: Pictures,
    private readonly sound: Sound,
    private readonly events: PeerEvents,
  ) {
    this.see = new Worker(script);
    this.see.onmessage = (e: MessageEvent<FromSee>) => {
      const m = e.data;
      if ("stats" in m) {
        this.pictureStats = m.stats;
        return;
      }
      const [sessionId, source] = m.id.split("/") as [string, Source];
      if ("frame" in m) {
        this.pictures.show(m.id, m.frame);
        this.tell({ id: m.id, drawn: true });
        return;
      }
      const member = this.members.get(sessionId);
      if (member) this.events.needKey(member, source, m.layer);
    };
  }

  /** Takes video and screen packets. The buffer of the packet is handed on. */
  picture(sessionId: string, source: Source, media: MediaPacket, layer: number): void {
    const meta = media.videoMetadata;
    const packet = {
      sequence: Number(meta?.sequence ?? 0n),
      layer,
      key: media.frameType === "key",
      codec: meta?.codec ?? 0,
      timestamp: media.timestamp,
      data: media.data,
    };
    this.tell({ id: `${sessionId}/${source}`, packet }, [media.data.buffer as ArrayBuffer]);
  }

  /** Says which layer of a camera the server was asked for. */
  want(sessionId: string, layer: number): void {
    this.tell({ id: `${sessionId}/camera`, want: layer });
  }

  voice(sessionId: string, media: MediaPacket, layer: number, now: number): void {
    let best = this.best.get(sessionId);
    if (!best) this.best.set(sessionId, (best = new BestLayer()));
    const what = best.take(layer, now);
    if (what === "skip") return;
    if (what === "begin") this.sound.hush(sessionId); // it is numbered by itself
    for (const p of unpack(media)) {
      const data = p.data.slice(); // two packets may share a buffer; both are small
      this.sound.push(sessionId, { ...p, data }, [data.buffer]);
    }
  }

  /** Sessions whose voice comes in layers. */
  get layeredVoices(): string[] {
    return [...this.best].filter(([, best]) => best.layered).map(([id]) => id);
  }

  /** What was heard, ten times a second. */
  heard(stats: FromPlayout, now: number): void {
    this.heardStats = stats;
    let changed = false;
    for (const [id, s] of Object.entries(stats)) {
      let voice = this.voices.get(id);
      if (!voice) this.voices.set(id, (voice = new Speaking()));
      changed = voice.feed(s.level, now) || changed;
    }
    if (changed) this.events.speaking();
  }

  /** By our own ears; by their word while we cannot hear them. */
  isSpeaking(m: Member): boolean {
    if (!m.audio) return false;
    return this.voices.get(m.sessionId)?.on ?? m.saysSpeaking;
  }

  quality(m: Member, now: number): Quality {
    const id = m.sessionId;
    const sound = this.heardStats[id];
    const picture = this.pictureStats[`${id}/camera`];
    const mark: Mark = {
      at: now,
      played: sound?.played ?? 0,
      concealed: sound?.concealed ?? 0,
      decoded: picture?.decoded ?? 0,
      lost: picture?.lost ?? 0,
    };
    const marks = this.marks.get(id) ?? [];
    marks.push(mark);
    while (marks[0]!.at < now - 5_000) marks.shift();
    this.marks.set(id, marks);
    const first = marks[0]!;
    const share = (part: number, all: number) => (all > 0 ? part / all : 0);
    return arrivalQuality({
      silentMs: now - m.heardAt,
      concealed: share(mark.concealed - first.concealed, mark.played - first.played),
      delayMs: this.sound.voices[id]?.targetMs ?? 0,
      starving: m.video && (picture?.starving ?? false),
      lostShare: share(mark.lost - first.lost, mark.lost - first.lost + mark.decoded - first.decoded),
    });
  }

  stats(id: string): { camera?: PictureStats; screen?: PictureStats; sound?: FromPlayout[string] } {
    return {
      camera: this.pictureStats[`${id}/camera`],
      screen: this.pictureStats[`${id}/screen`],
      sound: this.heardStats[id],
    };
  }

  /** Stops decoding a peer; its canvases stay until the tile goes. */
  forget(id: string): void {
    for (const source of ["camera", "screen"] as const) this.tell({ id: `${id}/${source}`, close: true });
    this.sound.hush(id);
    this.voices.delete(id);
    this.best.delete(id);
    this.marks.delete(id);
  }

  close(): void {
    this.see.terminate();
  }

  private tell(message: ToSee, transfer: Transferable[] = []): void {
    this.see.postMessage(message, transfer);
  }
}

/**
 * The voice packets of one media packet. Clients of the family may repeat the packet before
 * it in the format "opus-red": length, primary, sequence, repeated; numbers are 32-bit
 * little endian.
 */
export function unpack(media: MediaPacket): { sequence: number; timestamp: number; data: Uint8Array }[] {
  const sequence = Number(media.audioMetadata?.sequence ?? 0n);
  const { timestamp, data } = media;
  if (media.audioMetadata?.audioFormat !== "opus-red" || data.length < 8) return [{ sequence, timestamp, data }];
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const length = view.getUint32(0, true);
  if (length > 10_000 || length + 8 > data.length) return [{ sequence, timestamp, data }];
  // The repetition bears no time of its own; arriving late it must not look like jitter,
  // so it shares that of the packet it came with.
  const repeated = { sequence: view.getUint32(4 + length, true), timestamp, data: data.subarray(8 + length) };
  const primary = { sequence, timestamp, data: data.subarray(4, 4 + length) };
  return repeated.data.length > 0 && repeated.sequence < sequence ? [repeated, primary] : [primary];
}
