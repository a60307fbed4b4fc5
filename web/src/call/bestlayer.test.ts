import assert from "node:assert/strict";
import test from "node:test";
import { BestLayer } from "./bestlayer.ts";

/** Feeds packets of these layers, 10 ms apart, and says in letters what became of them. */
function feed(best: BestLayer, layers: string, from = 0): string {
  return [...layers].map((l, i) => best.take(Number(l), from + i * 10)[0]).join("");
}

test("a voice without layers is played", () => {
  const best = new BestLayer();
  assert.equal(feed(best, "0000"), "pppp");
  assert.equal(feed(best, "00", 10_000), "pp");
  assert.ok(!best.layered);
});

test("of several layers the best is played", () => {
  const best = new BestLayer();
  assert.equal(feed(best, "012012"), "pbbssp");
  assert.ok(best.layered);
  assert.equal(feed(best, "012012", 5_000), "sspssp", "after silence it is the same");
});

test("when the best one stops the next is played", () => {
  const best = new BestLayer();
  feed(best, "02");
  assert.equal(feed(best, "0101", 1_000), "ssss");
  assert.equal(feed(best, "0101", 1_040), "bbsp");
});
