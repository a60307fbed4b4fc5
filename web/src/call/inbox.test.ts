import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import assert from "node:assert/strict";
import test from "node:test";
import { MeetingPacket_MeetingEventType as Event, MeetingPacketSchema } from "../gen/call/v1/meeting_pb.ts";
import { ChatMessage_Refusal, ChatMessageSchema } from "../gen/call/v1/chat_pb.ts";
import { LayerHintPacket_MediaKind, LayerHintPacketSchema } from "../gen/call/v1/layers_pb.ts";
import { PacketWrapperSchema } from "../gen/call/v1/packet_pb.ts";
import { FakeClock } from "./clock.fake.ts";
import { Inbox } from "./inbox.ts";
import { Members } from "./members.ts";
import type { Peers } from "./peers.ts";
import type { Pictures } from "./pictures.ts";
import { Store } from "./store.ts";
import { MediaType, PacketType, readPacket, systemUser, utf8, writeHeartbeat, writeKeyframeRequest, writeMedia, writeReaction } from "./wire.ts";

/** An inbox of session 1, user ada, with everything around it remembered as text. */
function inbox() {
  const clock = new FakeClock();
  const store = new Store(clock);
  const members = new Members();
  const log: string[] = [];
  const peers = {
    picture: (id: string, source: string) => log.push(`picture ${id}/${source}`),
    voice: (id: string) => log.push(`voice ${id}`),
    forget: (id: string) => log.push(`forget ${id}`),
  } as unknown as Peers;
  const pictures = {
    move: (from: string, to: string) => log.push(`move ${from} ${to}`),
    close: () => {},
  } as unknown as Pictures;
  const box = new Inbox(members, peers, pictures, store, clock, {
    changed: () => {},
    keyframe: (source, layer) => log.push(`keyframe ${source}${layer === undefined ? "" : ` ${layer}`}`),
    wanted: ({ layers, plain }) => log.push(`wanted ${layers.toString(2)}${plain ? " plain" : ""}`),
    squeezed: () => log.push("squeezed"),
    congestion: () => log.push("congestion"),
    ended: (p) => log.push(`ended ${p.code}`),
    mute: () => log.push("mute"),
    stopVideo: () => log.push("stop video"),
    stopScreen: () => log.push("stop screen"),
    lowerHand: () => log.push("lower hand"),
    wrote: (line) => log.push(`${line.name} wrote ${line.text}`),
    refused: (ref, why) => log.push(`refused ${ref} ${ChatMessage_Refusal[why]}`),
    role: (user, host) => log.push(`${user} ${host ? "host" : "no host"}`),
    renamed: (name) => log.push(`renamed ${name}`),
    stale: (subject) => log.push(`stale ${subject}`),
    reaction: (session, name, kind) => log.push(`${session} ${name} ${kind}`),
  });
  box.expect("ada");
  box.arrived();
  const system = (packetType: PacketType, sessionId: bigint, data = new Uint8Array()) =>
    box.take(create(PacketWrapperSchema, { packetType, sessionId, data, userId: utf8(systemUser) }));
  system(PacketType.SESSION_ASSIGNED, 1n);
  return {
    box, clock, store, members, log, system,
    meeting: (m: MessageInitShape<typeof MeetingPacketSchema>) =>
      system(PacketType.MEETING, 0n, toBinary(MeetingPacketSchema, create(MeetingPacketSchema, m))),
    /** A packet as the server delivers it: stamped with user and session. */
    from: (sessionId: bigint, user: string, bytes: Uint8Array) =>
      box.take({ ...readPacket(bytes)!, sessionId, userId: utf8(user) }),
    people: () => members.list.map((m) => `${m.sessionId}:${m.name}`),
    news: () => store.state.notices.map((n) => n.text),
  };
}

const bob = { targetUserId: utf8("bob"), displayName: utf8("Bob") };
const video = writeMedia(utf8("bob"), { mediaType: MediaType.VIDEO, frameType: "key", data: utf8("x") });

test("those who were there are no news, those who come and go are, once", async () => {
  const i = inbox();
  i.meeting({ eventType: Event.PARTICIPANT_JOINED, sessionId: 2n, ...bob });
  assert.deepEqual(i.people(), ["2:Bob"]);
  assert.deepEqual(i.log, ["keyframe camera", "keyframe screen", "stale people"], "so that Bob sees us at once");
  assert.deepEqual(i.news(), []);
  await i.clock.advance(3_000);
  i.meeting({ eventType: Event.PARTICIPANT_JOINED, sessionId: 3n, targetUserId: utf8("cy"), displayName: utf8("Cy") });
  i.meeting({ eventType: Event.PARTICIPANT_JOINED, sessionId: 3n, targetUserId: utf8("cy"), displayName: utf8("Cy") });
  i.meeting({ eventType: Event.PARTICIPANT_LEFT, sessionId: 2n, ...bob });
  assert.deepEqual(i.news(), ["Cy joined", "Bob left"]);
  assert.deepEqual(i.people(), ["3:Cy"]);
  await i.clock.advance(30_000);
  assert.deepEqual(i.news(), [], "notices go by themselves, also when nothing shows them");
});

test("our own session is nobody else", () => {
  const i = inbox();
  i.meeting({ eventType: Event.PARTICIPANT_JOINED, sessionId: 1n, targetUserId: utf8("ada"), displayName: utf8("Ada") });
  i.from(1n, "ada", video);
  assert.deepEqual(i.people(), []);
  assert.deepEqual(i.log, []);
});

test("media of a session nobody announced makes a participant", () => {
  const i = inbox();
  i.from(2n, "bot000", video);
  assert.deepEqual(i.people(), ["2:bot000"]);
  assert.equal(i.members.get("2")!.video, true);
  assert.deepEqual(i.log, ["picture 2/camera"]);
});

test("a participant who comes back keeps the tile, without news", async () => {
  const i = inbox();
  i.meeting({ eventType: Event.PARTICIPANT_JOINED, sessionId: 2n, ...bob });
  await i.clock.advance(5_000);
  i.meeting({ eventType: Event.SESSION_REPLACED, sessionId: 9n, replacedSessionId: 2n, ...bob });
  assert.deepEqual(i.people(), ["9:Bob"]);
  assert.deepEqual(i.news(), []);
  assert.deepEqual(i.log.slice(3), ["move 2/camera 9/camera", "move 2/screen 9/screen", "forget 2"]);
  i.from(2n, "bob", video);
  assert.deepEqual(i.people(), ["9:Bob"], "leftovers of the old session");
});

test("a server that was started anew knows no replacements, and still nobody is there twice", async () => {
  const i = inbox();
  i.meeting({ eventType: Event.PARTICIPANT_JOINED, sessionId: 2n, ...bob });
  i.meeting({ eventType: Event.PARTICIPANT_JOINED, sessionId: 3n, ...bob }); // his second device
  await i.clock.advance(5_000);
  i.box.arrived();
  i.meeting({ eventType: Event.PARTICIPANT_JOINED, sessionId: 3n, ...bob });
  assert.deepEqual(i.people(), ["2:Bob", "3:Bob"], "the second device is still itself");
  i.meeting({ eventType: Event.PARTICIPANT_JOINED, sessionId: 9n, ...bob });
  assert.deepEqual(i.people(), ["9:Bob", "3:Bob"]);
  i.meeting({ eventType: Event.PARTICIPANT_JOINED, sessionId: 10n, ...bob });
  assert.deepEqual(i.people(), ["9:Bob", "3:Bob", "10:Bob"]);
});

test("keyframe requests and congestion count when they are meant for us", () => {
  const i = inbox();
  i.from(2n, "bob", writeKeyframeRequest(utf8("bob"), { userId: utf8("ada"), sessionId: 1n }, "camera", 2));
  i.from(2n, "bob", writeKeyframeRequest(utf8("bob"), { userId: utf8("ada"), sessionId: 0n }, "screen", 0));
  i.from(2n, "bob", writeKeyframeRequest(utf8("bob"), { userId: utf8("ada"), sessionId: 5n }, "camera", 0));
  i.from(2n, "bob", writeKeyframeRequest(utf8("bob"), { userId: utf8("cy"), sessionId: 0n }, "camera", 0));
  i.system(PacketType.CONGESTION, 1n);
  i.system(PacketType.CONGESTION, 2n);
  assert.deepEqual(i.log, ["keyframe camera 2", "keyframe screen 0", "congestion"]);
});

test("what others want of us, and how narrow our way is, says the server alone", () => {
  const i = inbox();
  const hint = toBinary(
    LayerHintPacketSchema,
    create(LayerHintPacketSchema, { entries: [{ mediaKind: LayerHintPacket_MediaKind.VIDEO, maxRequestedLayer: 1 }], plainReceivers: true }),
  );
  i.system(PacketType.LAYER_HINT, 1n, hint);
  i.system(PacketType.LAYER_HINT, 7n, hint); // somebody else's
  i.system(PacketType.LAYER_HINT, 1n); // of screens alone
  i.system(PacketType.DOWNLINK_CONGESTION, 0n);
  for (const packetType of [PacketType.LAYER_HINT, PacketType.DOWNLINK_CONGESTION]) {
    i.box.take(create(PacketWrapperSchema, { packetType, userId: utf8("mallory"), sessionId: 1n, data: hint }));
  }
  assert.deepEqual(i.log, ["wanted 11 plain", "wanted 11111111", "squeezed"]);
});

test("only the server speaks for the server", () => {
  const i = inbox();
  const left = toBinary(MeetingPacketSchema, create(MeetingPacketSchema, { eventType: Event.MEETING_ENDED }));
  i.box.take(create(PacketWrapperSchema, { packetType: PacketType.MEETING, userId: utf8("mallory"), data: left }));
  i.box.take(create(PacketWrapperSchema, { packetType: PacketType.SESSION_ASSIGNED, userId: utf8("mallory"), sessionId: 7n }));
  assert.deepEqual(i.log, []);
  assert.equal(i.box.sessionId, "1");
});

test("heartbeats say what is on", () => {
  const i = inbox();
  i.from(2n, "bob", writeHeartbeat(utf8("bob"), 2n, { video: true, audio: true, screen: false, speaking: true, transport: "webtransport" }, 0));
  const m = i.members.get("2")!;
  assert.deepEqual([m.video, m.audio, m.saysSpeaking, m.transport], [true, true, true, "webtransport"]);
});

test("the host's wishes and the end of the meeting", () => {
  const i = inbox();
  i.meeting({ eventType: Event.MEETING_STARTED, startTimeMs: 1_760_000_000_000n });
  assert.equal(i.store.state.startedAt, 1_760_000_000_000);
  i.meeting({ eventType: Event.HOST_MUTE_PARTICIPANT, targetUserId: utf8("bob") });
  i.meeting({ eventType: Event.HOST_MUTE_PARTICIPANT, targetUserId: utf8("ada") });
  i.meeting({ eventType: Event.PARTICIPANT_KICKED, targetUserId: utf8("ada") });
  i.meeting({ eventType: Event.MEETING_ENDED, message: "bye" });
  assert.deepEqual(i.log, ["mute", "ended removed", "ended meeting_ended"]);
});

test("after a reconnection those who are gone are forgotten", async () => {
  const i = inbox();
  i.meeting({ eventType: Event.PARTICIPANT_JOINED, sessionId: 2n, ...bob });
  await i.clock.advance(10_000);
  i.box.arrived();
  i.system(PacketType.SESSION_ASSIGNED, 4n);
  i.meeting({ eventType: Event.PARTICIPANT_JOINED, sessionId: 1n, targetUserId: utf8("ada") });
  await i.clock.advance(5_000);
  i.box.sweep();
  assert.deepEqual(i.people(), []);
  assert.equal(i.log.at(-1), "forget 2");
  assert.equal(i.box.sessionId, "4");
});

test("what hosts wish, and whom it is about", () => {
  const i = inbox();
  const at = (eventType: Event, target: string, host = "bob") => i.meeting({ eventType, targetUserId: utf8(target), creatorId: utf8(host) });
  at(Event.HOST_MUTE_PARTICIPANT, "");
  at(Event.HOST_MUTE_PARTICIPANT, "", "ada"); // we asked for it
  at(Event.HOST_DISABLE_VIDEO, "ada");
  at(Event.HOST_STOP_SCREEN_SHARE, "cy");
  at(Event.HOST_STOP_SCREEN_SHARE, "ada");
  at(Event.HOST_LOWER_HAND, "ada");
  assert.deepEqual(i.log, ["mute", "stop video", "stop screen", "lower hand"]);
  assert.deepEqual(i.news(), [], "nothing was on, so there is nothing to say");
  i.store.set({ micOn: true });
  at(Event.HOST_MUTE_PARTICIPANT, "ada");
  assert.deepEqual(i.news(), ["The host switched your microphone off."]);
});

test("what the server does not pass on is no secret", () => {
  const i = inbox();
  const at = (refusalCode: string) => i.meeting({ eventType: Event.MEDIA_REFUSED, refusalCode, message: "Not here." });
  at("screen_share_off");
  assert.deepEqual([i.log, i.news()], [["stop screen"], []]);
  i.store.set({ screenOn: true });
  at("screen_share_off");
  assert.deepEqual(i.news(), ["Not here."]);
  i.store.set({ screenOn: false });
  at("too_much");
  assert.equal(i.news().at(-1), "Not here.");
  at("encryption_required");
  assert.equal(i.store.state.problem?.code, "encryption");
});

test("roles, options, names and who waits", () => {
  const i = inbox();
  i.meeting({ eventType: Event.PARTICIPANT_JOINED, sessionId: 2n, ...bob });
  i.log.length = 0;
  i.meeting({ eventType: Event.HOST_GRANTED, targetUserId: utf8("ada") });
  i.meeting({ eventType: Event.HOST_REVOKED, targetUserId: utf8("bob") });
  i.meeting({ eventType: Event.MEETING_SETTINGS_UPDATED });
  i.meeting({ eventType: Event.WAITING_ROOM_UPDATED });
  i.meeting({ eventType: Event.PARTICIPANT_DISPLAY_NAME_CHANGED, targetUserId: utf8("bob"), displayName: utf8("Robert") });
  i.meeting({ eventType: Event.PARTICIPANT_DISPLAY_NAME_CHANGED, targetUserId: utf8("ada"), displayName: utf8("Ada L.") });
  assert.deepEqual(i.log, ["ada host", "bob no host", "stale options", "stale waiting", "renamed Ada L."]);
  assert.deepEqual(i.people(), ["2:Robert"]);
  assert.deepEqual(i.news(), ["You are a host of this meeting now."]);
});

test("reactions bear the name that the server announced", () => {
  const i = inbox();
  i.meeting({ eventType: Event.PARTICIPANT_JOINED, sessionId: 2n, ...bob });
  i.log.length = 0;
  i.from(2n, "bob", writeReaction(utf8("bob"), "heart", "Somebody else"));
  i.from(3n, "old", writeReaction(utf8("old"), "party", "Old client"));
  i.from(1n, "ada", writeReaction(utf8("ada"), "party", "Ada"));
  assert.deepEqual(i.log, ["2 Bob heart", "3 Old client party"]);
});

test("a raised hand is news once, and a host may take it down", () => {
  const i = inbox();
  i.meeting({ eventType: Event.PARTICIPANT_JOINED, sessionId: 2n, ...bob });
  const beat = (hand: boolean) =>
    i.from(2n, "bob", writeHeartbeat(utf8("bob"), 2n, { video: false, audio: false, screen: false, speaking: false, hand, transport: "websocket" }, 0));
  beat(true);
  assert.deepEqual([i.members.get("2")!.hand, i.news()], [true, []], "it was up before we came");
  beat(false);
  beat(true);
  beat(true);
  assert.equal(i.members.get("2")!.hand, true);
  assert.deepEqual(i.news(), ["Bob raised a hand"]);
  beat(false);
  assert.equal(i.members.get("2")!.hand, false);
  i.store.set({ handUp: true });
  i.meeting({ eventType: Event.HOST_LOWER_HAND, targetUserId: utf8("ada") });
  assert.deepEqual(i.news().at(-1), "The host lowered your hand.");
});

test("who missed events for good asks for what they may have told", () => {
  const i = inbox();
  i.meeting({ eventType: Event.EVENTS_CAUGHT_UP, eventEpoch: "A", eventNumber: 7n, eventsSkipped: true });
  i.meeting({ eventType: Event.MEETING_STARTED, eventEpoch: "A", eventNumber: 8n });
  assert.equal(i.box.position, "A.8");
  i.box.arrived();
  i.meeting({ eventType: Event.EVENTS_CAUGHT_UP, eventEpoch: "A", eventNumber: 8n });
  assert.deepEqual(i.log, [], "nothing is missing");
  i.box.arrived();
  i.meeting({ eventType: Event.EVENTS_CAUGHT_UP, eventEpoch: "A", eventNumber: 11n, eventsSkipped: true });
  assert.deepEqual(i.log, ["stale options", "stale people", "stale waiting"]);
  assert.equal(i.box.position, "A.11");
});

test("lines of chat come in their order among the events; what is past does not wait", () => {
  const i = inbox();
  const wrote = (text: string, more: MessageInitShape<typeof ChatMessageSchema>, user = "bob") =>
    i.box.take(create(PacketWrapperSchema, {
      packetType: PacketType.CHAT,
      sessionId: user === systemUser ? 0n : 2n,
      userId: utf8(user),
      data: toBinary(ChatMessageSchema, create(ChatMessageSchema, { text, ref: text, displayName: utf8("Bob"), ...more })),
    }));
  i.meeting({ eventType: Event.EVENTS_CAUGHT_UP, eventEpoch: "A", eventNumber: 7n, eventsSkipped: true });
  wrote("before", { past: true, eventEpoch: "A", eventNumber: 3n });
  wrote("second", { eventEpoch: "A", eventNumber: 9n });
  wrote("first", { eventEpoch: "A", eventNumber: 8n });
  wrote("without the log", {});
  wrote("mine", { refusal: ChatMessage_Refusal.TOO_FAST }, systemUser);
  wrote("forged", { refusal: ChatMessage_Refusal.TOO_FAST });
  assert.deepEqual(i.log, ["Bob wrote before", "Bob wrote first", "Bob wrote second", "Bob wrote without the log", "refused mine TOO_FAST"]);
  assert.equal(i.box.position, "A.9");
});
