// Which meetings a search shows.

import type { Meeting } from "../server/meetings.ts";

/**
 * Those of list in whose name, or whose owner's, every word occurs, then those that the server
 * found beyond them. Without words, the list.
 */
export function matching(list: readonly Meeting[], found: readonly Meeting[], words: string): Meeting[] {
  const wanted = words.toLowerCase().split(/\s+/).filter((word) => word !== "");
  if (wanted.length === 0) return [...list];
  const known = new Set(list.map((m) => m.id));
  const fits = (m: Meeting) => {
    const text = `${m.id} ${m.ownerName} ${m.owner}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  };
  return [...list.filter(fits), ...found.filter((m) => !known.has(m.id))];
}
