import assert from "node:assert/strict";
import test from "node:test";
import type { Ticket } from "../server/door.ts";
import { Unreachable } from "../server/http.ts";
import { FakeClock } from "./clock.fake.ts";
import { Link, type LinkSources } from "./link.ts";
import { FakePath } from "./path.fake.ts";
import { Refused } from "./problem.ts";
import { readEcho, readPacket, utf8, writeHeartbeat } from "./wire.ts";

/** A link to a server that echoes probes, with everything the tests turn. */
function link(change: Partial<LinkSources> = {}) {
  const clock = new FakeClock();
  const paths: FakePath[] = [];
  const log: string[] = [];
  const server = { echo: true };
  const from: LinkSources = {
    clock,
    random: () => 0,
    config: async () => ({ version: "", webtransport_port: 0, certificate_sha256: [], demo_sign_in: true }),
    ticket: async () => ({ userId: "ada", name: "Ada", status: "admitted", roomToken: "R" }) as Ticket,
    ways: () => ({
      websocket: async () => {
        const path = new FakePath("websocket", (packet, p) => {
          if (server.echo && readEcho(readPacket(packet.bytes)!) !== undefined) clock.after(5, () => p.onpacket(packet.bytes));
        });
        paths.push(path);
        return path;
      },
    }),
    ...change,
  };
  const l = new Link(from, {
    ticket: () => {},
    up: (p) => log.push(`up ${p.kind}`),
    packet: (p) => log.push(`packet of ${p.sessionId}`),
    rtt: () => {},
    down: (attempt) => log.push(`down ${attempt}`),
    failed: (p) => log.push(`failed ${p === "gone" ? p : p.code}`),
  });
  return { l, clock, paths, log, server, done: l.run() };
}

const heartbeat = writeHeartbeat(utf8("bob"), 7n, { video: false, audio: false, screen: false, speaking: false, transport: "websocket" }, 0);

test("it connects, delivers, and comes back after a break", async () => {
  const { l, clock, paths, log, done } = link();
  await clock.advance(100);
  paths[0]!.onpacket(heartbeat);
  paths[0]!.onend({ code: 0, reason: "" });
  await clock.advance(499);
  assert.deepEqual(log, ["up websocket", "packet of 7", "down 1"]);
  await clock.advance(200);
  assert.equal(log.at(-1), "up websocket");
  assert.equal(paths.length, 2);
  l.stop();
  await done;
  assert.ok(paths[1]!.closed);
});

test("a silent path is given up after six seconds", async () => {
  const { l, clock, paths, log, server } = link();
  await clock.advance(3_100);
  server.echo = false;
  await clock.advance(5_000);
  assert.deepEqual(log, ["up websocket"]);
  await clock.advance(2_000);
  assert.deepEqual(log, ["up websocket", "down 1"]);
  assert.ok(paths[0]!.closed);
  l.stop();
});

test("a path without echo on which others are heard is not given up", async () => {
  const { l, clock, paths, log, server } = link();
  await clock.advance(3_100);
  server.echo = false;
  for (let s = 0; s < 20; s++) {
    paths[0]!.onpacket(heartbeat);
    await clock.advance(1_000);
  }
  assert.ok(!log.includes("down 1"));
  l.stop();
});

test("a page that was too busy is patient, one that slept is not", async () => {
  const { l, clock, log } = link();
  await clock.advance(3_100);
  clock.freeze(9_000);
  await clock.advance(3_000);
  assert.deepEqual(log, ["up websocket"]);
  clock.freeze(60_000);
  await clock.advance(100);
  assert.deepEqual(log, ["up websocket", "down 1"]);
  l.stop();
});

test("a network that came back ends the wait", async () => {
  const { l, clock, paths, log } = link();
  await clock.advance(100);
  paths[0]!.onend({ code: 1001, reason: "" });
  await clock.advance(10);
  l.retry();
  await clock.advance(100);
  assert.deepEqual(log, ["up websocket", "down 1", "up websocket"]);
  l.stop();
});

test("final close codes and refusals end it", async () => {
  const a = link();
  await a.clock.advance(100);
  a.paths[0]!.onend({ code: 3503, reason: "" });
  await a.done;
  assert.deepEqual(a.log, ["up websocket", "failed refused"]);

  const b = link({
    ticket: async () => {
      throw new Refused({ code: "meeting_ended", title: "", detail: "" });
    },
  });
  await b.clock.advance(10);
  await b.done;
  assert.deepEqual(b.log, ["failed meeting_ended"]);
});

test("a server that was never there is given up, one that was is not", async () => {
  const unreachable = async () => {
    throw new Unreachable("");
  };
  const a = link({ ticket: unreachable });
  await a.clock.advance(10_000);
  await a.done;
  assert.deepEqual(a.log, ["down 1", "down 2", "down 3", "failed gone"]);

  let reachable = true;
  const b = link({
    ticket: async () => {
      if (!reachable) throw new Unreachable("");
      return { userId: "ada", name: "Ada", status: "admitted", roomToken: "R" } as Ticket;
    },
  });
  await b.clock.advance(100);
  reachable = false;
  b.paths[0]!.onend({ code: 0, reason: "" });
  await b.clock.advance(120_000);
  assert.ok(b.log.filter((line) => line.startsWith("down")).length > 10);
  reachable = true;
  await b.clock.advance(30_000);
  assert.equal(b.log.at(-1), "up websocket");
  b.l.stop();
});

test("who has no way to connect does not go on asking to be let in", async () => {
  let waiting = 0;
  const { l, clock } = link({
    config: async () => {
      throw new Unreachable("");
    },
    ticket: (signal) =>
      new Promise((_, reject) => {
        waiting++;
        signal.addEventListener("abort", () => {
          waiting--;
          reject(new Unreachable(""));
        });
      }),
  });
  await clock.advance(10);
  assert.equal(waiting, 0);
  await clock.advance(1_000);
  assert.equal(waiting, 0, "nor beside the next attempt");
  l.stop();
});
