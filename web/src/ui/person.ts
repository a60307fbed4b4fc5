// What a person looks like without a picture: letters and a colour.

/** Longest display name the screens accept, in characters. */
export const MAX_NAME = 50;

/** A name as it is sent: trimmed, inner white space collapsed, at most MAX_NAME characters. */
export function cleanName(raw: string): string {
  return [...raw.replace(/\s+/gu, " ").trim()].slice(0, MAX_NAME).join("").trim();
}

/** One or two capital letters for an avatar: first and last word; "?" when there is no letter. */
export function initials(name: string): string {
  const words = name.split(/[\s_.@-]+/u).map(firstLetter).filter((letter) => letter !== "");
  if (words.length === 0) return "?";
  return words.length === 1 ? words[0]! : words[0]! + words[words.length - 1]!;
}

function firstLetter(word: string): string {
  const letter = [...word].find((ch) => /[\p{L}\p{N}]/u.test(ch));
  return letter ? letter.toLocaleUpperCase() : "";
}

/** Hues in degrees that stay apart from each other and from the red of danger. */
const HUES = [48, 70, 95, 130, 158, 182, 208, 236, 262, 288, 312, 338];

/** The hue of a user: the same on every device and after every reconnect. */
export function hueOf(userId: string): number {
  let hash = 2166136261; // FNV-1a
  for (let i = 0; i < userId.length; i++) hash = Math.imul(hash ^ userId.charCodeAt(i), 16777619);
  hash ^= hash >>> 15;
  return HUES[(hash >>> 0) % HUES.length]!;
}
