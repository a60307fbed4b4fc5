import assert from "node:assert/strict";
import test from "node:test";
import { Lines } from "./lines.ts";

/** Streams that keep what they are given, until they fail. */
class Far {
  readonly streams: { bytes: number[]; fail: (err: Error) => void }[] = [];

  readonly open = async (): Promise<WritableStream<Uint8Array>> => {
    const stream: (typeof this.streams)[number] = { bytes: [], fail: () => {} };
    this.streams.push(stream);
    return new WritableStream<Uint8Array>({
      start: (controller) => void (stream.fail = (err) => controller.error(err)),
      write: (chunk) => void stream.bytes.push(...chunk),
    });
  };
}

const lined = (...bytes: number[]) => bytes.flatMap((b) => [0, 0, 0, 1, b]);

test("a lane keeps its stream, and its packets their order", async () => {
  const far = new Far();
  const lines = new Lines(far.open);
  await Promise.all([lines.send("control", Uint8Array.of(1)), lines.send("audio", Uint8Array.of(2)), lines.send("control", Uint8Array.of(3))]);
  assert.deepEqual(far.streams.map((s) => s.bytes), [lined(1, 3), lined(2)]);
});

test("a stream that the server gives up is replaced", async () => {
  const far = new Far();
  const lines = new Lines(far.open);
  await lines.send("audio", Uint8Array.of(1));
  far.streams[0]!.fail(new Error("stopped"));
  await lines.send("audio", Uint8Array.of(2)); // lost
  await lines.send("audio", Uint8Array.of(3));
  assert.deepEqual(far.streams.map((s) => s.bytes), [lined(1), lined(3)]);
});
