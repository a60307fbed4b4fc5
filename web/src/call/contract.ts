// What the screens know of a call. The engine (this folder) implements it, the screens
// (../ui) use nothing else of the engine.

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
    | "meeting_ended";
  title: string;
  detail: string;
}

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
}

export type NoticeKind = "joined" | "left" | "info" | "warning";

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
  problem?: Problem; // shown until dismissed or solved
  transport?: TransportKind;
  rttMs?: number;
  startedAt?: number; // Unix ms, of the meeting
  participants: readonly Participant[]; // self first, then by time of joining
  notices: readonly Notice[];
  micOn: boolean;
  cameraOn: boolean;
  screenOn: boolean;
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
  preview(): Promise<void>;
  join(options: JoinOptions): Promise<void>;
  leave(): Promise<void>;

  setMic(on: boolean): Promise<void>;
  setCamera(on: boolean): Promise<void>;
  setScreen(on: boolean): Promise<void>;
  selectCamera(id: string): Promise<void>;
  selectMicrophone(id: string): Promise<void>;
  selectSpeaker(id: string): Promise<void>;
  dismissProblem(): void;
  dismissNotice(id: number): void;

  /**
   * Draws a participant's picture into canvas until the returned function is called. The
   * canvas takes the size of the decoded frames. Own camera: sessionId "self".
   */
  attach(sessionId: string, source: "camera" | "screen", canvas: HTMLCanvasElement): () => void;
}
