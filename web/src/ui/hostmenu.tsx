// The menu of a participant, for hosts.

import type { Call, Participant } from "../call/contract.ts";
import type { Ask } from "./confirm.tsx";
import { powersOver, type Power } from "./hostpowers.ts";
import * as icons from "./icons.tsx";
import type { MenuContent, MenuItem } from "./menu.tsx";
import { ids } from "./testids.ts";

/** Undefined when there is nothing that one may do to them. */
export function menuOf(call: Call, p: Participant, ask: Ask): MenuContent | undefined {
  const powers = powersOver(call.state.meeting, p);
  if (powers.length === 0) return undefined;
  return { testId: ids.hostMenu, label: `What to do with ${p.name}`, items: powers.map((power) => item(call, p, power, ask)) };
}

function item(call: Call, p: Participant, power: Power, ask: Ask): MenuItem {
  const { powers: host } = call;
  const user = p.userId;
  const make = (label: string, icon: MenuItem["icon"], onPick: () => void, danger = false): MenuItem => ({
    testId: ids.hostAct(power),
    label,
    onPick,
    danger,
    ...(icon && { icon }),
  });
  switch (power) {
    case "mute":
      return make("Mute", <icons.MicOff />, () => void host.mute(user));
    case "camera":
      return make("Switch camera off", <icons.CameraOff />, () => void host.stopCamera(user));
    case "screen":
      return make("Stop screen share", <icons.ScreenStop />, () => void host.stopScreen(user));
    case "hand":
      return make("Lower hand", <icons.Hand />, () => void host.lowerHand(user));
    case "make-host":
      return make("Make host as well", <icons.Star />, () => void host.makeHost(user));
    case "hand-over":
      return make("Make host instead of me", <icons.Arrow />, () =>
        ask({
          title: `Make ${p.name} host instead of you?`,
          text: `${p.name} decides from then on; you take part like everybody else.`,
          action: "Hand over",
          onYes: () => void host.handOver(user),
        }),
      );
    case "take-host":
      return make("Take the host role away", <icons.Star />, () => void host.takeHost(user));
    case "remove":
      return make("Remove", <icons.Exit />, () => void host.remove(user, false), true);
    case "ban":
      return make("Remove for good", <icons.Stop />, () =>
        ask({
          title: `Remove ${p.name} for good?`,
          text: "They have to go and cannot ask to come in again.",
          action: "Remove",
          onYes: () => void host.remove(user, true),
        }), true);
  }
}
