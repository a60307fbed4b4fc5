// One call, as the screens see it: puts the parts of the engine together.
import { Api, type Ticket } from "./api.ts";
import { WorkerClock, type Cancel, type Clock } from "./clock.ts";
import type { Call, CallState, JoinOptions, Participant, Problem } from "./contract.ts";
import { expose } from "./debug.ts";
import { Inbox } from "./inbox.ts";
import { cameraRungs, screenRungs } from "./ladder.ts";
import { Link } from "./link.ts";
import { Local } from "./local.ts";
import { Members } from "./members.ts";
import type { Lane, Outgoing } from "./outbox.ts";
import { Peers } from "./peers.ts";
import { Pictures } from "./pictures.ts";
import { cameraPlan, screenPlan } from "./plan.ts";
import { platformProblem, serverGone } from "./problem.ts";
import { ownQuality } from "./quality.ts";
import { Reporter } from "./reporter.ts";
import { watchTrack } from "./selfview.ts";
import { VideoSender } from "./sender.ts";
import { Sound } from "./sound.ts";
import { meter, Speaking } from "./speaking.ts";
import { Store } from "./store.ts";
import { ways } from "./ways.ts";
import { utf8, writeKeyframeRequest } from "./wire.ts";
import type { Source } from "./work/messages.ts";

/** Makes a call that is still to be joined. It opens nothing. */
export function createCall(): Call {
  return new Engine();
}

let sharedClock: Clock | undefined;

class Engine implements Call {
  private readonly clock: Clock = (sharedClock ??= new WorkerClock(__SCRIPTS__.clock));
  private readonly store = new Store(this.clock);
  private readonly api = new Api();
  private readonly members = new Members();
  private readonly pictures = new Pictures();
  private readonly mine = new Speaking();
  private readonly senders: Partial<Record<Source, VideoSender>> = {};
  private readonly tracks: Partial<Record<Source, MediaStreamTrack>> = {};
  private readonly selfViews: Partial<Record<Source, () => void>> = {};
  private readonly timers: Cancel[] = [];
  private readonly local = new Local(
    this.store,
    {
      picture: (source, track) => this.ownPicture(source, track),
      microphone: async (track) => this.hearing().listen(track),
      sending: async (on) => this.hearing().send(on),
      changed: () => this.presenceChanged(),
    },
    cameraRungs[cameraPlan.top]!.height,
  );
  private sound?: Sound;
  private peers?: Peers;
  private inbox?: Inbox;
  private link?: Link;
  private reporter?: Reporter;
  private user: { id: string; name: string; bytes: Uint8Array } = { id: "", name: "", bytes: new Uint8Array() };
  /** performance.now() of what led to the first picture. */
  private readonly marks: { click?: number; ticket?: number; up?: number } = {};
  private ended = false;

  get state(): CallState {
    return this.store.state;
  }

  subscribe(fn: (state: CallState) => void): () => void {
    return this.store.subscribe(fn);
  }

  async preview(): Promise<void> {
    const lacking = platformProblem();
    if (lacking) return this.store.problem(lacking);
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
    const inbox = new Inbox(this.members, peers, this.pictures, this.store, this.clock, {
      changed: () => this.publish(),
      keyframe: (source) => this.senders[source]?.key(),
      congestion: () => this.senders.camera?.congestion(),
      ended: (problem) => this.fail(problem),
      mute: () => void this.setMic(false),
      stopVideo: () => void this.setCamera(false),
    });
    this.inbox = inbox;
    const link = new Link(
      {
        clock: this.clock,
        config: (signal) => this.api.config(signal),
        ticket: (signal) => this.api.join(options.room, options.name, signal),
        ways: (ticket, config) =>
          ways(ticket, config, options.transport, this.clock, (lane) => this.senders[lane === "video" ? "camera" : "screen"]?.key()),
      },
      {
        ticket: (ticket) => this.admitted(ticket),
        waiting: () => this.store.notify("info", "Waiting for the host to let you in."),
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
      sound,
      camera: this.senders.camera,
      screen: this.senders.screen,
      speaking: this.mine.on,
      backlog: link.backlog,
    }));
    this.timers.push(this.clock.every(1_000, () => this.second()));
    const online = () => link.retry();
    window.addEventListener("online", online);
    this.timers.push(() => window.removeEventListener("online", online));
    expose({ call: this, link, members: this.members, peers, pictures: this.pictures, sound, inbox, senders: this.senders, marks: this.marks });
    void link.run();
    await Promise.all([this.local.setMic(options.micOn), this.local.setCamera(options.cameraOn)]);
  }

  async leave(): Promise<void> {
    if (this.ended) return;
    this.store.set({ phase: "left" });
    this.end();
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
    for (const source of ["camera", "screen"] as const) this.encode(source);
  }

  private up(transport: CallState["transport"], rttMs?: number): void {
    this.marks.up ??= performance.now();
    this.store.solved("server_gone");
    this.store.set({ phase: "joined", transport, rttMs: rttMs === undefined ? undefined : Math.max(1, Math.round(rttMs)) });
    this.inbox?.arrived();
    this.reporter?.hello();
    // Whoever lost us needs a fresh start of our pictures.
    for (const sender of Object.values(this.senders)) sender.key();
    this.publish();
  }

  private down(attempt: number): void {
    this.reporter?.dropped();
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
    this.store.set({ phase: problem.code === "meeting_ended" ? "left" : "failed", problem });
    this.end();
  }

  private end(): void {
    this.ended = true;
    for (const cancel of this.timers) cancel();
    this.local.close();
    this.reporter?.close();
    this.link?.stop();
    for (const sender of Object.values(this.senders)) sender.close();
    for (const stop of Object.values(this.selfViews)) stop();
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

  private ownPicture(source: Source, track: MediaStreamTrack | undefined): void {
    this.selfViews[source]?.();
    delete this.selfViews[source];
    this.tracks[source] = track;
    if (track) {
      this.selfViews[source] = watchTrack(track, (video) =>
        this.pictures.paint(`self/${source}`, video, video.videoWidth, video.videoHeight),
      );
    } else {
      this.pictures.close(`self/${source}`);
      this.senders[source]?.pause();
    }
    this.encode(source);
  }

  /** Feeds what is captured to an encoder, once it is known who sends it. */
  private encode(source: Source): void {
    const track = this.tracks[source];
    if (!track || this.ended) return;
    const sender = this.sender(source);
    if (!this.user.id || sender.track === track) return;
    sender.identify(this.user.bytes);
    sender.feed(track);
  }

  private sender(source: Source): VideoSender {
    let sender = this.senders[source];
    if (!sender) {
      const lane: Lane = source === "camera" ? "video" : "screen";
      const plan = source === "camera" ? { rungs: cameraRungs, ...cameraPlan } : { rungs: screenRungs, ...screenPlan };
      sender = new VideoSender(__SCRIPTS__.encode, source, plan, this.clock, {
        packet: (bytes, key) => this.send({ bytes, lane, key }),
        unsupported: () =>
          this.store.problem({
            code: "unsupported_browser",
            title: "Your picture cannot be sent",
            detail: "This browser encodes neither VP9 nor VP8. Others can still hear you.",
          }),
      });
      this.senders[source] = sender;
    }
    return sender;
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
      needKey: (member, source) =>
        this.send({
          lane: "control",
          bytes: writeKeyframeRequest(this.user.bytes, { userId: member.userIdBytes, sessionId: BigInt(member.sessionId) }, source),
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
    for (const sender of Object.values(this.senders)) sender.adapt(ageMs);
    this.inbox?.sweep();
    this.publish();
  }

  /** Tells the screens who takes part, when that changed. */
  private publish(): void {
    if (this.ended || !this.link || !this.user.id) return;
    const { state } = this;
    const now = this.clock.now();
    const self: Participant = {
      sessionId: this.inbox?.sessionId || "self",
      userId: this.user.id,
      name: this.user.name,
      self: true,
      audio: state.micOn,
      video: state.cameraOn,
      screen: state.screenOn,
      speaking: state.micOn && this.mine.on,
      quality: ownQuality(state.phase === "joined", state.rttMs, this.link.backlog.ageMs),
      ...(state.transport && { transport: state.transport }),
    };
    const others = this.members.list.map(
      (m): Participant => ({
        sessionId: m.sessionId,
        userId: m.userId,
        name: m.name,
        self: false,
        audio: m.audio,
        video: m.video,
        screen: m.screen,
        speaking: this.peers?.isSpeaking(m) ?? false,
        quality: this.peers?.quality(m, now) ?? 4,
        ...(m.transport && { transport: m.transport }),
      }),
    );
    const next = [self, ...others];
    if (JSON.stringify(next) !== JSON.stringify(state.participants)) this.store.set({ participants: next });
  }
}

