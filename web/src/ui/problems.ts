// What a person can do about each problem. The engine words title and detail; the action and,
// where it helps, one more sentence are the screens' part.

import type { Problem } from "../call/contract.ts";

export type Remedy = "devices" | "rejoin" | "home" | "copy" | "secure" | "screen" | "sign_in";

export interface Advice {
  action: Remedy;
  label: string; // of the button
  hint?: string;
  /** Trying again would end the same way. */
  final?: boolean;
}

const ADVICE: Record<Problem["code"], Advice> = {
  no_camera: { action: "devices", label: "Look again", hint: "You can join without a camera; others see your initials." },
  no_microphone: { action: "devices", label: "Look again", hint: "You can join and listen." },
  permission_denied: {
    action: "devices",
    label: "Ask again",
    hint: "Open the site settings beside the address, allow camera and microphone, then ask again.",
  },
  device_busy: { action: "devices", label: "Try again", hint: "Close the other program that uses the device, then try again." },
  server_gone: { action: "rejoin", label: "Try again" },
  refused: { action: "rejoin", label: "Try again" },
  unsupported_browser: {
    action: "copy",
    label: "Copy link",
    hint: "Open the link in a current Chrome, Edge, Firefox or Safari.",
  },
  insecure_page: { action: "secure", label: "Open secure page" },
  screen_denied: { action: "screen", label: "Choose again" },
  meeting_ended: { action: "home", label: "Back to start", final: true },
  removed: { action: "home", label: "Back to start", final: true },
  encryption: { action: "home", label: "Back to start", final: true },
  rejected: { action: "home", label: "Back to start", final: true },
  banned: { action: "home", label: "Back to start", final: true },
  locked: { action: "rejoin", label: "Try again" },
  full: { action: "rejoin", label: "Try again" },
  not_invited: { action: "home", label: "Back to start", final: true },
  guests: { action: "sign_in", label: "Sign in", final: true },
  sign_in: { action: "sign_in", label: "Sign in", final: true },
  signed_out: { action: "sign_in", label: "Sign in", final: true },
};

export function adviceFor(code: Problem["code"]): Advice {
  return ADVICE[code] ?? { action: "rejoin", label: "Try again" };
}
