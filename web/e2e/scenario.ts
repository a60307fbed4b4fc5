// One test: a room with people in it, screenshots of how it ended, and everything said when
// it went wrong.
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { BrowserContextOptions } from "playwright-core";
import { installEyes } from "./eyes.ts";
import { patience } from "./patience.ts";
import { Person } from "./person.ts";
import { artifacts, browser, reached, type Machine } from "./world.ts";

let rooms = 0;

export class Scenario {
  readonly people: Person[] = [];
  /** Nobody else's. */
  readonly room = `e2e-${process.pid}-${++rooms}`;
  private readonly closing: (() => Promise<void>)[] = [];

  constructor(
    readonly title: string,
    private readonly t: TestContext,
  ) {}

  /** Somebody sits down at a machine, with a browser profile of their own. */
  async person(name: string, machine: Machine = "usual", options: BrowserContextOptions = {}): Promise<Person> {
    const context = await (await browser(machine)).newContext({ viewport: { width: 960, height: 640 }, reducedMotion: "reduce", ...options });
    this.closing.push(() => context.close());
    await context.addInitScript(installEyes);
    context.on("request", (request) => reached.add(request.url()));
    const page = await context.newPage();
    const inspector = await context.newCDPSession(page);
    inspector.on("Network.webSocketCreated", ({ url }) => reached.add(url));
    inspector.on("Network.webTransportCreated", ({ url }) => reached.add(url));
    await inspector.send("Network.enable");
    const person = new Person(name, page);
    this.people.push(person);
    return person;
  }

  /** Says a figure beside the result. */
  note(text: string): void {
    this.t.diagnostic(text);
  }

  async shoot(label: string): Promise<void> {
    const slug = this.title.toLowerCase().replace(/[^a-z0-9]+/g, "-");
    for (const { name, page } of this.people) {
      if (page.isClosed()) continue;
      const path = join(artifacts, "screenshots", `${slug}-${name.toLowerCase()}${label}.png`);
      await page.screenshot({ path, timeout: 10_000 }).catch((err: unknown) => this.note(`no screenshot of ${name}: ${String(err).split("\n")[0]}`));
    }
  }

  async report(): Promise<string> {
    return (await Promise.all(this.people.filter((p) => !p.page.isClosed()).map((p) => p.state()))).join("\n");
  }

  async close(): Promise<void> {
    await Promise.all(this.closing.map((close) => close()));
  }
}

export function scenario(title: string, play: (s: Scenario) => Promise<void>): void {
  test(title, { timeout: 4 * patience }, async (t) => {
    const s = new Scenario(title, t);
    try {
      await play(s);
      await s.shoot("");
    } catch (err) {
      await s.shoot("-failed");
      const said = err instanceof Error ? (err.stack ?? err.message) : String(err);
      throw new Error(`${said}\n${await s.report()}`);
    } finally {
      await s.close();
    }
  });
}
