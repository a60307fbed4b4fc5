// Who is in the room, as far as this client knows.
import type { TransportKind } from "./contract.ts";
import { readUtf8 } from "./wire.ts";

export interface Member {
  sessionId: string; // decimal
  userId: string;
  userIdBytes: Uint8Array;
  name: string;
  order: number; // of joining
  announced: boolean; // by the server, not only by packets
  heartbeats: number;
  audio: boolean;
  video: boolean;
  screen: boolean;
  saysSpeaking: boolean; // in heartbeats
  hand: boolean; // raised
  transport?: TransportKind;
  heardAt: number; // ms; last packet of any kind
}

/** What a heartbeat of a peer says. */
export interface PeerPresence {
  audio: boolean;
  video: boolean;
  screen: boolean;
  speaking: boolean;
  hand?: boolean;
  transport?: TransportKind;
}

/** After a reconnection the server lists everybody; who is missing so long has left, ms. */
const confirmWithin = 4_000;
/** News about a session that left may overtake each other by so much, ms. */
const lateNews = 3_000;
/** Packets of a session that left are leftovers for so long, ms; later ones prove it alive. */
const leftovers = 10_000;
/** Who was never announced and says nothing is forgotten after this, ms. */
const forgetAfter = 30_000;

export class Members {
  private readonly all = new Map<string, Member>();
  private readonly gone = new Map<string, number>(); // sessions that left, and when
  private orders = 0;
  private unconfirmed = new Set<string>();
  private confirmBy = Infinity;

  get list(): readonly Member[] {
    return [...this.all.values()].sort((a, b) => a.order - b.order);
  }

  get(sessionId: string): Member | undefined {
    return this.all.get(sessionId);
  }

  /** The server announced somebody. Reports whether they are new to us. */
  joined(sessionId: string, userId: Uint8Array, name: string, now: number): boolean {
    if (this.isGone(sessionId, now, lateNews)) return false;
    const known = this.all.get(sessionId);
    const member = known ?? this.add(sessionId, userId, now);
    const announced = member.announced;
    member.announced = true;
    member.heardAt = now;
    if (name) member.name = name;
    this.unconfirmed.delete(sessionId);
    return !announced;
  }

  /** Somebody came back as another session: the same place, name and order. */
  replaced(oldId: string, newId: string, userId: Uint8Array, name: string, now: number): boolean {
    const old = this.all.get(oldId);
    if (!old || oldId === newId) {
      this.joined(newId, userId, name, now);
      return false;
    }
    this.left(oldId, now);
    const already = this.all.get(newId); // its packets may have overtaken the news
    this.all.set(newId, {
      ...(already ?? { ...old, heartbeats: 0 }),
      sessionId: newId,
      userId: old.userId,
      name: name || old.name,
      order: old.order,
      announced: true,
      heardAt: now,
    });
    return true;
  }

  /** The server says that somebody left. What still comes from them is ignored. */
  left(sessionId: string, now: number): Member | undefined {
    this.gone.set(sessionId, now);
    for (const [id, at] of this.gone) if (now - at > leftovers) this.gone.delete(id);
    return this.remove(sessionId);
  }

  private remove(sessionId: string): Member | undefined {
    const member = this.all.get(sessionId);
    this.all.delete(sessionId);
    this.unconfirmed.delete(sessionId);
    return member;
  }

  /**
   * A packet of a session arrived; it may be the first we know of them. Undefined for
   * somebody who has left: packets overtake each other.
   */
  heard(sessionId: string, userId: Uint8Array, now: number): { member: Member; isNew: boolean } | undefined {
    if (this.isGone(sessionId, now, leftovers)) return undefined;
    const known = this.all.get(sessionId);
    const member = known ?? this.add(sessionId, userId, now);
    member.heardAt = now;
    this.unconfirmed.delete(sessionId);
    return { member, isNew: !known };
  }

  /** Takes a heartbeat. Reports whether anything to be seen changed. */
  heartbeat(sessionId: string, p: PeerPresence): boolean {
    const m = this.all.get(sessionId);
    if (!m) return false;
    m.heartbeats++;
    const same =
      m.audio === p.audio && m.video === p.video && m.screen === p.screen &&
      m.saysSpeaking === p.speaking && m.hand === (p.hand ?? false) && (p.transport === undefined || m.transport === p.transport);
    m.audio = p.audio;
    m.video = p.video;
    m.screen = p.screen;
    m.saysSpeaking = p.speaking;
    m.hand = p.hand ?? false;
    if (p.transport) m.transport = p.transport;
    return !same;
  }

  rename(sessionId: string, name: string): boolean {
    const m = this.all.get(sessionId);
    if (!m || m.name === name) return false;
    m.name = name;
    return true;
  }

  /** We are back after a break: everybody has to show up again. */
  rejoined(now: number): void {
    this.unconfirmed = new Set(this.all.keys());
    this.confirmBy = now + confirmWithin;
  }

  /** A session of that user that has yet to show up after our break. */
  awaited(userId: string): string | undefined {
    return [...this.unconfirmed].find((id) => this.all.get(id)!.userId === userId);
  }

  /** Removes and returns those who must have left without our noticing. */
  prune(now: number): Member[] {
    const gone: Member[] = [];
    if (now >= this.confirmBy) {
      for (const id of this.unconfirmed) gone.push(this.all.get(id)!);
      this.unconfirmed.clear();
      this.confirmBy = Infinity;
    }
    for (const m of this.all.values()) {
      if (!m.announced && now - m.heardAt > forgetAfter) gone.push(m);
    }
    for (const m of gone) this.remove(m.sessionId);
    return gone;
  }

  private isGone(sessionId: string, now: number, within: number): boolean {
    const at = this.gone.get(sessionId);
    return at !== undefined && now - at <= within;
  }

  private add(sessionId: string, userId: Uint8Array, now: number): Member {
    const text = readUtf8(userId);
    const member: Member = {
      sessionId,
      userId: text,
      userIdBytes: userId.slice(), // the packet it came in may be handed on
      name: text,
      order: this.orders++,
      announced: false,
      heartbeats: 0,
      audio: false,
      video: false,
      screen: false,
      saysSpeaking: false,
      hand: false,
      heardAt: now,
    };
    this.all.set(sessionId, member);
    return member;
  }
}
