import assert from "node:assert/strict";
import test from "node:test";
import { FakeClock } from "../call/clock.fake.ts";
import { Feed, type FeedSource } from "./feed.ts";
import { Denied, Unreachable } from "./http.ts";
import type { Meeting } from "./meetings.ts";
import { events } from "./sse.ts";

const bytes = (...chunks: string[]) => new ReadableStream<Uint8Array>({
  start(controller) {
    for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
    controller.close();
  },
});

test("events are read whatever way they are cut into pieces", async () => {
  const text = ": hello\n\nevent: change\ndata: {}\n\ndata: x\r\n\r\nevent: empty\n\n";
  for (const size of [1, 3, 1000]) {
    const chunks = text.match(new RegExp(`[^]{1,${size}}`, "g"))!;
    const names = [];
    for await (const name of events(bytes(...chunks))) names.push(name);
    assert.deepEqual(names, ["change", "message"], `pieces of ${size}`);
  }
});

function feed(change: Partial<FeedSource> = {}) {
  const clock = new FakeClock();
  const log: string[] = [];
  const stream: { say?: (text: string) => void; end?: () => void } = {};
  const f = new Feed(
    clock,
    {
      feed: async () => {
        log.push("read");
        return [] as Meeting[];
      },
      changes: async () => {
        log.push("listen");
        return new ReadableStream<Uint8Array>({
          start(controller) {
            stream.say = (text) => controller.enqueue(new TextEncoder().encode(text));
            stream.end = () => controller.close();
          },
        });
      },
      ...change,
    },
    { meetings: () => log.push("list"), trouble: () => log.push("trouble"), stranger: () => log.push("stranger") },
  );
  return { f, clock, log, stream };
}

test("the list is read at once, after every change, and now and then", async () => {
  const { f, clock, log, stream } = feed();
  await clock.advance(10);
  assert.deepEqual(log, ["read", "listen", "list"]);
  stream.say!("event: change\ndata: {}\n\n");
  await clock.advance(10);
  assert.deepEqual(log.slice(3), ["read", "list"]);
  await clock.advance(20_000);
  assert.deepEqual(log.slice(5), ["read", "list"]);
  f.stop();
  await clock.advance(60_000);
  assert.equal(log.length, 7);
});

test("a stream that breaks is opened again, and nothing is missed", async () => {
  const { f, clock, log, stream } = feed();
  await clock.advance(10);
  stream.end!();
  await clock.advance(1_000);
  assert.deepEqual(log.slice(3), ["listen", "read", "list"]);
  f.stop();
});

test("trouble is said and goes by itself; a stranger has no list", async () => {
  let fails = true;
  const a = feed({
    feed: async () => {
      if (fails) throw new Unreachable("");
      return [];
    },
    changes: async () => {
      throw new Unreachable("");
    },
  });
  await a.clock.advance(10);
  fails = false;
  await a.clock.advance(20_000);
  assert.deepEqual([a.log[0], a.log.at(-1)], ["trouble", "list"]);
  a.f.stop();

  const b = feed({
    feed: async () => {
      throw new Denied(401, "UNAUTHORIZED", "");
    },
  });
  await b.clock.advance(60_000);
  assert.deepEqual(b.log.filter((line) => line !== "listen"), ["stranger"]);
});

test("what is looked for while a look fails is looked for again", async () => {
  let fail = (_: Error) => {};
  const { f, clock, log } = feed({ feed: () => new Promise((_, reject) => (fail = reject)) });
  await clock.advance(0);
  const looked = f.look();
  fail(new Unreachable(""));
  await clock.advance(0);
  fail(new Unreachable(""));
  await looked;
  assert.deepEqual(log, ["listen", "trouble", "trouble"]);
  f.stop();
});
