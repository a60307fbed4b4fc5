import assert from "node:assert/strict";
import test from "node:test";
import { Order, type Ordered } from "./order.ts";

const p = (sequence: number) => ({ sequence });
const flat = (out: Ordered<{ sequence: number }>[]) =>
  out.map((o) => ("lost" in o ? `-${o.lost}` : o.packet.sequence));

test("packets in order pass through", () => {
  const o = new Order();
  assert.deepEqual(flat(o.push(p(7), 0)), [7]);
  assert.deepEqual(flat(o.push(p(8), 20)), [8]);
});

test("packets that overtook each other are sorted", () => {
  const o = new Order();
  o.push(p(0), 0);
  assert.deepEqual(flat(o.push(p(2), 20)), []);
  assert.deepEqual(flat(o.push(p(1), 25)), [1, 2]);
  assert.equal(o.lost, 0);
});

test("a missing packet is given up after its time and then ignored", () => {
  const o = new Order(40);
  o.push(p(0), 0);
  o.push(p(3), 20);
  assert.deepEqual(flat(o.expire(59)), []);
  assert.deepEqual(flat(o.expire(60)), ["-2", 3]);
  assert.equal(o.lost, 2);
  assert.deepEqual(flat(o.push(p(1), 61)), []);
  assert.deepEqual(flat(o.push(p(4), 62)), [4]);
});

test("a sender that starts again is followed", () => {
  const o = new Order();
  for (let i = 0; i < 50; i++) o.push(p(i), i * 20);
  assert.deepEqual(flat(o.push(p(0), 1000)), [0]);
  assert.deepEqual(flat(o.push(p(1), 1020)), [1]);
  assert.deepEqual(flat(o.push(p(5000), 1040)), [5000]);
});
