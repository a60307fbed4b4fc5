import assert from "node:assert/strict";
import test from "node:test";
import { FakeClock } from "./clock.fake.ts";
import { serverGone } from "./problem.ts";
import { Store } from "./store.ts";

test("after the last word nothing changes, however late it comes", async () => {
  const clock = new FakeClock();
  const store = new Store(clock);
  const phases: string[] = [];
  store.subscribe((s) => phases.push(`${s.phase} ${s.notices.length}`));
  store.notify("info", "a");
  store.close({ phase: "left" });
  store.problem(serverGone());
  store.set({ phase: "joined", micOn: true });
  store.notify("info", "b");
  await clock.advance(60_000);
  assert.deepEqual(phases, ["idle 1", "left 1"]);
  const { phase, micOn, problem } = store.state;
  assert.deepEqual([phase, micOn, problem], ["left", false, undefined]);
});
