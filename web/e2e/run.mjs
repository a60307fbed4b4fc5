// Runs the tests in real browsers: bundles every *.test.ts beside this file into one script,
// so that all share the nodes and the browser, and runs it with node's test runner.
// Arguments go to the runner: node e2e/run.mjs --test-name-pattern=reload
//
//   PARLEY_BIN         the binary to test (default: bin/parley, built when missing)
//   PARLEY_ARTIFACTS   where screenshots, logs and timings go (default: artifacts)
//   CHROMIUM_PATH      the browser (default: chromium or google-chrome of this machine)
import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const repository = dirname(dirname(here));
const artifacts = resolve(process.env.PARLEY_ARTIFACTS ?? join(repository, "artifacts"));
const binary = resolve(process.env.PARLEY_BIN ?? join(repository, "bin/parley"));

function find(...names) {
  const folders = (process.env.PATH ?? "").split(delimiter);
  for (const name of names) {
    for (const path of folders.map((folder) => join(folder, name))) {
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // not this one
      }
    }
  }
  throw new Error(`none of ${names.join(", ")} is installed: apt-get install ${names[0]}`);
}

const chromium = process.env.CHROMIUM_PATH ?? find("chromium", "chromium-browser", "google-chrome");
if (!existsSync(binary)) {
  console.log(`building ${binary}`);
  const made = spawnSync("go", ["build", "-o", binary, "./cmd/parley"], { cwd: repository, stdio: "inherit" });
  if (made.status !== 0) process.exit(1);
}

const out = join(dirname(here), "node_modules/.cache/parley-e2e/e2e.mjs");
const tests = (await readdir(here)).filter((f) => f.endsWith(".test.ts")).sort();
await build({
  stdin: { contents: tests.map((f) => `import "./${f}";`).join("\n"), resolveDir: here },
  outfile: out,
  bundle: true,
  platform: "node",
  format: "esm",
  packages: "external",
  sourcemap: "inline",
  logLevel: "warning",
});
await rm(join(artifacts, "screenshots"), { recursive: true, force: true });
await mkdir(join(artifacts, "screenshots"), { recursive: true });

const run = spawn(process.execPath, ["--enable-source-maps", ...process.argv.slice(2), out], {
  stdio: "inherit",
  env: { ...process.env, PARLEY_BIN: binary, PARLEY_ARTIFACTS: artifacts, CHROMIUM_PATH: chromium },
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => run.kill(signal));
run.on("exit", (status) => process.exit(status ?? 1));
