import assert from "node:assert/strict";
import test from "node:test";
import { cameraRungs, fit, Ladder, type Pressure } from "./ladder.ts";

const calm: Pressure = { queueMs: 0, encoderQueue: 0, busy: 0.2, congestion: false };

/** Feeds one observation a second and returns the index after each. */
function climb(ladder: Ladder, from: number, seconds: number, p: Pressure): number[] {
  return Array.from({ length: seconds }, (_, i) => {
    ladder.observe(p, from + (i + 1) * 1000);
    return ladder.index;
  });
}

test("each kind of pressure steps down, at most every two seconds", () => {
  for (const p of [{ queueMs: 400 }, { encoderQueue: 5 }, { busy: 1.2 }, { congestion: true }]) {
    const ladder = new Ladder(cameraRungs, 3, 0);
    assert.deepEqual(climb(ladder, 0, 6, { ...calm, ...p }), [3, 2, 2, 1, 1, 0], JSON.stringify(p));
    assert.equal(climb(ladder, 6000, 5, { ...calm, ...p }).at(-1), 0);
  }
});

test("a long queue steps down faster", () => {
  const ladder = new Ladder(cameraRungs, 3, 0);
  assert.deepEqual(climb(ladder, 0, 3, { ...calm, queueMs: 2000 }), [2, 1, 0]);
});

test("calm climbs after eight seconds and stops at the top", () => {
  const ladder = new Ladder(cameraRungs, 3, 0, 4);
  assert.deepEqual(climb(ladder, 0, 8, calm), [3, 3, 3, 3, 3, 3, 3, 4]);
  assert.equal(climb(ladder, 8000, 60, calm).at(-1), 4);
});

test("a climb that fails makes the next one wait twice as long", () => {
  const ladder = new Ladder(cameraRungs, 3, 0);
  climb(ladder, 0, 8, calm);
  assert.equal(ladder.index, 4);
  climb(ladder, 8000, 2, { ...calm, congestion: true });
  assert.equal(ladder.index, 3);
  const steps = climb(ladder, 10_000, 16, calm);
  assert.equal(steps[14], 3);
  assert.equal(steps[15], 4);
});

test("a picture keeps its shape, is never enlarged and has even sides", () => {
  assert.deepEqual(fit(1280, 720, 360), { width: 640, height: 360 });
  assert.deepEqual(fit(720, 1280, 360), { width: 360, height: 640 });
  assert.deepEqual(fit(320, 240, 720), { width: 320, height: 240 });
  assert.deepEqual(fit(641, 481, 270), { width: 360, height: 270 });
});
