// What people do during a call, and what the others notice of it.
import assert from "node:assert/strict";
import { ids } from "../src/ui/testids.ts";
import { scenario } from "./scenario.ts";
import { node } from "./world.ts";

scenario("who speaks is highlighted, who is muted is not", async (s) => {
  const ada = await s.person("Ada");
  const bob = await s.person("Bob");
  await ada.join({ node: await node("one"), room: s.room, transport: "webtransport" });
  await bob.join({ node: await node("two"), room: s.room, transport: "websocket" });
  await Promise.all([ada.noticesThat(bob, "speaking", true), bob.noticesThat(ada, "speaking", true)]);
  await ada.noticesThat(ada, "speaking", true);

  await bob.on(ids.dockMic).click();
  await bob.shows(ids.dockMic, false);
  await ada.noticesThat(bob, "audio", false);
  await ada.on(ids.tileMicOff).waitFor();
  await ada.noticesThat(bob, "speaking", false);
  await bob.noticesThat(bob, "speaking", false);
  await ada.hearsNothing();
  // Silence took longer than the tone pauses: by now a highlight would have come back.
  assert.equal(await ada.page.evaluate(() => window.eyes.tiles("Bob")[0]!.dataset["speaking"]), "false");
  await bob.noticesThat(ada, "speaking", true);
  await s.shoot("-muted");

  await bob.on(ids.dockMic).click();
  await Promise.all([ada.noticesThat(bob, "audio", true), ada.noticesThat(bob, "speaking", true), ada.hears()]);
});

scenario("devices are chosen in the settings; a camera goes off and on", async (s) => {
  const ada = await s.person("Ada");
  const bob = await s.person("Bob");
  await ada.join({ node: await node(), room: s.room, transport: "webtransport" });
  await bob.join({ node: await node(), room: s.room, transport: "websocket" });
  await Promise.all([ada.sees(bob), bob.sees(ada)]);

  await ada.on(ids.dockSettings).click();
  for (const id of [ids.selectCamera, ids.selectMicrophone, ids.settingsPreview]) await ada.on(ids.settings).getByTestId(id).waitFor();
  await ada.on(ids.settingsClose).click();
  await ada.on(ids.settings).waitFor({ state: "detached" });

  await bob.on(ids.dockCamera).click();
  await bob.shows(ids.dockCamera, false);
  await ada.noticesThat(bob, "video", false);
  await ada.seesNoPicture(bob);
  await Promise.all([bob.sees(ada), ada.hears()]); // the rest goes on
  await s.shoot("-off");

  await bob.on(ids.dockCamera).click();
  await ada.noticesThat(bob, "video", true);
  await ada.sees(bob);
});

scenario("a screen is shared, also with who comes later", async (s) => {
  const ada = await s.person("Ada");
  const bob = await s.person("Bob");
  await ada.join({ node: await node("one"), room: s.room, transport: "webtransport" });
  await bob.join({ node: await node("two"), room: s.room, transport: "websocket" });
  await Promise.all([ada.isWith(bob), bob.isWith(ada)]);

  await ada.on(ids.dockScreen).click();
  await ada.shows(ids.dockScreen, true);
  await bob.sees(ada, "screen");
  await bob.sees(ada); // her camera goes on beside it
  const cyd = await s.person("Cyd");
  await cyd.join({ node: await node("two"), room: s.room, transport: "webtransport" });
  await cyd.sees(ada, "screen");
  await s.shoot("-shared");

  await ada.on(ids.stageStop).click();
  await ada.shows(ids.dockScreen, false);
  for (const person of [ada, bob, cyd]) await person.on(ids.stageScreen).waitFor({ state: "detached" });
  await bob.sees(ada);
});
