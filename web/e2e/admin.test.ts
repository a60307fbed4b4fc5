// The admin page.
import assert from "node:assert/strict";
import { ids } from "../src/ui/testids.ts";
import { scenario } from "./scenario.ts";
import { node } from "./world.ts";

scenario("an admin sees who is live on all nodes, removes somebody and ends a meeting", async (s) => {
  const [one, two] = [await node("one"), await node("two")];
  const ada = await s.person("Ada");
  const bob = await s.person("Bob");
  const root = await s.person("Root");
  await ada.join({ node: one, room: s.room });
  await bob.join({ node: two, room: s.room });
  await ada.isWith(bob);

  await root.page.goto(`${one.url}/admin`);
  await root.on(ids.adminStranger).waitFor();
  await root.on(ids.adminToken).fill("not a token");
  await root.on(ids.adminTokenSubmit).click();
  await root.page.getByText("This is not the token of an admin").waitFor();
  await root.page.goto("about:blank");
  await root.page.goto(`${one.url}/admin#token=${one.ready.admin_token}`);
  const room = root.on(ids.adminRoom(s.room));
  const people = room.getByTestId(ids.adminPerson);
  await people.nth(1).waitFor();
  assert.equal(new URL(root.page.url()).hash, "", "the token does not stay in the address");
  const nodes = await people.evaluateAll((rows) => rows.map((row) => (row as HTMLElement).dataset["node"]));
  assert.equal(new Set(nodes).size, 2, "on two nodes");
  await s.shoot("-live");

  await people.filter({ hasText: "Bob" }).getByTestId(ids.adminRemove).click();
  await root.on(ids.confirmYes).click();
  await bob.hasToGo("removed");
  await people.nth(1).waitFor({ state: "detached" });
  await room.getByTestId(ids.adminEnd).click();
  await root.on(ids.confirmYes).click();
  await ada.hasToGo("meeting_ended");
  await room.waitFor({ state: "detached" });
});

scenario("an admin sets flags with a reason, and takes them back", async (s) => {
  const one = await node();
  const root = await s.person("Root");
  await root.page.goto(`${one.url}/admin#token=${one.ready.admin_token}`);
  await root.on(ids.adminTab("flags")).click();
  await root.on(ids.flag("max_participants")).click();
  await root.on(ids.flagRoom).fill(s.room);
  await root.on(ids.flagValue).fill("-1");
  await root.on(ids.flagSet).click();
  await root.on(ids.flagError).filter({ hasText: /value/ }).waitFor();
  await root.on(ids.flagValue).fill("7");
  await root.on(ids.flagReason).fill("a small room");
  await root.on(ids.flagSet).click();
  await root.on(ids.flagHistory).getByText("a small room").waitFor();
  await s.shoot("-set");
  await root.on(ids.flagClear).click();
  await root.on(ids.flagHistory).getByText("taken back").waitFor();
  await root.on(ids.flagClose).click();
  await root.on(ids.flag("max_participants")).and(root.page.locator('[data-value="0"][data-source="default"]')).waitFor();

  await root.on(ids.adminTab("record")).click();
  await root.on(ids.flagChange).filter({ hasText: `max_participants in ${s.room}` }).first().waitFor();
});
