// What the server measured of calls.
import type { Http } from "./http.ts";

export type Cause = "uplink" | "downlink" | "encoder" | "decoder" | "server" | "unknown";

export interface Fact {
  words: string;
  measure: string;
  value: number;
  by: string; // a participant, "server" or "receivers"
}

/** One connection of a participant, who may have several. */
export interface Device {
  participant: string;
  session?: string; // absent when it is not known
}

export interface Finding extends Device {
  direction: "send" | "receive";
  media: "audio" | "video" | "screen" | "all";
  cause: Cause;
  at?: string; // with whom the cause is
  at_session?: string;
  senders: Device[];
  sure: boolean;
  from: number; // Unix ms
  to: number;
  words: string;
  evidence: Fact[];
}

export interface Rates {
  audio_kbps: number;
  video_kbps: number;
  screen_kbps: number;
}

/** How somebody hears and sees one of the others. */
export interface Flow {
  sender: string;
  session?: string; // of the sender
  audio_on: boolean;
  video_on: boolean;
  fps: number;
  kbps: number;
  concealment_pct: number;
  buffer_ms: number;
  delay_ms: number;
  screen?: ScreenFlow; // absent when none is seen
}

/** How somebody sees the screen that one of the others shares. */
export interface ScreenFlow {
  fps: number;
  kbps: number;
  stale_ms: number;
}

export interface Participant extends Device {
  server?: string;
  rtt_ms: number;
  sends: Rates;
  receives: Rates;
  dropped: number; // packets per second
  waiting_bytes: number;
  sharing: boolean; // a screen
  from: Flow[];
}

export interface Diagnosis {
  from: number;
  to: number;
  findings: Finding[];
  unknown: { participant?: string; session?: string; words: string; count?: string }[];
  participants: Participant[];
}

export interface CallSession {
  session: string;
  source: string;
  room?: string;
  labels: Record<string, string>;
  began_at: number; // Unix ms
  ended_at?: number;
  reason?: string;
  events: number;
}

export interface CallEvent {
  seq: string;
  kind: number;
  name: string;
  group: string;
  class: "sample" | "meta" | "lifecycle" | "failure";
  at: number; // Unix µs
  link?: string; // seq of what it continues
  fields?: Record<string, unknown>;
}

export interface Point {
  at: number; // Unix ms
  name?: string;
  measure: string;
  count: number;
  sum: number;
  p50?: number;
  p95?: number;
}

export interface Funnel {
  kind: number;
  name: string;
  since?: number; // when it is counted only from then on
  started: number;
  stages: { kind: number; name: string; class: string; count: number; p50?: number; p95?: number }[];
}

const root = "/api/v1/telemetry";

export class Telemetry {
  constructor(private readonly http: Http) {}

  /** What is wrong in a room now. */
  now(room: string, signal?: AbortSignal): Promise<Diagnosis> {
    return this.get("diagnosis", { room }, signal);
  }

  /** What was wrong for somebody while one connection lasted. */
  afterwards(room: string, session: string, signal?: AbortSignal): Promise<Diagnosis> {
    return this.get("diagnosis", { room, session }, signal);
  }

  /** Names of those who are or were in a meeting, by what telemetry calls them. */
  async people(room: string, signal?: AbortSignal): Promise<Map<string, string>> {
    const { people } = await this.get<{ people: { participant: string; name: string }[] }>("people", { room }, signal);
    return new Map(people.map(({ participant, name }) => [participant, name]));
  }

  /** The latest connections, the last first. */
  async sessions(room: string, signal?: AbortSignal): Promise<CallSession[]> {
    const all = (await this.get<{ sessions: CallSession[] }>("sessions", { catalogue: "call", room, limit: "200" }, signal)).sessions;
    return all.filter((one) => one.room !== undefined);
  }

  /** What happened in one of them, without measurements, the first first. */
  async events(room: string, session: string, signal?: AbortSignal): Promise<CallEvent[]> {
    const { events } = await this.get<{ events: CallEvent[] }>("events", { room, session, classes: "meta,lifecycle,failure", limit: "500" }, signal);
    return events.reverse();
  }

  /** What was counted each minute since a time. */
  async points(room: string, kinds: number[], measure: string, from: number, signal?: AbortSignal): Promise<Point[]> {
    const ask = { catalogue: "call", room, kinds: kinds.join(","), measures: measure, from: String(Math.floor(from)), step: "60" };
    return (await this.get<{ points: Point[] }>("rollups", ask, signal)).points;
  }

  funnel(room: string, kind: number, signal?: AbortSignal): Promise<Funnel> {
    return this.get("funnels", { catalogue: "call", room, kind: String(kind) }, signal);
  }

  private get<T>(what: string, ask: Record<string, string>, signal?: AbortSignal): Promise<T> {
    const query = new URLSearchParams(Object.entries(ask).filter(([, value]) => value !== ""));
    return this.http.call<T>("GET", `${root}/${what}?${query.toString()}`, { signal });
  }
}
