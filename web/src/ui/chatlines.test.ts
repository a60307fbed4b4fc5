import assert from "node:assert/strict";
import test from "node:test";
import type { ChatLine } from "../call/contract.ts";
import { sayings, unread } from "./chatlines.ts";

const line = (id: string, userId: string, at: number, name = userId): ChatLine => ({ id, userId, name, self: userId === "me", at, text: id });

test("what somebody writes in a row stands together", () => {
  const all = sayings([line("a", "bob", 0), line("b", "bob", 60_000), line("c", "cyd", 61_000), line("d", "bob", 62_000), line("e", "bob", 600_000), line("f", "bob", 600_001, "Robert")]);
  assert.deepEqual(all.map((s) => s.lines.map((l) => l.id).join("")), ["ab", "c", "d", "e", "f"]);
});

test("own lines are never unread", () => {
  const lines = [line("a", "bob", 0), line("b", "me", 1), line("c", "bob", 2)];
  assert.deepEqual(["", "a", "b", "c", "gone"].map((read) => unread(lines, read)), [2, 1, 1, 0, 2]);
});
