// Builds src/ into dist/: the same input gives the same bytes, so dist/ is committed and
// CI compares it. Every file below /assets carries a hash of its content in its name.
//
//   node build.mjs            production build
//   node build.mjs --watch    rebuilds on change, unminified with inline source maps
import { createHash } from "node:crypto";
import { existsSync, watch } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));
const src = join(root, "src");
const dist = join(root, "dist");
const dev = process.argv.includes("--watch");

/** Scripts that run outside the page. The page learns their hashed names by these keys. */
const offPage = {
  clock: "call/work/clock.worker.ts",
  encode: "call/work/encode.worker.ts",
  see: "call/work/see.worker.ts",
  speak: "call/work/speak.worker.ts",
  hear: "call/work/hear.worker.ts",
  playout: "call/work/playout.worklet.ts",
  capture: "call/work/capture.worklet.ts",
};

const shared = {
  absWorkingDir: root,
  bundle: true,
  write: false,
  target: ["chrome111", "edge111", "firefox130", "safari16.4"],
  minify: !dev,
  sourcemap: dev ? "inline" : false,
  legalComments: "none",
  charset: "utf8",
  logLevel: "warning",
  loader: { ".woff2": "file", ".svg": "file", ".png": "file" },
  assetNames: "assets/[name]-[hash]",
  publicPath: "/",
};

/** Collects the outputs of one build, by path below dist/. */
async function bundle(options) {
  const result = await build({ ...shared, outdir: dist, entryNames: "assets/[name]-[hash]", metafile: true, ...options });
  const files = new Map(result.outputFiles.map((f) => [f.path.slice(dist.length + 1), f.contents]));
  const entries = new Map(); // source path below src/ -> { js, css }
  for (const [out, meta] of Object.entries(result.metafile.outputs)) {
    if (!meta.entryPoint) continue;
    entries.set(meta.entryPoint.slice("src/".length), {
      file: "/" + out.slice("dist/".length),
      css: meta.cssBundle && "/" + meta.cssBundle.slice("dist/".length),
    });
  }
  return { files, entries };
}

async function once() {
  // Worklets have no import; one classic script per file works everywhere.
  const off = await bundle({
    entryPoints: Object.values(offPage).map((p) => "src/" + p),
    format: "iife",
  });
  const names = Object.fromEntries(Object.entries(offPage).map(([key, p]) => [key, off.entries.get(p).file]));

  let html = await readFile(join(src, "index.html"), "utf8");
  const styles = [...html.matchAll(/href="\.?\/?([\w./-]+\.css)"/g)].map((m) => m[1]);
  const page = await bundle({
    entryPoints: ["src/main.tsx", ...styles.map((s) => "src/" + s)],
    format: "esm",
    jsx: "automatic",
    jsxImportSource: "preact",
    define: { __SCRIPTS__: JSON.stringify(names) },
  });

  const files = new Map([...off.files, ...page.files]);
  const main = page.entries.get("main.tsx");
  // Every local reference of index.html becomes a hashed one.
  const wanted = [...new Set([...html.matchAll(/(?:src|href)="(\.?\/?[\w./-]+\.\w+)"/g)].map((m) => m[1]))];
  for (const ref of wanted) {
    const path = ref.replace(/^\.?\//, "");
    let to = page.entries.get(path)?.file;
    if (!to) {
      const content = await readFile(join(src, path));
      const hash = createHash("sha256").update(content).digest("hex").slice(0, 8).toUpperCase();
      to = `/assets/${basename(path, extname(path))}-${hash}${extname(path)}`;
      files.set(to.slice(1), content);
    }
    html = html.replaceAll(`"${ref}"`, `"${to}"`);
  }
  if (main.css) html = html.replace("</head>", `  <link rel="stylesheet" href="${main.css}">\n</head>`);
  files.set("index.html", Buffer.from(html));

  await rm(dist, { recursive: true, force: true });
  let bytes = 0;
  for (const [path, content] of [...files].sort()) {
    const to = join(dist, path);
    await mkdir(dirname(to), { recursive: true });
    await writeFile(to, content);
    bytes += content.length;
  }
  console.log(`web: ${files.size} files, ${(bytes / 1024).toFixed(0)} KiB`);
}

if (!existsSync(join(src, "main.tsx"))) throw new Error("src/main.tsx is missing");
await once();
if (dev) {
  let pending;
  watch(src, { recursive: true }, () => {
    clearTimeout(pending);
    pending = setTimeout(() => once().catch((err) => console.error(err.message)), 100);
  });
}
