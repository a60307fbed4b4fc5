// Reactions: the choice of them, and what flies past.

import type { JSX } from "preact";
import { reactionKinds, type Call, type ReactionKind } from "../call/contract.ts";
import { sameItems, useCall } from "./hooks.ts";
import type { MenuContent } from "./menu.tsx";
import { ids } from "./testids.ts";

const SHOWN: Record<ReactionKind, [emoji: string, words: string]> = {
  thumbs_up: ["👍", "Thumbs up"],
  thumbs_down: ["👎", "Thumbs down"],
  laugh: ["😂", "Laugh"],
  applause: ["👏", "Applause"],
  heart: ["❤️", "Heart"],
  thinking: ["🤔", "Thinking"],
  party: ["🎉", "Party"],
};

export function reactionMenu(call: Call): MenuContent {
  return {
    testId: ids.reactionMenu,
    label: "React",
    row: true,
    items: reactionKinds.map((kind) => ({
      testId: ids.reaction(kind),
      label: SHOWN[kind][1],
      icon: <span class="emoji">{SHOWN[kind][0]}</span>,
      onPick: () => call.react(kind),
    })),
  };
}

export function Reactions({ call }: { call: Call }): JSX.Element {
  const reactions = useCall(call, (s) => s.reactions, sameItems);
  return (
    <div class="reactions" role="log" aria-live="polite" aria-relevant="additions" data-testid={ids.reactions}>
      {reactions.map((r) => (
        <span key={r.id} class="flying" style={{ "--lane": String(r.id % 5) }} data-testid={ids.reactionShown} data-kind={r.kind}>
          <span class="emoji" role="img" aria-label={SHOWN[r.kind][1]}>
            {SHOWN[r.kind][0]}
          </span>
          <small>{r.sessionId === "self" ? "You" : r.name}</small>
        </span>
      ))}
    </div>
  );
}
