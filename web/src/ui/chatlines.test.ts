import assert from "node:assert/strict";
import test from "node:test";
import type { ChatLine } from "../call/contract.ts";
import { parts, sayings, unread } from "./chatlines.ts";

const line = (id: string, userId: string, at: number, name = userId): ChatLine => ({ id, userId, name, self: userId === "me", at, text: id });

test("what somebody writes in a row stands together", () => {
  const all = sayings([line("a", "bob", 0), line("b", "bob", 60_000), line("c", "cyd", 61_000), line("d", "bob", 62_000), line("e", "bob", 600_000), line("f", "bob", 600_001, "Robert")]);
  assert.deepEqual(all.map((s) => s.lines.map((l) => l.id).join("")), ["ab", "c", "d", "e", "f"]);
});

test("own lines are never unread", () => {
  const lines = [line("a", "bob", 0), line("b", "me", 1), line("c", "bob", 2)];
  assert.deepEqual(["", "a", "b", "c", "gone"].map((read) => unread(lines, read)), [2, 1, 1, 0, 2]);
});

test("addresses in a text can be followed, and nothing else", () => {
  const shown = (text: string) => parts(text).map((p) => (p.href ? `[${p.href}]` : p.text)).join("");
  assert.equal(shown("see https://example.org/a?b=c#d, or (http://x.test/)."), "see [https://example.org/a?b=c#d], or ([http://x.test/]).");
  assert.equal(shown("javascript:alert(1) <b>no</b> ftp://x"), "javascript:alert(1) <b>no</b> ftp://x");
  assert.equal(shown('https://x.test/"onmouseover="y'), '[https://x.test/]"onmouseover="y');
  assert.equal(shown("https://"), "https://");
  assert.equal(shown(""), "");
});
