// What admins of an installation see and do.
import type { Http } from "./http.ts";

export interface LivePerson {
  session: string;
  user: string;
  name: string;
  host: boolean;
  guest: boolean;
  away: boolean; // lost the connection, but may come back
  node: string;
  transport: string;
  since: number; // Unix ms
}

export interface LiveRoom {
  id: string;
  people: LivePerson[];
}

export interface Live {
  rooms: LiveRoom[];
  total: number; // rooms, also those not listed
  people: number; // connections, likewise
}

export type FlagKind = "bool" | "int" | "string" | "duration";

export interface Flag {
  name: string;
  kind: FlagKind;
  oneOf: string[];
  min?: number;
  max?: number;
  usual: string; // value by default
  value: string; // for everyone
  source: string; // admin, environment, default
  rooms: Record<string, string>; // values of single rooms
  about: string;
  area: string; // what it belongs to
}

export interface FlagChange {
  revision: number;
  at: number; // Unix ms
  by: string;
  flag: string;
  room: string; // "" is everyone
  before?: string;
  after?: string; // absent: taken back
  reason: string;
}

/** What to set; without a value what was set is taken back. */
export interface Order {
  flag: Flag;
  value?: string;
  room: string;
  reason: string;
}

const root = "/api/v1/admin";

export class Admin {
  constructor(private readonly http: Http) {}

  async live(signal?: AbortSignal): Promise<Live> {
    const result = await this.http.call<{ rooms?: Raw[]; total?: number; participants?: number }>("GET", `${root}/rooms?limit=200`, { signal });
    return { rooms: (result.rooms ?? []).map(readRoom), total: result.total ?? 0, people: result.participants ?? 0 };
  }

  async flags(signal?: AbortSignal): Promise<Flag[]> {
    const { flags } = await this.http.call<{ flags?: Raw[] }>("GET", `${root}/flags`, { signal });
    return (flags ?? []).map(readFlag);
  }

  async apply({ flag, value, room, reason }: Order): Promise<Flag> {
    const path = `${root}/flags/${encodeURIComponent(flag.name)}`;
    const body = { room, reason, ...(value !== undefined && { value: typed(flag.kind, value) }) };
    const result = await this.http.call<{ flag: Raw }>(value === undefined ? "DELETE" : "PUT", path, { body });
    return readFlag(result.flag);
  }

  /** The latest changes of one flag, or of all. */
  async history(flag?: string, signal?: AbortSignal): Promise<FlagChange[]> {
    const path = flag === undefined ? `${root}/audit` : `${root}/flags/${encodeURIComponent(flag)}/history`;
    const { changes } = await this.http.call<{ changes?: Raw[] }>("GET", `${path}?limit=50`, { signal });
    return (changes ?? []).map(readChange);
  }

  async end(room: string): Promise<void> {
    await this.http.call("POST", `${root}/meetings/${encodeURIComponent(room)}/end`);
  }

  async remove(room: string, user: string): Promise<void> {
    await this.http.call("POST", `${root}/meetings/${encodeURIComponent(room)}/remove`, { body: { user_id: user } });
  }
}

type Raw = Record<string, unknown>;

function readRoom(r: Raw): LiveRoom {
  const people = Array.isArray(r["participants"]) ? (r["participants"] as Raw[]) : [];
  return {
    id: String(r["meeting_id"] ?? ""),
    people: people.map((p) => ({
      session: String(p["session_id"] ?? ""),
      user: String(p["user_id"] ?? ""),
      name: String(p["display_name"] ?? "") || String(p["user_id"] ?? ""),
      host: p["is_host"] === true,
      guest: p["is_guest"] === true,
      away: p["away"] === true,
      node: String(p["node_id"] ?? ""),
      transport: String(p["transport"] ?? ""),
      since: 1_000 * Number(p["joined_at"] ?? 0),
    })),
  };
}

export function readFlag(f: Raw): Flag {
  return {
    name: String(f["name"] ?? ""),
    kind: String(f["kind"] ?? "string") as FlagKind,
    oneOf: Array.isArray(f["one_of"]) ? f["one_of"].map(String) : [],
    ...(typeof f["min"] === "number" && { min: f["min"] }),
    ...(typeof f["max"] === "number" && { max: f["max"] }),
    usual: String(f["default"] ?? ""),
    value: String(f["value"] ?? ""),
    source: String(f["source"] ?? "default"),
    rooms: (f["rooms"] ?? {}) as Record<string, string>,
    about: String(f["description"] ?? ""),
    area: String(f["owner"] ?? ""),
  };
}

function readChange(c: Raw): FlagChange {
  return {
    revision: Number(c["revision"] ?? 0),
    at: Date.parse(String(c["at"] ?? "")) || 0,
    by: String(c["by"] ?? ""),
    flag: String(c["flag"] ?? ""),
    room: String(c["room"] ?? ""),
    ...(typeof c["before"] === "string" && { before: c["before"] }),
    ...(typeof c["after"] === "string" && { after: c["after"] }),
    reason: String(c["reason"] ?? ""),
  };
}

function typed(kind: FlagKind, value: string): boolean | number | string {
  if (kind === "bool") return value === "true";
  return kind === "int" && /^-?\d+$/.test(value) ? Number(value) : value;
}
