// Signing in with an account of a provider, and out again.
import assert from "node:assert/strict";
import { ids } from "../src/ui/testids.ts";
import { provided } from "./provider.ts";
import { scenario } from "./scenario.ts";

scenario("a link leads through the provider back to the meeting, and signing out ends that", async (s) => {
  const { node, issuer, close } = await provided();
  try {
    const ada = await s.person("Ada");
    await ada.page.goto(`${node.url}/m/${s.room}?video=180@10`);
    await ada.on(ids.signin).waitFor();
    await s.shoot("-asked");
    await ada.on(ids.signInLink).click();
    await ada.page.waitForURL(`${issuer}login/username*`);
    await ada.page.getByLabel("Username").fill("ada");
    await ada.page.getByLabel("Password").fill("ada");
    await ada.page.getByRole("button", { name: "Login" }).click();
    await ada.on(ids.lobbyName).waitFor();
    assert.equal(new URL(ada.page.url()).pathname, `/m/${s.room}`);
    await ada.until("the name of the account", (id) => document.querySelector<HTMLInputElement>(`[data-testid="${id}"]`)?.value === "ada Lovelace", ids.lobbyName);
    await ada.enter();
    await ada.leave();

    await ada.page.goto(node.url);
    await ada.on(ids.account).and(ada.page.locator('[data-user="ada@example.org"]')).click();
    await ada.on(ids.accountSignOut).click();
    await ada.on(ids.signInLink).waitFor();
    await ada.page.goto(`${node.url}/m/${s.room}`);
    await ada.on(ids.signin).waitFor();
  } finally {
    await close();
  }
});
