import assert from "node:assert/strict";
import test from "node:test";
import { FakeClock } from "./clock.fake.ts";
import { Viewing } from "./viewing.ts";

function viewing() {
  const clock = new FakeClock();
  const shown = new Map<string, number>();
  const cameras = new Set<string>();
  const voices: string[] = [];
  const log: string[] = [];
  const v = new Viewing(
    clock,
    { shown: () => shown, cameras: () => [...cameras], voices: () => voices },
    {
      viewport: (ids) => log.push(`shows ${ids.join(" ") || "all"}`),
      layers: (list) => log.push(`wants ${list.map((l) => `${l.voice ? "voice " : ""}${l.sessionId}:${l.layer}`).join(" ") || "all"}`),
    },
  );
  return {
    v, clock, shown, cameras, voices,
    /** A tile of somebody whose camera is on. */
    tile: (id: string, height: number) => {
      cameras.add(id);
      shown.set(id, height);
    },
    said: async () => {
      v.changed();
      await clock.advance(300);
      return log.splice(0).join(", ");
    },
  };
}

test("layers follow the size of tiles, and only changes are said", async () => {
  const { v, tile, said, shown, cameras } = viewing();
  assert.equal(await said(), "", "nobody to tell");
  v.arrived();
  assert.equal(await said(), "");
  tile("2", 500);
  tile("3", 100);
  assert.equal(await said(), "wants 2:2 3:0");
  assert.equal(await said(), "");
  tile("3", 300);
  assert.equal(await said(), "wants 2:2 3:1");
  shown.delete("3");
  assert.equal(await said(), "wants 2:2, shows 2");
  shown.delete("2");
  assert.equal(await said(), "wants all, shows 0", "nobody at all");
  cameras.clear();
  assert.equal(await said(), "shows all");
});

test("a storm of changes is said once", async () => {
  const { v, tile, clock, said } = viewing();
  v.arrived();
  for (let height = 100; height < 600; height += 10) {
    tile("2", height);
    v.changed();
    await clock.advance(4);
  }
  assert.equal(await said(), "wants 2:2");
});

test("a new connection is told all of it", async () => {
  const { v, tile, said, cameras } = viewing();
  v.arrived();
  tile("2", 300);
  cameras.add("9");
  assert.equal(await said(), "wants 2:1, shows 2");
  v.left();
  tile("2", 600);
  assert.equal(await said(), "");
  v.arrived();
  assert.equal(await said(), "wants 2:2, shows 2");
});

test("a narrow way is spared for a while", async () => {
  const { v, clock, tile, said } = viewing();
  v.arrived();
  tile("2", 600);
  tile("3", 100);
  assert.equal(await said(), "wants 2:2 3:0");
  v.squeezed();
  assert.equal(await said(), "wants 2:1 3:0");
  v.squeezed();
  assert.equal(await said(), "wants 2:0 3:0");
  await clock.advance(15_000);
  assert.equal(await said(), "wants 2:1 3:0");
  await clock.advance(15_000);
  assert.equal(await said(), "wants 2:2 3:0");
  v.close();
});

test("of voices in layers the best is wanted, shown or not, while the way is wide", async () => {
  const { v, said, voices, tile } = viewing();
  v.arrived();
  voices.push("5");
  assert.equal(await said(), "wants voice 5:2");
  tile("2", 300);
  assert.equal(await said(), "wants 2:1 voice 5:2");
  v.squeezed();
  assert.equal(await said(), "wants 2:0 voice 5:0");
  v.close();
});
