// What one may do to a participant, decided by what both are. The server decides again.

import type { MeetingView, Participant } from "../call/contract.ts";

export type Power = "mute" | "camera" | "screen" | "hand" | "make-host" | "hand-over" | "take-host" | "remove" | "ban";

export function powersOver(me: MeetingView, p: Participant): Power[] {
  if (!me.host || p.self) return [];
  const powers: Power[] = [];
  if (p.audio) powers.push("mute");
  if (p.video) powers.push("camera");
  if (p.screen) powers.push("screen");
  if (p.hand) powers.push("hand");
  const owner = p.userId === me.ownerId;
  if (!p.host && !p.guest) powers.push("make-host", "hand-over");
  if (p.host && !owner) powers.push("take-host");
  if (!owner) powers.push("remove", "ban");
  return powers;
}
