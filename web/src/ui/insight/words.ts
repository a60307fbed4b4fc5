// What was measured, in words for people.
import type { CallEvent, CallSession, Cause, Device, Fact, Finding, Flow, Rates, ScreenFlow } from "../../server/telemetry.ts";
import type { LiveRoom } from "../../server/admin.ts";

/** Names of participants by what telemetry calls them, and of further devices of theirs by keyOf. */
export type Names = ReadonlyMap<string, string>;

/** Who of a room is who: telemetry knows connections, and who is in a call is known by name. */
export function namesOf(sessions: readonly CallSession[], rooms: readonly LiveRoom[]): Names {
  const live = new Map(rooms.flatMap((room) => room.people.map((who) => [who.session, who.name] as const)));
  const names = new Map<string, string>();
  const devices = new Map<string, number>();
  for (const { source, labels } of [...sessions].sort((a, b) => a.began_at - b.began_at)) {
    const session = labels["session"] ?? "";
    const name = live.get(session);
    if (name === undefined) continue;
    const count = (devices.get(source) ?? 0) + 1;
    devices.set(source, count);
    if (count === 1) names.set(source, name);
    else names.set(keyOf({ participant: source, session }), `${name} (device ${count})`);
  }
  return names;
}

/** What tells devices apart. */
export const keyOf = ({ participant, session }: Device): string => `${participant}/${session ?? ""}`;

/** How to call a participant, or one of their devices. */
export function called(names: Names, participant: string, session?: string): string {
  return names.get(keyOf({ participant, session })) ?? names.get(participant) ?? `Participant ${participant.slice(0, 6)}`;
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

const troubles = { audio: "hears gaps", video: "sees too few pictures", screen: "sees too little of the screen", all: "hears and sees too little" } as const;
const faults = { audio: "sends no sound", video: "sends no or too few pictures", screen: "shares a screen that does not come", all: "sends badly" } as const;

/** "Bob sees too few pictures from Ada". */
export function headline(f: Finding, names: Names): string {
  const who = called(names, f.participant, f.session);
  if (f.direction === "send") return `${who} ${faults[f.media]}`;
  const of = f.media === "screen" ? "of" : "from";
  const from = f.senders.length === 0 ? "" : ` ${of} ${list(f.senders.map((sender) => called(names, sender.participant, sender.session)))}`;
  return `${who} ${troubles[f.media]}${from}`;
}

/** With whom the cause is: "Downlink of Bob". */
export function place(f: Finding, names: Names): string {
  if (!f.at || f.cause === "unknown") return causeWords(f.cause);
  return f.cause === "server" ? `Server ${f.at}` : `${causeWords(f.cause)}: ${called(names, f.at, f.at_session)}`;
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

/** How a shared screen is seen: what does not change is sent now and then, so few pictures say little. */
export function screenGrade(s: ScreenFlow): "good" | "fair" | "poor" {
  return s.stale_ms >= 3_000 ? "poor" : s.stale_ms >= 1_000 ? "fair" : "good";
}

/** "5 pictures/s · 300 kbit/s · 200 ms old". */
export function screenWords(s: ScreenFlow): string {
  const parts = [`${s.fps < 1 ? s.fps.toFixed(1) : Math.round(s.fps)} pictures/s`];
  if (s.kbps > 0) parts.push(kbps(s.kbps));
  if (s.stale_ms > 0) parts.push(`${lasting(s.stale_ms)} old`);
  return parts.join(" · ");
}

/** "30 pictures/s · 700 kbit/s · 80 ms". */
export function flowWords(f: Flow): string {
  const parts = [];
  if (f.video_on) parts.push(`${Math.round(f.fps)} pictures/s`);
  if (f.video_on && f.kbps > 0) parts.push(kbps(f.kbps));
  if (f.audio_on && f.concealment_pct >= 1) parts.push(`${Math.round(f.concealment_pct)} % of sound missing`);
  else if (f.audio_on) parts.push("sound");
  if (f.delay_ms > 0) parts.push(lasting(f.delay_ms));
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
    .filter(([name, value]) => !name.endsWith("_id") && name !== "sender" && name !== "peer" && name !== "room" && name !== "stream" && value !== "" && value !== null && typeof value !== "object")
    .map(([name, value]) => {
      const plain = name.replaceAll("_", " ");
      if (typeof value === "boolean") return value ? plain : `not ${plain}`;
      return plain.endsWith(" ms") ? `${plain.slice(0, -3)} ${lasting(Number(value))}` : `${plain} ${String(value)}`;
    })
    .join(", ");
}

/** How long something took: "20 ms", "1.3 s", "2:05 min". */
export function lasting(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} min`;
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

/** Whether a connection goes on, or why it ended. */
export function endWords({ ended_at, reason = "" }: CallSession): string {
  if (ended_at === undefined) return "goes on";
  return reason === "bye" ? "left" : `ended: ${reason.replaceAll("_", " ")}`;
}
