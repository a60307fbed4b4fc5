import assert from "node:assert/strict";
import test from "node:test";
import type { Ticket } from "../server/door.ts";
import { Denied, Unreachable } from "../server/http.ts";
import { FakeClock } from "./clock.fake.ts";
import { Entry, type EntrySources } from "./entry.ts";
import { Refused } from "./problem.ts";

const ticket = (status: Ticket["status"], change: Partial<Ticket> = {}): Ticket => ({
  userId: "ada",
  name: "Ada",
  status,
  host: false,
  guest: false,
  features: { chat: true, reactions: true, screen: true, encryption: false },
  roomToken: status === "admitted" ? "R" : "",
  observerToken: "O",
  owner: "bob",
  ownerName: "Bob",
  ...change,
});

type Answer = Ticket | Error;

/** An entry whose server gives these answers in turn; the last one again and again. */
function entry(join: Answer[], status: Answer[] = [], change: Partial<EntrySources> = {}) {
  const clock = new FakeClock();
  const log: string[] = [];
  const world = { news: () => {} };
  const give = (answers: Answer[]): Ticket => {
    const answer = answers.length > 1 ? answers.shift()! : answers[0];
    if (!answer) throw new Denied(404, "NOT_IN_MEETING", "");
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const e = new Entry(
    {
      clock,
      join: async (password) => {
        log.push(password === undefined ? "join" : `join with ${password}`);
        return give(join);
      },
      status: async () => {
        log.push("status");
        return give(status);
      },
      begun: async () => {
        log.push("begun?");
        return false;
      },
      watch: (_, news) => {
        log.push("watch");
        world.news = news;
        return () => log.push("unwatch");
      },
      ...change,
    },
    (entrance) => log.push(entrance ? `${entrance.at}${"why" in entrance ? ` ${entrance.why}` : ` ${entrance.host ?? "?"}`}` : "open"),
  );
  return { e, clock, log, world, join, status };
}

const signal = () => new AbortController().signal;
const settled = () => new Promise((resolve) => setImmediate(resolve));
const code = (want: string) => (err: unknown) => err instanceof Refused && err.problem.code === want;

test("who is let in at once waits for nothing", async () => {
  const { e, log } = entry([ticket("admitted")]);
  assert.equal((await e.admitted(signal())).roomToken, "R");
  assert.deepEqual(log, ["join", "open"]);
});

test("a password is asked for until it is right", async () => {
  const { e, log } = entry([new Denied(403, "PASSWORD_REQUIRED", ""), new Denied(403, "WRONG_PASSWORD", ""), new Denied(429, "TOO_MANY_ATTEMPTS", ""), ticket("admitted")]);
  const done = e.admitted(signal());
  for (const password of ["a", "b", "c"]) {
    await settled();
    e.give(password);
  }
  await done;
  assert.deepEqual(log, ["join", "password required", "join with a", "password wrong", "join with b", "password too_many", "join with c", "open"]);
});

test("news end the waiting at once, lost news do it a little later", async () => {
  const a = entry([ticket("waiting")], [ticket("admitted")]);
  const done = a.e.admitted(signal());
  await settled();
  assert.deepEqual(a.log, ["join", "waiting Bob", "watch"]);
  a.world.news();
  await done;
  assert.deepEqual(a.log.slice(3), ["status", "unwatch", "open"]);

  const b = entry([ticket("waiting")], [ticket("waiting"), new Unreachable(""), ticket("admitted")]);
  const later = b.e.admitted(signal());
  await b.clock.advance(12_000);
  await later;
  assert.deepEqual(b.log.slice(2), ["watch", "status", "status", "status", "unwatch", "open"], "nobody gives up for a server that restarts");
});

test("a meeting that has not begun is joined when it has", async () => {
  const a = entry([ticket("waiting_for_meeting"), ticket("waiting_for_meeting", { ownerName: "" }), ticket("admitted")]);
  const done = a.e.admitted(signal());
  await a.clock.advance(4_000);
  assert.deepEqual(a.log, ["join", "closed Bob", "watch", "begun?"]);
  a.world.news();
  await settled();
  assert.deepEqual(a.log.slice(4), ["unwatch", "join", "closed ?", "watch"], "it may have been false news");
  a.world.news();
  await done;
});

test("rejected while waiting, sent away while disconnected, ended meanwhile", async () => {
  const a = entry([ticket("waiting")], [ticket("rejected")]);
  const done = a.e.admitted(signal());
  await Promise.all([assert.rejects(done, code("rejected")), a.clock.advance(4_000)]);

  const b = entry([ticket("admitted")], [ticket("kicked")]);
  await b.e.admitted(signal());
  await assert.rejects(b.e.admitted(signal()), code("removed"));
  assert.equal(b.log.filter((line) => line === "join").length, 1, "whoever was removed does not ask again by themselves");

  const c = entry([ticket("admitted")], [new Denied(400, "MEETING_NOT_ACTIVE", "")]);
  await c.e.admitted(signal());
  await assert.rejects(c.e.admitted(signal()), code("meeting_ended"));

  const d = entry([ticket("admitted")], [new Denied(404, "NOT_FOUND", "")]);
  await d.e.admitted(signal());
  await d.e.admitted(signal());
  assert.equal(d.log.filter((line) => line === "join").length, 2, "a server without a record decides anew");
});

test("whoever signed out does not come back as somebody else; a guest's proof just gets old", async () => {
  const a = entry([ticket("admitted")], [new Denied(401, "UNAUTHORIZED", "")]);
  await a.e.admitted(signal());
  await assert.rejects(a.e.admitted(signal()), code("signed_out"));
  assert.deepEqual(a.log, ["join", "open", "status"]);
  const b = entry([ticket("admitted", { guest: true })], [new Denied(401, "UNAUTHORIZED", "")]);
  await b.e.admitted(signal());
  assert.equal((await b.e.admitted(signal())).roomToken, "R");
});

test("what is refused is explained", async () => {
  const codes: [string, string][] = [
    ["NOT_INVITED", "not_invited"],
    ["MEETING_LOCKED", "locked"],
    ["MEETING_FULL", "full"],
    ["BANNED", "banned"],
    ["GUESTS_NOT_ALLOWED", "guests"],
    ["SIGN_IN_NEEDED", "sign_in"],
    ["SOMETHING_ELSE", "refused"],
  ];
  for (const [answer, want] of codes) await assert.rejects(entry([new Denied(403, answer, "")]).e.admitted(signal()), code(want));
  await assert.rejects(entry([new Unreachable("")]).e.admitted(signal()), Unreachable);
});

test("who goes does not wait any longer", async () => {
  for (const first of [ticket("waiting"), ticket("waiting_for_meeting"), new Denied(403, "PASSWORD_REQUIRED", "")]) {
    const stop = new AbortController();
    const a = entry([first], [ticket("waiting")]);
    const done = a.e.admitted(stop.signal);
    await settled();
    stop.abort();
    await assert.rejects(done, Unreachable);
    assert.equal(a.log.filter((line) => line === "watch").length, a.log.filter((line) => line === "unwatch").length);
  }
});

test("who goes before the answer still learns what it was", async () => {
  let answer = (_: Ticket) => {};
  const { e } = entry([], [], { join: () => new Promise((resolve) => (answer = resolve)) });
  const stop = new AbortController();
  const done = e.admitted(stop.signal);
  stop.abort();
  await assert.rejects(done, Unreachable);
  answer(ticket("waiting"));
  assert.equal((await e.asked)?.status, "waiting");
});

test("a question that was not answered leaves the answer before it", async () => {
  const { e } = entry([ticket("admitted"), new Unreachable("")]);
  await e.admitted(signal());
  await assert.rejects(e.admitted(signal()), Unreachable);
  assert.equal((await e.asked)?.status, "admitted");
});
