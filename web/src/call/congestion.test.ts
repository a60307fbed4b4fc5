import assert from "node:assert/strict";
import { test } from "node:test";
import { Congestion } from "./congestion.ts";

test("one slow receiver of many does not slow everybody", () => {
  const c = new Congestion();
  for (let at = 0; at < 10_000; at += 1_000) assert.equal(c.reported("slow", 3, at), false);
});

test("the only receiver counts", () => {
  assert.equal(new Congestion().reported("slow", 1, 0), true);
});

test("most receivers count together, as long as their reports are fresh", () => {
  const c = new Congestion();
  assert.equal(c.reported("a", 3, 0), false);
  assert.equal(c.reported("b", 3, 1_000), true);
  assert.equal(c.reported("b", 3, 6_000), false);
});
