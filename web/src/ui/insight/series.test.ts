import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallEvent, Point } from "../../server/telemetry.ts";
import { amount, lastMeasured, minutes } from "./series.ts";
import { place } from "./track.ts";

const point = (at: number, change: Partial<Point> = {}): Point => ({ at, measure: "m", count: 2, sum: 10, p50: 4, p95: 9, ...change });

test("minutes without measurements are gaps, minutes without events are 0", () => {
  const all = [point(60_000), point(60_000, { p50: 3, p95: 20 }), point(180_000), point(999_000_000)];
  assert.deepEqual(minutes(all, 0, 180_500, "spread"), [
    [0, 60, 120, 180],
    [null, 4, null, 4],
    [null, 20, null, 9],
  ]);
  assert.deepEqual(minutes(all, 0, 180_500, "sum")[1], [0, 20, 0, 10]);
  assert.deepEqual(minutes(all, 0, 180_500, "count")[1], [0, 4, 0, 2]);
});

test("the legend has the last minute that was measured, with units", () => {
  assert.equal(lastMeasured([[0, 60, 120], [1, 2, null], [null, 3, null]]), 1);
  assert.equal(lastMeasured([[0, 60], [null, null]]), 1);
  assert.deepEqual([amount(null, " ms"), amount(undefined, ""), amount(0.44, " %"), amount(12.6, " ms")], ["–", "–", "0.4 %", "13 ms"]);
});

test("an event that continues another reaches back to it", () => {
  const event = (at: number): CallEvent => ({ seq: String(at), kind: 1, name: "E", group: "g", class: "lifecycle", at });
  const [a, b, c] = [event(100), event(150), event(300)] as const;
  assert.deepEqual(place([a, b, c], b), { left: 25, width: 0.8 });
  assert.deepEqual(place([a, b, c], c, b), { left: 25, width: 75 });
  assert.deepEqual(place([a, b, c], c), { left: 99.2, width: 0.8 });
  assert.deepEqual(place([a], a), { left: 0, width: 0.8 });
});
