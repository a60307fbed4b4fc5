// Leaving: at once, or, for a host of others, with the choice to end the meeting for all.

import type { Call } from "../call/contract.ts";
import type { MenuContent } from "./menu.tsx";
import { ids } from "./testids.ts";

/** The choice, undefined when there is none to make. */
export function leaveMenu(call: Call, onLeave: () => void): MenuContent | undefined {
  const { meeting, participants } = call.state;
  if (!meeting.host || participants.length < 2) return undefined;
  return {
    testId: ids.leaveMenu,
    label: "Leave",
    items: [
      { testId: ids.leaveOnly, label: "Leave; the others go on", onPick: onLeave },
      { testId: ids.leaveEnd, label: "End for all", danger: true, onPick: () => void call.powers.endForAll() },
    ],
  };
}
