import assert from "node:assert/strict";
import test from "node:test";
import { Deframer, framed, isFramed } from "./frames.ts";
import { maxPacket } from "./wire.ts";

const packets = [1, 2, 255, 256, 70_000, 3].map((size, i) => new Uint8Array(size).fill(i + 1));

const stream = (() => {
  const parts = packets.map(framed);
  const out = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
})();

for (const step of [1, 3, 4, 5, 7, 1000, 65_536, stream.length]) {
  test(`packets come out whole from pieces of ${step} bytes`, () => {
    const deframer = new Deframer();
    const got: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += step) got.push(...deframer.push(stream.slice(at, at + step)));
    assert.deepEqual(got.map((p) => [p.length, p[0], p[p.length - 1]]), packets.map((p) => [p.length, p[0], p[0]]));
  });
}

test("a length that no packet has is refused", () => {
  assert.throws(() => new Deframer().push(new Uint8Array(4)), /0 bytes/);
  const long = new Uint8Array(4);
  new DataView(long.buffer).setUint32(0, maxPacket + 1);
  assert.throws(() => new Deframer().push(long), /4000001 bytes/);
});

test("a stream tells by its first byte what it carries", () => {
  assert.equal(isFramed(stream), true);
  assert.equal(isFramed(Uint8Array.of(8, 1)), false);
});
