// Whatever breaks, people come back by themselves, and nobody is left behind as a ghost.
import assert from "node:assert/strict";
import { ids } from "../src/ui/testids.ts";
import { Person } from "./person.ts";
import { scenario, type Scenario } from "./scenario.ts";
import { node } from "./world.ts";

/** Two people in a call, each looking out for ghosts of the other. */
async function pair(s: Scenario, where: ["one" | "two" | "solo", "one" | "two" | "solo"]): Promise<[Person, Person]> {
  const ada = await s.person("Ada");
  const bob = await s.person("Bob");
  await ada.join({ node: await node(where[0]), room: s.room, transport: "webtransport" });
  await bob.join({ node: await node(where[1]), room: s.room, transport: "websocket" });
  await Promise.all([ada.sees(bob), bob.sees(ada)]);
  await Promise.all([watch(ada, bob), watch(bob, ada)]);
  return [ada, bob];
}

function watch(who: Person, other: Person): Promise<void> {
  return who.page.evaluate((name) => window.eyes.watch(name), other.name);
}

/**
 * Milliseconds for which a second tile passes: pictures may overtake the news of whom they
 * replace. A stale one would stay for four seconds.
 */
const blink = 2_000;

async function neverTwice(who: Person, other: Person): Promise<void> {
  const ms = await who.page.evaluate((name) => window.eyes.doubled(name), other.name);
  assert.ok(ms < blink, `${who.name} saw ${other.name} twice for ${ms.toFixed(0)} ms`);
}

/** All is as it was. */
async function together(a: Person, b: Person): Promise<void> {
  await Promise.all([a.sees(b), b.sees(a), a.hears(), b.hears()]);
  await Promise.all([a.isWith(b), b.isWith(a)]);
  await Promise.all([neverTwice(a, b), neverTwice(b, a)]);
}

scenario("a reloaded page comes back, without a second tile and as large as it was", async (s) => {
  const [ada, bob] = await pair(s, ["one", "one"]);
  const pin = ada.tile(bob).getByTestId(ids.tilePin);
  await pin.click();
  await bob.page.reload();
  await ada.isWith();
  assert.equal(await bob.on(ids.lobbyName).inputValue(), "Bob", "the page remembers the name");
  await bob.enter();
  await watch(bob, ada);
  await together(ada, bob);
  assert.equal(await pin.getAttribute("aria-pressed"), "true", "who was pinned comes back pinned");
});

scenario("a tab that crashes leaves no tile behind", async (s) => {
  const [ada, bob] = await pair(s, ["one", "two"]);
  const began = Date.now();
  await bob.page.goto("chrome://crash").catch(() => {}); // a crash is no success
  await ada.isWith();
  s.note(`the tile was gone after ${Date.now() - began} ms`);
  await bob.close();
  const back = await s.person("Bob");
  await back.join({ node: await node("two"), room: s.room, transport: "websocket" });
  await watch(back, ada);
  await together(ada, back);
});

for (const [who, how] of [[0, "WebTransport"], [1, "WebSocket"]] as const) {
  scenario(`a lost ${how} connection comes back by itself`, async (s) => {
    const people = await pair(s, ["one", "one"]);
    const [lost, other] = [people[who]!, people[1 - who]!];
    const session = await lost.until("a session", () => window.parleyDebug?.sessionId);
    const began = Date.now();
    await lost.page.evaluate(() => window.parleyDebug!.cut());
    await lost.until("another session", (old) => window.parleyDebug!.phase === "joined" && ![old, ""].includes(window.parleyDebug!.sessionId), session);
    await together(other, lost);
    s.note(`seen and heard again after ${Date.now() - began} ms`);
  });
}

scenario("a node that is killed comes back, and so do its people", async (s) => {
  const [ada, bob] = await pair(s, ["one", "two"]);
  const two = await node("two");
  await ada.settle();
  const began = Date.now();
  await two.kill();
  await bob.until("the page to notice", (id) => document.querySelector(`[data-testid="${id}"]`) !== null, ids.banner);
  await ada.isWith();
  s.note(`the other node took ${Date.now() - began} ms to notice`);
  await ada.isTold("Bob left");
  await two.restart();
  await together(ada, bob);
});

scenario("a whole server is killed, database and all, and everybody comes back", async (s) => {
  const [ada, bob] = await pair(s, ["solo", "solo"]);
  const solo = await node("solo");
  await solo.kill();
  for (const person of [ada, bob]) await person.on(ids.banner).waitFor();
  await s.shoot("-meanwhile");
  const began = Date.now();
  await solo.restart();
  s.note(`the server was back after ${Date.now() - began} ms`);
  await together(ada, bob);
  s.note(`everybody was back after ${Date.now() - began} ms`);
});
