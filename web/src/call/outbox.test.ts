import assert from "node:assert/strict";
import test from "node:test";
import { Outbox, type Lane, type Outgoing } from "./outbox.ts";

let made = 0;
const packet = (lane: Lane, size = 100, key = false, layer = 0): Outgoing => {
  const bytes = new Uint8Array(size);
  bytes[0] = ++made;
  return { lane, bytes, key, layer };
};

function drain(box: Outbox, now: number): Outgoing[] {
  const out = [];
  for (let p = box.shift(now); p; p = box.shift(now)) out.push(p);
  return out;
}

test("control goes first, then audio, then pictures", () => {
  const box = new Outbox(() => {});
  box.push(packet("video", 100, true), 0);
  box.push(packet("audio"), 0);
  box.push(packet("control"), 0);
  assert.deepEqual(drain(box, 0).map((p) => p.lane), ["control", "audio", "video"]);
  assert.ok(box.empty);
  assert.equal(box.bytes, 0);
});

test("audio keeps its newest half second", () => {
  const box = new Outbox(() => {});
  const all = Array.from({ length: 30 }, () => packet("audio"));
  for (const p of all) box.push(p, 0);
  assert.deepEqual(drain(box, 0).map((p) => p.bytes[0]), all.slice(5).map((p) => p.bytes[0]));
  assert.equal(box.dropped, 5);
});

test("pictures beyond the limit skip to the next keyframe of their stream only", () => {
  const asked: Lane[] = [];
  const box = new Outbox((lane) => asked.push(lane));
  box.push(packet("screen", 100, true), 0);
  box.push(packet("video", 400_000, true), 0);
  box.push(packet("video", 400_000), 1);
  box.push(packet("video", 400_000), 2);
  assert.deepEqual(asked, ["video"]);
  box.push(packet("video", 100), 3);
  box.push(packet("screen", 100), 3);
  assert.deepEqual(asked, ["video"], "asked once");
  box.push(packet("video", 200, true), 4);
  box.push(packet("video", 300), 5);
  assert.deepEqual(
    drain(box, 5).map((p) => [p.lane, p.bytes.length]),
    [["screen", 100], ["screen", 100], ["video", 200], ["video", 300]],
  );
});

test("pictures that waited too long are not sent", () => {
  const asked: Lane[] = [];
  const box = new Outbox((lane) => asked.push(lane));
  box.push(packet("video", 100, true), 0);
  box.push(packet("video", 100), 10);
  assert.equal(box.age(1500), 1500);
  assert.deepEqual(drain(box, 1500), []);
  assert.deepEqual(asked, ["video"]);
});

test("a keyframe replaces what waits of its stream", () => {
  const box = new Outbox(() => {});
  box.push(packet("video", 100, true), 0);
  box.push(packet("video", 100), 1);
  const key = packet("video", 100, true);
  box.push(key, 2);
  assert.deepEqual(drain(box, 2).map((p) => p.bytes[0]), [key.bytes[0]]);
});

test("layers are streams of their own", () => {
  const asked: string[] = [];
  const box = new Outbox((lane, layer) => asked.push(`${lane} ${layer}`));
  box.push(packet("video", 100, true), 0);
  box.push(packet("video", 500_000, true, 1), 0);
  box.push(packet("video", 100), 1);
  box.push(packet("video", 500_000, false, 1), 1);
  assert.deepEqual(asked, ["video 1"]);
  box.push(packet("video", 100), 2);
  box.push(packet("video", 100, false, 1), 2);
  assert.deepEqual(drain(box, 2).map((p) => p.layer), [0, 0, 0]);
});
