// Coming and going.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TransportKind } from "../src/call/contract.ts";
import { ids } from "../src/ui/testids.ts";
import type { Person } from "./person.ts";
import { scenario } from "./scenario.ts";
import { artifacts, node } from "./world.ts";

scenario("from the home page into a call by its link", async (s) => {
  const one = await node();
  const ada = await s.person("Ada");
  await ada.page.goto(one.url);
  await ada.on(ids.homeName).fill("Ada");
  await ada.on(ids.homeStart).click();
  assert.equal(await ada.on(ids.lobbyName).inputValue(), "Ada");
  await ada.until("the own camera in the preview", (id) => document.querySelector<HTMLCanvasElement>(`[data-testid="${id}"]`)!.width > 300, ids.lobbyPreview);
  await ada.enter();
  await ada.on(ids.alone).waitFor();

  const bob = await s.person("Bob");
  await bob.page.goto(one.url);
  await bob.on(ids.homeName).fill("Bob");
  await bob.on(ids.homeCode).fill(ada.page.url());
  await bob.on(ids.homeJoin).click();
  await bob.enter();
  await Promise.all([ada.sees(bob), bob.sees(ada)]);
  await Promise.all([ada, bob].map((who) => who.on(ids.transportBadge).and(who.page.locator("[data-rtt]")).waitFor()));

  // This browser knows the name from now on, one that was never here asks for it.
  await ada.page.goto(one.url);
  assert.equal(await ada.on(ids.homeName).inputValue(), "Ada");
  const cyd = await s.person("Cyd");
  await cyd.page.goto(bob.page.url());
  assert.equal(await cyd.on(ids.lobbyName).inputValue(), "");
});

/** From now on the camera of somebody makes keyframes when it is asked to, and none by itself now and then. */
async function onlyWhenAsked(person: Person): Promise<void> {
  for (const worker of person.encoders()) {
    await worker.evaluate(() => {
      let asked = false;
      addEventListener("message", ({ data }) => (asked ||= data.do === "key"));
      const { encode } = VideoEncoder.prototype;
      VideoEncoder.prototype.encode = function (frame, options) {
        const keyFrame = options?.keyFrame === true && asked;
        if (keyFrame) asked = false;
        encode.call(this, frame, { keyFrame });
      };
    });
  }
}

scenario("who joins late sees everybody at once", async (s) => {
  const [one, two] = [await node("one"), await node("two")];
  const ada = await s.person("Ada");
  const bob = await s.person("Bob");
  await ada.join({ node: one, room: s.room, transport: "webtransport" });
  await bob.join({ node: one, room: s.room, transport: "websocket" });
  await Promise.all([ada.sees(bob), bob.sees(ada)]);
  await Promise.all([ada, bob].map(onlyWhenAsked));
  await ada.settle();

  const timings: { transport: TransportKind; nodes: string; publisher: string; first_frame_ms: number }[] = [];
  const late = [
    { name: "Cyd", on: one, transport: "webtransport", nodes: "same node" },
    { name: "Dan", on: one, transport: "websocket", nodes: "same node" },
    { name: "Eve", on: two, transport: "webtransport", nodes: "other node" },
    { name: "Fay", on: two, transport: "websocket", nodes: "other node" },
  ] as const;
  for (const { name, on, transport, nodes } of late) {
    const person = await s.person(name);
    await person.open({ node: on, room: s.room, transport });
    await person.until("camera and microphone", (id) => Boolean(document.querySelector<HTMLSelectElement>(`[data-testid="${id}"]`)?.value), ids.selectCamera);
    await person.enter();
    await Promise.all([person.sees(ada), person.sees(bob)]);
    await person.isWith(ada, bob);
    await ada.isTold(`${name} joined`);
    await ada.sees(person);
    for (const peer of await person.page.evaluate(() => window.parleyDebug!.peers())) {
      const ms = Math.round(peer.camera.firstFrameMs ?? NaN);
      timings.push({ transport, nodes, publisher: peer.name, first_frame_ms: ms });
      s.note(`${name}, ${transport}, ${nodes}: first frame of ${peer.name} ${ms} ms after the click on "join"`);
    }
    await s.shoot(`-with-${name.toLowerCase()}`);
    await person.close();
    await ada.isWith(bob);
  }
  writeFileSync(join(artifacts, "e2e-timings.json"), `${JSON.stringify(timings, null, 2)}\n`);
});

scenario("who leaves is gone, and the others are told", async (s) => {
  const [one, two] = [await node("one"), await node("two")];
  const ada = await s.person("Ada");
  const bob = await s.person("Bob");
  const cyd = await s.person("Cyd");
  await ada.join({ node: one, room: s.room, transport: "webtransport" });
  await bob.join({ node: two, room: s.room, transport: "webtransport" });
  await cyd.join({ node: one, room: s.room, transport: "websocket" });
  await Promise.all([ada.isWith(bob, cyd), bob.isWith(ada, cyd), cyd.isWith(ada, bob)]);
  await Promise.all([ada.settle(), cyd.settle()]);

  const told = Promise.all([ada.isTold("Bob left"), cyd.isTold("Bob left")]); // it is not shown for long
  await bob.on(ids.dockLeave).click();
  await bob.on(ids.ended).and(bob.page.locator('[data-reason="left"]')).waitFor();
  await told;
  await ada.on(ids.notice).filter({ hasText: "Bob left" }).waitFor({ state: "detached" });
  await Promise.all([ada.isWith(cyd), cyd.isWith(ada)]);
  await Promise.all([ada.sees(cyd), cyd.sees(ada)]); // these two go on

  await bob.on(ids.endedRejoin).click();
  await bob.isIn();
  await Promise.all([bob.sees(ada), ada.sees(bob), cyd.sees(bob)]);
});
