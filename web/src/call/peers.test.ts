import assert from "node:assert/strict";
import test from "node:test";
import { create } from "@bufbuild/protobuf";
import { MediaPacketSchema } from "../gen/call/v1/media_pb.ts";
import { unpack } from "./peers.ts";

const media = (data: number[], audioFormat = "", sequence = 5n) =>
  create(MediaPacketSchema, { data: Uint8Array.from(data), timestamp: 7, audioMetadata: { audioFormat, sequence } });
const flat = (m: ReturnType<typeof media>) => unpack(m).map((p) => [p.sequence, ...p.data]);

test("a plain packet is one voice packet", () => {
  assert.deepEqual(flat(media([1, 2, 3])), [[5, 1, 2, 3]]);
});

test("a redundant packet brings the one before it along", () => {
  assert.deepEqual(flat(media([2, 0, 0, 0, 10, 11, 4, 0, 0, 0, 20, 21], "opus-red")), [[4, 20, 21], [5, 10, 11]]);
});

test("nonsense in a redundant packet does no harm", () => {
  assert.deepEqual(flat(media([255, 255, 255, 255, 1, 2, 3, 4], "opus-red")).length, 1);
  assert.deepEqual(flat(media([1, 0], "opus-red")), [[5, 1, 0]]);
  assert.deepEqual(flat(media([1, 0, 0, 0, 9, 9, 0, 0, 0, 1], "opus-red")), [[5, 9]], "from the future");
});
