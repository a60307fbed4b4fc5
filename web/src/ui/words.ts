// Measurements in plain words.

import type { Participant, Quality, TransportKind } from "../call/contract.ts";

const QUALITY = ["Nothing arrives", "Poor connection", "Fair connection", "Good connection", "Excellent connection"] as const;

export function qualityWords(quality: Quality): string {
  return QUALITY[quality];
}

export function transportName(kind: TransportKind): string {
  return kind === "webtransport" ? "WebTransport" : "WebSocket";
}

/** Short text of the badge: "WebTransport · 24 ms". */
export function transportShort(kind: TransportKind | undefined, rttMs: number | undefined): string {
  if (!kind) return "Connecting";
  return rttMs === undefined ? transportName(kind) : `${transportName(kind)} · ${Math.round(rttMs)} ms`;
}

/** The badge explained: what the transport is and how a delay of that size feels. */
export function transportWords(kind: TransportKind | undefined, rttMs: number | undefined): string {
  if (!kind) return "Connecting to the server.";
  const way =
    kind === "webtransport"
      ? "Connected over WebTransport, the fast path."
      : "Connected over WebSocket, which works in every network.";
  if (rttMs === undefined) return way;
  return `${way} The server answers in ${Math.round(rttMs)} ms: ${delayWords(rttMs)}.`;
}

function delayWords(ms: number): string {
  if (ms < 80) return "conversation feels immediate";
  if (ms < 200) return "a short delay, hardly noticeable";
  if (ms < 400) return "a noticeable delay";
  return "a long delay, people may talk over each other";
}

/** Colour of the badge's dot. */
export function delayLevel(kind: TransportKind | undefined, rttMs: number | undefined): "good" | "fair" | "poor" | "none" {
  if (!kind) return "none";
  if (rttMs === undefined || rttMs < 150) return "good";
  return rttMs < 400 ? "fair" : "poor";
}

/** A participant in one sentence, for screen readers. */
export function participantWords(p: Participant): string {
  const parts = [p.self ? `${p.name} (you)` : p.name];
  if (p.host) parts.push("host");
  if (p.hand) parts.push("hand raised");
  if (p.speaking && p.audio) parts.push("speaking");
  parts.push(p.audio ? "microphone on" : "microphone off", p.video ? "camera on" : "camera off");
  if (p.screen) parts.push("sharing a screen");
  if (!p.self) parts.push(qualityWords(p.quality).toLowerCase());
  return parts.join(", ");
}
