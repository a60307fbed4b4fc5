// Meetings as the server keeps them: one's own, their options, and what hosts may do in them.
import { readFeatures, type Features } from "./features.ts";
import type { Http } from "./http.ts";

export interface MeetingOptions {
  waitingRoom: boolean; // newcomers wait until somebody lets them in
  admittedCanAdmit: boolean; // everybody inside may let people in
  endOnHostLeave: boolean;
  allowGuests: boolean; // people without an account may ask
  attendeesOnly: boolean; // only those on the list may ask
  locked: boolean; // nobody new comes in
}

export type MeetingState = "idle" | "active" | "ended";

export interface Meeting {
  id: string;
  state: MeetingState;
  owner: string; // identity
  ownerName: string; // "" when unknown
  mine: boolean; // the caller owns it
  hasPassword: boolean;
  options: MeetingOptions;
  attendees: string[];
  present: number;
  waiting: number;
  activeAt: number; // Unix ms; the last time something happened
}

/** What to change; what is left out stays. password "" takes it away. */
export type Change = Partial<MeetingOptions> & { password?: string; attendees?: string[] };

export interface Draft extends Change {
  id?: string;
}

export interface Person {
  user: string;
  name: string;
  status: string;
  host: boolean;
  guest: boolean;
  since: number; // Unix ms; asked to come in
}

/** What a host may make of somebody in the meeting, by its route. */
export type Act =
  | "admit"
  | "reject"
  | "mute"
  | "disable-video"
  | "stop-screen-share"
  | "lower-hand"
  | "kick"
  | "unban"
  | "transfer-host"
  | "grant-host"
  | "revoke-host";

/** What a host may do to all at once. */
export type ActOnAll = "admit-all" | "mute-all" | "disable-video-all" | "end";

const root = "/api/v1/meetings";

export function pathOf(room: string, rest = ""): string {
  return `${root}/${encodeURIComponent(room)}${rest && `/${rest}`}`;
}

export class Meetings {
  constructor(private readonly http: Http) {}

  /** Meetings one owns or was in: running ones first, then the latest. */
  async feed(signal?: AbortSignal): Promise<Meeting[]> {
    const result = await this.http.call<{ meetings?: Raw[] }>("GET", `${root}/feed?limit=100`, { signal });
    return (result.meetings ?? []).map((m) => readMeeting(m, 1)); // milliseconds, unlike the list of one's own
  }

  /** Says when the feed is another, until signal. */
  changes(signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    return this.http.stream(`${root}/feed/stream`, signal);
  }

  /** Own meetings with these words in their names. */
  async find(words: string, signal?: AbortSignal): Promise<Meeting[]> {
    const result = await this.http.call<{ meetings?: Raw[] }>("GET", `${root}?limit=50&q=${encodeURIComponent(words)}`, { signal });
    return (result.meetings ?? []).map((m) => ({ ...readMeeting(m, 1_000), mine: true }));
  }

  async create(draft: Draft): Promise<Meeting> {
    const { id, ...change } = draft;
    return readMeeting(await this.http.call("POST", root, { body: { ...(id && { meeting_id: id }), ...writeChange(change) } }), 1_000);
  }

  async get(room: string, signal?: AbortSignal): Promise<Meeting> {
    return readMeeting(await this.http.call("GET", pathOf(room), { signal }), 1);
  }

  /** What is permitted in a room, for anybody who asks. Throws Denied or Unreachable. */
  async features(room: string, signal?: AbortSignal): Promise<Features> {
    return readFeatures(await this.http.call("GET", pathOf(room, "guest-info"), { signal }));
  }

  async change(room: string, change: Change): Promise<Meeting> {
    return readMeeting(await this.http.call("PATCH", pathOf(room), { body: writeChange(change) }), 1);
  }

  async delete(room: string): Promise<void> {
    await this.http.call("DELETE", pathOf(room));
  }

  async participants(room: string): Promise<Person[]> {
    return (await this.http.call<Raw[]>("GET", pathOf(room, "participants"))).map(readPerson);
  }

  async waiting(room: string): Promise<Person[]> {
    const { waiting } = await this.http.call<{ waiting?: Raw[] }>("GET", pathOf(room, "waiting"));
    return (waiting ?? []).map(readPerson);
  }

  async act(room: string, act: Act, user: string, more: Raw = {}): Promise<void> {
    await this.http.call("POST", pathOf(room, act), { body: { user_id: user, ...more } });
  }

  async all(room: string, act: ActOnAll): Promise<void> {
    await this.http.call("POST", pathOf(room, act));
  }

  async rename(room: string, name: string): Promise<void> {
    await this.http.call("PUT", pathOf(room, "display-name"), { body: { display_name: name } });
  }
}

type Raw = Record<string, unknown>;

/** second is how many milliseconds the unit of its times is. */
export function readMeeting(m: Raw, second: number): Meeting {
  const text = (key: string) => (typeof m[key] === "string" ? (m[key] as string) : "");
  const number = (key: string) => (typeof m[key] === "number" ? (m[key] as number) : 0);
  // What is left out has the value that most meetings have.
  const is = (key: string, otherwise = false) => (typeof m[key] === "boolean" ? (m[key] as boolean) : otherwise);
  const owner = text("host_user_id") || text("host");
  return {
    id: text("meeting_id"),
    state: (text("state") || "idle") as MeetingState,
    owner,
    ownerName: text("host_display_name"),
    mine: is("is_owner"),
    hasPassword: is("has_password"),
    options: {
      waitingRoom: is("waiting_room_enabled", true),
      admittedCanAdmit: is("admitted_can_admit"),
      endOnHostLeave: is("end_on_host_leave", true),
      allowGuests: is("allow_guests"),
      attendeesOnly: is("attendees_only"),
      locked: is("locked"),
    },
    attendees: Array.isArray(m["attendees"]) ? m["attendees"].map(String) : [],
    present: number("participant_count"),
    waiting: number("waiting_count"),
    activeAt: second * (number("last_active_at") || Math.max(number("ended_at"), number("started_at"), number("created_at"))),
  };
}

export function readPerson(p: Raw): Person {
  const user = String(p["user_id"] ?? "");
  return {
    user,
    name: String(p["display_name"] ?? "") || user,
    status: String(p["status"] ?? ""),
    host: p["is_host"] === true,
    guest: p["is_guest"] === true,
    since: 1_000 * Number(p["joined_at"] ?? 0),
  };
}

const names: Record<keyof MeetingOptions, string> = {
  waitingRoom: "waiting_room_enabled",
  admittedCanAdmit: "admitted_can_admit",
  endOnHostLeave: "end_on_host_leave",
  allowGuests: "allow_guests",
  attendeesOnly: "attendees_only",
  locked: "locked",
};

export function writeChange(change: Change): Raw {
  const body: Raw = {};
  for (const [key, name] of Object.entries(names) as [keyof MeetingOptions, string][]) {
    if (change[key] !== undefined) body[name] = change[key];
  }
  if (change.password !== undefined) body["password"] = change.password;
  if (change.attendees !== undefined) body["attendees"] = change.attendees;
  return body;
}
