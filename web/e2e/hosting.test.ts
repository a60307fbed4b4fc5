// What hosts do to a meeting and to the people in it.
import { ids } from "../src/ui/testids.ts";
import { setsUp } from "./host.ts";
import type { Person } from "./person.ts";
import { scenario, type Scenario } from "./scenario.ts";
import { node } from "./world.ts";

/** Ada, who is host, on one node; Bob on the other. */
async function pair(s: Scenario): Promise<[Person, Person]> {
  const [one, two] = [await node("one"), await node("two")];
  const ada = await s.person("Ada");
  const bob = await s.person("Bob");
  await setsUp(ada, one, s.room, { waitingRoom: false });
  await ada.join({ node: one, room: s.room });
  await bob.join({ node: two, room: s.room });
  await Promise.all([ada.isWith(bob), bob.isWith(ada)]);
  await Promise.all([ada.noticesThat(ada, "host", true), bob.noticesThat(ada, "host", true)]);
  return [ada, bob];
}

scenario("a host mutes, ends a camera and a screen share; people decide again", async (s) => {
  const [ada, bob] = await pair(s);
  await Promise.all([ada.noticesThat(bob, "audio", true), ada.noticesThat(bob, "video", true)]);
  await ada.does("mute", bob);
  await bob.shows(ids.dockMic, false);
  await bob.isTold("The host switched your microphone off");
  await ada.noticesThat(bob, "audio", false);
  await bob.on(ids.dockMic).click();
  await ada.noticesThat(bob, "audio", true);

  await ada.does("camera", bob);
  await bob.shows(ids.dockCamera, false);
  await bob.isTold("The host switched your camera off");
  await ada.seesNoPicture(bob);

  await bob.on(ids.dockScreen).click();
  await ada.sees(bob, "screen");
  await ada.does("screen", bob);
  await bob.isTold("The host ended your screen share");
  await ada.on(ids.stageScreen).waitFor({ state: "detached" });

  await ada.on(ids.muteAll).click();
  await bob.shows(ids.dockMic, false);
  await ada.shows(ids.dockMic, true); // not oneself
});

scenario("who is removed has to go and waits when they ask again; who is banned cannot ask", async (s) => {
  const [ada, bob] = await pair(s);
  await ada.does("remove", bob);
  await bob.hasToGo("removed");
  await bob.on(ids.endedRejoin).waitFor({ state: "detached" }); // no way to press on
  await ada.isWith();
  await s.shoot("-removed");

  await bob.knocks({ node: await node("two"), room: s.room }, ids.waiting);
  await ada.on(ids.waitingRow).getByTestId(ids.admit).click();
  await bob.isIn();
  await ada.isWith(bob);
  await ada.does("ban", bob);
  await ada.on(ids.confirmYes).click();
  await bob.hasToGo("removed");
  await bob.knocks({ node: await node("two"), room: s.room }, ids.ended);
  await bob.hasToGo("banned");
});

scenario("the host role is shared, taken back and handed over", async (s) => {
  const [ada, bob] = await pair(s);
  const cyd = await s.person("Cyd");
  await cyd.join({ node: await node("one"), room: s.room });
  await ada.isWith(bob, cyd);
  await ada.does("make-host", bob);
  await bob.isTold("You are a host of this meeting now");
  await Promise.all([cyd.noticesThat(bob, "host", true), ada.noticesThat(bob, "host", true)]);
  await bob.does("mute", cyd);
  await cyd.shows(ids.dockMic, false);

  await ada.does("take-host", bob);
  await bob.isTold("You are no host of this meeting any more");
  await cyd.noticesThat(bob, "host", false);
  await bob.on(ids.participantMenu).first().waitFor({ state: "detached" });

  await ada.does("hand-over", cyd);
  await ada.on(ids.confirmYes).click();
  await cyd.noticesThat(cyd, "host", true);
  await Promise.all([ada.noticesThat(ada, "host", false), bob.noticesThat(ada, "host", false)]);
  await cyd.does("mute", bob);
  await bob.shows(ids.dockMic, false);
});

scenario("people are called what they want, also after a reload", async (s) => {
  const [ada, bob] = await pair(s);
  await bob.on(ids.dockMore).click();
  await bob.on(ids.moreRename).click();
  await bob.on(ids.renameField).fill("Robert");
  await bob.on(ids.renameSubmit).click();
  await ada.until("the new name", () => window.eyes.tiles("Robert").length === 1 && window.eyes.tiles("Bob").length === 0);
  await bob.until("the new name", () => window.eyes.tiles("Robert").length === 1);
  await bob.page.reload();
  await bob.on(ids.lobbyJoin).click();
  await bob.isIn();
  await ada.until("the name to stay", () => window.eyes.tiles("Robert").length === 1);
});

scenario("options take effect during the call: who waits comes in when the waiting room closes", async (s) => {
  const one = await node();
  const ada = await s.person("Ada");
  const bob = await s.person("Bob");
  const cyd = await s.person("Cyd");
  await setsUp(ada, one, s.room);
  await ada.join({ node: one, room: s.room });
  await bob.knocks({ node: one, room: s.room }, ids.waiting);
  await ada.isTold("Bob is waiting");
  await ada.opensOptions();
  await ada.sets("waitingRoom", false);
  await bob.isIn();

  // Everybody may let people in: Bob, who is no host, does.
  await ada.sets("waitingRoom", true);
  await ada.sets("admittedCanAdmit", true);
  await cyd.knocks({ node: await node("two"), room: s.room }, ids.waiting);
  await bob.isTold("Cyd is waiting");
  await bob.looksWhoWaits();
  await bob.on(ids.waitingRow).getByTestId(ids.admit).click();
  await cyd.isIn();
  await bob.isWith(ada, cyd);
});

scenario("a host leaves and the others go on, or ends the meeting for all", async (s) => {
  const [ada, bob] = await pair(s);
  await ada.leave();
  await bob.isWith();
  await ada.on(ids.endedRejoin).click();
  await ada.isIn();
  await bob.isWith(ada);
  await ada.on(ids.dockLeave).click();
  await ada.on(ids.leaveEnd).click();
  await Promise.all([ada.hasToGo("meeting_ended"), bob.hasToGo("meeting_ended")]);
  await bob.page.getByRole("heading", { name: "The host ended the meeting" }).waitFor();
  await bob.on(ids.endedRejoin).waitFor({ state: "detached" });
});
