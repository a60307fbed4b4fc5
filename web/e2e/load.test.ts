// Whoever is in a room under load sees and hears the files that are sent there.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Person } from "./person.ts";
import { scenario, type Scenario } from "./scenario.ts";
import { node } from "./world.ts";

const binary = process.env["PARLEY_BIN"]!;
const files = resolve(binary, "../../api/load/testdata");

/** Has ada watch the files that parley load sends into her room. */
async function watches(s: Scenario, ada: Person, transport: "webtransport" | "websocket", ...media: string[]): Promise<void> {
  const at = await node();
  const url = transport === "webtransport" ? at.ready.webtransport : at.url.replace("http", "ws");
  const load = spawn(
    binary,
    ["load", "--quiet", "--url", url, "--api", at.url, "--room", s.room, "--publishers", "1", "--viewers", "0", "--duration", "10m", ...media],
    { stdio: "ignore" },
  );
  const ended = once(load, "close");
  try {
    await ada.join({ node: at, room: s.room });
    const name = await ada.until(
      "somebody to be there",
      () => document.querySelector('[data-session][data-self="false"] [data-testid="tile-name"]')?.textContent,
    );
    const picture = await ada.until("a picture of the file", (name) => window.eyes.picture(name, "camera"), name);
    await ada.until("the picture to move", ({ name, picture }) => window.eyes.moved(name, "camera", picture), { name, picture });
    await ada.hears();
  } finally {
    load.kill("SIGTERM");
    await ended;
  }
}

for (const transport of ["webtransport", "websocket"] as const) {
  scenario(`watch a file that parley load sends over ${transport}`, async (s) => {
    const ada = await s.person("Ada");
    await watches(s, ada, transport, "--video-file", resolve(files, "picture.ivf"), "--audio-file", resolve(files, "tone.ogg"));
  });
}

/** Records a picture that moves and a tone, as any page can, and returns the file in base64. */
async function record(codecs: string): Promise<string> {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [160, 90];
  const pen = canvas.getContext("2d")!;
  const sound = new AudioContext();
  const tone = sound.createOscillator();
  const out = sound.createMediaStreamDestination();
  tone.connect(out);
  tone.start();
  const stream = new MediaStream([...canvas.captureStream(15).getTracks(), ...out.stream.getTracks()]);
  const recorder = new MediaRecorder(stream, { mimeType: `video/webm;codecs=${codecs}`, videoKeyFrameIntervalDuration: 500 } as MediaRecorderOptions);
  const parts: Blob[] = [];
  recorder.ondataavailable = (e) => parts.push(e.data);
  const stopped = new Promise((done) => (recorder.onstop = done));
  recorder.start();
  await new Promise<void>((done) => {
    let drawn = 0;
    const drawing = setInterval(() => {
      for (let bar = 0; bar < 8; bar++) {
        pen.fillStyle = `hsl(${drawn * 20 + bar * 45} 80% 50%)`;
        pen.fillRect(bar * 20, 0, 20, 90);
      }
      if (++drawn === 40) {
        clearInterval(drawing);
        done();
      }
    }, 66);
  });
  recorder.stop();
  await stopped;
  await sound.close();
  let text = "";
  for (const byte of new Uint8Array(await new Blob(parts).arrayBuffer())) text += String.fromCharCode(byte);
  return btoa(text);
}

for (const codecs of ["vp8,opus", "vp9,opus"]) {
  scenario(`watch what a browser has recorded as ${codecs}`, async (s) => {
    const at = await node();
    const ada = await s.person("Ada");
    await ada.page.goto(at.url);
    const dir = await mkdtemp(join(tmpdir(), "parley-recorded-"));
    try {
      const file = join(dir, "recorded.webm");
      await writeFile(file, Buffer.from(await ada.page.evaluate(record, codecs), "base64"));
      await watches(s, ada, "webtransport", "--video-file", file);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
}
