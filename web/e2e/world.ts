// What all tests share: two nodes of one cluster, browsers, and a record of where pages
// connect to. Everything begins when first needed and ends after the last test.
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { chromium, type Browser, type BrowserServer } from "playwright-core";
import { ParleyNode } from "./node.ts";
import { toneFile } from "./tone.ts";

export const artifacts = process.env["PARLEY_ARTIFACTS"]!;

export const folder = mkdtempSync(join(tmpdir(), "parley-e2e-"));
chmodSync(folder, 0o711); // PostgreSQL runs as another user when we are root
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(130));

const secret = randomBytes(32).toString("hex");
const nodes = new Map<string, Promise<ParleyNode>>();

/**
 * A node by name. "one" and "two" make up a cluster; any other name is a node by itself.
 */
export function node(name: "one" | "two" | "solo" = "one"): Promise<ParleyNode> {
  let started = nodes.get(name);
  if (!started) nodes.set(name, (started = start(name)));
  return started;
}

async function start(name: string, env: Record<string, string> = {}): Promise<ParleyNode> {
  const beside = name === "two" ? await node("one") : undefined;
  const dir = join(folder, name);
  mkdirSync(dir);
  chmodSync(dir, 0o711);
  // "one" as `make run` has it, so that its pages are at localhost; the others as a careful person would.
  const host = name === "one" ? "" : "127.0.0.1";
  return ParleyNode.start({ dir, logs: join(artifacts, `e2e-node-${name}.log`), secret, host, env, ...(beside && { beside }) });
}

/** A node by itself with an environment of its own. */
export function ownNode(name: string, env: Record<string, string>): Promise<ParleyNode> {
  const started = start(name, env);
  nodes.set(name, started);
  return started;
}

export function nodesStarted(): Promise<ParleyNode[]> {
  return Promise.all(nodes.values());
}

/** Machines that people sit at. */
const machines = {
  usual: ["--use-fake-device-for-media-stream=fps=10", "--use-fake-ui-for-media-stream"],
  "no camera": ["--use-fake-device-for-media-stream=device-count=0", "--use-fake-ui-for-media-stream"],
  "all refused": ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream=deny"],
  "can freeze": ["--use-fake-device-for-media-stream=fps=10", "--use-fake-ui-for-media-stream"],
} satisfies Record<string, string[]>;

export type Machine = keyof typeof machines;

const browsers = new Map<Machine, Promise<Browser>>();

/** The browser of the machine that can freeze, as a process. */
let freezer: BrowserServer | undefined;

/** Stops that browser altogether, or lets it go on: its pages and its network. */
export function freeze(frozen: boolean): void {
  process.kill(-freezer!.process().pid!, frozen ? "SIGSTOP" : "SIGCONT");
}

export function browser(machine: Machine): Promise<Browser> {
  let launched = browsers.get(machine);
  if (!launched) browsers.set(machine, (launched = launch(machine)));
  return launched;
}

async function launch(machine: Machine): Promise<Browser> {
  const tone = join(folder, "tone.wav");
  writeFileSync(tone, toneFile());
  const options = {
    executablePath: process.env["CHROMIUM_PATH"]!,
    args: [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--autoplay-policy=no-user-gesture-required",
      "--auto-select-desktop-capture-source=Entire screen",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
      `--use-file-for-fake-audio-capture=${tone}`,
      ...machines[machine],
    ],
  };
  if (machine !== "can freeze") return chromium.launch(options);
  freezer = await chromium.launchServer(options);
  return chromium.connect(freezer.wsEndpoint());
}

export async function closeBrowser(machine: Machine): Promise<void> {
  const launched = browsers.get(machine);
  browsers.delete(machine);
  await (await launched)?.close();
  if (machine === "can freeze") await freezer?.close();
}

/** Every address that a page has tried to reach. */
export const reached = new Set<string>();

/** Addresses of others that pages are meant to reach: what these begin with. */
export const meant = new Set<string>();

after(async () => {
  for (const machine of browsers.keys()) await closeBrowser(machine);
  // The one with the database stops last.
  for (const name of [...nodes.keys()].sort((a, b) => Number(a === "one") - Number(b === "one"))) {
    await (await nodes.get(name)!).stop();
  }
});
