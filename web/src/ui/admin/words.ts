// What was measured, in words for people.
import type { CallEvent, CallSession, Cause, Fact, Finding, Flow, Rates } from "../../server/telemetry.ts";
import type { LiveRoom } from "../../server/admin.ts";

/** Names of participants by what telemetry calls them. */
export type Names = ReadonlyMap<string, string>;

/** Who of a room is who: telemetry knows connections, and who is in a call is known by name. */
export function namesOf(sessions: readonly CallSession[], rooms: readonly LiveRoom[]): Names {
  const live = new Map(rooms.flatMap((room) => room.people.map((who) => [who.session, who.name] as const)));
  const names = new Map<string, string>();
  for (const { source, labels } of sessions) {
    const name = live.get(labels["session"] ?? "");
    if (name !== undefined) names.set(source, name);
  }
  return names;
}

export function called(names: Names, participant: string): string {
  return names.get(participant) ?? `Participant ${participant.slice(0, 6)}`;
}

const causes: Record<Cause, string> = {
  uplink: "Uplink",
  downlink: "Downlink",
  encoder: "Sender's encoder",
  decoder: "Receiver's decoder",
  server: "Server",
  unknown: "Not known",
};

export const causeWords = (cause: Cause): string => causes[cause];

const troubles = { audio: "hears gaps", video: "sees too few pictures", all: "hears and sees too little" } as const;

/** "Bob sees too few pictures from Ada". */
export function headline(f: Finding, names: Names): string {
  const who = called(names, f.participant);
  if (f.direction === "send") return `${who} sends ${f.media === "video" ? "no or too few pictures" : "badly"}`;
  const from = f.senders.length === 0 ? "" : ` from ${list(f.senders.map((sender) => called(names, sender)))}`;
  return `${who} ${troubles[f.media]}${from}`;
}

/** With whom the cause is: "Downlink of Bob". */
export function place(f: Finding, names: Names): string {
  if (f.at === "" || f.cause === "unknown") return causeWords(f.cause);
  return f.cause === "server" ? `Server ${f.at}` : `${causeWords(f.cause)}: ${called(names, f.at)}`;
}

export function measuredBy(fact: Fact, names: Names): string {
  if (fact.by === "server" || fact.by === "receivers") return `the ${fact.by}`;
  return `the device of ${called(names, fact.by)}`;
}

/** "Ada, Bob and Eve". */
export function list(all: readonly string[]): string {
  return all.length < 2 ? all.join("") : `${all.slice(0, -1).join(", ")} and ${all.at(-1)}`;
}

export function kbps(value: number): string {
  return value >= 1000 ? `${(value / 1000).toFixed(1)} Mbit/s` : `${Math.round(value)} kbit/s`;
}

/** What flows one way: "camera 700 kbit/s, sound 50 kbit/s". */
export function rates(r: Rates): string {
  const parts = [];
  if (r.video_kbps > 0) parts.push(`camera ${kbps(r.video_kbps)}`);
  if (r.screen_kbps > 0) parts.push(`screen ${kbps(r.screen_kbps)}`);
  if (r.audio_kbps > 0) parts.push(`sound ${kbps(r.audio_kbps)}`);
  return parts.join(", ") || "nothing";
}

/** How a flow is: what the table colours it by. */
export function grade(f: Flow): "good" | "fair" | "poor" | "off" {
  if (!f.audio_on && !f.video_on) return "off";
  const gaps = f.audio_on ? f.concealment_pct : 0;
  const fps = f.video_on ? f.fps : Infinity;
  if (gaps >= 8 || fps < 5) return "poor";
  return gaps >= 2 || fps < 8 ? "fair" : "good";
}

/** "30 pictures/s · 700 kbit/s · 80 ms". */
export function flowWords(f: Flow): string {
  const parts = [];
  if (f.video_on) parts.push(`${Math.round(f.fps)} pictures/s`);
  if (f.video_on && f.kbps > 0) parts.push(kbps(f.kbps));
  if (f.audio_on && f.concealment_pct >= 1) parts.push(`${Math.round(f.concealment_pct)} % of sound missing`);
  else if (f.audio_on) parts.push("sound");
  if (f.delay_ms > 0) parts.push(`${Math.round(f.delay_ms)} ms`);
  return parts.join(" · ") || "off";
}

/** "FirstFrame" as "First frame". */
export function eventWords(name: string): string {
  const words = name.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The fields of an event that say something: "media video, took 20 ms". */
export function fieldWords(event: CallEvent): string {
  return Object.entries(event.fields ?? {})
    .filter(([name, value]) => !name.endsWith("_id") && name !== "sender" && name !== "peer" && name !== "room" && value !== "" && value !== null && typeof value !== "object")
    .map(([name, value]) => {
      const plain = name.replaceAll("_", " ");
      return plain.endsWith(" ms") ? `${plain.slice(0, -3)} ${String(value)} ms` : `${plain} ${String(value)}`;
    })
    .join(", ");
}

/** How long after another moment: "+0.4 s", "+1:02". */
export function after(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 60) return `+${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  return `+${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

export function share(part: number, whole: number): string {
  return whole > 0 ? `${Math.round((100 * part) / whole)} %` : "0 %";
}
