import assert from "node:assert/strict";
import test from "node:test";
import type { Features } from "../server/features.ts";
import type { Ticket } from "../server/door.ts";
import { Denied, Unreachable } from "../server/http.ts";
import type { Meeting, Person } from "../server/meetings.ts";
import { FakeClock } from "./clock.fake.ts";
import type { CallState } from "./contract.ts";
import { Desk, type DeskSources } from "./desk.ts";
import { Store } from "./store.ts";

const all: Features = { chat: true, reactions: true, screen: true, encryption: false };
const ticket: Ticket = { userId: "ada", name: "Ada", status: "admitted", host: true, guest: false, roomToken: "R", observerToken: "", owner: "ada", ownerName: "Ada", features: all };

const meeting = (change: Partial<Meeting["options"]> = {}): Meeting => ({
  id: "r",
  state: "active",
  owner: "ada",
  ownerName: "Ada",
  mine: true,
  hasPassword: false,
  options: { waitingRoom: true, admittedCanAdmit: false, endOnHostLeave: false, allowGuests: false, attendeesOnly: false, locked: false, ...change },
  attendees: [],
  present: 1,
  waiting: 0,
  activeAt: 0,
});

const person = (user: string, change: Partial<Person> = {}): Person => ({ user, name: user.toUpperCase(), status: "admitted", host: false, guest: false, since: 0, ...change });

function desk(change: Partial<Ticket> = {}) {
  const clock = new FakeClock();
  const store = new Store(clock);
  const log: string[] = [];
  const server = { meeting: meeting(), people: [person("ada", { host: true })], waiting: [] as Person[], refuse: undefined as Error | undefined, hold: undefined as (<T>(answer: T) => Promise<T>) | undefined, features: all };
  const asked = async <T>(what: string, answer: () => T): Promise<T> => {
    log.push(what);
    if (server.refuse) throw server.refuse;
    return server.hold ? server.hold(answer()) : answer();
  };
  const from: DeskSources = {
    get: () => asked("get", () => server.meeting),
    participants: () => asked("people", () => server.people),
    waiting: () => asked("waiting", () => server.waiting),
    act: (_, act, user, more) => asked(`${act} ${user}${more ? ` ${JSON.stringify(more)}` : ""}`, () => undefined),
    all: (_, act) => asked(act, () => undefined),
    change: (_, part) => asked(`change ${JSON.stringify(part)}`, () => (server.meeting = meeting(part))),
    rename: (_, name) => asked(`rename ${name}`, () => undefined),
    features: async () => server.features,
  };
  const d = new Desk("r", from, store, clock, () => log.push("changed"), () => log.push("over"));
  d.arrived({ ...ticket, ...change });
  return { d, clock, store, log, server, news: () => store.state.notices.map((n) => n.text) };
}

test("what operators permit is known from the first moment, and anew when they change it, to guests as well", async () => {
  const { d, clock, store, server, log } = desk({ guest: true, host: false, owner: "", features: { ...all, screen: false } });
  assert.deepEqual(store.state.offers, { chat: true, reactions: true, screen: false });
  server.features = { ...all, reactions: false };
  d.stale("options");
  await clock.advance(200);
  assert.deepEqual(store.state.offers, { chat: true, reactions: false, screen: true });
  assert.ok(!log.includes("get"), "guests may not ask for the options");
});

test("a host learns who waits, and each newcomer is news once", async () => {
  const { d, clock, store, server, log, news } = desk();
  await clock.advance(200);
  assert.deepEqual(store.state.meeting, {
    host: true, owner: true, ownerId: "ada", guest: false, mayAdmit: true, hasPassword: false, options: meeting().options, waiting: [],
  });
  server.waiting = [person("bob")];
  for (let i = 0; i < 5; i++) d.stale("waiting");
  await clock.advance(200);
  assert.equal(log.filter((line) => line === "waiting").length, 2, "news that come together are one question");
  assert.deepEqual((store.state as CallState).meeting.waiting.map((w) => w.name), ["BOB"]);
  d.stale("waiting");
  await clock.advance(200);
  server.waiting = [person("bob"), person("cyd"), person("dan")];
  d.stale("waiting");
  await clock.advance(200);
  assert.deepEqual(news(), ["BOB is waiting to come in", "2 people are waiting to come in"]);
  assert.ok(await d.admit("bob"));
  assert.deepEqual((store.state as CallState).meeting.waiting.map((w) => w.userId), ["cyd", "dan"], "without waiting for the list");
});

test("others see the waiting room only where everybody may admit, and guests never", async () => {
  const a = desk({ userId: "bob", host: false });
  a.server.waiting = [person("cyd")];
  await a.clock.advance(500);
  assert.deepEqual([a.store.state.meeting.mayAdmit, a.store.state.meeting.waiting.length], [false, 0]);
  a.server.meeting = meeting({ admittedCanAdmit: true });
  a.d.stale("options");
  await a.clock.advance(500);
  assert.deepEqual([a.store.state.meeting.mayAdmit, a.store.state.meeting.waiting.length], [true, 1]);
  a.server.meeting = meeting();
  a.d.stale("options");
  await a.clock.advance(500);
  assert.deepEqual([a.store.state.meeting.mayAdmit, a.store.state.meeting.waiting.length], [false, 0]);

  const b = desk({ userId: "guest:1", host: false, guest: true });
  await b.clock.advance(60_000);
  assert.deepEqual(b.log, [], "a guest has no account to ask with");
  assert.equal(b.store.state.meeting.guest, true);
  assert.ok(b.d.isHost("ada"), "whose meeting it is, the ticket said");
});

test("roles come and go", async () => {
  const { d, clock, store } = desk({ userId: "bob", host: false });
  await clock.advance(200);
  assert.ok(d.isHost("ada"));
  d.role("bob", true);
  assert.equal(store.state.meeting.host, true);
  d.role("ada", false);
  d.role("bob", false);
  assert.equal(store.state.meeting.host, false);
  assert.ok(!d.isHost("ada"));
});

test("what cannot be done is said and changes nothing", async () => {
  const { d, clock, server, news, log } = desk();
  await clock.advance(200);
  const failures: [Error, string][] = [
    [new Denied(403, "NOT_HOST", "x"), "Only a host may do that."],
    [new Denied(404, "PARTICIPANT_NOT_FOUND", "x"), "They are not here any more."],
    [new Denied(400, "BAD_REQUEST", "The owner of a meeting cannot be removed from it"), "The owner of a meeting cannot be removed from it"],
    [new Unreachable(""), "The server did not answer. Try again."],
  ];
  for (const [refuse, words] of failures) {
    server.refuse = refuse;
    assert.equal(await d.remove("bob", true), false);
    assert.equal(news().at(-1), words);
  }
  assert.equal(await d.endForAll(), false);
  assert.ok(!log.includes("over"));
  server.refuse = undefined;
  assert.ok(await d.endForAll());
  assert.ok(log.includes("over"));
  assert.ok(await d.change({ locked: true }));
  assert.equal(log.at(-1), 'change {"locked":true}');
});

test("after the end nothing is asked any more", async () => {
  const { d, clock, log } = desk();
  d.close();
  log.length = 0;
  await clock.advance(60_000);
  assert.deepEqual(log, []);
});

test("what is known for sure is not undone by an answer that was given before", async () => {
  const { d, clock, server, store, news } = desk();
  await clock.advance(200);
  const late: (() => void)[] = [];
  const hold = <T>(answer: T) => new Promise<T>((resolve) => late.push(() => resolve(answer)));
  const arrive = async () => {
    for (const answer of late.splice(0)) answer();
    await clock.advance(0);
  };

  // Each is asked for, and before the answer comes, more is known.
  server.hold = hold;
  server.people = [person("ada", { host: true }), person("bob")];
  server.waiting = [person("cy", { status: "waiting" })];
  for (const subject of ["people", "waiting", "options"] as const) d.stale(subject);
  await clock.advance(1_000);
  assert.equal(late.length, 3);
  server.hold = undefined;
  server.people = [person("ada", { host: true }), person("bob", { host: true })];
  server.waiting = [];
  d.role("bob", true);
  assert.ok(await d.admit("cy"));
  assert.ok(await d.change({ locked: true }));
  await arrive();
  assert.ok(d.isHost("bob"));
  assert.deepEqual([store.state.meeting.waiting, news()], [[], []]);
  assert.equal(store.state.meeting.options?.locked, true);
  await clock.advance(1_000);
  assert.ok(d.isHost("bob"), "it was asked for again");
  assert.equal(store.state.meeting.options?.locked, true);
});

test("what could not be asked for is asked for again", async () => {
  const { d, clock, server, store } = desk();
  await clock.advance(1_000);
  server.refuse = new Unreachable("");
  d.stale("options");
  await clock.advance(1_000);
  server.refuse = undefined;
  server.meeting = meeting({ locked: true });
  await clock.advance(4_000);
  assert.equal(store.state.meeting.options?.locked, true);
  d.close();
});
