import assert from "node:assert/strict";
import test from "node:test";
import { cameraRungs } from "./ladder.ts";
import { layerFor, layersFor, layersOf } from "./layers.ts";
import { everything } from "./wire.ts";

test("a better picture has more layers below it", () => {
  const heights = cameraRungs.map((rung) => layersOf(rung).map((r) => r.height));
  assert.deepEqual(heights, [[180], [180], [180, 270], [180, 360], [180, 360], [180, 360, 540], [180, 360, 720]]);
  for (const rung of cameraRungs) {
    const layers = layersOf(rung);
    assert.equal(layers.at(-1), rung);
    for (let i = 1; i < layers.length; i++) assert.ok(layers[i]!.kbps > layers[i - 1]!.kbps && layers[i]!.fps >= layers[i - 1]!.fps);
  }
});

test("what nobody wants is not encoded, and who knows no layers gets the best", () => {
  const heights = (layers: number, rung = 6, plain = false) => layersFor(cameraRungs[rung]!, { layers, plain }).map((r) => r?.height ?? 0);
  assert.deepEqual(heights(everything.layers), [180, 360, 720]);
  assert.deepEqual(heights(0b001), [180, 0, 0]);
  assert.deepEqual(heights(0b110), [0, 360, 720]);
  assert.deepEqual(heights(0b100), [0, 0, 720]);
  assert.deepEqual(heights(0b1000), [0, 0, 720], "more than there is");
  assert.deepEqual(heights(0b100, 3), [0, 360]);
  assert.deepEqual(heights(0b010, 0), [180]);
  assert.deepEqual(heights(0), [180], "nobody wants any now");
  assert.deepEqual(heights(0b001, 6, true), [720]);
});

test("tiles get the layer of their size", () => {
  assert.deepEqual([0, 100, 216, 217, 432, 433, 2_000].map((px) => layerFor(px)), [0, 0, 0, 1, 1, 2, 2]);
});

test("a tile at the border between two layers keeps the one it has", () => {
  assert.deepEqual([200, 216, 230].map((px) => layerFor(px, 0)), [0, 0, 0]);
  assert.deepEqual([200, 216, 230].map((px) => layerFor(px, 1)), [1, 1, 1]);
  assert.deepEqual([190, 245].map((px) => layerFor(px, 0)), [0, 1]);
  assert.equal(layerFor(190, 1), 0);
  assert.equal(layerFor(600, 0), 2);
});
