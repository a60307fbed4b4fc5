import assert from "node:assert/strict";
import test from "node:test";
import { Jitter } from "./jitter.ts";

/** Feeds packets every 20 ms, each late by delay(i) ms, with timestamps in units per ms. */
function feed(j: Jitter, from: number, n: number, delay: (i: number) => number, perMs = 1000): void {
  for (let i = from; i < from + n; i++) j.add(i, i * 20 * perMs, i * 20 + delay(i));
}

test("regular arrivals need the floor only", () => {
  const j = new Jitter();
  feed(j, 0, 100, () => 35);
  assert.equal(j.target, 40);
});

test("the target covers the spread, whatever unit the sender counts in", () => {
  for (const perMs of [1000, 1]) {
    const j = new Jitter();
    feed(j, 0, 200, (i) => (i % 5 === 0 ? 80 : 0), perMs);
    assert.equal(Math.round(j.target), 110);
  }
});

test("one packet in a hundred does not count", () => {
  const j = new Jitter();
  feed(j, 0, 300, (i) => (i % 100 === 50 ? 150 : 0));
  assert.ok(j.target < 60, String(j.target));
});

test("the target sinks slowly after the trouble is over", () => {
  const j = new Jitter();
  feed(j, 0, 100, (i) => (i % 5) * 30);
  const worst = j.target;
  assert.ok(worst >= 145, String(worst));
  feed(j, 100, 300, () => 0);
  assert.ok(j.target > 60 && j.target < worst, String(j.target));
  feed(j, 400, 600, () => 0);
  assert.ok(j.target < 45, String(j.target));
});

test("a pause of the speaker is not jitter", () => {
  const j = new Jitter();
  feed(j, 0, 50, () => 0);
  for (let i = 50; i < 100; i++) j.add(i, (i * 20 + 3000) * 1000, i * 20 + 3000);
  assert.equal(j.target, 40);
});

test("the target has a ceiling", () => {
  const j = new Jitter();
  feed(j, 0, 100, (i) => (i % 3) * 600);
  assert.equal(j.target, 400);
});
