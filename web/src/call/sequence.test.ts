import { create } from "@bufbuild/protobuf";
import assert from "node:assert/strict";
import test from "node:test";
import { MeetingPacketSchema, type MeetingPacket } from "../gen/call/v1/meeting_pb.ts";
import { FakeClock } from "./clock.fake.ts";
import { Sequence } from "./sequence.ts";

/** "A.3" is an event, "A.3!" one before which nothing is to be waited for, "-" has no number. */
function arrive(texts: string, order: Sequence<MeetingPacket>): void {
  for (const text of texts.split(" ")) {
    const [eventEpoch = "", n = "0"] = text.replace(/[-!]/, "").split(".");
    order.take(create(MeetingPacketSchema, { eventEpoch, eventNumber: BigInt(n), eventsSkipped: text.endsWith("!") }));
  }
}

function ordered() {
  const clock = new FakeClock();
  const due: string[] = [];
  const order = new Sequence<MeetingPacket>(clock, (m) =>
    due.push(m.eventNumber === 0n ? "-" : `${m.eventEpoch}.${m.eventNumber}${m.eventsSkipped ? "!" : ""}`));
  return { clock, order, due: () => due.splice(0).join(" ") };
}

for (const [what, texts, want] of [
  ["as they were sent", "A.1 A.2 - A.3", "A.1 A.2 - A.3"],
  ["overtaken", "A.1 A.3 - A.4 A.2 A.5", "A.1 - A.2 A.3 A.4 A.5"],
  ["before what they begin with", "A.8 A.9 A.7! A.10", "A.7! A.8 A.9 A.10"],
  ["once more", "A.7! A.7 A.8", "A.7! A.7 A.8"],
  ["of a log that was lost", "A.7! B.1 B.2 A.8", "A.7! B.1 B.2 A.8"],
] as const) {
  test(`events ${what}`, () => {
    const { order, due } = ordered();
    arrive(texts, order);
    assert.equal(due(), want);
  });
}

test("an event that never comes holds up the others for two seconds", async () => {
  const { clock, order, due } = ordered();
  assert.equal(order.position, "");
  arrive("A.7! A.10 A.9", order);
  assert.equal(due(), "A.7!");
  await clock.advance(1_999);
  assert.equal(due(), "");
  await clock.advance(1);
  assert.equal(due(), "A.9 A.10");
  assert.equal(order.position, "A.10");
});

test("what the lost connection held is told again by the next", async () => {
  const { clock, order, due } = ordered();
  arrive("A.1 A.3", order);
  order.restart();
  arrive("A.2 A.3 A.3!", order);
  await clock.advance(10_000);
  assert.equal(due(), "A.1 A.2 A.3 A.3!");
});
