// Reads what arrives and tells everybody whom it concerns.
import { Congestion } from "./congestion.ts";
import { MeetingPacket_MeetingEventType as Event } from "../gen/call/v1/meeting_pb.ts";
import { ChatMessage_Refusal, type ChatMessage } from "../gen/call/v1/chat_pb.ts";
import { TransportType } from "../gen/call/v1/media_pb.ts";
import type { Clock } from "./clock.ts";
import type { Problem, ReactionKind, TransportKind } from "./contract.ts";
import type { Members } from "./members.ts";
import type { Peers } from "./peers.ts";
import type { Pictures } from "./pictures.ts";
import { Sequence } from "./sequence.ts";
import { encryptionNeeded, meetingEnded, removed } from "./problem.ts";
import type { Store } from "./store.ts";
import type { Written } from "./talk.ts";
import { MediaType, PacketType, readMedia, readChat, readMeeting, readReaction, readUtf8, systemUser, readLayerHint, type MeetingPacket, type PacketWrapper, type Wanted } from "./wire.ts";
import type { Source } from "./work/messages.ts";

/** Announcements so soon after we came tell who was there before us; they are no news, ms. */
const settling = 2_000;
/** Somebody who leaves and joins within this time is announced once, ms. */
const sameNews = 30_000;

export interface InboxEvents {
  changed(): void; // of who takes part, or how
  keyframe(source: Source, layer?: number): void; // somebody needs one of ours, of all layers if none is named
  wanted(camera: Wanted): void; // what others want of ours
  squeezed(): void; // the way to us is too narrow
  congestion(): void; // most receivers cannot keep up with us
  ended(problem: Problem): void;
  mute(): void;
  stopVideo(): void;
  stopScreen(): void;
  lowerHand(): void;
  /** Somebody reacts; sessionId is theirs. */
  reaction(sessionId: string, name: string, kind: ReactionKind): void;
  /** Somebody, maybe we, wrote a line, now or before we came. */
  wrote(line: Written): void;
  /** A line of ours was not taken. */
  refused(ref: string, why: ChatMessage_Refusal): void;
  /** Somebody got or lost the host role. */
  role(userId: string, host: boolean): void;
  /** We are called something else. */
  renamed(name: string): void;
  /** Something that the packets do not say is another. */
  stale(subject: "options" | "people" | "waiting"): void;
}

const transports: Partial<Record<TransportType, TransportKind>> = {
  [TransportType.TRANSPORT_WEBTRANSPORT]: "webtransport",
  [TransportType.TRANSPORT_WEBSOCKET]: "websocket",
};

export class Inbox {
  /** Our own session, decimal; "" until assigned. */
  sessionId = "";
  /** Whether sessionId belongs to the current connection. */
  assigned = false;
  private readonly ownSessions = new Set<string>();
  private userId = "";
  private arrivedAt = -Infinity;
  private times = 0; // that we arrived
  private readonly news = new Map<string, number>();
  private readonly congestion = new Congestion();
  private readonly sequence: Sequence<MeetingPacket | (ChatMessage & { from: string; userId: string })>;

  constructor(
    private readonly members: Members,
    private readonly peers: Peers,
    private readonly pictures: Pictures,
    private readonly store: Store,
    private readonly clock: Clock,
    private readonly events: InboxEvents,
  ) {
    this.sequence = new Sequence(clock, (m) => ("ref" in m ? this.chat(m) : this.meeting(m)));
  }

  /** Names the user we are. */
  expect(userId: string): void {
    this.userId = userId;
  }

  /** A connection is up; who was there is about to be listed. */
  arrived(): void {
    this.assigned = false;
    this.arrivedAt = this.clock.now();
    if (this.times++ > 0) this.members.rejoined(this.arrivedAt);
    this.sequence.restart();
  }

  /** Up to where we know what happened in the room; "" at first. */
  get position(): string {
    return this.sequence.position;
  }

  take(packet: PacketWrapper): void {
    const from = packet.sessionId === 0n ? "" : packet.sessionId.toString();
    const server = readUtf8(packet.userId) === systemUser;
    switch (packet.packetType) {
      case PacketType.SESSION_ASSIGNED:
        if (!server) return;
        this.sessionId = from;
        this.assigned = true;
        this.ownSessions.add(from);
        this.events.changed();
        return;
      case PacketType.CONGESTION:
        if (this.ownSessions.has(from)) this.congested(packet.userId);
        return;
      case PacketType.LAYER_HINT: {
        const wanted = server && this.ownSessions.has(from) && readLayerHint(packet.data);
        if (wanted) this.events.wanted(wanted);
        return;
      }
      case PacketType.DOWNLINK_CONGESTION:
        if (server) this.events.squeezed();
        return;
      case PacketType.MEETING: {
        const m = server && readMeeting(packet.data);
        if (m) this.sequence.take(m);
        return;
      }
      case PacketType.CHAT: {
        const line = readChat(packet.data);
        if (!line) return;
        const said = { ...line, from, userId: readUtf8(packet.userId) };
        // What was written before we came has its number, and is not waited for.
        if (line.past || line.refusal !== ChatMessage_Refusal.NONE) this.chat(said);
        else this.sequence.take(said);
        return;
      }
    }
    if (!from || this.ownSessions.has(from)) return;
    const heard = this.members.heard(from, packet.userId, this.clock.now());
    if (!heard) return;
    if (packet.packetType === PacketType.MEDIA) this.media(from, packet);
    if (packet.packetType === PacketType.REACTION) {
      const reaction = readReaction(packet.data);
      // What the sender claims to be called counts only while nobody said it better.
      if (reaction) this.events.reaction(from, heard.member.announced ? heard.member.name : reaction.name, reaction.kind);
    }
    if (heard.isNew) this.events.changed();
  }

  /** Waits no more for what was to come. */
  close(): void {
    this.sequence.restart();
  }

  /** Forgets who left without notice; to be called about once a second. */
  sweep(): void {
    const gone = this.members.prune(this.clock.now());
    for (const m of gone) this.forget(m.sessionId);
    if (gone.length > 0) this.events.changed();
  }

  private congested(receiver: Uint8Array): void {
    if (readUtf8(receiver) === systemUser) return this.events.congestion(); // the room has a cap
    const receivers = this.members.list.length;
    if (this.congestion.reported(readUtf8(receiver), receivers, this.clock.now())) this.events.congestion();
  }

  private media(from: string, packet: PacketWrapper): void {
    const media = readMedia(packet.data);
    if (!media) return;
    switch (media.mediaType) {
      case MediaType.VIDEO:
      case MediaType.SCREEN: {
        const source = media.mediaType === MediaType.VIDEO ? "camera" : "screen";
        this.assume(from, source === "camera" ? { video: true } : { screen: true });
        this.peers.picture(from, source, media, packet.simulcastLayerId);
        return;
      }
      case MediaType.AUDIO:
        this.assume(from, { audio: true });
        this.peers.voice(from, media, packet.simulcastLayerId, this.clock.now());
        return;
      case MediaType.HEARTBEAT: {
        const h = media.heartbeatMetadata;
        if (!h) return;
        const before = this.members.get(from);
        const [video, screen] = [before?.video, before?.screen];
        // A hand that was up before we heard of them is no news.
        const raised = before !== undefined && before.heartbeats > 0 && !before.hand && h.handRaised;
        const changed = this.members.heartbeat(from, {
          audio: h.audioEnabled,
          video: h.videoEnabled,
          screen: h.screenEnabled,
          speaking: h.isSpeaking,
          hand: h.handRaised,
          transport: transports[h.transportType],
        });
        // The next picture must not start with the last one of before.
        if (video && !h.videoEnabled) this.pictures.close(`${from}/camera`);
        if (screen && !h.screenEnabled) this.pictures.close(`${from}/screen`);
        if (raised) this.store.notify("hand", `${before.name} raised a hand`);
        if (changed) this.events.changed();
        return;
      }
      case MediaType.KEYFRAME_REQUEST: {
        // Older servers send everybody's requests to everybody.
        const forUs =
          media.targetSessionId !== 0n
            ? this.ownSessions.has(media.targetSessionId.toString())
            : media.userId.length === 0 || readUtf8(media.userId) === this.userId;
        if (forUs) this.events.keyframe(readUtf8(media.data) === "SCREEN" ? "screen" : "camera", packet.simulcastLayerId);
      }
    }
  }

  /** Media of somebody whose heartbeat has not come yet says what is on. */
  private assume(from: string, on: { audio?: boolean; video?: boolean; screen?: boolean }): void {
    const m = this.members.get(from);
    if (!m || m.heartbeats > 0) return;
    if ((on.audio && !m.audio) || (on.video && !m.video) || (on.screen && !m.screen)) {
      Object.assign(m, on);
      this.events.changed();
    }
  }

  private chat(line: ChatMessage & { userId: string }): void {
    if (line.refusal !== ChatMessage_Refusal.NONE) {
      if (line.userId === systemUser) this.events.refused(line.ref, line.refusal);
      return;
    }
    this.events.wrote({
      ref: line.ref,
      userId: line.userId,
      name: readUtf8(line.displayName),
      self: line.userId === this.userId,
      at: Number(line.sentAtMs),
      text: line.text,
      epoch: line.eventEpoch,
      number: Number(line.eventNumber),
    });
  }

  private meeting(m: MeetingPacket): void {
    const id = m.sessionId.toString();
    const name = readUtf8(m.displayName);
    const aboutUs = this.ownSessions.has(id) || (m.sessionId === 0n && readUtf8(m.targetUserId) === this.userId);
    switch (m.eventType) {
      case Event.MEETING_STARTED:
        if (m.startTimeMs > 0n) this.store.set({ startedAt: Number(m.startTimeMs) });
        return;
      case Event.MEETING_ENDED:
        return this.events.ended(meetingEnded(m.message));
      case Event.PARTICIPANT_JOINED: {
        if (aboutUs || m.sessionId === 0n) return;
        // A server that was started anew cannot say whom somebody replaces.
        const old = this.members.get(id)?.announced ? undefined : this.members.awaited(readUtf8(m.targetUserId));
        if (old && old !== id) this.replace(old, id, m);
        else if (this.members.joined(id, m.targetUserId, name, this.clock.now())) this.announce("joined", id);
        else break;
        // A newcomer sees nothing before a keyframe: do not wait to be asked.
        for (const source of ["camera", "screen"] as const) this.events.keyframe(source);
        this.events.stale("people"); // they may be a host or a guest
        break;
      }
      case Event.PARTICIPANT_LEFT: {
        if (aboutUs) return;
        if (this.members.get(id)) this.announce("left", id);
        this.members.left(id, this.clock.now());
        this.forget(id);
        break;
      }
      case Event.SESSION_REPLACED: {
        if (aboutUs) return;
        const old = m.replacedSessionId.toString();
        if (this.ownSessions.has(old)) return;
        this.replace(old, id, m);
        break;
      }
      case Event.PARTICIPANT_DISPLAY_NAME_CHANGED:
        return this.renamed(m, name);
      case Event.HOST_MUTE_PARTICIPANT:
        if (!this.meansUs(m)) return;
        if (this.store.state.micOn) this.store.notify("info", "The host switched your microphone off.");
        return this.events.mute();
      case Event.HOST_DISABLE_VIDEO:
        if (!this.meansUs(m)) return;
        if (this.store.state.cameraOn) this.store.notify("info", "The host switched your camera off.");
        return this.events.stopVideo();
      case Event.HOST_STOP_SCREEN_SHARE:
        if (!this.meansUs(m)) return;
        if (this.store.state.screenOn) this.store.notify("info", "The host ended your screen share.");
        return this.events.stopScreen();
      case Event.HOST_LOWER_HAND:
        if (!this.meansUs(m)) return;
        if (this.store.state.handUp) this.store.notify("info", "The host lowered your hand.");
        return this.events.lowerHand();
      case Event.PARTICIPANT_KICKED:
        if (readUtf8(m.targetUserId) === this.userId) this.events.ended(removed());
        return;
      case Event.HOST_GRANTED:
      case Event.HOST_REVOKED:
        return this.role(readUtf8(m.targetUserId), m.eventType === Event.HOST_GRANTED);
      case Event.MEDIA_REFUSED:
        if (m.refusalCode === "encryption_required") this.store.problem(encryptionNeeded());
        else if (this.store.state.screenOn || m.refusalCode.endsWith("too_much")) this.store.notify("warning", m.message);
        if (m.refusalCode === "screen_share_off") this.events.stopScreen();
        return;
      case Event.MEETING_SETTINGS_UPDATED:
        return this.events.stale("options");
      case Event.WAITING_ROOM_UPDATED:
        return this.events.stale("waiting");
      case Event.EVENTS_CAUGHT_UP:
        // What we were not told may have changed any of these.
        if (m.eventsSkipped && this.times > 1) for (const subject of ["options", "people", "waiting"] as const) this.events.stale(subject);
        return;
      default:
        return;
    }
    this.events.changed();
  }

  private role(userId: string, host: boolean): void {
    this.events.role(userId, host);
    if (userId === this.userId) this.store.notify("info", host ? "You are a host of this meeting now." : "You are no host of this meeting any more.");
  }

  private renamed(m: MeetingPacket, name: string): void {
    const user = readUtf8(m.targetUserId);
    if (name && user === this.userId) this.events.renamed(name);
    // All devices of somebody bear the same name.
    for (const other of this.members.list) if (other.userId === user) this.members.rename(other.sessionId, name);
    this.events.changed();
  }

  /** Whether a host's wish is about us: it names us, or everybody but who made it. */
  private meansUs(m: MeetingPacket): boolean {
    const target = readUtf8(m.targetUserId);
    return target === "" ? readUtf8(m.creatorId) !== this.userId : target === this.userId;
  }

  /** Somebody goes on as another session: the same tile with the same picture. */
  private replace(old: string, id: string, m: MeetingPacket): void {
    if (!this.members.replaced(old, id, m.targetUserId, readUtf8(m.displayName), this.clock.now())) return;
    for (const source of ["camera", "screen"]) this.pictures.move(`${old}/${source}`, `${id}/${source}`);
    this.peers.forget(old);
  }

  private announce(kind: "joined" | "left", id: string): void {
    const member = this.members.get(id);
    const now = this.clock.now();
    if (!member || now - this.arrivedAt < settling) return;
    const key = `${kind} ${member.userId}`;
    if (now - (this.news.get(key) ?? -Infinity) < sameNews) return;
    this.news.set(key, now);
    this.store.notify(kind, `${member.name} ${kind}`);
  }

  private forget(id: string): void {
    this.peers.forget(id);
    for (const source of ["camera", "screen"]) this.pictures.close(`${id}/${source}`);
  }
}
