import assert from "node:assert/strict";
import test from "node:test";
import { meter, Speaking } from "./speaking.ts";

test("a click is not speech, a syllable is", () => {
  const s = new Speaking();
  assert.equal(s.feed(0.5, 0), false);
  assert.equal(s.feed(0, 20), false);
  s.feed(0.05, 100);
  assert.equal(s.feed(0.05, 180), true);
  assert.ok(s.on);
});

test("pauses between words keep it on", () => {
  const s = new Speaking();
  s.feed(0.05, 0);
  s.feed(0.05, 100);
  assert.equal(s.feed(0, 300), false);
  assert.equal(s.feed(0, 799), false);
  assert.ok(s.on);
  assert.equal(s.feed(0, 800), true);
  assert.ok(!s.on);
});

test("levels between the thresholds hold but do not start", () => {
  const s = new Speaking();
  for (let t = 0; t < 1000; t += 20) s.feed(0.015, t);
  assert.ok(!s.on);
  s.feed(0.05, 1000);
  s.feed(0.05, 1100);
  for (let t = 1100; t < 4000; t += 20) s.feed(0.015, t);
  assert.ok(s.on);
});

test("the meter is silent at -60 dB and full at full scale", () => {
  assert.equal(meter(0), 0);
  assert.equal(meter(0.001), 0);
  assert.equal(meter(1), 1);
  assert.ok(Math.abs(meter(0.1) - 2 / 3) < 1e-9);
});
