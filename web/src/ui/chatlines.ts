// Lines of the chat as they are shown and counted.

import type { ChatLine } from "../call/contract.ts";

/** What somebody wrote without being interrupted. */
export interface Saying {
  userId: string;
  name: string;
  self: boolean;
  at: number;
  lines: ChatLine[];
}

/** A pause after which somebody is named again, ms. */
const pause = 3 * 60_000;

export function sayings(lines: readonly ChatLine[]): Saying[] {
  const all: Saying[] = [];
  for (const line of lines) {
    const last = all.at(-1);
    if (last && last.userId === line.userId && last.name === line.name && line.at - last.lines.at(-1)!.at < pause) last.lines.push(line);
    else all.push({ userId: line.userId, name: line.name, self: line.self, at: line.at, lines: [line] });
  }
  return all;
}

/** How many lines of others there are after the one that was read last, "" for none. */
export function unread(lines: readonly ChatLine[], read: string): number {
  const from = lines.findLastIndex((line) => line.id === read) + 1;
  return lines.slice(from).filter((line) => !line.self).length;
}

interface Part {
  at: number;
  text: string;
  href?: string;
}

/** Cuts a text into addresses of the web and what is between them. A full stop or bracket after one is not part of it. */
export function parts(text: string): Part[] {
  const all: Part[] = [];
  let end = 0;
  for (const { 0: found, index } of text.matchAll(/https?:\/\/[^\s<>"']+/g)) {
    const address = found.replace(/[.,;:!?)\]}]+$/, "");
    if (!URL.canParse(address)) continue;
    if (index > end) all.push({ at: end, text: text.slice(end, index) });
    all.push({ at: index, text: address, href: address });
    end = index + address.length;
  }
  if (end < text.length) all.push({ at: end, text: text.slice(end) });
  return all;
}
