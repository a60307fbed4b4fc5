import { test } from "node:test";
import assert from "node:assert/strict";
import { ago, count, duration, durationWords } from "./clock.ts";

test("the timer grows from seconds to hours", () => {
  assert.equal(duration(0), "0:00");
  assert.equal(duration(7_900), "0:07");
  assert.equal(duration(754_000), "12:34");
  assert.equal(duration(3_723_000), "1:02:03");
  assert.equal(duration(-5), "0:00");
  assert.equal(duration(NaN), "0:00");
});

test("a length in words", () => {
  assert.equal(durationWords(20_000), "less than a minute");
  assert.equal(durationWords(60_000), "1 minute");
  assert.equal(durationWords(7_500_000), "2 hours 5 minutes");
  assert.equal(durationWords(3_600_000), "1 hour");
});

test("how long ago", () => {
  const now = 1_700_000_000_000;
  assert.equal(ago(now - 10_000, now), "just now");
  assert.equal(ago(now - 300_000, now), "5 min ago");
  assert.equal(ago(now - 2 * 3_600_000, now), "2 h ago");
  assert.equal(ago(now - 25 * 3_600_000, now), "yesterday");
  assert.equal(ago(now - 3 * 86_400_000, now), "3 days ago");
  assert.match(ago(now - 30 * 86_400_000, now), /\d/);
});

test("one and many", () => {
  assert.equal(count(1, "person", "people"), "1 person");
  assert.equal(count(3, "person", "people"), "3 people");
});
