import { test } from "node:test";
import assert from "node:assert/strict";
import { delayLevel, participantWords, transportShort, transportWords } from "./words.ts";

test("the badge names transport and delay", () => {
  assert.equal(transportShort(undefined, undefined), "Connecting");
  assert.equal(transportShort("websocket", undefined), "WebSocket");
  assert.equal(transportShort("webtransport", 23.6), "WebTransport · 24 ms");
  assert.match(transportWords("webtransport", 24), /fast path.*24 ms.*immediate/);
  assert.match(transportWords("websocket", 500), /long delay/);
  assert.equal(delayLevel("websocket", 20), "good");
  assert.equal(delayLevel("websocket", 200), "fair");
  assert.equal(delayLevel("websocket", 900), "poor");
  assert.equal(delayLevel(undefined, 900), "none");
});

test("a participant in one sentence", () => {
  const ada = { sessionId: "1", userId: "u", name: "Ada", self: false, audio: true, video: false, screen: true, speaking: true, quality: 2, host: false, guest: false, hand: false } as const;
  assert.equal(participantWords(ada), "Ada, speaking, microphone on, camera off, sharing a screen, fair connection");
  assert.equal(participantWords({ ...ada, self: true, audio: false, screen: false }), "Ada (you), microphone off, camera off");
});
