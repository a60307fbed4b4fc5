import { test } from "node:test";
import assert from "node:assert/strict";
import { fitGrid, fitStage, gridCapacity, pickVisible, type Rect } from "./grid.ts";

const areas = [
  { w: 1408, h: 760 },
  { w: 1000, h: 640 },
  { w: 374, h: 680 },
  { w: 750, h: 330 },
  { w: 344, h: 560 },
];

function overlap(a: Rect, b: Rect): boolean {
  return a.x < b.x + b.w - 0.01 && b.x < a.x + a.w - 0.01 && a.y < b.y + b.h - 0.01 && b.y < a.y + a.h - 0.01;
}

function checkInside(rects: readonly Rect[], area: { w: number; h: number }): void {
  for (const [i, r] of rects.entries()) {
    assert.ok(r.x >= -0.01 && r.y >= -0.01 && r.x + r.w <= area.w + 0.01 && r.y + r.h <= area.h + 0.01, `tile ${i} leaves the area`);
    for (const other of rects.slice(i + 1)) assert.ok(!overlap(r, other), `tile ${i} overlaps`);
  }
}

test("every grid fits its area without overlap", () => {
  for (const area of areas) {
    for (let n = 1; n <= 49; n++) {
      const rects = fitGrid(n, area, 8);
      assert.equal(rects.length, n);
      checkInside(rects, area);
    }
  }
});

test("two people stand side by side on a desk and above each other on a phone", () => {
  const desk = fitGrid(2, { w: 1400, h: 760 }, 8);
  assert.equal(desk[0]!.y, desk[1]!.y);
  const phone = fitGrid(2, { w: 374, h: 680 }, 8);
  assert.equal(phone[0]!.x, phone[1]!.x);
});

test("an incomplete last row is centred", () => {
  const rects = fitGrid(5, { w: 1400, h: 760 }, 10);
  const last = rects.slice(3);
  const left = last[0]!.x;
  const right = 1400 - (last[1]!.x + last[1]!.w);
  assert.ok(Math.abs(left - right) < 0.01);
  assert.ok(left > rects[0]!.x);
});

test("an empty area or nobody gives no tiles", () => {
  assert.deepEqual(fitGrid(0, { w: 100, h: 100 }, 8), []);
  assert.deepEqual(fitGrid(3, { w: 0, h: 100 }, 8), []);
});

test("a phone holds twenty readable tiles, any area at least one", () => {
  assert.ok(gridCapacity({ w: 374, h: 680 }, 6) >= 20);
  assert.ok(gridCapacity({ w: 1408, h: 760 }, 8) >= 30);
  assert.equal(gridCapacity({ w: 40, h: 40 }, 8), 1);
  assert.equal(gridCapacity({ w: 9000, h: 9000 }, 8), 49);
});

test("the stage and its filmstrip share the area", () => {
  for (const area of [...areas, { w: 300, h: 310 }, { w: 310, h: 300 }]) {
    for (const n of [1, 2, 5, 20]) {
      const { stage, strip } = fitStage(n, area, 8);
      checkInside([stage, ...strip], area);
      assert.ok(strip.length >= 1 && strip.length <= n);
      assert.ok(stage.w * stage.h > 0.44 * area.w * area.h, "the stage gets the largest part");
    }
  }
  assert.deepEqual(fitStage(0, { w: 100, h: 50 }, 8).stage, { x: 0, y: 0, w: 100, h: 50 });
});

test("who spoke last stays visible, in the order of joining", () => {
  const people = ["me", "ada", "bob", "cyd", "dee"];
  const spoke = new Map([["dee", 20], ["bob", 10]]);
  assert.deepEqual(pickVisible(people, 3, (p) => spoke.get(p)), ["me", "bob", "dee"]);
  assert.deepEqual(pickVisible(people, 4, (p) => spoke.get(p)), ["me", "ada", "bob", "dee"]);
  assert.deepEqual(pickVisible(people, 9, (p) => spoke.get(p)), people);
});
