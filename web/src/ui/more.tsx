// What is needed less often, and on a phone what finds no place in the dock.

import type { Call } from "../call/contract.ts";
import * as icons from "./icons.tsx";
import type { MenuContent } from "./menu.tsx";
import { ids } from "./testids.ts";

interface Ways {
  hand: () => void;
  react: () => void;
  chat: () => void;
  rename: () => void;
  options: () => void;
  quality: () => void;
  shortcuts: () => void;
}

export function moreMenu(call: Call, unread: number, to: Ways): MenuContent {
  const { meeting, offers } = call.state;
  const hand = call.state.handUp;
  // Where the dock is wide these are in it; a menu need not repeat them.
  const narrow = matchMedia("(max-width: 760px), (max-height: 500px)").matches;
  return {
    testId: ids.moreMenu,
    label: "More",
    items: [
      narrow && { testId: ids.moreHand, label: hand ? "Lower hand" : "Raise hand", icon: <icons.Hand />, onPick: to.hand },
      narrow && offers.reactions && { testId: ids.moreReact, label: "React", icon: <icons.Smile />, onPick: to.react },
      narrow && offers.chat && { testId: ids.moreChat, label: unread > 0 ? `Chat (${unread} new)` : "Chat", icon: <icons.Chat />, onPick: to.chat },
      !meeting.guest && { testId: ids.moreRename, label: "Change your name", icon: <icons.Pencil />, onPick: to.rename },
      meeting.host && { testId: ids.moreOptions, label: "Meeting options", icon: <icons.Shield />, onPick: to.options },
      meeting.host && { testId: ids.moreQuality, label: "Call quality", icon: <icons.Pulse />, onPick: to.quality },
      { testId: ids.moreShortcuts, label: "Keyboard", icon: <icons.Keyboard />, onPick: to.shortcuts },
    ],
  };
}
