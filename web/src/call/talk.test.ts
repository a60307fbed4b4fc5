import assert from "node:assert/strict";
import test from "node:test";
import { FakeClock } from "./clock.fake.ts";
import type { ChatLine } from "./contract.ts";
import { Store } from "./store.ts";
import { Talk, reactionFor } from "./talk.ts";

const line = (id: string, at: number): ChatLine => ({ id, userId: "bob", name: "Bob", self: false, at, text: id });

test("history and news make one list, each line once and in order", () => {
  const store = new Store(new FakeClock());
  const talk = new Talk(store, new FakeClock());
  talk.heard([line("b", 2)]);
  talk.heard([line("a", 1), line("b", 2), line("c", 3)]);
  assert.deepEqual(store.state.chat.map((l) => l.id), ["a", "b", "c"]);
  const before = store.state.chat;
  talk.heard([line("a", 1)]);
  assert.equal(store.state.chat, before, "nothing new redraws nothing");
});

test("reactions pass by", async () => {
  const clock = new FakeClock();
  const store = new Store(clock);
  const talk = new Talk(store, clock);
  talk.react("2", "Bob", "heart");
  await clock.advance(reactionFor / 2);
  talk.react("self", "Ada", "party");
  assert.deepEqual(store.state.reactions.map((r) => r.kind), ["heart", "party"]);
  await clock.advance(reactionFor / 2);
  assert.deepEqual(store.state.reactions.map((r) => r.kind), ["party"]);
  for (let i = 0; i < 100; i++) talk.react("2", "Bob", "heart");
  assert.ok(store.state.reactions.length < 30, "a storm does not hide the faces");
});
