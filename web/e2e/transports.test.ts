// Two people see and hear each other, whatever carries it.
import type { TransportKind } from "../src/call/contract.ts";
import { ids } from "../src/ui/testids.ts";
import { scenario } from "./scenario.ts";
import { node } from "./world.ts";

interface Seat {
  on: "one" | "two";
  transport: TransportKind;
}

const pairs: Record<string, [Seat, Seat]> = {
  "over WebTransport": [{ on: "one", transport: "webtransport" }, { on: "one", transport: "webtransport" }],
  "over WebSocket": [{ on: "one", transport: "websocket" }, { on: "one", transport: "websocket" }],
  "over one of each": [{ on: "one", transport: "webtransport" }, { on: "one", transport: "websocket" }],
  "across two nodes over WebTransport": [{ on: "one", transport: "webtransport" }, { on: "two", transport: "webtransport" }],
  "across two nodes over one of each": [{ on: "one", transport: "websocket" }, { on: "two", transport: "webtransport" }],
};

for (const [how, [a, b]] of Object.entries(pairs)) {
  scenario(`see and hear each other ${how}`, async (s) => {
    const ada = await s.person("Ada");
    const bob = await s.person("Bob");
    await ada.join({ node: await node(a.on), room: s.room, transport: a.transport });
    await bob.join({ node: await node(b.on), room: s.room, transport: b.transport });
    await Promise.all([ada.sees(bob), bob.sees(ada), ada.hears(), bob.hears()]);
    await Promise.all([ada.isWith(bob), bob.isWith(ada)]);

    await bob.on(ids.dockMic).click();
    await ada.hearsNothing();
    await bob.hears(); // only Bob is mute
    await bob.on(ids.dockMic).click();
    await ada.hears();
  });
}
