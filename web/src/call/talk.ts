// What people say without a voice: text and reactions.
import type { ChatLine, Reaction, ReactionKind } from "./contract.ts";
import type { Clock } from "./clock.ts";
import type { Store } from "./store.ts";

/** Milliseconds for which a reaction is to be seen. */
export const reactionFor = 4_000;
/** More at once would hide the faces. */
const mostReactions = 24;
/** Lines that a page keeps; the server has as many. */
const mostLines = 1_000;
/** Longest line, in characters. */
export const maxLine = 2_000;

export class Talk {
  private reactions = 0;

  constructor(
    private readonly store: Store,
    private readonly clock: Clock,
  ) {}

  /** A line that was said, now or before we came; one that is known replaces itself. */
  heard(lines: readonly ChatLine[]): void {
    const known = new Map(this.store.state.chat.map((l) => [l.id, l]));
    const before = known.size;
    for (const line of lines) if (!known.has(line.id)) known.set(line.id, line);
    if (known.size === before) return;
    const chat = [...known.values()].sort((a, b) => a.at - b.at).slice(-mostLines);
    this.store.set({ chat });
  }

  react(sessionId: string, name: string, kind: ReactionKind): void {
    const reaction: Reaction = { id: ++this.reactions, sessionId, name, kind };
    this.store.set({ reactions: [...this.store.state.reactions, reaction].slice(-mostReactions) });
    this.clock.after(reactionFor, () => {
      this.store.set({ reactions: this.store.state.reactions.filter((r) => r.id !== reaction.id) });
    });
  }
}
