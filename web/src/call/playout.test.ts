import assert from "node:assert/strict";
import test from "node:test";
import { Playout } from "./playout.ts";

const rate = 48_000;
const quantum = 128;
const packet = 960;

/** A sine of 440 Hz, packet i of 20 ms. */
function tone(i: number, amplitude = 0.5): Float32Array {
  return Float32Array.from({ length: packet }, (_, k) => amplitude * Math.sin((2 * Math.PI * 440 * (i * packet + k)) / rate));
}

/**
 * Plays `ms` while push(i) says at which sample each packet arrives, and returns the sound.
 */
function run(p: Playout, ms: number, arrive: (at: number) => void): Float32Array {
  const total = Math.floor((ms * rate) / 1000 / quantum) * quantum;
  const sound = new Float32Array(total);
  for (let at = 0; at < total; at += quantum) {
    arrive(at);
    p.pull(sound.subarray(at, at + quantum));
  }
  return sound;
}

/** Pushes packet i when the time of its arrival has come. */
function paced(p: Playout, lateness: (i: number) => number = () => 0, make = tone): (at: number) => void {
  let i = 0;
  return (at) => {
    while (i * packet + lateness(i) <= at) p.push(make(i++));
  };
}

/** The largest step between neighbouring samples: a click is a large one. */
function steepest(sound: Float32Array): number {
  let max = 0;
  for (let i = 1; i < sound.length; i++) max = Math.max(max, Math.abs(sound[i]! - sound[i - 1]!));
  return max;
}

test("it waits for its target, then plays without a gap", () => {
  const p = new Playout(rate);
  p.setTarget(2 * packet);
  const sound = run(p, 1000, paced(p));
  assert.ok(sound.subarray(0, packet).every((v) => v === 0));
  assert.equal(p.stats.concealed, 0);
  assert.ok(p.stats.level > 0.3);
  assert.ok(steepest(sound) < 0.06, String(steepest(sound)));
});

test("jitter below the target is not heard", () => {
  const p = new Playout(rate);
  p.setTarget(3 * packet);
  run(p, 3000, paced(p, (i) => (i % 4 === 3 ? 1.5 * packet : 0)));
  assert.equal(p.stats.concealed, 0);
});

test("a gap fades out and comes back without a click", () => {
  const p = new Playout(rate);
  p.setTarget(2 * packet);
  const sound = run(p, 1000, paced(p, (i) => (i >= 20 ? 10 * packet : 0)));
  assert.ok(p.stats.concealed > 0 && p.stats.concealed <= 2 * packet, String(p.stats.concealed));
  assert.ok(steepest(sound) < 0.1, String(steepest(sound)));
  assert.ok(p.stats.level > 0.3); // it plays again
});

test("a lost packet is concealed in place and keeps the time", () => {
  const p = new Playout(rate);
  p.setTarget(3 * packet);
  let i = 0;
  const sound = run(p, 600, (at) => {
    while (i * packet <= at) {
      if (i === 12) p.lose(packet);
      else p.push(tone(i));
      i++;
    }
  });
  assert.equal(p.stats.concealed, packet);
  assert.ok(steepest(sound) < 1.1); // the tone resumes at another phase, once
  assert.ok(p.stats.fill > packet);
});

test("the end of an utterance shorter than the target is played", () => {
  const p = new Playout(rate);
  p.setTarget(5 * packet);
  p.push(tone(0));
  p.push(tone(1));
  const sound = run(p, 300, () => {});
  assert.ok(sound.some((v) => Math.abs(v) > 0.4));
  assert.ok(p.stats.fill < quantum);
});

test("a burst is caught up with in silence", () => {
  const p = new Playout(rate);
  p.setTarget(2 * packet);
  for (let i = 0; i < 10; i++) p.push(tone(i, 0)); // 200 ms too many
  run(p, 6000, paced(p, () => 0, (i) => tone(i, 0)));
  assert.ok(p.stats.fill < 3 * packet, String(p.stats.fill));
  assert.ok(p.stats.dropped > 6 * packet);
});

test("speech far behind is shortened without clicks", () => {
  const p = new Playout(rate);
  p.setTarget(2 * packet);
  for (let i = 0; i < 10; i++) p.push(tone(i));
  const sound = run(p, 8000, paced(p, () => 0, (i) => tone(i + 10)));
  assert.ok(p.stats.fill < 6 * packet, String(p.stats.fill));
  assert.equal(p.stats.concealed, 0);
  assert.ok(steepest(sound) < 0.1, String(steepest(sound)));
});

test("a slower sender is followed by stretching silence", () => {
  const p = new Playout(rate);
  p.setTarget(2 * packet);
  run(p, 20_000, paced(p, (i) => i * 2, (i) => tone(i, 0))); // 0.2 % slow
  assert.ok(p.stats.inserted > 0);
});

test("it never holds more than a second", () => {
  const p = new Playout(rate);
  for (let i = 0; i < 100; i++) p.push(tone(i));
  p.pull(new Float32Array(quantum));
  assert.ok(p.stats.fill <= rate);
});
