// What people say without a voice.
import { ids } from "../src/ui/testids.ts";
import { scenario } from "./scenario.ts";
import { node } from "./world.ts";

scenario("reactions are seen by everybody, also from a phone", async (s) => {
  const ada = await s.person("Ada");
  const bob = await s.person("Bob", "usual", { viewport: { width: 360, height: 640 }, isMobile: true, hasTouch: true });
  await ada.join({ node: await node("one"), room: s.room });
  await bob.join({ node: await node("two"), room: s.room });
  await Promise.all([ada.isWith(bob), bob.isWith(ada)]);

  await bob.on(ids.dockMore).tap();
  await bob.on(ids.moreReact).tap();
  await bob.on(ids.reaction("applause")).tap();
  await Promise.all([bob.isShown("applause", "You"), ada.isShown("applause", "Bob")]);
  await s.shoot("-applause");
  await ada.on(ids.reactionShown).waitFor({ state: "detached" });

  await ada.on(ids.dockReact).click();
  await ada.page.keyboard.press("ArrowRight");
  await ada.page.keyboard.press("Enter");
  await bob.isShown("thumbs_down", "Ada");
});

scenario("a raised hand is seen at once and by who comes later, and a host takes it down", async (s) => {
  const [one, two] = [await node("one"), await node("two")];
  const ada = await s.person("Ada");
  const bob = await s.person("Bob");
  await ada.join({ node: one, room: s.room });
  await bob.join({ node: two, room: s.room });
  await ada.isWith(bob);
  await bob.page.keyboard.press("h");
  await bob.shows(ids.dockHand, true);
  await ada.noticesThat(bob, "hand", true);
  await ada.isTold("Bob raised a hand");
  const cyd = await s.person("Cyd");
  await cyd.join({ node: one, room: s.room });
  await cyd.noticesThat(bob, "hand", true);
  await s.shoot("-up");
  await ada.does("hand", bob);
  await bob.isTold("The host lowered your hand");
  await bob.shows(ids.dockHand, false);
  await Promise.all([ada.noticesThat(bob, "hand", false), cyd.noticesThat(bob, "hand", false)]);
});
