import assert from "node:assert/strict";
import { test } from "node:test";
import type { Finding, Flow } from "../../server/telemetry.ts";
import { after, called, endWords, eventWords, fieldWords, flowWords, grade, headline, lasting, list, measuredBy, namesOf, place, rates, screenGrade, screenWords, share } from "./words.ts";

const names = new Map([
  ["a1", "Ada"],
  ["b2", "Bob"],
]);

const finding = (change: Partial<Finding>): Finding => ({
  participant: "b2", direction: "receive", media: "video", cause: "encoder", at: "a1", senders: [{ participant: "a1" }], sure: true, from: 0, to: 0, words: "", evidence: [], ...change,
});

const flow = (change: Partial<Flow>): Flow => ({
  sender: "a1", audio_on: true, video_on: true, fps: 30, kbps: 700, concealment_pct: 0, buffer_ms: 0, delay_ms: 80, ...change,
});

test("the end of a connection is told in words", () => {
  const session = { session: "1", source: "a1", labels: {}, began_at: 0, events: 1 };
  assert.equal(endWords(session), "goes on");
  assert.equal(endWords({ ...session, ended_at: 1, reason: "bye" }), "left");
  assert.equal(endWords({ ...session, ended_at: 1, reason: "going_away" }), "ended: going away");
});

test("findings are told with the names of people", () => {
  assert.equal(headline(finding({}), names), "Bob sees too few pictures from Ada");
  assert.equal(headline(finding({ media: "audio", senders: [{ participant: "a1", session: "7" }, { participant: "c3d4e5f6" }] }), names), "Bob hears gaps from Ada and Participant c3d4e5");
  assert.equal(headline(finding({ direction: "send", participant: "a1" }), names), "Ada sends no or too few pictures");
  assert.equal(headline(finding({ media: "all", senders: [] }), names), "Bob hears and sees too little");
  assert.equal(place(finding({}), names), "Sender's encoder: Ada");
  assert.equal(place(finding({ cause: "server", at: "n-1" }), names), "Server n-1");
  assert.equal(place(finding({ cause: "unknown", at: "" }), names), "Not known");
  assert.equal(measuredBy({ words: "", measure: "", value: 0, by: "b2" }, names), "the device of Bob");
  assert.equal(measuredBy({ words: "", measure: "", value: 0, by: "server" }, names), "the server");
});

test("participants have the names of who is live", () => {
  const session = { session: "9", source: "a1", labels: { session: "7" }, began_at: 0, events: 0 };
  const who = { session: "7", user: "ada", name: "Ada", host: false, guest: false, away: false, node: "n", transport: "websocket", since: 0 };
  assert.deepEqual([...namesOf([session, { ...session, source: "x", labels: {} }], [{ id: "r", people: [who] }])], [["a1", "Ada"]]);
});

test("the devices of one person are told apart, and screens from cameras", () => {
  const session = (id: string, began_at: number) => ({ session: id, source: "a1", labels: { session: id }, began_at, events: 0 });
  const who = (id: string) => ({ session: id, user: "ada", name: "Ada", host: false, guest: false, away: false, node: "n", transport: "websocket", since: 0 });
  const both = namesOf([session("8", 5), session("7", 1)], [{ id: "r", people: [who("7"), who("8")] }]);
  assert.deepEqual([called(both, "a1"), called(both, "a1", "7"), called(both, "a1", "8"), called(both, "b2b2b2b2", "9")], ["Ada", "Ada", "Ada (device 2)", "Participant b2b2b2"]);
  const screen = finding({ media: "screen", participant: "a1", session: "8", cause: "decoder", at: "a1", at_session: "8", senders: [{ participant: "a1", session: "7" }] });
  assert.equal(headline(screen, both), "Ada (device 2) sees too little of the screen of Ada");
  assert.equal(headline({ ...screen, direction: "send" }, both), "Ada (device 2) shares a screen that does not come");
  assert.equal(place(screen, both), "Receiver's decoder: Ada (device 2)");
  assert.equal(screenWords({ fps: 4.6, kbps: 300, stale_ms: 200 }), "5 pictures/s · 300 kbit/s · 200 ms old");
  assert.equal(screenWords({ fps: 0.2, kbps: 0, stale_ms: 0 }), "0.2 pictures/s");
  assert.deepEqual([0, 1_500, 9_000].map((stale_ms) => screenGrade({ fps: 1, kbps: 1, stale_ms })), ["good", "fair", "poor"]);
});

test("flows say pictures, rate, what is missing and delay", () => {
  assert.equal(flowWords(flow({})), "30 pictures/s · 700 kbit/s · sound · 80 ms");
  assert.equal(flowWords(flow({ video_on: false, concealment_pct: 12.4, delay_ms: 0 })), "12 % of sound missing");
  assert.equal(flowWords(flow({ video_on: false, audio_on: false, delay_ms: 0 })), "off");
  assert.deepEqual(
    [flow({}), flow({ fps: 6 }), flow({ fps: 0 }), flow({ concealment_pct: 20 }), flow({ video_on: false, fps: 0 }), flow({ video_on: false, audio_on: false })].map(grade),
    ["good", "fair", "poor", "poor", "good", "off"],
  );
  assert.equal(rates({ audio_kbps: 49.6, video_kbps: 1_240, screen_kbps: 0 }), "camera 1.2 Mbit/s, sound 50 kbit/s");
  assert.equal(rates({ audio_kbps: 0, video_kbps: 0, screen_kbps: 0 }), "nothing");
});

test("events read as sentences", () => {
  assert.equal(eventWords("KeyFrameRequested"), "Key frame requested");
  const fields = { subscribe_id: 3, sender: "a1", media: "video", took_ms: 20, code: "", worst: { a: 1 } };
  assert.equal(fieldWords({ seq: "1", kind: 51, name: "FirstFrame", group: "subscribe", class: "lifecycle", at: 0, fields }), "media video, took 20 ms");
  assert.deepEqual([after(-5), after(420), after(12_340), after(62_000)], ["+0.00 s", "+0.42 s", "+12.3 s", "+1:02"]);
  assert.deepEqual([lasting(0.4), lasting(999), lasting(1_306), lasting(59_900), lasting(125_000)], ["0 ms", "999 ms", "1.3 s", "1:00 min", "2:05 min"]);
  const others = { stream: "7/audio", slow: false, ready: true, took_ms: 2_500 };
  assert.equal(fieldWords({ seq: "1", kind: 51, name: "FirstFrame", group: "subscribe", class: "lifecycle", at: 0, fields: others }), "not slow, ready, took 2.5 s");
  assert.deepEqual([share(1, 3), share(0, 0)], ["33 %", "0 %"]);
  assert.deepEqual([list([]), list(["a"]), list(["a", "b", "c"])], ["", "a", "a, b and c"]);
});
