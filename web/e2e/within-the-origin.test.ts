// Judges what the pages of all other tests did; its name makes it the last one.
import assert from "node:assert/strict";
import { scenario } from "./scenario.ts";
import { nodesStarted, reached } from "./world.ts";

scenario("no request left the origin", async () => {
  const servers = (await nodesStarted()).flatMap(({ ready }) => {
    const { host } = new URL(ready.http);
    return [`http://${host}`, `ws://${host}`, `https://${new URL(ready.webtransport).host}`];
  });
  const elsewhere = [...reached].filter((url) => !servers.some((server) => url.startsWith(`${server}/`)) && !/^(blob:http:\/\/localhost:|data:|chrome:)/.test(url));
  assert.deepEqual(elsewhere, []);
  for (const scheme of ["http:", "ws:", "https:"]) assert.ok([...reached].some((url) => url.startsWith(scheme)), `no ${scheme} request was seen`);
});
