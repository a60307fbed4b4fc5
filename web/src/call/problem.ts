// Every failure in words for people: what happened and what they can do.
import type { Problem } from "./contract.ts";

/** A failure that ends the call: trying again by itself is pointless. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.title);
  }
}

type Wanted = "camera" | "microphone" | "screen";

/** Explains why camera, microphone or screen cannot be had. */
export function deviceProblem(err: unknown, wanted: Wanted): Problem {
  const name = err instanceof Error || err instanceof DOMException ? err.name : "";
  if (wanted === "screen") {
    return name === "NotReadableError"
      ? { code: "device_busy", title: "This screen cannot be shared", detail: "Your system did not hand over the picture. Choose another window or screen." }
      : { code: "screen_denied", title: "Nothing is shared", detail: "Sharing was cancelled or is not permitted. Your system settings may have to allow screen recording for this browser." };
  }
  const the = wanted === "camera" ? "camera" : "microphone";
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return {
        code: "permission_denied",
        title: `The ${the} is blocked`,
        detail: `This page may not use your ${the}. Allow it in the browser's address bar, then try again. You can join without.`,
      };
    case "NotReadableError":
    case "AbortError":
      return {
        code: "device_busy",
        title: `The ${the} is in use`,
        detail: `Another program seems to hold your ${the}. Close it there, or choose another one.`,
      };
    default: // NotFoundError, OverconstrainedError, TypeError of a page without devices
      return wanted === "camera"
        ? { code: "no_camera", title: "No camera found", detail: "Connect one, or join with sound only." }
        : { code: "no_microphone", title: "No microphone found", detail: "Connect one, or join to listen." };
  }
}

/** What this browser or page lacks for a call; undefined when nothing. */
export function platformProblem(): Problem | undefined {
  if (!globalThis.isSecureContext) {
    return {
      code: "insecure_page",
      title: "This page is not secure",
      detail: "Browsers give camera and microphone to https pages and to localhost only. Open the meeting by its https address.",
    };
  }
  const needed = ["WebSocket", "VideoDecoder", "AudioDecoder", "AudioEncoder", "AudioWorkletNode"];
  const missing = needed.filter((name) => !(name in globalThis));
  if (missing.length > 0) {
    return {
      code: "unsupported_browser",
      title: "This browser cannot take part",
      detail: `It lacks ${missing.join(", ")}. Use a current Chrome, Edge, Safari or Firefox.`,
    };
  }
  return undefined;
}

export function serverGone(detail = "Check your network. The call tries again by itself."): Problem {
  return { code: "server_gone", title: "The server does not answer", detail };
}

const refusals: Record<string, Problem> = {
  MEETING_NOT_ACTIVE: meetingOver(),
  MEETING_NOT_FOUND: meetingOver(),
  NOT_INVITED: {
    code: "not_invited",
    title: "You are not on the list",
    detail: "Only people whom the host has put on the list can join this meeting. Ask the host to add you.",
  },
  MEETING_LOCKED: { code: "locked", title: "The meeting is locked", detail: "The host lets nobody new in at the moment." },
  MEETING_FULL: { code: "full", title: "The meeting is full", detail: "As many people are in it as it can hold. Try again when somebody has left." },
  BANNED: { code: "banned", title: "You cannot join this meeting", detail: "The host has removed you for good." },
  GUESTS_NOT_ALLOWED: { code: "guests", title: "This meeting takes no guests", detail: "Sign in with an account to join." },
  SIGN_IN_NEEDED: { code: "sign_in", title: "Sign in to join", detail: "This meeting is for people with an account." },
  UNAUTHORIZED: { code: "sign_in", title: "Sign in to join", detail: "You are not signed in any more." },
  REMOVED: removed(),
  REJECTED: { code: "rejected", title: "The host did not let you in", detail: "Talk to the host before you ask again." },
  LEFT: { code: "removed", title: "You left the meeting", detail: "You left it in another window." },
};

/** Explains an answer of the server that no repetition will change. */
export function refusal(code: string, message: string): Problem {
  return (
    refusals[code] ?? {
      code: "refused",
      title: "The server did not let you in",
      detail: message || "Ask whoever invited you for a new link.",
    }
  );
}

/** Explains a final close code. */
export function closed(code: number, reason: string): Problem {
  if (code === 3511) return meetingEnded(reason);
  // Who is removed by a host is told so before.
  if (code === 3513) return { code: "removed", title: "You are not in the meeting any more", detail: reason || "You left it elsewhere, or a host removed you." };
  if (code === 3514) return signedOut();
  const why: Record<number, string> = {
    3503: "You are not permitted to be in this meeting.",
    3501: "This page sent more than the server takes. Reload it.",
    3505: "Your invitation has expired. Reload the page to join again.",
    3506: "The server does not accept your sign-in. Reload the page to join again.",
    3509: "The call was opened somewhere else.",
    3510: "This page sent a packet that is too large. Reload it.",
  };
  return refusal("", why[code] ?? reason);
}

/** The meeting ended while one was in it. */
export function meetingEnded(message: string): Problem {
  return { code: "meeting_ended", title: "The host ended the meeting", detail: message && message !== hostEnded ? message : "It is over for everybody." };
}

const hostEnded = "The host has ended the meeting";

/** The meeting was over before one came. */
function meetingOver(): Problem {
  return { code: "meeting_ended", title: "This meeting is over", detail: "Start a new one, or ask for another link." };
}

/** The meeting requires what this page cannot do. */
export function encryptionNeeded(): Problem {
  return {
    code: "encryption",
    title: "This meeting requires end-to-end encryption",
    detail: "This page cannot encrypt yet, so nobody would see or hear you. Join with an app that encrypts.",
  };
}

export function signedOut(): Problem {
  return { code: "signed_out", title: "You have signed out", detail: "The call ended with that, in every window. Sign in to join it again." };
}

export function removed(): Problem {
  return { code: "removed", title: "You were removed", detail: "The host removed you from the meeting." };
}
