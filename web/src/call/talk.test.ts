import assert from "node:assert/strict";
import test from "node:test";
import { ChatMessage_Refusal } from "../gen/call/v1/chat_pb.ts";
import { FakeClock } from "./clock.fake.ts";
import { Store } from "./store.ts";
import { Talk, confirmedWithin, reactionFor, type Written } from "./talk.ts";

function talking() {
  const clock = new FakeClock();
  const store = new Store(clock);
  const sent: { text: string; ref: string }[] = [];
  const talk = new Talk(store, clock, (text, ref) => void sent.push({ text, ref }), () => ({ id: "ada", name: "Ada" }));
  const wrote = (text: string, number: number, more: Partial<Written> = {}) =>
    talk.wrote({ ref: text, userId: "bob", name: "Bob", self: false, at: number, text, epoch: "A", number, ...more });
  return { clock, store, sent, talk, wrote, texts: () => store.state.chat.map((l) => l.text) };
}

test("history and news make one list, each line once and in the order of the server", () => {
  const t = talking();
  t.wrote("b", 2);
  for (const [text, n] of [["a", 1], ["b", 2], ["c", 3]] as const) t.wrote(text, n, { at: 10 - n });
  t.wrote("without the log", 0);
  t.wrote("d", 4);
  assert.deepEqual(t.texts(), ["a", "b", "c", "without the log", "d"]);
  t.wrote("without the log", 5);
  assert.deepEqual(t.texts(), ["a", "b", "c", "without the log", "d"], "told again by another node");
  t.wrote("of a new log", 1, { epoch: "B" });
  assert.equal(t.texts().at(-1), "of a new log");
});

test("our own line is shown at once and confirmed by the server", () => {
  const t = talking();
  t.talk.say("hello");
  assert.deepEqual([t.store.state.chat[0]?.text, t.store.state.chat[0]?.pending], ["hello", true]);
  t.wrote("meanwhile", 1);
  t.wrote("hello", 2, { ref: t.sent[0]!.ref, userId: "ada", name: "Ada", self: true });
  assert.deepEqual(t.store.state.chat.map((l) => [l.text, l.pending]), [["meanwhile", undefined], ["hello", undefined]]);
});

test("a line that does not arrive can be said again, and one that is refused says why", async () => {
  const t = talking();
  t.talk.say("lost");
  await t.clock.advance(confirmedWithin / 2);
  t.talk.arrived();
  assert.equal(t.sent.length, 2, "a new connection tries again");
  await t.clock.advance(confirmedWithin);
  assert.match(t.store.state.chat[0]!.failed!, /did not arrive/);
  const { id } = t.store.state.chat[0]!;
  t.talk.again(id);
  assert.deepEqual([t.sent.length, t.store.state.chat[0]!.pending, t.store.state.chat[0]!.failed], [3, true, undefined]);
  t.talk.refused(id, ChatMessage_Refusal.TOO_FAST);
  assert.match(t.store.state.chat[0]!.failed!, /too fast/);
  t.talk.takeBack(id);
  assert.deepEqual(t.texts(), []);
  t.talk.refused("unknown", ChatMessage_Refusal.TOO_FAST);
});

test("reactions pass by", async () => {
  const { clock, store, talk } = talking();
  talk.react("2", "Bob", "heart");
  await clock.advance(reactionFor / 2);
  talk.react("self", "Ada", "party");
  assert.deepEqual(store.state.reactions.map((r) => r.kind), ["heart", "party"]);
  await clock.advance(reactionFor / 2);
  assert.deepEqual(store.state.reactions.map((r) => r.kind), ["party"]);
  for (let i = 0; i < 100; i++) talk.react("2", "Bob", "heart");
  assert.ok(store.state.reactions.length < 30, "a storm does not hide the faces");
});
