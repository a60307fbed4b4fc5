// What admins and hosts see of how calls are, and why one is bad.
import assert from "node:assert/strict";
import { ids } from "../src/ui/testids.ts";
import { setsUp } from "./host.ts";
import type { Person } from "./person.ts";
import { scenario } from "./scenario.ts";
import { node } from "./world.ts";

/** The encoder of somebody's camera takes pictures and never gives one back. */
async function stall(person: Person): Promise<void> {
  for (const worker of person.encoders()) await worker.evaluate(() => void (VideoEncoder.prototype.encode = () => undefined));
}

/** The network gives somebody this many bytes per second and no more. */
async function strangle(person: Person, bytesPerSecond: number): Promise<void> {
  const inspector = await person.page.context().newCDPSession(person.page);
  await inspector.send("Network.enable");
  await inspector.send("Network.emulateNetworkConditions", { offline: false, latency: 50, downloadThroughput: bytesPerSecond, uploadThroughput: -1 });
}

/** The connection that somebody has, as the page knows it. */
async function connection(root: Person, of: Person): Promise<string> {
  const option = root.on(ids.timelineSession).locator("option").filter({ hasText: new RegExp(`^${of.name}(,| in) .*goes on$`) });
  return (await option.first().getAttribute("value")) ?? "";
}

/** The funnel of joining knows of two; of more when a connection was lost on a busy machine. */
async function bothJoined(viewer: Person): Promise<void> {
  await viewer.until(
    "two who have joined",
    ({ funnel, stage }) => Number(document.querySelector<HTMLElement>(`[data-testid="${funnel}"] [data-testid="${stage}"][data-name="Joined"]`)?.dataset["count"]) >= 2,
    { funnel: ids.funnel(30), stage: ids.funnelStage },
  );
}

scenario("an admin sees who sends what to whom, and that an encoder stalls", async (s) => {
  const one = await node();
  const ada = await s.person("Ada");
  const bob = await s.person("Bob");
  const root = await s.person("Root", "usual", { viewport: { width: 1100, height: 900 } });
  await ada.join({ node: one, room: s.room });
  await bob.join({ node: one, room: s.room });
  await bob.sees(ada);

  await root.page.goto(`${one.url}/admin#token=${one.ready.admin_token}`);
  await root.on(ids.adminTab("quality")).click();
  await root.on(ids.qualityRoom).fill(s.room);
  await root.on(ids.qualityRoom).press("Enter");
  // How good they are is up to the machine that runs four browsers.
  await root.on(ids.flow).filter({ hasText: /[1-9]\d* pictures\/s · \d+ kbit\/s/ }).nth(1).waitFor();
  await root.on(ids.flowTable).getByText("Ada").first().waitFor();
  await s.shoot("-flows");

  const began = Date.now();
  await stall(ada);
  const stalled = root.on(ids.finding).and(root.page.locator('[data-cause="encoder"][data-direction="send"]')).filter({ hasText: "Ada sends" }); // on a busy machine Bob's may stall as well
  await stalled.waitFor();
  s.note(`an encoder that stalls is named after ${((Date.now() - began) / 1000).toFixed(1)} s`);
  await stalled.getByText("Ada sends no or too few pictures").waitFor();
  await stalled.getByText("Sender's encoder: Ada").waitFor();
  await stalled.getByText("The camera is on, but the device does not make the pictures it should.").waitFor();
  await root.on(ids.finding).and(root.page.locator('[data-cause="encoder"][data-direction="receive"]')).getByText("Bob sees too few pictures from Ada").waitFor();
  await s.shoot("-stalled");

  await root.on(ids.qualityView("time")).click();
  await root.on(ids.chart("joins")).locator("canvas").waitFor();
  await root.on(ids.chart("rtt")).locator("canvas").waitFor();
  await s.shoot("-charts");

  await root.on(ids.qualityView("sessions")).click();
  await root.on(ids.timelineSession).selectOption(await connection(root, bob));
  await root.on(ids.timelineEvent).and(root.page.locator('[data-name="FirstFrame"]')).first().getByText("after subscribe started").waitFor();
  await root.on(ids.timelineSession).selectOption(await connection(root, ada));
  await root.on(ids.timelineEvent).and(root.page.locator('[data-name="Joined"]')).getByText("after join started").waitFor();
  await root.on(ids.finding).and(root.page.locator('[data-cause="encoder"]')).first().waitFor();
  await s.shoot("-timeline");

  await root.on(ids.qualityView("joins")).click();
  await bothJoined(root);
  await s.shoot("-funnel");
});

scenario("an admin sees whose downlink is too slow", async (s) => {
  const one = await node();
  const ada = await s.person("Ada");
  const bob = await s.person("Bob");
  const root = await s.person("Root", "usual", { viewport: { width: 1100, height: 900 } });
  await ada.join({ node: one, room: s.room, video: "360@24" });
  await bob.join({ node: one, room: s.room, transport: "websocket" });
  await bob.sees(ada);
  await strangle(bob, 3_000);
  await root.page.goto(`${one.url}/admin#token=${one.ready.admin_token}`);
  await root.on(ids.adminTab("quality")).click();
  await root.on(ids.qualityRoom).fill(s.room);
  await root.on(ids.qualityRoom).press("Enter");
  const slow = root.on(ids.finding).and(root.page.locator('[data-cause="downlink"][data-direction="receive"]')).first();
  await slow.getByText("Downlink: Bob").waitFor();
  await slow.getByText(/The connection from the server does not carry/).waitFor();
});

scenario("a host sees how their call is, during it and afterwards, and others do not", async (s) => {
  const one = await node();
  const ada = await s.person("Ada", "usual", { viewport: { width: 1100, height: 900 } });
  const bob = await s.person("Bob");
  const narrow = async (label: string) => {
    await s.shoot(label);
    await ada.page.setViewportSize({ width: 390, height: 800 });
    await s.shoot(`${label}-narrow`);
    await ada.page.setViewportSize({ width: 1100, height: 900 });
  };
  await setsUp(ada, one, s.room, { waitingRoom: false });
  await ada.join({ node: one, room: s.room });
  await bob.join({ node: one, room: s.room });
  await Promise.all([ada.sees(bob), bob.sees(ada)]);

  await ada.on(ids.dockMore).click();
  await ada.on(ids.moreQuality).click();
  const dialog = ada.on(ids.qualityDialog);
  await dialog.getByTestId(ids.flow).filter({ hasText: /[1-9]\d* pictures\/s · \d+ kbit\/s/ }).nth(1).waitFor();
  await dialog.getByTestId(ids.flowTable).getByText("Bob").first().waitFor();
  await narrow("-during");
  await dialog.getByTestId(ids.qualityView("sessions")).click();
  await dialog.getByTestId(ids.timelineEvent).first().waitFor();
  await narrow("-connections");
  await ada.on(ids.qualityClose).click();
  await dialog.waitFor({ state: "detached" });

  await bob.on(ids.dockMore).click();
  await bob.on(ids.moreShortcuts).waitFor();
  assert.equal(await bob.on(ids.moreQuality).count(), 0, "who is no host is offered the quality of the call");
  await bob.page.goto(`${one.url}/quality/${s.room}`);
  await bob.on(ids.qualityRefused).and(bob.page.locator("[data-code=NOT_HOST]")).waitFor();

  await ada.leave();
  await ada.on(ids.endedHome).click();
  await ada.on(ids.meeting(s.room)).getByTestId(ids.meetingMore).click();
  await ada.on(ids.meetingQuality).click();
  await ada.on(ids.qualityPage).waitFor();
  await ada.on(ids.qualityView("sessions")).click();
  await ada.on(ids.timelineSession).locator("option").filter({ hasText: /^Bob, / }).first().waitFor({ state: "attached" });
  await ada.on(ids.timelineEvent).and(ada.page.locator('[data-name="Joined"]')).getByText("after join started").waitFor();
  await narrow("-afterwards");
  await ada.on(ids.qualityView("time")).click();
  await ada.on(ids.chart("joins")).locator("canvas").waitFor();
  await narrow("-charts");
  await ada.on(ids.qualityView("joins")).click();
  await bothJoined(ada);
});
