import assert from "node:assert/strict";
import test from "node:test";
import { arrivalQuality, ownQuality, type Arrival } from "./quality.ts";

const fine: Arrival = { silentMs: 0, concealed: 0, delayMs: 40, starving: false, lostShare: 0 };

test("quality of what arrives", () => {
  const cases: [Partial<Arrival>, number][] = [
    [{}, 4],
    [{ silentMs: 12_000 }, 4], // heartbeats come every five seconds, in large rooms every ten
    [{ delayMs: 150 }, 3],
    [{ concealed: 0.03 }, 3],
    [{ starving: true }, 2],
    [{ lostShare: 0.5 }, 1],
    [{ silentMs: 13_000 }, 1],
    [{ silentMs: 15_000 }, 0],
  ];
  for (const [change, want] of cases) assert.equal(arrivalQuality({ ...fine, ...change }), want, JSON.stringify(change));
});

test("quality of the own connection", () => {
  assert.equal(ownQuality(false, 1, 0), 0);
  assert.equal(ownQuality(true, undefined, 0), 4);
  assert.equal(ownQuality(true, 250, 0), 3);
  assert.equal(ownQuality(true, 10, 400), 2);
  assert.equal(ownQuality(true, 900, 0), 1);
});
