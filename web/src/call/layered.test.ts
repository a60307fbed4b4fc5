import assert from "node:assert/strict";
import test from "node:test";
import { Layered } from "./layered.ts";

/** "2k7" is frame 7 of layer 2, a keyframe; d is any other. */
const frame = (text: string) => ({ layer: Number(text[0]), key: text[1] === "k", sequence: Number(text.slice(2)), text });

/** Takes frames that arrive 10 ms apart and returns what is released. */
function play(layers: Layered<ReturnType<typeof frame>>, frames: string, from = 0): string {
  const out = frames.split(" ").flatMap((text, i) => layers.push(frame(text), from + i * 10));
  return out.map((f) => f.text).join(" ");
}

test("a picture without layers is in order", () => {
  const l = new Layered<ReturnType<typeof frame>>();
  assert.equal(play(l, "0d1 0k0 0d3 0d2 0d4"), "0k0 0d1 0d2 0d3 0d4");
  assert.ok(!l.starving);
});

test("of all layers the highest that is wanted is shown", () => {
  const l = new Layered<ReturnType<typeof frame>>();
  assert.equal(play(l, "0k0 1k0 2k0 0d1 1d1 2d1"), "0k0 1k0 2k0 2d1");
  l.wanted = 1;
  assert.equal(play(l, "2d2 1d2 2d3 1k3 2d4 1d4 0k9 0d10", 100), "2d2 2d3 1k3 1d4");
  l.wanted = 2;
  assert.equal(play(l, "1d5 2d9 1d6 2k8 1d7 2d10", 300), "1d5 1d6 2k8 2d9 2d10", "deltas that overtook their keyframe are not lost");
  assert.equal(l.layer, 2);
});

test("a layer that stopped is replaced by the one below", () => {
  const l = new Layered<ReturnType<typeof frame>>();
  play(l, "2k0 2d1 1k0");
  assert.equal(l.layer, 2);
  assert.equal(play(l, "1d7", 1_000), "");
  assert.ok(l.starving);
  assert.equal(l.missing, 1);
  assert.equal(play(l, "1k8 1d9", 1_010), "1k8 1d9");
});

test("a gap is given up, and the lost are counted over all layers", () => {
  const l = new Layered<ReturnType<typeof frame>>();
  play(l, "0k0 0d2");
  l.expire(1_000);
  assert.ok(l.starving);
  assert.equal(l.missing, 0);
  assert.equal(l.lost, 1);
  assert.equal(play(l, "1k5 1d6", 1_000), "1k5 1d6");
  assert.equal(l.lost, 1);
  l.starve();
  assert.equal(play(l, "1d7", 1_050), "");
  assert.equal(l.missing, 1);
});
