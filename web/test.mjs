// Bundles every *.test.ts(x) below src/ for node and runs them with node's test runner.
// Arguments go to the runner: node test.mjs --test-name-pattern=ladder
import { spawnSync } from "node:child_process";
import { readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));
const out = join(root, "node_modules/.cache/parley-test");

const tests = (await readdir(join(root, "src"), { recursive: true }))
  .filter((f) => /\.test\.tsx?$/.test(f))
  .sort()
  .map((f) => join(root, "src", f));

await rm(out, { recursive: true, force: true });
await build({
  entryPoints: tests,
  outdir: out,
  outbase: join(root, "src"),
  bundle: true,
  platform: "node",
  format: "esm",
  outExtension: { ".js": ".mjs" },
  sourcemap: "inline",
  jsx: "automatic",
  jsxImportSource: "preact",
  define: { __SCRIPTS__: "{}", __REPOSITORY__: JSON.stringify(dirname(root)) },
  logLevel: "warning",
});

const built = (await readdir(out, { recursive: true })).filter((f) => f.endsWith(".test.mjs")).sort();
const run = spawnSync(
  process.execPath,
  ["--enable-source-maps", "--test", ...process.argv.slice(2), ...built.map((f) => join(out, f))],
  { stdio: "inherit" },
);
process.exit(run.status ?? 1);
