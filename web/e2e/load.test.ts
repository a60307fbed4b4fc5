// Whoever is in a room under load sees and hears the files that are sent there.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { scenario } from "./scenario.ts";
import { node } from "./world.ts";

const binary = process.env["PARLEY_BIN"]!;
const files = resolve(binary, "../../api/load/testdata");

for (const transport of ["webtransport", "websocket"] as const) {
  scenario(`watch a file that parley load sends over ${transport}`, async (s) => {
    const at = await node();
    const url = transport === "webtransport" ? at.ready.webtransport : at.url.replace("http", "ws");
    const load = spawn(
      binary,
      [
        ...["load", "--quiet", "--url", url, "--api", at.url, "--room", s.room, "--publishers", "1", "--viewers", "0", "--duration", "10m"],
        ...["--video-file", resolve(files, "picture.ivf"), "--audio-file", resolve(files, "tone.ogg")],
      ],
      { stdio: "ignore" },
    );
    const ended = once(load, "close");
    try {
      const ada = await s.person("Ada");
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
  });
}
