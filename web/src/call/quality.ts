import type { Quality } from "./contract.ts";

/** Milliseconds without any packet after which nothing arrives from a participant. */
export const silentAfter = 15_000;

/** What the last seconds brought from a participant. */
export interface Arrival {
  silentMs: number; // since the last packet
  concealed: number; // share of the sound that had to be invented, 0..1
  delayMs: number; // held back against jitter
  starving: boolean; // the picture waits for a keyframe
  lostShare: number; // of picture frames, 0..1
}

/** From 0, nothing arrives, to 4, nothing to notice. */
export function arrivalQuality(a: Arrival): Quality {
  if (a.silentMs >= silentAfter) return 0;
  if (a.silentMs >= 13_000 || a.concealed > 0.15 || a.lostShare > 0.3) return 1;
  if (a.starving || a.concealed > 0.05 || a.lostShare > 0.1 || a.delayMs > 250) return 2;
  if (a.concealed > 0.015 || a.lostShare > 0.02 || a.delayMs > 120) return 3;
  return 4;
}

/** The same for our own way to the server. */
export function ownQuality(connected: boolean, rttMs: number | undefined, queueMs: number): Quality {
  if (!connected) return 0;
  const rtt = rttMs ?? 0;
  if (queueMs > 800 || rtt > 800) return 1;
  if (queueMs > 300 || rtt > 400) return 2;
  if (queueMs > 80 || rtt > 200) return 3;
  return 4;
}
