import assert from "node:assert/strict";
import test from "node:test";
import type { MeetingView, Participant } from "../call/contract.ts";
import { powersOver } from "./hostpowers.ts";

const me: MeetingView = { host: true, owner: true, ownerId: "ada", guest: false, mayAdmit: true, hasPassword: false, waiting: [] };
const bob: Participant = {
  sessionId: "2", userId: "bob", name: "Bob", self: false, audio: true, video: true, screen: true, speaking: false, quality: 4, host: false, guest: false, hand: true,
};

test("a host may do what there is to do", () => {
  assert.deepEqual(powersOver(me, bob), ["mute", "camera", "screen", "hand", "make-host", "hand-over", "remove", "ban"]);
  assert.deepEqual(powersOver(me, { ...bob, audio: false, video: false, screen: false, hand: false }), ["make-host", "hand-over", "remove", "ban"]);
});

test("guests become no hosts, hosts stop being it, owners stay", () => {
  const quiet = { ...bob, audio: false, video: false, screen: false, hand: false };
  assert.deepEqual(powersOver(me, { ...quiet, guest: true }), ["remove", "ban"]);
  assert.deepEqual(powersOver(me, { ...quiet, host: true }), ["take-host", "remove", "ban"]);
  assert.deepEqual(powersOver(me, { ...quiet, host: true, userId: "ada" }), []);
});

test("nobody has power over themselves, and others have none", () => {
  assert.deepEqual(powersOver(me, { ...bob, self: true }), []);
  assert.deepEqual(powersOver({ ...me, host: false, owner: false }, bob), []);
});
