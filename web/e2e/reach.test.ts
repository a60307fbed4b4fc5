// The call on a phone-sized window, and with a keyboard alone.
import assert from "node:assert/strict";
import { ids } from "../src/ui/testids.ts";
import { scenario } from "./scenario.ts";
import { node } from "./world.ts";

scenario("everything is within reach on a phone", async (s) => {
  const phone = { viewport: { width: 360, height: 640 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
  const ada = await s.person("Ada");
  await ada.join({ node: await node(), room: s.room });
  const bob = await s.person("Bob", "usual", phone);
  await bob.open({ node: await node(), room: s.room });
  await bob.on(ids.lobbyJoin).tap();
  await bob.isIn();
  await Promise.all([bob.sees(ada), ada.sees(bob)]);

  const found = await bob.page.evaluate(() => {
    const out: string[] = [];
    const names: string[] = [];
    for (const control of document.querySelectorAll<HTMLElement>('[data-testid^="dock-"], [data-testid="transport-badge"], [data-testid="call-room"]')) {
      const box = control.getBoundingClientRect();
      if (box.width === 0) continue; // left out on phones
      const name = control.dataset["testid"]!;
      names.push(name);
      if (box.left < 0 || box.top < 0 || box.right > innerWidth || box.bottom > innerHeight) out.push(`${name} is outside: ${JSON.stringify(box)}`);
      else if (!control.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2))) out.push(`${name} is covered`);
      if (name.startsWith("dock-") && Math.min(box.width, box.height) < 40) out.push(`${name} is too small: ${box.width} x ${box.height}`);
    }
    for (const tile of document.querySelectorAll<HTMLElement>("[data-session][data-self]")) {
      const box = tile.getBoundingClientRect();
      if (box.left < 0 || box.right > innerWidth || box.top < 0 || box.bottom > innerHeight) out.push(`a tile is outside: ${JSON.stringify(box)}`);
    }
    if (document.documentElement.scrollWidth > innerWidth) out.push("the page scrolls sideways");
    return { out, names };
  });
  assert.deepEqual(found.out, []);
  for (const id of [ids.dockMic, ids.dockCamera, ids.dockPeople, ids.dockInvite, ids.dockSettings, ids.dockLeave]) assert.ok(found.names.includes(id), `${id} is missing`);

  await bob.shows(ids.dockMic, true);
  await bob.on(ids.dockMic).tap();
  await ada.noticesThat(bob, "audio", false);
  await bob.on(ids.dockPeople).tap();
  await bob.on(ids.participantsPanel).waitFor();
  await s.shoot("-people");
  await bob.on(ids.participantsClose).tap();
  await bob.on(ids.dockLeave).tap();
  await bob.on(ids.ended).waitFor();
  await ada.isWith();
});

scenario("a keyboard is enough", async (s) => {
  const ada = await s.person("Ada");
  await ada.page.goto(`${(await node()).url}/m/${s.room}?video=180@10`);
  await ada.until("the name to be asked for", (id) => document.activeElement?.getAttribute("data-testid") === id, ids.lobbyName);
  const { keyboard } = ada.page;
  await keyboard.type("Ada");
  await keyboard.press("Enter");
  await ada.isIn();
  await Promise.all([ada.shows(ids.dockMic, true), ada.shows(ids.dockCamera, true)]);
  const bob = await s.person("Bob");
  await bob.join({ node: await node(), room: s.room });

  await keyboard.press("m");
  await ada.shows(ids.dockMic, false);
  await bob.noticesThat(ada, "audio", false);
  await keyboard.press("v");
  await ada.shows(ids.dockCamera, false);
  await bob.noticesThat(ada, "video", false);
  await keyboard.press("M");
  await keyboard.press("V");
  await Promise.all([bob.noticesThat(ada, "audio", true), bob.noticesThat(ada, "video", true)]);

  await keyboard.press("p");
  await ada.on(ids.participantsPanel).waitFor();
  await keyboard.press("Escape");
  await ada.on(ids.participantsPanel).waitFor({ state: "detached" });
  await keyboard.press("?");
  await ada.on(ids.shortcuts).waitFor();
  await s.shoot("-shortcuts");
  await keyboard.press("Escape");
  await ada.on(ids.shortcuts).waitFor({ state: "detached" });

  const focused = () => ada.page.evaluate(() => document.activeElement?.getAttribute("data-testid"));
  for (let i = 0; i < 40 && (await focused()) !== ids.dockLeave; i++) await keyboard.press("Tab");
  assert.equal(await focused(), ids.dockLeave, "Tab leads to the button that leaves");
  await keyboard.press("Enter");
  await ada.on(ids.leaveMenu).waitFor(); // a host chooses
  await ada.page.waitForFunction((id) => document.activeElement?.closest(`[data-testid="${id}"]`), ids.leaveMenu);
  await keyboard.press("ArrowDown");
  await keyboard.press("ArrowUp");
  await keyboard.press("Enter");
  await ada.on(ids.ended).waitFor();
  await bob.isWith();
});
