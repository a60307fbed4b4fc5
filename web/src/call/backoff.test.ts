import assert from "node:assert/strict";
import test from "node:test";
import { backoff, isFinal } from "./backoff.ts";

test("the wait doubles from half a second up to its cap", () => {
  const none = () => 0;
  assert.deepEqual([1, 2, 3, 4, 5].map((n) => backoff(n, none)), [500, 1000, 2000, 2000, 2000]);
  assert.equal(backoff(6, none), 10_000);
  assert.equal(backoff(16, none), 30_000);
  assert.equal(backoff(1000, none), 30_000);
});

test("jitter adds at most half, and keeps people apart at the cap as well", () => {
  assert.equal(backoff(1, () => 1), 750);
  assert.equal(backoff(3, () => 0), 2000);
  assert.equal(backoff(3, () => 1), 3000);
});

test("3500 to 3999 and 1008 are final", () => {
  for (const code of [3500, 3506, 3999, 1008]) assert.ok(isFinal(code), String(code));
  for (const code of [1000, 1001, 1006, 3001, 3499, 0]) assert.ok(!isFinal(code), String(code));
});
