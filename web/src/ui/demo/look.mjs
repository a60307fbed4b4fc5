// Renders the screens with made-up people, to look at them. Not part of the product.
//
//   node src/ui/demo/look.mjs                 serves them and prints the address
//   node src/ui/demo/look.mjs out [pattern]   writes screenshots whose name matches
import { createServer } from "node:http";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const src = join(here, "../..");
const [out, pattern = ""] = process.argv.slice(2);

const CSP = "default-src 'self'; connect-src 'self' ws: wss: https:; worker-src 'self' blob:; style-src 'self'";

const built = await build({
  entryPoints: [join(here, "demo.tsx")],
  outdir: "/",
  bundle: true,
  write: false,
  format: "esm",
  target: ["chrome111", "edge111", "firefox130", "safari16.4"],
  jsx: "automatic",
  jsxImportSource: "preact",
});
const files = new Map(built.outputFiles.map((f) => [f.path, f.text]));
files.set("/icon.svg", await readFile(join(src, "icon.svg"), "utf8"));
const html = (await readFile(join(src, "index.html"), "utf8"))
  .replace('"main.tsx"', '"/demo.js"')
  .replace('"icon.svg"', '"/icon.svg"')
  .replace("</head>", '<link rel="stylesheet" href="/demo.css"></head>');

const types = { js: "text/javascript", css: "text/css", svg: "image/svg+xml" };
const server = createServer((request, response) => {
  const url = new URL(request.url, "http://localhost");
  response.setHeader("Content-Security-Policy", CSP);
  if (url.pathname === "/client-config.json") {
    const demo = !request.headers.referer?.includes("locked");
    response.setHeader("Content-Type", "application/json");
    return response.end(JSON.stringify({ version: "demo", webtransport_port: 4433, certificate_sha256: [], demo_sign_in: demo }));
  }
  if (url.pathname === "/profile") {
    response.statusCode = 401;
    return response.end();
  }
  const file = files.get(url.pathname);
  response.setHeader("Content-Type", file ? types[url.pathname.split(".").pop()] : "text/html; charset=utf-8");
  response.end(file ?? html);
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const origin = `http://127.0.0.1:${server.address().port}`;

if (!out) {
  console.log(`${origin}/m/amber-river-42?n=5&screen=other`);
} else {
  await shoot();
  server.close();
}

async function shoot() {
  const { chromium } = await import("playwright-core");
  await mkdir(out, { recursive: true });
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  const sizes = { desk: [1440, 900], tablet: [1024, 768], phone: [390, 844], side: [844, 390], small: [360, 740] };
  const call = async (page) => {
    await page.getByTestId("lobby-name").fill("Ada Lovelace");
    await page.getByTestId("lobby-name").press("Enter");
    await page.getByTestId("call").waitFor();
  };
  const scenes = {
    home: { path: "/" },
    "home-recent": { path: "/", rooms: true },
    lobby: { query: "" },
    "lobby-advanced": { query: "", act: async (p) => p.getByTestId("lobby-advanced").click() },
    "lobby-asking": { query: "asking=1" },
    "lobby-denied": { query: "problem=permission_denied" },
    "lobby-off": { query: "cam=0&mic=0" },
    "lobby-joining": { query: "slow=1", act: async (p) => { await p.getByTestId("lobby-name").fill("Ada"); await p.getByTestId("lobby-name").press("Enter"); } },
    locked: { query: "locked=1" },
    "call-1": { query: "n=1", act: call },
    "call-2": { query: "n=2", act: call },
    "call-3": { query: "n=3&notices=1", act: call },
    "call-5": { query: "n=5", act: call },
    "call-9": { query: "n=9", act: call },
    "call-20": { query: "n=20", act: call },
    "call-60": { query: "n=60", act: call },
    "call-dark-9": { query: "n=9&cameras=0&cam=0&mic=0", act: call },
    "screen-2": { query: "n=2&screen=other", act: call },
    "screen-5": { query: "n=5&screen=other", act: call },
    "screen-20": { query: "n=20&screen=both", act: call },
    "screen-self": { query: "n=3&screen=self", act: call },
    people: { query: "n=9", act: async (p) => { await call(p); await p.keyboard.press("Escape"); await p.evaluate(() => document.activeElement?.blur()); await p.keyboard.press("p"); await p.getByTestId("participants-panel").waitFor(); } },
    settings: { query: "n=3", act: async (p) => { await call(p); await p.getByTestId("dock-settings").click(); } },
    shortcuts: { query: "n=3", act: async (p) => { await call(p); await p.keyboard.press("?"); } },
    badge: { query: "n=2&kind=websocket&rtt=180", act: async (p) => { await call(p); await p.getByTestId("transport-badge").click(); } },
    pinned: { query: "n=5", act: async (p) => { await call(p); await p.getByTestId("tile-8001").focus(); await p.keyboard.press("Enter"); } },
    reconnecting: { query: "n=5&phase=reconnecting", act: call },
    "call-problem": { query: "n=3&problem=screen_denied&when=call", act: call },
    left: { query: "n=3", act: async (p) => { await call(p); await p.getByTestId("dock-leave").click(); } },
    failed: { query: "problem=server_gone&when=failed", act: async (p) => { await p.getByTestId("lobby-name").fill("Ada"); await p.getByTestId("lobby-name").press("Enter"); } },
    unsupported: { query: "problem=unsupported_browser&when=failed", act: async (p) => { await p.getByTestId("lobby-name").fill("Ada"); await p.getByTestId("lobby-name").press("Enter"); } },
  };
  let shots = 0;
  for (const scheme of ["light", "dark"]) {
    for (const [size, [width, height]] of Object.entries(sizes)) {
      const wanted = Object.entries(scenes).filter(([name]) => new RegExp(pattern).test(`${name}-${size}-${scheme}`));
      if (wanted.length === 0) continue;
      const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, hasTouch: width < 500 || height < 500 });
      for (const [name, scene] of wanted) {
        const page = await context.newPage();
        page.on("console", (m) => m.type() === "error" && !m.text().includes("401") && console.log(`${name}: ${m.text()}`));
        page.on("pageerror", (err) => console.log(`${name}: ${err.stack}`));
        await page.addInitScript((rooms) => {
          localStorage.clear();
          const now = Date.now();
          if (rooms) {
            localStorage.setItem("parley.name", "Ada Lovelace");
            localStorage.setItem("parley.rooms", JSON.stringify([{ room: "amber-river-42", at: now - 4e5 }, { room: "team-weekly", at: now - 9e7 }, { room: "quiet-harbor-17", at: now - 3e8 }]));
          }
        }, scene.rooms ?? false);
        await page.goto(origin + (scene.path ?? `/m/amber-river-42?${scene.query}`));
        await scene.act?.(page);
        // Every entry animation has played; endless ones never finish.
        await page.evaluate(() => Promise.all(document.getAnimations().filter((a) => a.effect.getComputedTiming().iterations !== Infinity).map((a) => a.finished.catch(() => {}))));
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (overflow > 0) console.log(`${name}-${size}: ${overflow} px too wide`);
        await page.screenshot({ path: join(out, `${name}-${size}-${scheme}.png`) });
        shots++;
        await page.close();
      }
      await context.close();
    }
  }
  await browser.close();
  console.log(`${shots} screenshots in ${out}`);
}
