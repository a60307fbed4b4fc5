// What people write.
import assert from "node:assert/strict";
import { ids } from "../src/ui/testids.ts";
import type { Person } from "./person.ts";
import { scenario } from "./scenario.ts";
import { node } from "./world.ts";

async function writes(who: Person, text: string): Promise<void> {
  if (!(await who.on(ids.chat).isVisible())) await who.page.keyboard.press("c");
  await who.on(ids.chatField).fill(text);
  await who.on(ids.chatSend).click();
}

async function reads(who: Person, ...texts: string[]): Promise<void> {
  if (!(await who.on(ids.chat).isVisible())) await who.page.keyboard.press("c");
  await who.until(
    `the lines ${texts.join(", ")}`,
    ({ id, texts }) => [...document.querySelectorAll<HTMLElement>(`[data-testid="${id}"][data-state="said"]`)].map((l) => l.innerText).join("|") === texts.join("|"),
    { id: ids.chatLine, texts },
  );
}

scenario("people write across nodes; who comes later or comes back reads it all, once", async (s) => {
  const [one, two] = [await node("one"), await node("two")];
  const ada = await s.person("Ada");
  const bob = await s.person("Bob");
  await ada.join({ node: one, room: s.room, transport: "websocket" });
  await bob.join({ node: two, room: s.room, transport: "webtransport" });
  await ada.isWith(bob);
  await writes(ada, "Hello, see https://example.org/.");
  await reads(bob, "Hello, see https://example.org/.");
  assert.equal(await bob.on(ids.chatLine).getByRole("link").getAttribute("href"), "https://example.org/");
  await writes(bob, "<b>hi</b>");
  const both = ["Hello, see https://example.org/.", "<b>hi</b>"];
  await Promise.all([reads(ada, ...both), reads(bob, ...both)]);

  const cyd = await s.person("Cyd");
  await cyd.join({ node: one, room: s.room });
  await reads(cyd, ...both);
  await s.shoot("-three");
  await cyd.page.reload();
  await cyd.enter();
  await writes(ada, "third");
  await Promise.all([ada, bob, cyd].map((p) => reads(p, ...both, "third")));
});
