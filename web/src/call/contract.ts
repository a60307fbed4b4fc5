// What the screens know of a call. The engine (this folder) implements it, the screens
// (../ui) use nothing else of the engine.

import type { Change, MeetingOptions } from "../server/meetings.ts";

export type TransportKind = "webtransport" | "websocket";

/** Where a call stands. "reconnecting" keeps tiles on screen; "failed" and "left" are final. */
export type Phase = "idle" | "connecting" | "joined" | "reconnecting" | "left" | "failed";

/** Something a person should know, in plain words, with what they can do about it. */
export interface Problem {
  code:
    | "no_camera"
    | "no_microphone"
    | "permission_denied"
    | "device_busy"
    | "server_gone"
    | "refused"
    | "unsupported_browser"
    | "insecure_page"
    | "screen_denied"
    | "meeting_ended"
    | "removed"
    | "rejected"
    | "encryption"
    | "banned"
    | "locked"
    | "full"
    | "not_invited"
    | "guests"
    | "sign_in"
    | "signed_out";
  title: string;
  detail: string;
}

/** What stands between somebody who asked to join and the call. */
export type Entrance =
  | { at: "password"; why: "required" | "wrong" | "too_many" }
  | { at: "waiting"; host?: string } // until somebody lets them in
  | { at: "closed"; host?: string }; // until the meeting begins

/** Quality of what arrives from a participant: 0 nothing arrives, 4 excellent. */
export type Quality = 0 | 1 | 2 | 3 | 4;

export interface Participant {
  sessionId: string; // decimal; changes when the participant reconnects
  userId: string;
  name: string;
  self: boolean;
  audio: boolean; // microphone on
  video: boolean; // camera on
  screen: boolean; // shares a screen
  speaking: boolean;
  quality: Quality;
  transport?: TransportKind;
  host: boolean;
  guest: boolean;
  hand: boolean; // raised
}

/** Somebody in the waiting room. */
export interface Waiting {
  userId: string;
  name: string;
  guest: boolean;
  since: number; // Unix ms
}

/** The meeting around the call, and what one may do in it. */
export interface MeetingView {
  host: boolean; // we are
  owner: boolean; // we are: a host for good, who may also delete it
  ownerId?: string;
  guest: boolean; // we are
  mayAdmit: boolean;
  options?: MeetingOptions; // absent for guests, and until known
  hasPassword: boolean;
  waiting: readonly Waiting[]; // for those who may admit
}

/** What people may do in this meeting beside talking; operators switch it off. */
export interface Offers {
  chat: boolean;
  reactions: boolean;
  screen: boolean; // sharing it
}

export interface ChatLine {
  id: string;
  userId: string;
  name: string;
  self: boolean;
  at: number; // Unix ms
  text: string;
  /** Only of our own lines: on its way, or why nobody reads it. */
  pending?: true;
  failed?: string;
}

export const reactionKinds = ["thumbs_up", "thumbs_down", "laugh", "applause", "heart", "thinking", "party"] as const;
export type ReactionKind = (typeof reactionKinds)[number];

/** Somebody's reaction; it goes away by itself. */
export interface Reaction {
  id: number;
  sessionId: string; // "self" for one's own
  name: string;
  kind: ReactionKind;
}

export type NoticeKind = "joined" | "left" | "info" | "warning" | "waiting" | "hand";

/** A short message that goes away by itself. */
export interface Notice {
  id: number;
  kind: NoticeKind;
  text: string;
}

export interface Device {
  id: string;
  label: string;
}

export interface CallState {
  phase: Phase;
  room: string;
  entrance?: Entrance; // while connecting or reconnecting
  meeting: MeetingView;
  offers: Offers;
  chat: readonly ChatLine[]; // oldest first
  reactions: readonly Reaction[];
  problem?: Problem; // shown until dismissed or solved
  transport?: TransportKind;
  rttMs?: number;
  startedAt?: number; // Unix ms, of the meeting
  participants: readonly Participant[]; // self first, then by time of joining
  notices: readonly Notice[];
  micOn: boolean;
  cameraOn: boolean;
  screenOn: boolean;
  handUp: boolean; // our own
  cameras: readonly Device[];
  microphones: readonly Device[];
  speakers: readonly Device[];
  cameraId?: string;
  microphoneId?: string;
  speakerId?: string;
  micLevel: number; // 0..1, for a meter
}

export interface JoinOptions {
  room: string;
  name: string;
  /** "auto" probes both transports and takes the better one. */
  transport: "auto" | TransportKind;
  micOn: boolean;
  cameraOn: boolean;
}

/** One call from the preview to leaving. All methods may be called in every phase. */
export interface Call {
  /** An immutable snapshot; a change replaces it. */
  readonly state: CallState;
  /** Calls fn after every change until the returned function is called. */
  subscribe(fn: (state: CallState) => void): () => void;

  /** Opens camera and microphone for the preview; problems appear in the state. */
  preview(room: string): Promise<void>;
  join(options: JoinOptions): Promise<void>;
  /** Answers an entrance that asks for a password. */
  givePassword(password: string): void;
  /** Gives the place in the meeting up. */
  leave(): Promise<void>;
  /** Ends the call without leaving the meeting: the page goes away, perhaps to be reloaded. */
  close(): void;

  setMic(on: boolean): Promise<void>;
  setCamera(on: boolean): Promise<void>;
  setScreen(on: boolean): Promise<void>;
  selectCamera(id: string): Promise<void>;
  selectMicrophone(id: string): Promise<void>;
  selectSpeaker(id: string): Promise<void>;

  /** Writes to everybody. False when it could not be sent. */
  say(text: string): boolean;
  /** Says a line again that failed, or takes it back. */
  sayAgain(id: string): void;
  takeBack(id: string): void;
  react(kind: ReactionKind): void;
  raiseHand(up: boolean): void;
  readonly powers: Powers;

  dismissProblem(): void;
  dismissNotice(id: number): void;

  /**
   * Draws a participant's picture into canvas until the returned function is called. The
   * canvas takes the size of the decoded frames. Own camera: sessionId "self".
   */
  attach(sessionId: string, source: "camera" | "screen", canvas: HTMLCanvasElement): () => void;
}

/**
 * What hosts, and partly others, may do. Each resolves when the server has decided, to whether
 * it was done; why not is said in a notice.
 */
export interface Powers {
  admit(userId: string): Promise<boolean>;
  admitAll(): Promise<boolean>;
  reject(userId: string): Promise<boolean>;
  mute(userId: string): Promise<boolean>;
  muteAll(): Promise<boolean>;
  stopCamera(userId: string): Promise<boolean>;
  stopCameras(): Promise<boolean>;
  stopScreen(userId: string): Promise<boolean>;
  lowerHand(userId: string): Promise<boolean>;
  /** With ban they cannot ask to come in again. */
  remove(userId: string, ban: boolean): Promise<boolean>;
  makeHost(userId: string): Promise<boolean>;
  /** Makes somebody host and gives the role up. */
  handOver(userId: string): Promise<boolean>;
  takeHost(userId: string): Promise<boolean>;
  change(change: Change): Promise<boolean>;
  endForAll(): Promise<boolean>;
  /** Renames oneself. */
  rename(name: string): Promise<boolean>;
}
