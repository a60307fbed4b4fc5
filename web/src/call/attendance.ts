// One join: everything between the click that asks to come in and the end of the call.
import { Account } from "../server/account.ts";
import type { Door, Ticket } from "../server/door.ts";
import type { Http } from "../server/http.ts";
import { Meetings } from "../server/meetings.ts";
import type { Cancel, Clock } from "./clock.ts";
import type { Call, CallState, JoinOptions, Problem } from "./contract.ts";
import { expose } from "./debug.ts";
import { Desk } from "./desk.ts";
import { Entry } from "./entry.ts";
import { Inbox } from "./inbox.ts";
import { Link } from "./link.ts";
import type { Media } from "./media.ts";
import type { Outgoing } from "./outbox.ts";
import { watch } from "./porch.ts";
import { encryptionNeeded, Refused, serverGone } from "./problem.ts";
import { Reporter } from "./reporter.ts";
import { roster, type Me } from "./roster.ts";
import type { Store } from "./store.ts";
import type { Talk } from "./talk.ts";
import { observe, ways } from "./ways.ts";
import { utf8 } from "./wire.ts";

/** What there is before anybody joins. */
export interface AttendanceParts {
  call: Call;
  http: Http;
  door: Door;
  clock: Clock;
  store: Store;
  media: Media;
  talk: Talk;
  me: Me;
}

export class Attendance {
  readonly desk: Desk;
  readonly entry: Entry;
  readonly inbox: Inbox;
  readonly link: Link;
  private readonly reporter: Reporter;
  private readonly timers: Cancel[] = [];
  private ticket?: Ticket;
  /** performance.now() of what led to the first picture. */
  private readonly marks: { click?: number; ticket?: number; up?: number } = { click: performance.now() };

  /** over is called when it is at an end, unless close ended it. */
  constructor(
    private readonly parts: AttendanceParts,
    options: JoinOptions,
    over: (problem: Problem) => void,
  ) {
    const { call, http, clock, store, media, talk, me } = parts;
    const { own, members, pictures } = media;
    const sound = media.hearing();
    void sound.resume().catch(() => {});
    const peers = media.receiving();
    this.desk = new Desk(options.room, new Meetings(http), store, clock, () => this.publish(), () =>
      over({ code: "meeting_ended", title: "You ended the meeting", detail: "It is over for everybody." }),
    );
    this.inbox = new Inbox(members, peers, pictures, store, clock, {
      changed: () => this.publish(),
      keyframe: (source, layer) => own.key(source, layer),
      wanted: (camera) => own.wanted(camera),
      squeezed: () => media.viewing.squeezed(),
      congestion: () => own.congestion(),
      ended: over,
      mute: () => void call.setMic(false),
      stopVideo: () => void call.setCamera(false),
      stopScreen: () => void call.setScreen(false),
      lowerHand: () => call.raiseHand(false),
      reaction: (sessionId, name, kind) => talk.react(sessionId, name, kind),
      wrote: (line) => talk.wrote(line),
      refused: (ref, why) => talk.refused(ref, why),
      role: (userId, host) => this.desk.role(userId, host),
      renamed: (name) => {
        me.name = name;
      },
      stale: (subject) => this.desk.stale(subject),
    });
    this.entry = this.entrance(options.room);
    this.link = new Link(
      {
        clock,
        config: (signal) => new Account(http).config(signal),
        ticket: (signal) => this.entry.admitted(signal),
        ways: (ticket, config) =>
          ways(ticket.roomToken, this.inbox.position, config, options.transport, clock, (lane, layer) => own.key(lane === "video" ? "camera" : "screen", layer)),
      },
      {
        ticket: (ticket) => this.admitted(ticket),
        up: (path) => this.up(path.kind, path.rttMs),
        packet: (packet) => {
          this.reporter.count();
          this.inbox.take(packet);
        },
        rtt: (ms) => this.rtt(ms),
        down: (attempt) => this.down(attempt),
        failed: (problem) => over(problem === "gone" ? serverGone("Check your network, then try again.") : problem),
      },
    );
    this.reporter = new Reporter(clock, (packet) => this.send(packet), () => ({
      state: store.state,
      sessionId: this.inbox.assigned ? this.inbox.sessionId : "",
      userId: me.id,
      name: me.name,
      members: members.list,
      peers,
      pictures,
      shown: pictures.cameras(),
      sound,
      camera: own.senders.camera,
      screen: own.senders.screen,
      speaking: media.mine.on,
      backlog: this.link.backlog,
    }));
    expose({ call, link: this.link, members, peers, pictures, sound, inbox: this.inbox, senders: own.senders, marks: this.marks });
  }

  /** Begins to ask to be let in, and goes on by itself. */
  begin(): void {
    this.timers.push(this.parts.clock.every(1_000, () => this.second()));
    const online = () => this.link.retry();
    window.addEventListener("online", online);
    this.timers.push(() => window.removeEventListener("online", online));
    void this.link.run();
  }

  close(): void {
    for (const cancel of this.timers) cancel();
    this.reporter.close();
    this.link.stop();
    this.desk.close();
    this.inbox.close();
  }

  /** Sends when there is a connection; otherwise the packet is forgotten. */
  send(packet: Outgoing): void {
    if (this.parts.store.state.phase !== "joined") return;
    this.reporter.sent();
    this.link.send(packet);
  }

  /** Tells everybody how we are, when that changed. */
  presence(): void {
    this.reporter.changed();
    this.publish();
  }

  /** Tells the screens who takes part, when that changed. */
  publish(): void {
    const { store, media, me, clock } = this.parts;
    if (!me.id) return;
    const { state } = store;
    const next = roster(me, {
      state,
      sessionId: this.inbox.sessionId || "self",
      members: media.members.list,
      peers: media.receiving(),
      desk: this.desk,
      speaking: media.mine.on,
      backlogMs: this.link.backlog.ageMs,
      now: clock.now(),
    });
    if (JSON.stringify(next) !== JSON.stringify(state.participants)) store.set({ participants: next });
    media.viewing.changed();
  }

  private second(): void {
    this.parts.media.own.adapt(this.link.backlog.ageMs);
    this.inbox.sweep();
    this.publish();
  }

  // --- what the link tells ---------------------------------------------------------------

  private admitted(ticket: Ticket): void {
    const { me, media } = this.parts;
    this.marks.ticket ??= performance.now();
    Object.assign(me, { id: ticket.userId, name: ticket.name, bytes: utf8(ticket.userId) });
    this.inbox.expect(ticket.userId);
    media.identify(me.bytes);
    this.ticket = ticket;
  }

  private up(transport: CallState["transport"], rttMs?: number): void {
    const { store, media, talk } = this.parts;
    this.marks.up ??= performance.now();
    store.solved("server_gone");
    store.set({ phase: "joined", transport, rttMs: rttMs === undefined ? undefined : Math.max(1, Math.round(rttMs)) });
    this.inbox.arrived();
    this.reporter.hello();
    talk.arrived();
    media.own.wanted();
    media.viewing.arrived();
    media.own.key(); // for whoever lost us
    if (this.ticket) this.desk.arrived(this.ticket);
    this.publish();
  }

  private down(attempt: number): void {
    const { store, media } = this.parts;
    this.reporter.dropped();
    media.viewing.left();
    if (store.state.phase === "joined") store.set({ phase: "reconnecting", transport: undefined, rttMs: undefined });
    if (store.state.phase === "reconnecting" && attempt >= 3) store.problem(serverGone());
    this.publish();
  }

  private rtt(ms: number): void {
    const { store } = this.parts;
    const before = store.state.rttMs;
    // Smooth, but believe a change at once when it is large.
    const next = before === undefined || Math.abs(ms - before) > before ? ms : before + (ms - before) * 0.3;
    store.set({ rttMs: Math.max(1, Math.round(next)) });
  }

  /** Asks to be let in, as often as it takes. */
  private entrance(room: string): Entry {
    const { door, clock, store, me } = this.parts;
    return new Entry(
      {
        clock,
        join: async (password) => {
          const ticket = await door.join(room, me.name, password);
          if (!ticket.features.encryption) return ticket;
          void door.leave(room, ticket);
          throw new Refused(encryptionNeeded());
        },
        status: (ticket, signal) => door.status(room, ticket, signal),
        begun: (ticket, signal) => door.begun(room, ticket, signal),
        watch: (ticket, news) => (ticket.observerToken ? watch(observe(ticket.observerToken, clock), ticket.userId, clock, news) : () => {}),
      },
      (entrance) => store.set({ entrance }),
    );
  }
}
