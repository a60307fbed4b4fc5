// A computer that freezes in the middle of a call is its own trouble alone, and over when it wakes up.
import { scenario } from "./scenario.ts";
import { closeBrowser, freeze, node } from "./world.ts";

scenario("who is frozen holds up nobody, and sees and hears again", async (s) => {
  const ada = await s.person("Ada");
  const bob = await s.person("Bob");
  const cyd = await s.person("Cyd", "can freeze");
  await ada.join({ node: await node(), room: s.room, transport: "webtransport" });
  await bob.join({ node: await node(), room: s.room, transport: "websocket" });
  await cyd.join({ node: await node(), room: s.room, transport: "webtransport" });
  await Promise.all([cyd.sees(ada), cyd.hears(), ada.isWith(bob, cyd)]);
  const session = await cyd.until("a session", () => window.parleyDebug?.sessionId);
  try {
    freeze(true);
    await Promise.all([ada.sees(bob), bob.sees(ada), ada.hears(), bob.hears()]);
    await Promise.all([ada.isWith(bob), bob.isWith(ada)]); // the server has given up on Cyd
    await Promise.all([ada.hears(), bob.hears()]);
  } finally {
    freeze(false);
  }
  const woke = Date.now();
  await cyd.until("another session", (old) => window.parleyDebug!.phase === "joined" && ![old, ""].includes(window.parleyDebug!.sessionId), session);
  await cyd.hears();
  s.note(`heard ${Date.now() - woke} ms after waking up`);
  await Promise.all([cyd.sees(ada), cyd.sees(bob), ada.sees(cyd)]);
  s.note(`seen ${Date.now() - woke} ms after waking up`);
  await Promise.all([ada.isWith(bob, cyd), cyd.isWith(ada, bob)]);
  await s.close();
  await closeBrowser("can freeze");
});
