import assert from "node:assert/strict";
import test from "node:test";
import { cameraRungs } from "./ladder.ts";
import { layerFor, layersFor, layersOf } from "./layers.ts";

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
  const heights = (layer: number, plain = false) => layersFor(cameraRungs.at(-1)!, { layer, plain }).map((r) => r.height);
  assert.deepEqual([0, 1, 2, 7, 4294967295, Infinity].map((l) => heights(l)), [[180], [180, 360], ...Array(4).fill([180, 360, 720])]);
  assert.deepEqual(heights(0, true), [720]);
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
