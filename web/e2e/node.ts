// A Parley node: a real process of the binary under test.
import { spawn, type ChildProcess } from "node:child_process";
import { createWriteStream, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "./patience.ts";

/** The ready file; see config.Ready. */
interface Ready {
  http: string;
  webtransport: string;
  database_url: string;
  nats_url: string;
  admin_token: string;
}

interface Place {
  dir: string; // of its own
  logs: string; // file
  secret: string; // the same on all nodes of a cluster
  host: "" | "127.0.0.1"; // where it listens; everywhere, or here only
  env: Record<string, string>; // beside that of this process
  /** Whose database and NATS it shares; without, it brings its own. */
  beside?: ParleyNode;
}

const running = new Set<ChildProcess>();
process.on("exit", () => running.forEach((p) => signal(p, "SIGKILL")));

/** Reaches the whole process group. */
function signal(p: ChildProcess, name: NodeJS.Signals): void {
  try {
    process.kill(-p.pid!, name);
  } catch {
    // gone already
  }
}

export class ParleyNode {
  ready!: Ready;
  private process?: ChildProcess;
  private ended?: Promise<void>;

  private constructor(private readonly place: Place) {}

  static async start(place: Place): Promise<ParleyNode> {
    const node = new ParleyNode(place);
    await node.run(0, 0);
    return node;
  }

  get url(): string {
    return this.ready.http;
  }

  /** Ends it as a crash or a power failure would. */
  async kill(): Promise<void> {
    signal(this.process!, "SIGKILL");
    await this.ended;
  }

  /** Starts it again after kill: same data, same ports. */
  async restart(): Promise<void> {
    await this.run(Number(new URL(this.ready.http).port), Number(new URL(this.ready.webtransport).port));
  }

  /** Ends it as an operator would. Throws when it does not obey or fails. */
  async stop(): Promise<void> {
    const p = this.process!;
    if (!running.has(p)) return;
    signal(p, "SIGTERM");
    try {
      await eventually("the node to stop", () => !running.has(p), 30_000);
    } catch (err) {
      await this.kill();
      throw err;
    }
    if (p.exitCode !== 0) throw new Error(`the node ended with ${p.exitCode ?? p.signalCode}:\n${this.lastWords()}`);
  }

  private async run(http: number, webtransport: number): Promise<void> {
    const { dir, logs, secret, host, beside } = this.place;
    const file = join(dir, "ready.json");
    rmSync(file, { force: true });
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^(PARLEY_|FEATURE_|OAUTH_|DATABASE_URL|NATS_URL|CERT_PATH|KEY_PATH)/.test(name)),
    );
    if (beside) Object.assign(env, { DATABASE_URL: beside.ready.database_url, NATS_URL: beside.ready.nats_url });
    const log = createWriteStream(logs, { flags: "a" });
    const p = spawn(
      process.env["PARLEY_BIN"]!,
      [
        "dev",
        ...["--http-addr", `${host}:${http}`, "--webtransport-addr", `${host}:${webtransport}`],
        ...["--data-dir", join(dir, "data"), "--ready-file", file, "--drain", "1"],
      ],
      { detached: true, env: { ...env, JWT_SECRET: secret, ...this.place.env }, stdio: ["ignore", "pipe", "pipe"] },
    );
    this.process = p;
    running.add(p);
    p.stdout.pipe(log, { end: false });
    p.stderr.pipe(log, { end: false });
    this.ended = new Promise((resolve) => {
      const end = () => {
        running.delete(p);
        log.end();
        resolve();
      };
      p.once("close", end);
      p.once("error", end);
    });
    this.ready = await eventually(
      "the node to serve",
      () => {
        if (!running.has(p)) throw new Error(`the node ended with ${p.exitCode ?? p.signalCode}:\n${this.lastWords()}`);
        try {
          return JSON.parse(readFileSync(file, "utf8")) as Ready; // written in one step
        } catch {
          return undefined;
        }
      },
      90_000,
    );
  }

  private lastWords(): string {
    return readFileSync(this.place.logs, "utf8").split("\n").slice(-15).join("\n");
  }
}
