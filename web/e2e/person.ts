// A person at a page: does what people do, and says what they see and hear.
import assert from "node:assert/strict";
import type { Locator, Page, Worker } from "playwright-core";
import type { ReactionKind, TransportKind } from "../src/call/contract.ts";
import type { MeetingOptions } from "../src/server/meetings.ts";
import type { Power } from "../src/ui/hostpowers.ts";
import { ids } from "../src/ui/testids.ts";
import type { Source, Thumbnail } from "./eyes.ts";
import type { ParleyNode } from "./node.ts";
import { eventually, patience } from "./patience.ts";
import { toneHz } from "./tone.ts";

export interface Entry {
  node: ParleyNode;
  room: string;
  transport?: TransportKind; // else the page chooses
  video?: string; // else a small picture: weak machines run several people
}

export class Person {
  readonly log: string[] = []; // of the page's console

  constructor(
    readonly name: string,
    readonly page: Page,
  ) {
    page.setDefaultTimeout(patience);
    page.on("console", (m) => {
      if (m.type() === "error" || m.type() === "warning") this.log.push(`${m.type()}: ${m.text()}`);
    });
    page.on("pageerror", (err) => this.log.push(`thrown: ${err.stack}`));
  }

  on(id: string): Locator {
    return this.page.getByTestId(id);
  }

  /** Somebody's tile, as this person sees it. */
  tile(of: Person): Locator {
    return this.page.locator("[data-session][data-self]").filter({ hasText: of.name });
  }

  /** Opens the room's link. */
  async open({ node, room, transport, video = "180@10" }: Entry): Promise<void> {
    await this.page.goto(`${node.url}/m/${room}?video=${video}`);
    await this.on(ids.lobbyName).fill(this.name);
    if (!transport) return;
    await this.on(ids.lobbyAdvanced).click();
    await this.on(ids.lobbyTransport(transport)).check();
  }

  async enter(): Promise<void> {
    await this.on(ids.lobbyJoin).click();
    await this.isIn();
  }

  async join(entry: Entry): Promise<void> {
    await this.open(entry);
    await this.enter();
    if (entry.transport) await this.on(ids.transportBadge).and(this.page.locator(`[data-transport=${entry.transport}]`)).waitFor();
  }

  /** Asks to come in; what stands in the way is shown. */
  async knocks(entry: Entry, screen: string): Promise<void> {
    await this.open(entry);
    await this.on(ids.lobbyJoin).click();
    await this.on(screen).waitFor();
  }

  /** Leaves; a host lets the others go on. */
  async leave(): Promise<void> {
    await this.on(ids.dockLeave).click();
    const choice = this.on(ids.leaveOnly);
    await choice.or(this.on(ids.ended)).first().waitFor();
    if (await choice.isVisible()) await choice.click();
    await this.on(ids.ended).waitFor();
  }

  /** The call is over, for this reason. */
  async hasToGo(code: string): Promise<void> {
    await this.on(ids.ended).and(this.page.locator(`[data-code="${code}"]`)).waitFor();
  }

  /** Opens the menu of somebody in the people panel and picks from it. */
  async does(power: Power, other: Person): Promise<void> {
    const row = this.page.locator(`[data-testid^="participant-"]`).filter({ has: this.page.getByText(other.name, { exact: true }) });
    if (!(await this.on(ids.participantsPanel).isVisible())) await this.on(ids.dockPeople).click();
    // A menu offers what is known when it is opened; a click closes one that lacks something, another opens it anew.
    await eventually(`${this.name} to be offered ${power} for ${other.name}`, async () => {
      await row.getByTestId(ids.participantMenu).click();
      return this.on(ids.hostAct(power)).isVisible();
    });
    await this.on(ids.hostAct(power)).click();
  }

  /** Sets an option of a meeting where it is shown; a host opens the options of the call first. */
  async sets(option: keyof MeetingOptions, on: boolean): Promise<void> {
    const id = ids.option(option);
    await this.until(`${option} to be known`, (id) => document.querySelector<HTMLInputElement>(`[data-testid="${id}"]`)?.disabled === false, id);
    await this.on(id).waitFor();
    await this.on(id).setChecked(on, { force: true });
  }

  async opensOptions(): Promise<void> {
    await this.on(ids.dockMore).click();
    await this.on(ids.moreOptions).click();
  }

  async isIn(): Promise<void> {
    await this.until("the call to begin", (id) => window.parleyDebug?.phase === "joined" && document.querySelector(`[data-testid="${id}"]`) !== null, ids.call);
  }

  /**
   * Waits until somebody who comes or goes is news to this person: two seconds after their own
   * arrival. The call's clock tells the age of the meeting, not theirs.
   */
  async settle(): Promise<void> {
    const since = await this.page.evaluate(() => performance.now());
    await this.until("the quiet time after arriving to end", (since) => performance.now() - since > 2_200, since);
  }

  /** Waits for the page to answer with something true, and returns it. */
  async until<A, T>(reason: string, look: (arg: A) => T, arg: A = undefined as A, within = patience): Promise<Exclude<T, undefined | false | null>> {
    try {
      // The types of playwright know no generic arguments.
      const answer = await this.page.waitForFunction(look as (arg: unknown) => T, arg, { polling: 50, timeout: within });
      return (await answer.jsonValue()) as Exclude<T, undefined | false | null>;
    } catch (err) {
      const why = err instanceof Error && err.name === "TimeoutError" ? `waited ${within / 1000} s for ${reason}` : `while waiting for ${reason}: ${String(err)}`;
      throw new Error(`${this.name} ${why}`, { cause: err });
    }
  }

  /**
   * Sees a moving picture of somebody that is theirs: three changes in a row, in the same
   * colours, more or less, as on their own screen: that one has moved on meanwhile.
   */
  async sees(other: Person, source: Source = "camera"): Promise<void> {
    let picture: Thumbnail = await this.until(`a picture of ${other.name}'s ${source}`, ({ name, source }) => window.eyes.picture(name, source), {
      name: other.name,
      source,
    });
    for (let change = 1; change <= 3; change++) {
      picture = await this.until(
        `change ${change} of the picture of ${other.name}'s ${source}`,
        ({ name, source, picture }) => window.eyes.moved(name, source, picture),
        { name: other.name, source, picture },
      );
    }
    const original = await other.until(`their own ${source}`, ({ name, source }) => window.eyes.picture(name, source), { name: other.name, source });
    const off = picture.reduce((sum, v, i) => sum + Math.abs(v - original[i]!), 0) / picture.length;
    assert.ok(off < 50, `${this.name} sees another picture than ${other.name} sends: it differs by ${off.toFixed(1)} of 255`);
  }

  /** The picture of somebody is gone. */
  async seesNoPicture(other: Person): Promise<void> {
    await this.until(`${other.name}'s picture to go`, (name) => window.eyes.tiles(name).length === 1 && !window.eyes.picture(name, "camera"), other.name);
  }

  /** Exactly these others have a tile. */
  async isWith(...others: Person[]): Promise<void> {
    await this.until(
      `just ${others.map((o) => o.name).join(" and ") || "themselves"} to be there`,
      (names) => {
        const tiles = [...document.querySelectorAll('[data-session][data-self="false"]')];
        return tiles.length === names.length && names.every((name) => window.eyes.tiles(name).length === 1);
      },
      others.map((o) => o.name),
    );
  }

  /** Hears the tone that everybody's microphone picks up. */
  async hears(): Promise<void> {
    await this.until(
      `a tone of ${toneHz} Hz`,
      (hz) => {
        const heard = window.parleyDebug?.heard();
        return heard && heard.level > 0.01 && Math.abs(heard.frequencyHz - hz) < 12;
      },
      toneHz,
    );
  }

  async hearsNothing(): Promise<void> {
    await this.until("silence", () => window.eyes.silent());
  }

  /** Whether a tile shows that somebody speaks, has the microphone on, and so on. */
  async noticesThat(other: Person, what: "audio" | "video" | "speaking" | "host" | "hand", is: boolean): Promise<void> {
    await this.until(
      `${what} of ${other.name} to be ${is}`,
      ({ name, what, is }) => window.eyes.tiles(name)[0]?.dataset[what] === String(is),
      { name: other.name, what, is },
    );
  }

  /** A short message says this, or has said it: it goes away by itself. */
  async isTold(words: string): Promise<void> {
    await this.until(`the message "${words}"`, (words) => window.eyes.told.some((text) => text.includes(words)), words);
  }

  /** Somebody's reaction flies past, or has. */
  async isShown(kind: ReactionKind, whose: string): Promise<void> {
    await this.until(`${kind} of ${whose}`, ({ kind, whose }) => window.eyes.reacted.some((r) => r.startsWith(kind) && r.includes(whose)), { kind, whose });
  }

  /** Opens the list of those who wait, by the message that somebody does if it is still there. */
  async looksWhoWaits(): Promise<void> {
    await this.on(ids.noticeShow).first().click({ timeout: 5_000 }).catch(() => undefined);
    if (!(await this.on(ids.participantsPanel).isVisible())) await this.on(ids.dockPeople).click();
    await this.on(ids.waitingList).waitFor();
  }

  /** The workers that encode their pictures. */
  encoders(): Worker[] {
    const workers = this.page.workers().filter((worker) => worker.url().includes("/encode.worker-"));
    assert.ok(workers.length > 0, `nothing of ${this.name} is encoded`);
    return workers;
  }

  /** A button that can be on says whether it is. */
  async shows(id: string, pressed: boolean): Promise<void> {
    await this.on(id).and(this.page.locator(`[aria-pressed="${pressed}"]`)).waitFor();
  }

  /** Goes away without a word, as who shuts the window. */
  async close(): Promise<void> {
    await this.page.context().close();
  }

  /** All there is to know when something went wrong. */
  async state(): Promise<string> {
    const look = () => {
      const d = window.parleyDebug;
      return {
        address: location.pathname,
        page: document.querySelector("main")?.innerText.replaceAll("\n", " ").slice(0, 300),
        tiles: [...document.querySelectorAll<HTMLElement>("[data-session][data-self]")].map((t) => ({ ...t.dataset, shows: t.innerText.replaceAll("\n", " ") })),
        ...(d && { phase: d.phase, transport: d.transport, rttMs: d.rttMs, session: d.sessionId, peers: d.peers(), heard: d.heard(), camera: d.encoder("camera"), backlog: d.backlog() }),
      };
    };
    const never = new Promise<string>((resolve) => setTimeout(resolve, 5_000, "the page does not answer").unref());
    const seen = await Promise.race([this.page.evaluate(look).then((s) => JSON.stringify(s), String), never]);
    return [`${this.name}: ${seen}`, ...this.log.slice(-10).map((line) => `    ${line}`)].join("\n");
  }
}
