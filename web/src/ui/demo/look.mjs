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

const soon = (minutes) => Math.floor(Date.now() / 1000) - minutes * 60;
const meeting = (meeting_id, more) => ({ meeting_id, state: "ended", host: "ada-1", is_owner: true, last_active_at: 1000 * soon(1500), ...more });
const person = (user_id, display_name, more) => ({ session_id: user_id, user_id, display_name, node_id: "node-7f3a", transport: "webtransport", joined_at: soon(12), ...more });
const answers = {
  "/profile": { user_id: "ada-1", name: "Ada Lovelace", is_admin: true },
  "/api/v1/meetings/feed": {
    meetings: [
      meeting("team-weekly", { state: "active", participant_count: 7, waiting_count: 2, has_password: true }),
      meeting("board", { state: "active", participant_count: 1, is_owner: false, host_display_name: "Amara Okafor" }),
      meeting("amber-river-42", { state: "idle", last_active_at: 1000 * soon(3) }),
      meeting("quarterly-review-with-everybody-from-all-departments", {}),
      meeting("interview", { is_owner: false, host_display_name: "Jonas Weber", last_active_at: 1000 * soon(9000) }),
      meeting("retro", {}),
    ],
  },
  "/api/v1/admin/rooms": {
    total: 2,
    participants: 4,
    rooms: [
      { meeting_id: "team-weekly", participants: [person("ada-1", "Ada Lovelace", { is_host: true }), person("amara-2", "Amara Okafor", { node_id: "node-b210", transport: "websocket" }), person("guest:1", "Yuki Tanaka", { is_guest: true, away: true })] },
      { meeting_id: "board", participants: [person("jonas-9", "Jonas Weber", {})] },
    ],
  },
  "/api/v1/admin/flags": {
    flags: [
      { name: "guests", kind: "bool", value: "false", default: "false", source: "default", owner: "meetings", rooms: { "team-weekly": "true" }, description: "People without an account may join meetings whose host allows guests." },
      { name: "max_participants", kind: "int", min: 0, max: 100000, value: "50", default: "0", source: "admin", owner: "meetings", rooms: {}, description: "How many people may be inside a meeting at once; 0 is any number. Whoever is in stays." },
      { name: "transports", kind: "string", one_of: ["all", "websocket", "webtransport"], value: "all", default: "all", source: "environment", owner: "transports", rooms: {}, description: "How clients may connect: all, websocket or webtransport." },
    ],
  },
  "/api/v1/admin/flags/max_participants/history": {
    changes: [
      { revision: 2, at: new Date().toISOString(), by: "ada-1", flag: "max_participants", before: "20", after: "50", reason: "the all-hands is larger" },
      { revision: 1, at: new Date().toISOString(), by: "ada-1", flag: "max_participants", room: "board", after: "20", reason: "" },
    ],
  },
};

const types = { js: "text/javascript", css: "text/css", svg: "image/svg+xml" };
const server = createServer((request, response) => {
  const url = new URL(request.url, "http://localhost");
  response.setHeader("Content-Security-Policy", CSP);
  if (url.pathname === "/client-config.json") {
    const demo = !request.headers.referer?.includes("locked");
    response.setHeader("Content-Type", "application/json");
    return response.end(JSON.stringify({ version: "demo", webtransport_port: 4433, certificate_sha256: [], demo_sign_in: demo }));
  }
  const from = new URLSearchParams(request.headers.referer?.split("?")[1] ?? "");
  const answer = from.has("signed") ? answers[url.pathname] : undefined;
  if (answer) {
    response.setHeader("Content-Type", "application/json");
    return response.end(JSON.stringify({ success: true, result: answer }));
  }
  if (url.pathname === "/profile" || url.pathname.startsWith("/api/")) {
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
  const knock = async (page) => {
    await page.getByTestId("lobby-name").fill("Ada Lovelace");
    await page.getByTestId("lobby-name").press("Enter");
  };
  const scenes = {
    home: { path: "/" },
    "home-recent": { path: "/", rooms: true },
    "home-signed": { path: "/?signed=1" },
    "home-create": { path: "/?signed=1", act: async (p) => { await p.getByTestId("meetings-create").click(); await p.getByTestId("option-attendeesOnly").setChecked(true, { force: true }); } },
    "home-menu": { path: "/?signed=1", act: async (p) => p.getByTestId("meeting-more").first().click() },
    "admin-live": { path: "/admin?signed=1", act: async (p) => p.getByTestId("admin-rooms").waitFor() },
    "admin-flags": { path: "/admin?signed=1", act: async (p) => { await p.getByTestId("admin-tab-flags").click(); await p.getByTestId("flag-guests").waitFor(); } },
    "admin-flag": { path: "/admin?signed=1", act: async (p) => { await p.getByTestId("admin-tab-flags").click(); await p.getByTestId("flag-max_participants").click(); await p.getByTestId("flag-change").first().waitFor(); } },
    "admin-stranger": { path: "/admin" },
    "entrance-password": { query: "entrance=password", act: knock },
    "entrance-wrong": { query: "entrance=wrong", act: knock },
    "entrance-waiting": { query: "entrance=waiting", act: knock },
    "entrance-closed": { query: "entrance=closed", act: knock },
    "host-waiting": { query: "n=5&host=1&waiting=3&hands=2", act: async (p) => { await call(p); await p.getByTestId("dock-people").click(); await p.getByTestId("waiting-list").waitFor(); } },
    "host-menu": { query: "n=3&host=1&hands=1", act: async (p) => { await call(p); await p.getByTestId("dock-people").click(); await p.getByTestId("participant-menu").first().click(); } },
    "host-options": { query: "n=3&host=1", act: async (p) => { await call(p); await p.getByTestId("dock-more").click(); await p.getByTestId("more-options").click(); } },
    "host-leave": { query: "n=3&host=1&shut=1", act: async (p) => { await call(p); await p.getByTestId("dock-leave").click(); } },
    more: { query: "n=3&host=1&chat=1", act: async (p) => { await call(p); await p.getByTestId("dock-more").click(); } },
    chat: { query: "n=5&chat=1", act: async (p) => { await call(p); await p.evaluate(() => document.activeElement?.blur()); await p.keyboard.press("c"); await p.getByTestId("chat").waitFor(); } },
    reactions: { query: "n=5&hands=2&reactions=1&chat=1", act: call },
    removed: { query: "problem=removed&when=failed", act: knock },
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
