// What operators decide about a room, before a call and during it.
import { ids } from "../src/ui/testids.ts";
import { setFlag, setsUp } from "./host.ts";
import { scenario } from "./scenario.ts";
import { node } from "./world.ts";

declare global {
  interface Window {
    /** What opens the sound of a page whose worklets wait. */
    heldWorklet?: { asked: Promise<void>; release: () => void };
  }
}

scenario("screens that are forbidden during a call are gone, and so is the way to share one", async (s) => {
  const [one, two] = [await node("one"), await node("two")];
  const ada = await s.person("Ada");
  const bob = await s.person("Bob");
  await setsUp(ada, one, s.room, { waitingRoom: false });
  await ada.join({ node: one, room: s.room });
  await bob.join({ node: two, room: s.room });
  await Promise.all([ada.isWith(bob), bob.isWith(ada)]);
  await bob.on(ids.dockScreen).click();
  await ada.sees(bob, "screen");

  await setFlag(one, "screen_share", false, s.room);
  await ada.on(ids.stageScreen).waitFor({ state: "detached" });
  await Promise.all([ada, bob].map((who) => who.on(ids.dockScreen).waitFor({ state: "detached" })));

  await setFlag(one, "screen_share", true, s.room);
  await bob.on(ids.dockScreen).click();
  await ada.sees(bob, "screen");
});

scenario("a meeting that requires encryption says so before one joins, and during a call", async (s) => {
  const one = await node("one");
  const ada = await s.person("Ada");
  await ada.join({ node: one, room: s.room });
  await setFlag(one, "e2ee_required", true, s.room);
  await ada.on(ids.problem).and(ada.page.locator("[data-code=encryption]")).waitFor();

  const bob = await s.person("Bob");
  await bob.page.goto(`${one.url}/m/${s.room}`);
  await bob.hasToGo("encryption");
  await bob.on(ids.endedRejoin).waitFor({ state: "detached" });
});

scenario("why one cannot join is not forgotten over a microphone that was still being opened", async (s) => {
  const one = await node("one");
  await setFlag(one, "e2ee_required", true, s.room);
  const bob = await s.person("Bob");
  await bob.page.addInitScript(() => {
    const { addModule } = AudioWorklet.prototype;
    let asked: () => void;
    window.heldWorklet = { asked: new Promise((resolve) => (asked = resolve)), release: () => {} };
    const released = new Promise<void>((resolve) => (window.heldWorklet!.release = resolve));
    AudioWorklet.prototype.addModule = async function (...module) {
      asked();
      await released;
      return addModule.apply(this, module);
    };
  });
  // The answer about the room waits until the microphone is on its way.
  await bob.page.route("**/guest-info", async (route) => {
    await bob.page.evaluate(() => window.heldWorklet!.asked);
    await route.continue();
  });
  await bob.page.goto(`${one.url}/m/${s.room}`);
  await bob.hasToGo("encryption");
  await bob.page.evaluate(() => window.heldWorklet!.release());
  await bob.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  await bob.hasToGo("encryption");
});
