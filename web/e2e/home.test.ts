// One's meetings on the start page.
import assert from "node:assert/strict";
import { ids } from "../src/ui/testids.ts";
import { Person } from "./person.ts";
import { scenario } from "./scenario.ts";
import { node } from "./world.ts";

scenario("meetings are made, shared, watched, ended and deleted on the start page", async (s) => {
  const one = await node();
  const ada = await s.person("Ada", "usual", { permissions: ["clipboard-read", "clipboard-write"] });
  await ada.page.goto(one.url);
  await ada.on(ids.homeName).fill("Ada");
  await ada.on(ids.homeSignIn).click();
  await ada.on(ids.meetingsEmpty).waitFor();
  await ada.on(ids.meetingsCreate).click();
  await ada.on(ids.createName).fill("no/slashes");
  await ada.on(ids.createSubmit).click();
  await ada.on(ids.createError).filter({ hasText: "letters" }).waitFor();
  await ada.on(ids.createName).fill(s.room);
  await ada.sets("waitingRoom", false);
  await s.shoot("-create");
  await ada.on(ids.createSubmit).click();
  const row = ada.on(ids.meeting(s.room));
  await row.and(ada.page.locator('[data-state="idle"][data-mine="true"]')).waitFor();
  await ada.on(ids.meetingsSaid).filter({ hasText: "copied" }).waitFor();
  assert.equal(await ada.page.evaluate(() => navigator.clipboard.readText()), `${one.url}/m/${s.room}`);

  // Another tab is the same person and sees it; so does a page that was open all the time.
  const tab = new Person("Ada in another tab", await ada.page.context().newPage());
  await tab.page.goto(one.url);
  await tab.on(ids.meetingOpen).click();
  await tab.enter();
  await row.and(ada.page.locator('[data-state="active"]')).waitFor();
  await row.getByText("1 person here").waitFor();
  await s.shoot("-live");

  // Somebody else finds it among theirs after having been in.
  const bob = await s.person("Bob");
  await bob.join({ node: one, room: s.room });
  await row.getByText("2 here").waitFor();
  await bob.leave();
  await bob.on(ids.endedHome).click();
  await bob.on(ids.meeting(s.room)).and(bob.page.locator('[data-mine="false"]')).waitFor();

  await row.getByTestId(ids.meetingMore).click();
  await ada.on(ids.meetingOptions).click();
  await ada.sets("locked", true);
  await tab.on(ids.callLocked).waitFor();
  await ada.on(ids.optionsClose).click();
  await row.getByTestId(ids.meetingMore).click();
  await ada.on(ids.meetingEnd).click();
  await ada.on(ids.confirmYes).click();
  await row.and(ada.page.locator('[data-state="ended"]')).waitFor();
  await tab.on(ids.ended).waitFor();
  await row.getByTestId(ids.meetingMore).click();
  await ada.on(ids.meetingDelete).click();
  await ada.on(ids.confirmYes).click();
  await row.waitFor({ state: "detached" });
  await bob.on(ids.meeting(s.room)).waitFor({ state: "detached" });

  await ada.on(ids.account).click();
  await ada.on(ids.accountSignOut).click();
  await ada.on(ids.homeSignIn).waitFor();
});

for (const transport of ["webtransport", "websocket"] as const) {
  scenario(`signing out in one window ends the call in another, over ${transport}`, async (s) => {
    const one = await node();
    const ada = await s.person("Ada");
    await ada.page.goto(one.url);
    await ada.on(ids.homeName).fill("Ada");
    await ada.on(ids.homeSignIn).click();
    await ada.on(ids.account).waitFor();
    const call = new Person("Ada in the call", await ada.page.context().newPage());
    await call.join({ node: one, room: s.room, transport });

    await ada.on(ids.account).click();
    await ada.on(ids.accountSignOut).click();
    await ada.on(ids.homeSignIn).waitFor();
    await call.on(ids.ended).and(call.page.locator('[data-code="signed_out"]')).filter({ hasText: "You have signed out" }).waitFor();
    assert.equal(await call.on(ids.endedRejoin).count(), 0, "trying again would end the same way");
    await call.on(ids.problemAction).click();
    await call.on(ids.homeSignIn).waitFor();
  });
}
