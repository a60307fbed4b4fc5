import { createRegistry, fromBinary, fromJson, toBinary, toJson, type JsonObject, type Message } from "@bufbuild/protobuf";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { file_call_v1_diagnostics } from "../gen/call/v1/diagnostics_pb.ts";
import { file_call_v1_chat } from "../gen/call/v1/chat_pb.ts";
import { file_call_v1_layers } from "../gen/call/v1/layers_pb.ts";
import { file_call_v1_media, MediaPacket_MediaType } from "../gen/call/v1/media_pb.ts";
import { file_call_v1_meeting } from "../gen/call/v1/meeting_pb.ts";
import { file_call_v1_packet, PacketWrapper_MediaKind } from "../gen/call/v1/packet_pb.ts";
import { file_health_v1_health } from "../gen/health/v1/health_pb.ts";
import { maxDatagram, readEcho, readLayerHint, readMedia, readPacket, readUtf8, utf8, writeHeartbeat, writeKeyframeRequest, writeLayerPreference, writeMedia, writeProbe, writeViewport } from "./wire.ts";

declare const __REPOSITORY__: string;

const registry = createRegistry(
  file_call_v1_packet,
  file_call_v1_media,
  file_call_v1_meeting,
  file_call_v1_chat,
  file_call_v1_layers,
  file_call_v1_diagnostics,
  file_health_v1_health,
);

/** The golden packets that the server's tests read as well. */
function vectors(): Map<string, { type: string; json: JsonObject; hex: string }> {
  const text = readFileSync(`${__REPOSITORY__}/api/wire/testdata/packets.txtar`, "utf8");
  const cases = new Map<string, { type: string; json: JsonObject; hex: string }>();
  for (const file of text.split(/^-- /m).slice(1)) {
    const [, name, part, body] = /^(\S+)\/(\S+) --\n([^]*)$/.exec(file)!;
    const c = cases.get(name!) ?? { type: "", json: {}, hex: "" };
    if (part === "type") c.type = body!.trim();
    if (part === "json") c.json = JSON.parse(body!) as JsonObject;
    if (part === "hex") c.hex = body!.trim();
    cases.set(name!, c);
  }
  return cases;
}

/** Builds a message; "$data" is serialized into its field data. */
function build(type: string, json: JsonObject): Message {
  const content = { ...json };
  const inner = content["$data"] as JsonObject | undefined;
  if (inner) {
    const { "@type": of, ...rest } = inner;
    const schema = registry.getMessage(of as string)!;
    content["data"] = Buffer.from(toBinary(schema, build(of as string, rest))).toString("base64");
    delete content["$data"];
  }
  return fromJson(registry.getMessage(type)!, content);
}

test("golden packets: this client reads and writes the bytes of the server", () => {
  const cases = vectors();
  assert.ok(cases.size >= 10, `${cases.size} cases`);
  for (const [name, { type, json, hex }] of cases) {
    const schema = registry.getMessage(type);
    assert.ok(schema, `${name}: unknown type ${type}`);
    const built = build(type, json);
    assert.equal(Buffer.from(toBinary(schema, built)).toString("hex"), hex, `${name}: written`);
    const read = fromBinary(schema, Buffer.from(hex, "hex"));
    assert.deepEqual(toJson(schema, read), toJson(schema, built), `${name}: read`);
  }
});

test("golden packets: only the readable probe is an echo", () => {
  const echoes = [...vectors()]
    .filter(([, c]) => c.type === "call.v1.PacketWrapper")
    .filter(([, c]) => readEcho(readPacket(Buffer.from(c.hex, "hex"))!) !== undefined)
    .map(([name]) => name);
  assert.deepEqual(echoes, ["rtt"]);
});

test("a probe carries its time and asks for an echo in clear", () => {
  const packet = readPacket(writeProbe(utf8("ada"), 123.5))!;
  assert.ok(packet.rttProbe);
  assert.equal(packet.sessionId, 0n);
  assert.equal(readEcho(packet), 123.5);
});

test("pictures repeat in clear what the server has to know", () => {
  const bytes = writeMedia(utf8("ada"), { mediaType: MediaPacket_MediaType.SCREEN, frameType: "key", data: utf8("x") }, { key: true });
  const packet = readPacket(bytes)!;
  assert.equal(packet.mediaKind, PacketWrapper_MediaKind.SCREEN);
  assert.ok(packet.keyframe);
  assert.equal(readMedia(packet.data)!.frameType, "key");
});

test("a heartbeat names its session and fits into a datagram", () => {
  const bytes = writeHeartbeat(
    utf8("ada".repeat(80)),
    18446744073709551615n,
    { video: true, audio: false, screen: false, speaking: true, transport: "webtransport" },
    1_760_000_000_000,
  );
  assert.ok(bytes.length <= maxDatagram);
  const packet = readPacket(bytes)!;
  assert.equal(packet.sessionId, 18446744073709551615n);
  const meta = readMedia(packet.data)!.heartbeatMetadata!;
  assert.deepEqual([meta.videoEnabled, meta.audioEnabled, meta.isSpeaking], [true, false, true]);
});

test("a keyframe request names publisher, session and stream", () => {
  const packet = readPacket(writeKeyframeRequest(utf8("ada"), { userId: utf8("bob"), sessionId: 42n }, "screen", 2))!;
  assert.equal(packet.simulcastLayerId, 2);
  const media = readMedia(packet.data)!;
  assert.equal(readUtf8(media.userId), "bob");
  assert.equal(media.targetSessionId, 42n);
  assert.equal(readUtf8(media.data), "SCREEN");
});

test("wishes are the golden packets, and hints are read from them", () => {
  const cases = vectors();
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  assert.equal(hex(writeViewport(utf8("ada"), [1n, 42n])), cases.get("viewport")!.hex);
  const wants = [{ sessionId: 42n, layer: 2 }, { sessionId: 43n, layer: 0 }];
  assert.equal(hex(writeLayerPreference(utf8("ada"), wants)), cases.get("layer_preference")!.hex);
  const hint = readPacket(Buffer.from(cases.get("layer_hint")!.hex, "hex"))!;
  assert.deepEqual(readLayerHint(hint.data), { layers: 0b101, plain: true });
  assert.equal(readLayerHint(Uint8Array.of(0x0a)), undefined);
});

test("what does not parse is no packet, and identities need not be UTF-8", () => {
  assert.equal(readPacket(Uint8Array.of(0xff, 0xff)), undefined);
  assert.equal(readMedia(Uint8Array.of(0x0a)), undefined);
  assert.equal(readUtf8(Uint8Array.of(0x61, 0xff)), "a\ufffd");
});
