// What stands between a link and the call.
import assert from "node:assert/strict";
import { ids } from "../src/ui/testids.ts";
import { setFlag, setsUp } from "./host.ts";
import { scenario } from "./scenario.ts";
import { node } from "./world.ts";

scenario("who waits is seen by the host of another node, and let in", async (s) => {
  const [one, two] = [await node("one"), await node("two")];
  const ada = await s.person("Ada");
  const bob = await s.person("Bob");
  await setsUp(ada, one, s.room);
  await ada.join({ node: one, room: s.room });
  await bob.knocks({ node: two, room: s.room }, ids.waiting);
  await ada.isTold("Bob is waiting to come in");
  await ada.looksWhoWaits();
  await s.shoot("-waiting");
  await ada.settle();
  const began = Date.now();
  await ada.on(ids.waitingRow).getByTestId(ids.admit).click();
  await bob.isIn();
  s.note(`in ${Date.now() - began} ms after the click`);
  await Promise.all([ada.sees(bob), bob.sees(ada)]);
  await ada.on(ids.waitingList).waitFor({ state: "detached" });
  await ada.isTold("Bob joined");
  assert.ok(!(await ada.page.evaluate(() => window.eyes.told)).some((text) => text.includes("left")), "nobody leaves by being let in");

  // Admission survives a reload, but not leaving.
  await bob.page.reload();
  await bob.enter();
  await bob.leave();
  await bob.on(ids.endedRejoin).click();
  await bob.on(ids.waiting).waitFor();
});

scenario("some are let in at once, others turned away, some go by themselves", async (s) => {
  const one = await node();
  const ada = await s.person("Ada");
  const bob = await s.person("Bob");
  const cyd = await s.person("Cyd");
  await setsUp(ada, one, s.room);
  await ada.join({ node: one, room: s.room });
  for (const person of [bob, cyd]) await person.knocks({ node: one, room: s.room }, ids.waiting);
  await ada.on(ids.dockPeople).click();
  await ada.until("two who wait", (id) => document.querySelectorAll(`[data-testid="${id}"]`).length === 2, ids.waitingRow);
  await ada.on(ids.waitingRow).filter({ hasText: "Bob" }).getByTestId(ids.reject).click();
  await bob.hasToGo("rejected");
  await cyd.on(ids.entranceLeave).click();
  await cyd.on(ids.home).waitFor();
  await ada.on(ids.waitingList).waitFor({ state: "detached" });

  for (const person of [bob, cyd]) await person.knocks({ node: one, room: s.room }, ids.waiting);
  await ada.on(ids.admitAll).click();
  await Promise.all([bob.isIn(), cyd.isIn()]);
  await ada.isWith(bob, cyd);
});

scenario("who comes before the host waits for the meeting to begin", async (s) => {
  const one = await node();
  const ada = await s.person("Ada");
  const bob = await s.person("Bob");
  await setsUp(ada, one, s.room, { waitingRoom: false });
  await bob.knocks({ node: await node("two"), room: s.room }, ids.notBegun);
  await ada.join({ node: one, room: s.room });
  await bob.isIn();
  await ada.isWith(bob);
});

scenario("a password is asked for, and a wrong one refused", async (s) => {
  const one = await node();
  const ada = await s.person("Ada");
  const bob = await s.person("Bob");
  await setsUp(ada, one, s.room, { waitingRoom: false, password: "open sesame" });
  await ada.join({ node: one, room: s.room });
  await bob.knocks({ node: one, room: s.room }, ids.password);
  await bob.on(ids.passwordField).fill("let me in");
  await bob.on(ids.passwordSubmit).click();
  await bob.on(ids.password).and(bob.page.locator('[data-why="wrong"]')).waitFor();
  await s.shoot("-wrong");
  await bob.on(ids.passwordField).fill("open sesame");
  await bob.page.keyboard.press("Enter");
  await bob.isIn();
  await ada.isWith(bob);
});

scenario("locked, full and invited only are told apart", async (s) => {
  const one = await node();
  const ada = await s.person("Ada");
  const bob = await s.person("Bob");
  await setsUp(ada, one, s.room, { waitingRoom: false });
  await ada.join({ node: one, room: s.room });
  const refused = async (code: string) => {
    await bob.knocks({ node: one, room: s.room }, ids.ended);
    await bob.hasToGo(code);
  };
  await ada.opensOptions();
  await ada.sets("locked", true);
  await ada.on(ids.callLocked).waitFor();
  await refused("locked");
  await ada.sets("locked", false);
  await ada.on(ids.callLocked).waitFor({ state: "detached" });
  await setFlag(one, "max_participants", 1, s.room);
  await refused("full");
  await setFlag(one, "max_participants", 0, s.room);
  await bob.on(ids.endedRejoin).click();
  await bob.isIn();
  await ada.isWith(bob);

  const cyd = await s.person("Cyd");
  const dan = await s.person("Dan");
  const room = `${s.room}-list`;
  await setsUp(cyd, one, room, { waitingRoom: false, attendeesOnly: true, attendees: ["somebody@example.org"] });
  await cyd.join({ node: one, room });
  await dan.knocks({ node: one, room }, ids.ended);
  await dan.hasToGo("not_invited");
});

scenario("guests come in where the meeting takes them", async (s) => {
  const one = await node();
  const ada = await s.person("Ada");
  const bob = await s.person("Bob");
  await setFlag(one, "guests", true, s.room);
  await setsUp(ada, one, s.room, { allowGuests: true });
  await ada.join({ node: one, room: s.room });
  await bob.knocks({ node: await node("two"), room: s.room }, ids.waiting);
  await ada.on(ids.dockPeople).click();
  await ada.on(ids.waitingRow).filter({ hasText: "Guest" }).getByTestId(ids.admit).click();
  await bob.isIn();
  await Promise.all([ada.sees(bob), bob.sees(ada)]);
  await ada.on(ids.participantsPanel).getByText("Guest", { exact: false }).first().waitFor();
  assert.equal(await bob.page.evaluate(() => sessionStorage.getItem("parley.session")), null, "no account was made up");
  await bob.leave();
  await ada.isWith();
});
