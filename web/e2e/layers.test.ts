// Who shows somebody in a small tile is sent less, and their camera makes no more than is wanted.
import assert from "node:assert/strict";
import { ids } from "../src/ui/testids.ts";
import type { Entry, Person } from "./person.ts";
import { scenario } from "./scenario.ts";
import { node } from "./world.ts";

/** Waits until somebody is shown a camera in so many lines, and returns the bytes of a frame. */
async function shown(viewer: Person, whose: Person, lines: number): Promise<number> {
  const look = ({ name, lines }: { name: string; lines: number }) => {
    const camera = window.parleyDebug?.peers().find((p) => p.name === name)?.camera;
    return camera?.height === lines && { decoded: camera.decoded, bytes: camera.bytes };
  };
  const about = { name: whose.name, lines };
  const before = await viewer.until(`${whose.name} in ${lines} lines`, look, about);
  const after = await viewer.until(
    `more of ${whose.name} in ${lines} lines`,
    ({ name, lines, from }) => {
      const camera = window.parleyDebug?.peers().find((p) => p.name === name)?.camera;
      return camera?.height === lines && camera.decoded >= from + 30 && { decoded: camera.decoded, bytes: camera.bytes };
    },
    { ...about, from: before.decoded },
  );
  return (after.bytes - before.bytes) / (after.decoded - before.decoded);
}

/** Waits until the camera of somebody is encoded in layers of these heights. */
async function encodes(publisher: Person, ...heights: number[]): Promise<void> {
  await publisher.until(
    `layers of ${heights.join(" and ")} lines`,
    (heights) => {
      const camera = window.parleyDebug?.encoder("camera") as { layers: { height: number }[] } | undefined;
      return camera?.layers.map((l) => l.height).join() === heights.join();
    },
    heights,
  );
}

/** Joins without a picture of their own: the machine has enough to do. */
async function watches(viewer: Person, entry: Entry): Promise<void> {
  await viewer.join(entry);
  await viewer.shows(ids.dockCamera, true);
  await viewer.on(ids.dockCamera).click();
  await viewer.shows(ids.dockCamera, false);
}

scenario("everybody is sent the layer of their tile, and what nobody shows is not made", async (s) => {
  const ada = await s.person("Ada");
  const bob = await s.person("Bob");
  const cyd = await s.person("Cyd");
  const dee = await s.person("Dee");
  await ada.join({ node: await node("one"), room: s.room, video: "540!" }); // enough for three layers
  await watches(bob, { node: await node("two"), room: s.room, transport: "websocket" });
  await Promise.all([ada.isWith(bob), bob.isWith(ada)]);

  await bob.tile(ada).dblclick();
  await shown(bob, ada, 540);
  await encodes(ada, 540);
  await bob.tile(bob).dblclick(); // Ada goes aside
  await shown(bob, ada, 180);
  await encodes(ada, 180); // nobody, on any node, wants more
  await bob.sees(ada);

  await watches(cyd, { node: await node("one"), room: s.room, transport: "webtransport" });
  await watches(dee, { node: await node("two"), room: s.room, transport: "webtransport" });
  await dee.isWith(ada, bob, cyd); // none of their tiles moves any more
  await dee.tile(ada).dblclick();
  await encodes(ada, 180, 360, 540);
  const [small, middle, large] = await Promise.all([shown(bob, ada, 180), shown(cyd, ada, 360), shown(dee, ada, 540)]);
  s.note(`${Math.round(small)} bytes a frame in a small tile, ${Math.round(middle)} in a larger one, ${Math.round(large)} in the largest`);
  assert.ok(small < 0.8 * Math.min(middle, large), `frames have ${small}, ${middle} and ${large} bytes`);

  await dee.leave();
  await encodes(ada, 180, 360);
  await bob.tile(bob).dblclick();
  await shown(bob, ada, 360);
  await bob.sees(ada);
  await encodes(ada, 360); // what both show
});

scenario("who knows no layers gets the best picture, and so does everybody beside", async (s) => {
  const here = await node("one");
  const ada = await s.person("Ada");
  const bob = await s.person("Bob");
  await ada.join({ node: here, room: s.room, video: "360@24!" });
  await bob.join({ node: await node("two"), room: s.room });
  const layer = (n: number) =>
    bob.until(
      `layer ${n} of Ada in 360 lines`,
      ({ name, n }) => {
        const camera = window.parleyDebug?.peers().find((p) => p.name === name)?.camera;
        return camera?.layer === n && camera.height === 360;
      },
      { name: ada.name, n },
    );
  await layer(1);

  // A client of the family that is older than layers.
  const old = await s.person("Old");
  await old.page.goto(here.url);
  await old.page.evaluate(async (url) => {
    const socket = new WebSocket(url);
    Object.assign(window, { socket });
    await new Promise((resolve) => socket.addEventListener("open", resolve));
    socket.send(Uint8Array.of(1 << 3, 4)); // CONNECTION: it is here
  }, `${here.url.replace("http", "ws")}/lobby/old/${s.room}`);
  await layer(0);
  await encodes(ada, 360);
  await bob.sees(ada);

  await old.close();
  await layer(1);
  await bob.sees(ada);
});
