// Judges what the pages of all other tests did; its name makes it the last one.
import assert from "node:assert/strict";
import { scenario } from "./scenario.ts";
import { meant, nodesStarted, reached } from "./world.ts";

scenario("no request left the origin", async () => {
  const servers = (await nodesStarted()).flatMap(({ ready }) => {
    const { host, hostname } = new URL(ready.http);
    return [`http://${host}`, `ws://${host}`, `https://${hostname}:${new URL(ready.webtransport).port}`];
  });
  const expected = [...servers.map((server) => `${server}/`), ...meant];
  const elsewhere = [...reached].filter((url) => !/^(blob|data|chrome):/.test(url) && !expected.some((start) => url.startsWith(start)));
  assert.deepEqual(elsewhere, []);
  for (const scheme of ["http:", "ws:", "https:"]) assert.ok([...reached].some((url) => url.startsWith(scheme)), `no ${scheme} request was seen`);
});
