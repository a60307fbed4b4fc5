import assert from "node:assert/strict";
import test from "node:test";
import { Members } from "./members.ts";
import { utf8 } from "./wire.ts";

const on = { audio: true, video: true, screen: false, speaking: false };
const names = (m: Members) => m.list.map((p) => `${p.sessionId}:${p.name}`);

test("people are announced once and keep their order", () => {
  const m = new Members();
  assert.ok(m.joined("1", utf8("ada"), "Ada", 0));
  assert.ok(m.joined("2", utf8("bob"), "Bob", 0));
  assert.ok(!m.joined("1", utf8("ada"), "Ada", 0));
  assert.deepEqual(names(m), ["1:Ada", "2:Bob"]);
});

test("packets make somebody known, the announcement gives the name", () => {
  const m = new Members();
  assert.ok(m.heard("1", utf8("ada"), 0)?.isNew);
  assert.equal(m.heard("1", utf8("ada"), 5)?.isNew, false);
  assert.deepEqual(names(m), ["1:ada"]);
  assert.ok(m.joined("1", utf8("ada"), "Ada", 6), "new as an announcement");
  assert.deepEqual(names(m), ["1:Ada"]);
});

test("a replaced session keeps its place, even when its packets came first", () => {
  const m = new Members();
  m.joined("1", utf8("ada"), "Ada", 0);
  m.joined("2", utf8("bob"), "Bob", 0);
  m.heartbeat("1", on);
  m.heard("9", utf8("ada"), 10);
  assert.ok(m.replaced("1", "9", utf8("ada"), "Ada", 11));
  assert.deepEqual(names(m), ["9:Ada", "2:Bob"]);
  assert.ok(m.replaced("2", "8", utf8("bob"), "", 12));
  assert.deepEqual(names(m), ["9:Ada", "8:Bob"]);
  assert.ok(!m.replaced("77", "78", utf8("eve"), "Eve", 13), "nobody we knew");
  assert.deepEqual(names(m), ["9:Ada", "8:Bob", "78:Eve"]);
});

test("heartbeats report changes only", () => {
  const m = new Members();
  m.joined("1", utf8("ada"), "Ada", 0);
  assert.ok(m.heartbeat("1", on));
  assert.ok(!m.heartbeat("1", on));
  assert.ok(m.heartbeat("1", { ...on, speaking: true }));
  assert.ok(m.heartbeat("1", { ...on, speaking: true, transport: "websocket" }));
  assert.ok(!m.heartbeat("2", on));
});

test("after a reconnection those who do not show up are gone", () => {
  const m = new Members();
  for (const id of ["1", "2", "3"]) m.joined(id, utf8(id), id, 0);
  m.rejoined(1000);
  m.joined("1", utf8("1"), "1", 1100);
  m.heard("2", utf8("2"), 1200);
  assert.deepEqual(m.prune(4999), []);
  assert.deepEqual(m.prune(5000).map((p) => p.sessionId), ["3"]);
  assert.deepEqual(names(m), ["1:1", "2:2"]);
});

test("only those whom the server never announced are forgotten for silence", () => {
  const m = new Members();
  m.joined("1", utf8("ada"), "Ada", 0);
  m.heard("2", utf8("ghost"), 0);
  assert.deepEqual(m.prune(30_000), []);
  assert.deepEqual(m.prune(30_001).map((p) => p.sessionId), ["2"]);
});

test("leftovers of somebody who left make no phantom", () => {
  const m = new Members();
  m.joined("1", utf8("ada"), "Ada", 0);
  m.left("1", 1000);
  assert.equal(m.heard("1", utf8("ada"), 1100), undefined);
  assert.ok(!m.joined("1", utf8("ada"), "Ada", 1200), "old news");
  assert.deepEqual(names(m), []);
  assert.ok(m.joined("1", utf8("ada"), "Ada", 6000), "a node that was cut off is back");
  assert.deepEqual(names(m), ["1:Ada"]);
  m.replaced("1", "2", utf8("ada"), "Ada", 7000);
  assert.equal(m.heard("1", utf8("ada"), 7100), undefined);
  assert.deepEqual(names(m), ["2:Ada"]);
});
