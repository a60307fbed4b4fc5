// How demanding our own pictures may be on this machine.
import { cameraRungs, screenRungs } from "./ladder.ts";

/**
 * ?video=180@10 in the page's address limits the camera to 180 lines and 10 frames a
 * second: for weak machines, and for tests with many pages on one. With 180@10! it does not
 * adapt either, however little the machine keeps up.
 */
function limit(): { height: number; fps: number; steady: boolean } | undefined {
  const asked = /^(\d+)(?:@(\d+))?(!?)$/.exec(new URLSearchParams(globalThis.location?.search ?? "").get("video") ?? "");
  return asked ? { height: Number(asked[1]), fps: Number(asked[2] ?? 30), steady: asked[3] !== "" } : undefined;
}

function topCamera(): number {
  const asked = limit();
  if (asked) return Math.max(0, cameraRungs.findLastIndex((r) => r.height <= asked.height && r.fps <= asked.fps));
  // Encoding in software takes about one core for 720p.
  const cores = globalThis.navigator?.hardwareConcurrency ?? 4;
  return cores >= 8 ? 6 : cores >= 4 ? 5 : 4;
}

const top = topCamera();

export const cameraPlan = limit()?.steady
  ? { rungs: [cameraRungs[top]!], start: 0, top: 0 }
  : { rungs: cameraRungs, start: Math.min(3, top), top };
export const screenPlan = { rungs: screenRungs, start: 1, top: screenRungs.length - 1 };
