import { test } from "node:test";
import assert from "node:assert/strict";
import { Memory } from "./memory.ts";

function box(): { getItem(key: string): string | null; setItem(key: string, value: string): void; map: Map<string, string> } {
  const map = new Map<string, string>();
  return { map, getItem: (key) => map.get(key) ?? null, setItem: (key, value) => void map.set(key, value) };
}

test("name and transport are remembered and checked", () => {
  const b = box();
  const m = new Memory(b);
  assert.equal(m.name, "");
  assert.equal(m.transport, "auto");
  m.name = "  Ada  Lovelace ";
  m.transport = "websocket";
  assert.equal(new Memory(b).name, "Ada Lovelace");
  assert.equal(new Memory(b).transport, "websocket");
  b.map.set("parley.transport", "pigeon");
  assert.equal(m.transport, "auto");
});

test("visits are unique, latest first and bounded", () => {
  const m = new Memory(box());
  for (let i = 0; i < 9; i++) m.visited(`room-${i}`, i);
  m.visited("room-7", 100);
  assert.deepEqual(m.visits.map((v) => v.room), ["room-7", "room-8", "room-6", "room-5", "room-4"]);
  m.forget("room-8");
  assert.equal(m.visits.length, 4);
});

test("foreign or forbidden storage does no harm", () => {
  const b = box();
  b.map.set("parley.rooms", "{broken");
  assert.deepEqual(new Memory(b).visits, []);
  b.map.set("parley.rooms", '[1,{"room":"a"},null,{"room":"ok","at":1}]');
  assert.deepEqual(new Memory(b).visits, [{ room: "ok", at: 1 }]);
  const locked = new Memory({ getItem: () => { throw new Error("no"); }, setItem: () => { throw new Error("no"); } });
  locked.name = "Ada";
  assert.equal(locked.name, "");
});
