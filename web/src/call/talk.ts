// What people say without a voice: text and reactions.
import { ChatMessage_Refusal } from "../gen/call/v1/chat_pb.ts";
import type { Cancel, Clock } from "./clock.ts";
import type { ChatLine, Reaction, ReactionKind } from "./contract.ts";
import type { Store } from "./store.ts";

/** Milliseconds for which a reaction is to be seen. */
export const reactionFor = 4_000;
/** More at once would hide the faces. */
const mostReactions = 24;
/** Lines that a page keeps. */
const mostLines = 1_000;
/** Longest line, in characters. */
export const maxLine = 2_000;
/** How long a line may be on its way before it counts as not sent, ms. */
export const confirmedWithin = 10_000;

/** A line as the server tells it. */
export interface Written {
  ref: string; // of its author
  userId: string;
  name: string;
  self: boolean;
  at: number; // Unix ms
  text: string;
  epoch: string;
  number: number; // in the log; 0 while that is out of reach
}

const words: Partial<Record<ChatMessage_Refusal, string>> = {
  [ChatMessage_Refusal.SWITCHED_OFF]: "Chat is switched off in this meeting.",
  [ChatMessage_Refusal.TOO_FAST]: "That was too fast. Try again in a moment.",
  [ChatMessage_Refusal.BAD_TEXT]: "This text cannot be sent.",
};

type Line = ChatLine & { place: number };

export class Talk {
  private reactions = 0;
  private lines: Line[] = [];
  private readonly ours = new Map<string, Cancel>(); // lines on their way
  private epoch = "";
  private base = 0; // of the places of this epoch
  private last = 0; // place

  constructor(
    private readonly store: Store,
    private readonly clock: Clock,
    /** Gives a line to the server, if there is a way to it. */
    private readonly send: (text: string, ref: string) => void,
    private readonly me: () => { id: string; name: string },
  ) {}

  /** Says a line; it is shown at once and counts as said when the server sends it back. */
  say(text: string): void {
    const { id, name } = this.me();
    const ref = crypto.randomUUID();
    this.put({ id: ref, userId: id, name, self: true, at: Date.now(), text, pending: true, place: Infinity });
    this.attempt(ref);
  }

  again(id: string): void {
    this.change(id, (line) => ({ ...without(line), pending: true }));
    this.attempt(id);
  }

  takeBack(id: string): void {
    this.lines = this.lines.filter((l) => l.id !== id || !l.failed);
    this.show();
  }

  /** There is a connection again: what was on its way may not have arrived. Twice does no harm. */
  arrived(): void {
    for (const id of [...this.ours.keys()]) this.attempt(id);
  }

  wrote(w: Written): void {
    const id = w.self ? w.ref : `${w.userId} ${w.ref}`;
    const known = this.lines.find((l) => l.id === id);
    this.ours.get(id)?.();
    this.ours.delete(id);
    if (known && known.place !== Infinity) return;
    const { userId, name, self, at, text } = w;
    this.lines = this.lines.filter((l) => l.id !== id);
    this.put({ id, userId, name, self, at, text, place: this.placeOf(w) });
  }

  refused(ref: string, why: ChatMessage_Refusal): void {
    if (!this.ours.has(ref)) return;
    this.fail(ref, words[why] ?? "It was not taken.");
  }

  react(sessionId: string, name: string, kind: ReactionKind): void {
    const reaction: Reaction = { id: ++this.reactions, sessionId, name, kind };
    this.store.set({ reactions: [...this.store.state.reactions, reaction].slice(-mostReactions) });
    this.clock.after(reactionFor, () => {
      this.store.set({ reactions: this.store.state.reactions.filter((r) => r.id !== reaction.id) });
    });
  }

  private attempt(id: string): void {
    const line = this.lines.find((l) => l.id === id);
    if (!line) return;
    this.ours.get(id)?.();
    this.ours.set(id, this.clock.after(confirmedWithin, () => this.fail(id, "It did not arrive.")));
    this.send(line.text, id);
  }

  private fail(id: string, why: string): void {
    this.ours.get(id)?.();
    this.ours.delete(id);
    this.change(id, (line) => ({ ...without(line), failed: why }));
  }

  /** A number that says where a line belongs: the log's, also after a log was lost; without one, where it came. */
  private placeOf(w: Written): number {
    if (w.number === 0) return this.last;
    if (w.epoch !== this.epoch) [this.epoch, this.base] = [w.epoch, this.last];
    const place = this.base + w.number;
    this.last = Math.max(this.last, place);
    return place;
  }

  private put(line: Line): void {
    this.lines = [...this.lines, line].sort((a, b) => (a.place === b.place ? 0 : a.place - b.place)).slice(-mostLines);
    this.show();
  }

  private change(id: string, to: (line: Line) => Line): void {
    this.lines = this.lines.map((l) => (l.id === id ? to(l) : l));
    this.show();
  }

  private show(): void {
    this.store.set({ chat: this.lines });
  }
}

function without({ pending: _, failed: __, ...line }: Line): Line {
  return line;
}
