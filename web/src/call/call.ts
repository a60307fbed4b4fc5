// One call, as the screens see it: puts the parts of the engine together.
import { Account } from "../server/account.ts";
import { Door, type Ticket } from "../server/door.ts";
import type { Http } from "../server/http.ts";
import { Meetings } from "../server/meetings.ts";
import { WorkerClock, type Cancel, type Clock } from "./clock.ts";
import type { Call, CallState, JoinOptions, Powers, Problem, ReactionKind } from "./contract.ts";
import { Desk } from "./desk.ts";
import { Entry } from "./entry.ts";
import { expose } from "./debug.ts";
import { Inbox } from "./inbox.ts";
import { Link } from "./link.ts";
import { Local } from "./local.ts";
import { Looks } from "./looks.ts";
import { Members } from "./members.ts";
import type { Outgoing } from "./outbox.ts";
import { OwnPictures } from "./own.ts";
import { Peers } from "./peers.ts";
import { Pictures } from "./pictures.ts";
import { cameraPlan } from "./plan.ts";
import { watch } from "./porch.ts";
import { encryptionNeeded, platformProblem, Refused, serverGone } from "./problem.ts";
import { Reporter } from "./reporter.ts";
import { roster } from "./roster.ts";
import { Sound } from "./sound.ts";
import { meter, Speaking } from "./speaking.ts";
import { Store } from "./store.ts";
import { Talk } from "./talk.ts";
import { observe, ways } from "./ways.ts";
import { Viewing } from "./viewing.ts";
import { utf8, writeChat, writeKeyframeRequest, writeLayerPreference, writeReaction, writeViewport } from "./wire.ts";
import type { Source } from "./work/messages.ts";

/** Makes a call that is still to be joined. It opens nothing. */
export function createCall(http: Http): Call {
  return new Engine(http);
}

let sharedClock: Clock | undefined;

class Engine implements Call {
  private readonly clock: Clock = (sharedClock ??= new WorkerClock(__SCRIPTS__.clock));
  private readonly store = new Store(this.clock);
  private readonly members = new Members();
  private readonly pictures = new Pictures(() => this.viewing.changed());
  private readonly looks = new Looks(this.clock, () => this.viewing.changed());
  private readonly viewing = new Viewing(
    this.clock,
    {
      shown: () => (this.looks.at ? this.pictures.cameras() : new Map()),
      cameras: () => this.members.list.filter((m) => m.video).map((m) => m.sessionId),
      voices: () => this.peers?.layeredVoices ?? [],
    },
    {
      viewport: (sessions) => this.send({ lane: "control", bytes: writeViewport(this.user.bytes, sessions) }),
      layers: (wishes) => {
        this.send({ lane: "control", bytes: writeLayerPreference(this.user.bytes, wishes) });
        for (const { sessionId, layer, voice } of wishes) if (!voice) this.peers?.want(String(sessionId), layer);
      },
    },
  );
  private readonly mine = new Speaking();
  private readonly own = new OwnPictures(this.clock, this.pictures, {
    packet: (packet) => this.send(packet),
    unsupported: () =>
      this.store.problem({
        code: "unsupported_browser",
        title: "Your picture cannot be sent",
        detail: "This browser encodes neither VP9 nor VP8. Others can still hear you.",
      }),
  });
  private readonly timers: Cancel[] = [];
  private readonly local = new Local(
    this.store,
    {
      picture: (source, track) => this.own.show(source, track),
      microphone: async (track) => this.hearing().listen(track),
      sending: async (on) => this.hearing().send(on),
      changed: () => this.presenceChanged(),
    },
    cameraPlan.rungs[cameraPlan.top]!.height,
  );
  private sound?: Sound;
  private peers?: Peers;
  private inbox?: Inbox;
  private link?: Link;
  private readonly door: Door;
  private entry?: Entry;
  private desk?: Desk;
  private ticket?: Ticket;
  private readonly talk = new Talk(
    this.store,
    this.clock,
    (text, ref) => this.send({ lane: "control", bytes: writeChat(this.user.bytes, text, ref) }),
    () => this.user,
  );
  private reporter?: Reporter;
  private user: { id: string; name: string; bytes: Uint8Array } = { id: "", name: "", bytes: new Uint8Array() };
  /** performance.now() of what led to the first picture. */
  private readonly marks: { click?: number; ticket?: number; up?: number } = {};
  private ended = false;

  constructor(private readonly http: Http) {
    this.door = new Door(http);
  }

  get state(): CallState {
    return this.store.state;
  }

  subscribe(fn: (state: CallState) => void): () => void {
    return this.store.subscribe(fn);
  }

  async preview(room: string): Promise<void> {
    const lacking = platformProblem();
    if (lacking) return this.store.problem(lacking);
    void new Meetings(this.http).features(room).then(
      ({ encryption }) => {
        if (encryption && this.state.phase === "idle") this.fail(encryptionNeeded());
      },
      () => {}, // joining says what is wrong
    );
    this.receiving(); // loads what the call will need while the person looks at the preview
    await this.local.preview();
    // Without a click the sound card may stay silent; the meter then begins with the first.
    void this.sound?.resume().catch(() => {});
  }

  async join(options: JoinOptions): Promise<void> {
    if (this.ended || this.link) return;
    this.marks.click = performance.now();
    this.user = { ...this.user, name: options.name };
    const lacking = platformProblem();
    if (lacking) return this.fail(lacking);
    this.store.set({ room: options.room, phase: "connecting", problem: undefined });
    const sound = this.hearing();
    void sound.resume().catch(() => {});
    const peers = this.receiving();
    const desk = new Desk(options.room, new Meetings(this.http), this.store, this.clock, () => this.publish(), () => this.endedByUs());
    this.desk = desk;
    const inbox = new Inbox(this.members, peers, this.pictures, this.store, this.clock, {
      changed: () => this.publish(),
      keyframe: (source, layer) => this.own.key(source, layer),
      wanted: (camera) => this.own.wanted(camera),
      squeezed: () => this.viewing.squeezed(),
      congestion: () => this.own.congestion(),
      ended: (problem) => this.fail(problem),
      mute: () => void this.setMic(false),
      stopVideo: () => void this.setCamera(false),
      stopScreen: () => void this.setScreen(false),
      lowerHand: () => this.raiseHand(false),
      reaction: (sessionId, name, kind) => this.talk.react(sessionId, name, kind),
      wrote: (line) => this.talk.wrote(line),
      refused: (ref, why) => this.talk.refused(ref, why),
      role: (userId, host) => desk.role(userId, host),
      renamed: (name) => {
        this.user = { ...this.user, name };
      },
      stale: (subject) => desk.stale(subject),
    });
    this.inbox = inbox;
    const entry = this.entrance(options);
    const link = new Link(
      {
        clock: this.clock,
        config: (signal) => new Account(this.http).config(signal),
        ticket: (signal) => entry.admitted(signal),
        ways: (ticket, config) =>
          ways(ticket.roomToken, this.inbox?.position ?? "", config, options.transport, this.clock, (lane, layer) => this.own.key(lane === "video" ? "camera" : "screen", layer)),
      },
      {
        ticket: (ticket) => this.admitted(ticket),
        up: (path) => this.up(path.kind, path.rttMs),
        packet: (packet) => {
          this.reporter?.count();
          inbox.take(packet);
        },
        rtt: (ms) => this.rtt(ms),
        down: (attempt) => this.down(attempt),
        failed: (problem) => this.fail(problem === "gone" ? serverGone("Check your network, then try again.") : problem),
      },
    );
    this.link = link;
    this.reporter = new Reporter(this.clock, (packet) => this.send(packet), () => ({
      state: this.state,
      sessionId: inbox.assigned ? inbox.sessionId : "",
      userId: this.user.id,
      name: this.user.name,
      members: this.members.list,
      peers,
      pictures: this.pictures,
      shown: this.pictures.cameras(),
      sound,
      camera: this.own.senders.camera,
      screen: this.own.senders.screen,
      speaking: this.mine.on,
      backlog: link.backlog,
    }));
    this.timers.push(this.clock.every(1_000, () => this.second()));
    const online = () => link.retry();
    window.addEventListener("online", online);
    this.timers.push(() => window.removeEventListener("online", online));
    expose({ call: this, link, members: this.members, peers, pictures: this.pictures, sound, inbox, senders: this.own.senders, marks: this.marks });
    void link.run();
    await Promise.all([this.local.setMic(options.micOn), this.local.setCamera(options.cameraOn)]);
  }

  givePassword(password: string): void {
    this.entry?.give(password);
  }

  async leave(): Promise<void> {
    if (this.ended) return;
    const asked = this.entry?.asked;
    this.close();
    if (asked) await this.door.leave(this.state.room, asked);
  }

  close(): void {
    if (this.ended) return;
    this.store.set({ phase: "left", entrance: undefined });
    this.end();
  }

  react(kind: ReactionKind): void {
    if (this.state.phase !== "joined") return;
    this.send({ lane: "control", bytes: writeReaction(this.user.bytes, kind, this.user.name) });
    this.talk.react("self", this.user.name, kind);
  }

  say(text: string): boolean {
    if (this.ended) return false;
    this.talk.say(text);
    return true;
  }

  sayAgain(id: string): void {
    this.talk.again(id);
  }

  takeBack(id: string): void {
    this.talk.takeBack(id);
  }

  raiseHand(up: boolean): void {
    if (this.ended) return;
    this.store.set({ handUp: up });
    this.presenceChanged();
  }

  get powers(): Powers {
    if (!this.desk) throw new Error("there is no meeting yet");
    return this.desk;
  }

  async setMic(on: boolean): Promise<void> {
    if (!this.ended) await this.local.setMic(on);
  }

  async setCamera(on: boolean): Promise<void> {
    if (!this.ended) await this.local.setCamera(on);
  }

  async setScreen(on: boolean): Promise<void> {
    if (!this.ended) await this.local.setScreen(on);
  }

  async selectCamera(id: string): Promise<void> {
    if (!this.ended) await this.local.selectCamera(id);
  }

  async selectMicrophone(id: string): Promise<void> {
    if (!this.ended) await this.local.selectMicrophone(id);
  }

  async selectSpeaker(id: string): Promise<void> {
    if (this.ended) return;
    try {
      await this.hearing().output(id);
      this.store.set({ speakerId: id });
    } catch {
      this.store.notify("warning", "This speaker cannot be used.");
    }
  }

  dismissProblem(): void {
    this.store.problem(undefined);
  }

  dismissNotice(id: number): void {
    this.store.dismiss(id);
  }

  attach(sessionId: string, source: Source, canvas: HTMLCanvasElement): () => void {
    const own = sessionId === "self" || (sessionId !== "" && sessionId === this.inbox?.sessionId);
    return this.pictures.attach(`${own ? "self" : sessionId}/${source}`, canvas);
  }

  // --- what the link tells ---------------------------------------------------------------

  private admitted(ticket: Ticket): void {
    this.marks.ticket ??= performance.now();
    this.user = { id: ticket.userId, name: ticket.name, bytes: utf8(ticket.userId) };
    this.inbox?.expect(ticket.userId);
    this.hearing().identify(this.user.bytes);
    this.own.identify(this.user.bytes);
    this.ticket = ticket;
  }

  private up(transport: CallState["transport"], rttMs?: number): void {
    this.marks.up ??= performance.now();
    this.store.solved("server_gone");
    this.store.set({ phase: "joined", transport, rttMs: rttMs === undefined ? undefined : Math.max(1, Math.round(rttMs)) });
    this.inbox?.arrived();
    this.reporter?.hello();
    this.talk.arrived();
    this.own.wanted();
    this.viewing.arrived();
    this.own.key(); // for whoever lost us
    if (this.ticket) this.desk?.arrived(this.ticket);
    this.publish();
  }

  private down(attempt: number): void {
    this.reporter?.dropped();
    this.viewing.left();
    if (this.state.phase === "joined") this.store.set({ phase: "reconnecting", transport: undefined, rttMs: undefined });
    if (this.state.phase === "reconnecting" && attempt >= 3) this.store.problem(serverGone());
    this.publish();
  }

  private rtt(ms: number): void {
    const before = this.state.rttMs;
    // Smooth, but believe a change at once when it is large.
    const next = before === undefined || Math.abs(ms - before) > before ? ms : before + (ms - before) * 0.3;
    this.store.set({ rttMs: Math.max(1, Math.round(next)) });
  }

  private fail(problem: Problem): void {
    if (this.ended) return;
    this.store.set({ phase: problem.code === "meeting_ended" ? "left" : "failed", problem, entrance: undefined });
    this.end();
  }

  private endedByUs(): void {
    this.fail({ code: "meeting_ended", title: "You ended the meeting", detail: "It is over for everybody." });
  }

  /** Asks to be let in, as often as it takes. */
  private entrance({ room }: JoinOptions): Entry {
    const { door } = this;
    return (this.entry = new Entry(
      {
        clock: this.clock,
        join: async (password, signal) => {
          const ticket = await door.join(room, this.user.name, password, signal);
          if (!ticket.features.encryption) return ticket;
          void door.leave(room, ticket);
          throw new Refused(encryptionNeeded());
        },
        status: (ticket, signal) => door.status(room, ticket, signal),
        begun: (ticket, signal) => door.begun(room, ticket, signal),
        watch: (ticket, news) => (ticket.observerToken ? watch(observe(ticket.observerToken, this.clock), ticket.userId, this.clock, news) : () => {}),
      },
      (entrance) => this.store.set({ entrance }),
    ));
  }

  private end(): void {
    this.ended = true;
    for (const cancel of this.timers) cancel();
    this.local.close();
    this.reporter?.close();
    this.viewing.close();
    this.looks.close();
    this.link?.stop();
    this.own.close();
    this.desk?.close();
    this.peers?.close();
    this.sound?.close();
    this.store.set({ participants: [], transport: undefined, rttMs: undefined });
  }

  // --- what leaves ------------------------------------------------------------------------

  private send(packet: Outgoing): void {
    if (this.state.phase !== "joined") return;
    this.reporter?.sent();
    this.link?.send(packet);
  }

  private presenceChanged(): void {
    this.reporter?.changed();
    this.publish();
  }

  // --- what is heard and seen ---------------------------------------------------------------

  private hearing(): Sound {
    if (this.sound) return this.sound;
    this.sound = new Sound(__SCRIPTS__, {
      packet: (bytes) => this.send({ bytes, lane: "audio" }),
      level: (rms) => this.ownLevel(rms),
      heard: (stats) => this.peers?.heard(stats, this.clock.now()),
      unsupported: (reason) =>
        !this.ended && // else it is why the sound was loading no further
        this.store.problem({
          code: "unsupported_browser",
          title: "Sound does not work in this browser",
          detail: `Use a current Chrome, Edge, Safari or Firefox. (${reason})`,
        }),
    });
    // A page that was opened without a click is mute until the first one.
    const sound = this.sound;
    const wake = () => void sound.resume().catch(() => {});
    for (const event of ["pointerdown", "keydown"]) window.addEventListener(event, wake);
    this.timers.push(() => {
      for (const event of ["pointerdown", "keydown"]) window.removeEventListener(event, wake);
    });
    return sound;
  }

  private receiving(): Peers {
    return (this.peers ??= new Peers(__SCRIPTS__.see, this.members, this.pictures, this.hearing(), {
      needKey: (member, source, layer) =>
        this.send({
          lane: "control",
          bytes: writeKeyframeRequest(this.user.bytes, { userId: member.userIdBytes, sessionId: BigInt(member.sessionId) }, source, layer),
        }),
      speaking: () => this.publish(),
    }));
  }

  private ownLevel(rms: number): void {
    const on = this.state.micOn;
    const level = on ? Math.round(meter(rms) * 50) / 50 : 0;
    this.store.set({ micLevel: level });
    if (this.mine.feed(on ? rms : 0, this.clock.now())) this.presenceChanged();
  }

  private second(): void {
    const { ageMs } = this.link?.backlog ?? { ageMs: 0 };
    this.own.adapt(ageMs);
    this.inbox?.sweep();
    this.publish();
  }

  /** Tells the screens who takes part, when that changed. */
  private publish(): void {
    if (this.ended || !this.link || !this.user.id) return;
    const { state } = this;
    const next = roster(this.user, {
      state,
      sessionId: this.inbox?.sessionId || "self",
      members: this.members.list,
      peers: this.peers,
      desk: this.desk,
      speaking: this.mine.on,
      backlogMs: this.link.backlog.ageMs,
      now: this.clock.now(),
    });
    if (JSON.stringify(next) !== JSON.stringify(state.participants)) this.store.set({ participants: next });
    this.viewing.changed();
  }
}

