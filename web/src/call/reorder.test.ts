import assert from "node:assert/strict";
import test from "node:test";
import { Reorder } from "./reorder.ts";

const key = (sequence: number) => ({ sequence, key: true });
const delta = (sequence: number) => ({ sequence, key: false });
const numbers = (frames: { sequence: number }[]) => frames.map((f) => f.sequence);

test("nothing is released before a keyframe", () => {
  const r = new Reorder();
  assert.deepEqual(r.push(delta(3), 0), []);
  assert.ok(r.starving);
  assert.deepEqual(numbers(r.push(key(4), 10)), [4]);
  assert.ok(!r.starving);
});

test("deltas that overtook their keyframe follow it", () => {
  const r = new Reorder();
  r.push(delta(1), 0);
  r.push(delta(2), 1);
  assert.deepEqual(numbers(r.push(key(0), 2)), [0, 1, 2]);
});

test("swapped neighbours come out in order", () => {
  const r = new Reorder();
  r.push(key(0), 0);
  assert.deepEqual(r.push(delta(2), 10), []);
  assert.deepEqual(numbers(r.push(delta(1), 20)), [1, 2]);
  assert.equal(r.lost, 0);
});

test("a gap is awaited, then the stream skips to its next keyframe", () => {
  const r = new Reorder(150);
  r.push(key(0), 0);
  r.push(delta(2), 10);
  assert.ok(!r.expire(159));
  assert.ok(r.expire(160));
  assert.ok(r.starving);
  assert.deepEqual(r.push(delta(3), 170), []);
  assert.deepEqual(numbers(r.push(key(4), 180)), [4]);
});

test("a keyframe beyond a gap is taken at once", () => {
  const r = new Reorder();
  r.push(key(0), 0);
  r.push(delta(2), 1);
  assert.deepEqual(numbers(r.push(key(5), 2)), [5]);
  assert.equal(r.lost, 3); // 1, 3 and 4; 2 was there
  assert.deepEqual(numbers(r.push(delta(6), 3)), [6]);
});

test("late and repeated frames are dropped", () => {
  const r = new Reorder();
  r.push(key(10), 0);
  r.push(delta(11), 1);
  assert.deepEqual(r.push(delta(10), 2), []);
  assert.deepEqual(r.push(key(10), 3), []);
  assert.deepEqual(numbers(r.push(delta(12), 4)), [12]);
});

test("a publisher that counts from zero again is followed", () => {
  const r = new Reorder();
  r.push(key(0), 0);
  for (let i = 1; i < 40; i++) r.push(delta(i), i);
  assert.deepEqual(numbers(r.push(key(0), 50)), [0]);
  assert.deepEqual(numbers(r.push(delta(1), 60)), [1]);
});

test("what waits is bounded", () => {
  const r = new Reorder(150, 4);
  for (let i = 1; i <= 20; i++) r.push(delta(i), i);
  assert.equal(r.waiting, 4);
});
