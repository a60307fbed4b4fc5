import assert from "node:assert/strict";
import test from "node:test";
import { FakeClock } from "./clock.fake.ts";
import type { TransportKind } from "./contract.ts";
import { decide, elect, PathEnded, type Standing } from "./election.ts";
import { FakePath } from "./path.fake.ts";
import type { Open } from "./path.ts";
import { utf8, writeHeartbeat, writeProbe } from "./wire.ts";

const up = (openedAt: number, ...samples: number[]): Standing => ({ openedAt, failed: false, samples });
const opening: Standing = { failed: false, samples: [] };
const failed: Standing = { failed: true, samples: [] };

test("who wins", () => {
  const cases: [string, Standing, Standing, number, string][] = [
    ["both work: WebTransport", up(10, 5, 5), up(5, 1, 1), 60, "webtransport"],
    ["WebTransport much slower", up(10, 300, 320), up(5, 20, 25), 300, "websocket"],
    ["WebTransport still opening", opening, up(5, 1, 1), 400, "wait"],
    ["WebTransport does not open", opening, up(5, 1, 1), 1500, "websocket"],
    ["WebTransport refused", failed, up(5, 1, 1), 60, "websocket"],
    ["WebSocket still opening", up(10, 5, 5), opening, 60, "webtransport"],
    ["WebSocket refused", up(10, 5, 5), failed, 60, "webtransport"],
    ["WebTransport opens but echoes nothing", up(10), up(5, 1, 1), 300, "wait"],
    ["and is judged by that", up(10), up(5, 1, 1), 610, "websocket"],
    ["one echo is not enough yet", up(10, 5), up(5, 1, 1), 60, "wait"],
    ["nothing open yet", opening, opening, 5000, "wait"],
    ["nothing opened in time", opening, opening, 8000, "nobody"],
    ["both refused", failed, failed, 10, "nobody"],
  ];
  for (const [name, webtransport, websocket, at, want] of cases) {
    assert.equal(decide({ webtransport, websocket }, at), want, name);
  }
  assert.equal(decide({ websocket: up(5, 1, 1) }, 60), "websocket", "asked for WebSocket alone");
});

/** Candidates whose server echoes every probe after rtt ms. */
function candidate(clock: FakeClock, kind: TransportKind, opensAt: number, rtt: number): { open: Open; path: FakePath } {
  const path = new FakePath(kind, (packet, p) => clock.after(rtt, () => p.onpacket(packet.bytes)));
  const open: Open = () => new Promise((resolve) => clock.after(opensAt, () => resolve(path)));
  return { open, path };
}

const probe = (t: number) => writeProbe(utf8("ada"), t);

test("the loser is closed, and what the winner received meanwhile is kept", async () => {
  const clock = new FakeClock();
  const wt = candidate(clock, "webtransport", 30, 8);
  const ws = candidate(clock, "websocket", 10, 5);
  const elected = elect({ webtransport: wt.open, websocket: ws.open }, clock, probe, new AbortController().signal);
  await clock.advance(35);
  const hello = writeHeartbeat(utf8("bob"), 7n, { video: true, audio: true, screen: false, speaking: false, transport: "websocket" }, 0);
  wt.path.onpacket(hello);
  await clock.advance(100);
  const won = await elected;
  assert.equal(won.path, wt.path);
  assert.deepEqual(won.held, [hello]);
  assert.equal(won.rttMs, 8);
  assert.ok(ws.path.closed && !wt.path.closed);
  assert.ok(clock.now() < 600);
});

test("a path that ends during the election loses it", async () => {
  const clock = new FakeClock();
  const wt = candidate(clock, "webtransport", 10, 20);
  const ws = candidate(clock, "websocket", 10, 20);
  const elected = elect({ webtransport: wt.open, websocket: ws.open }, clock, probe, new AbortController().signal);
  await clock.advance(15);
  wt.path.onend({ code: 0, reason: "" });
  await clock.advance(200);
  assert.equal((await elected).path, ws.path);
});

test("with no path left the reason of the last one is told", async () => {
  const clock = new FakeClock();
  const ws = candidate(clock, "websocket", 10, 1000);
  const elected = elect({ websocket: ws.open }, clock, probe, new AbortController().signal);
  const refused = assert.rejects(elected, (err) => err instanceof PathEnded && err.ending.code === 3503);
  await clock.advance(15);
  ws.path.onend({ code: 3503, reason: "no" });
  await refused;
});

test("a path that opens too late is closed", async () => {
  const clock = new FakeClock();
  const wt = candidate(clock, "webtransport", 3000, 5);
  const ws = candidate(clock, "websocket", 10, 5);
  const elected = elect({ webtransport: wt.open, websocket: ws.open }, clock, probe, new AbortController().signal);
  await clock.advance(1600);
  assert.equal((await elected).path, ws.path);
  await clock.advance(2000);
  assert.ok(wt.path.closed);
});
