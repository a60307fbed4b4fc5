// One call, as the screens see it: from the preview to its end.
import type { Door } from "../server/door.ts";
import type { Http } from "../server/http.ts";
import { Meetings } from "../server/meetings.ts";
import { Attendance } from "./attendance.ts";
import { WorkerClock, type Clock } from "./clock.ts";
import type { Call, CallState, JoinOptions, Phase, Powers, Problem, ReactionKind } from "./contract.ts";
import { Media } from "./media.ts";
import type { Outgoing } from "./outbox.ts";
import { encryptionNeeded, platformProblem } from "./problem.ts";
import type { Me } from "./roster.ts";
import { Store } from "./store.ts";
import { Talk } from "./talk.ts";
import { writeChat, writeReaction } from "./wire.ts";
import type { Source } from "./work/messages.ts";

/**
 * Makes a call that is still to be joined. It opens nothing. The calls of a page go through one
 * door, which knows who is just leaving.
 */
export function createCall(server: { http: Http; door: Door }): Call {
  return new Engine(server.http, server.door);
}

let sharedClock: Clock | undefined;

class Engine implements Call {
  private readonly clock: Clock = (sharedClock ??= new WorkerClock(__SCRIPTS__.clock));
  private readonly store = new Store(this.clock);
  private readonly me: Me = { id: "", name: "", bytes: new Uint8Array() };
  private readonly media = new Media(this.store, this.clock, this.me, {
    send: (packet) => this.send(packet),
    presence: () => this.attendance?.presence(),
    speaking: () => this.attendance?.publish(),
  });
  private readonly talk = new Talk(
    this.store,
    this.clock,
    (text, ref) => this.send({ lane: "control", bytes: writeChat(this.me.bytes, text, ref) }),
    () => this.me,
  );
  /** Once somebody has asked to come in. */
  private attendance?: Attendance;
  private ended = false;

  constructor(
    private readonly http: Http,
    private readonly door: Door,
  ) {}

  get state(): CallState {
    return this.store.state;
  }

  subscribe(fn: (state: CallState) => void): () => void {
    return this.store.subscribe(fn);
  }

  async preview(room: string): Promise<void> {
    if (this.ended) return;
    const lacking = platformProblem();
    if (lacking) return this.store.problem(lacking);
    void new Meetings(this.http).features(room).then(
      ({ encryption }) => {
        if (encryption && this.state.phase === "idle") this.fail(encryptionNeeded());
      },
      () => {}, // joining says what is wrong
    );
    this.media.receiving(); // loads what the call will need while the person looks at the preview
    await this.media.local.preview();
    // Without a click the sound card may stay silent; the meter then begins with the first.
    if (!this.ended) void this.media.hearing().resume().catch(() => {});
  }

  async join(options: JoinOptions): Promise<void> {
    if (this.ended || this.attendance) return;
    this.me.name = options.name;
    const lacking = platformProblem();
    if (lacking) return this.fail(lacking);
    this.store.set({ room: options.room, phase: "connecting", problem: undefined });
    const { http, door, clock, store, media, talk, me } = this;
    this.attendance = new Attendance({ call: this, http, door, clock, store, media, talk, me }, options, (problem) => this.fail(problem));
    this.attendance.begin();
    await Promise.all([this.setMic(options.micOn), this.setCamera(options.cameraOn)]);
  }

  givePassword(password: string): void {
    this.attendance?.entry.give(password);
  }

  async leave(): Promise<void> {
    if (this.ended) return;
    const place = this.attendance?.entry.asked;
    this.close();
    if (place) await this.door.leave(this.state.room, place);
  }

  close(): void {
    this.end("left");
  }

  react(kind: ReactionKind): void {
    if (this.state.phase !== "joined") return;
    this.send({ lane: "control", bytes: writeReaction(this.me.bytes, kind, this.me.name) });
    this.talk.react("self", this.me.name, kind);
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
    this.attendance?.presence();
  }

  get powers(): Powers {
    if (!this.attendance) throw new Error("there is no meeting yet");
    return this.attendance.desk;
  }

  async setMic(on: boolean): Promise<void> {
    if (!this.ended) await this.media.local.setMic(on);
  }

  async setCamera(on: boolean): Promise<void> {
    if (!this.ended) await this.media.local.setCamera(on);
  }

  async setScreen(on: boolean): Promise<void> {
    if (!this.ended) await this.media.local.setScreen(on);
  }

  async selectCamera(id: string): Promise<void> {
    if (!this.ended) await this.media.local.selectCamera(id);
  }

  async selectMicrophone(id: string): Promise<void> {
    if (!this.ended) await this.media.local.selectMicrophone(id);
  }

  async selectSpeaker(id: string): Promise<void> {
    if (!this.ended) await this.media.speaker(id);
  }

  dismissProblem(): void {
    this.store.problem(undefined);
  }

  dismissNotice(id: number): void {
    this.store.dismiss(id);
  }

  attach(sessionId: string, source: Source, canvas: HTMLCanvasElement): () => void {
    const own = sessionId === "self" || (sessionId !== "" && sessionId === this.attendance?.inbox.sessionId);
    return this.media.pictures.attach(`${own ? "self" : sessionId}/${source}`, canvas);
  }

  private send(packet: Outgoing): void {
    this.attendance?.send(packet);
  }

  private fail(problem: Problem): void {
    this.end(problem.code === "meeting_ended" ? "left" : "failed", problem);
  }

  /** Ends the call for this reason, or for none; the first one stands. */
  private end(phase: Phase, problem?: Problem): void {
    if (this.ended) return;
    this.ended = true;
    this.store.set({ phase, problem, entrance: undefined });
    this.media.close();
    this.attendance?.close();
    this.store.close({ participants: [], transport: undefined, rttMs: undefined });
  }
}
