// What runs inside a page to look at it as a person would: at pixels and at tiles.
import type { ParleyDebug } from "../src/call/debug.ts";

export type Source = "camera" | "screen";

/** A picture of 32 x 24, three bytes per pixel. */
export type Thumbnail = number[];

export interface Eyes {
  /** Tiles of the people of that name. */
  tiles(name: string): HTMLElement[];
  /** What is to be seen of somebody; undefined while it is one flat colour or nothing. */
  picture(name: string, source: Source): Thumbnail | undefined;
  /** The same when it differs from how it looked before. */
  moved(name: string, source: Source, before: Thumbnail): Thumbnail | undefined;
  /** All short messages there ever were, also those that have gone. */
  told: string[];
  /** All reactions there ever were: which, and whose. */
  reacted: string[];
  /** Begins to look out for people who are shown twice. */
  watch(name: string): void;
  /** For how many milliseconds in a row somebody was shown twice since then. */
  doubled(name: string): number;
  /**
   * Whether nothing has been heard for longer than the pauses of the tone. To be asked often;
   * the answer counts from the first time.
   */
  silent(): boolean;
}

declare global {
  interface Window {
    parleyDebug?: ParleyDebug;
    eyes: Eyes;
  }
}

/** Goes into every page before its own scripts. */
export function installEyes(): void {
  const [width, height] = [32, 24];
  const small = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })!;
  const doubles = new Map<string, { since?: number; longest: number }>();
  const told: string[] = [];
  const reacted: string[] = [];
  let silence: { since: number; looks: number } | undefined;

  new MutationObserver((changes) => {
    for (const node of changes.flatMap((change) => [...change.addedNodes])) {
      if (!(node instanceof HTMLElement)) continue;
      // They may come together with the whole screen.
      for (const { dataset, innerText } of [node, ...node.querySelectorAll<HTMLElement>("[data-testid]")]) {
        if (dataset["testid"] === "notice") told.push(innerText);
        if (dataset["testid"] === "reaction-shown") reacted.push(`${dataset["kind"]} ${innerText}`);
      }
    }
  }).observe(document, { childList: true, subtree: true });

  const find = (id: string, within: ParentNode = document) => within.querySelector<HTMLElement>(`[data-testid="${id}"]`);
  const tiles = (name: string) =>
    [...document.querySelectorAll<HTMLElement>("[data-session][data-self]")].filter((tile) => find("tile-name", tile)?.textContent === name);

  const picture = (name: string, source: Source): Thumbnail | undefined => {
    const shown = tiles(name);
    const canvas =
      source === "camera" ? shown.map((tile) => find("tile-video", tile)).find((c) => c) : find("stage-screen-video");
    if (source === "screen" && !shown.some((tile) => tile.dataset["session"] === find("stage-screen")?.dataset["session"])) return undefined;
    if (!(canvas instanceof HTMLCanvasElement) || !canvas.isConnected || canvas.width === 0) return undefined;
    small.drawImage(canvas, 0, 0, width, height);
    const rgba = small.getImageData(0, 0, width, height).data;
    const rgb = [...rgba].filter((_, i) => i % 4 !== 3);
    const colours = new Set<number>();
    for (let i = 0; i < rgb.length; i += 3) colours.add(((rgb[i]! >> 4) << 8) | ((rgb[i + 1]! >> 4) << 4) | (rgb[i + 2]! >> 4));
    return colours.size >= 4 ? rgb : undefined;
  };

  window.eyes = {
    tiles,
    told,
    reacted,
    picture,
    moved(name, source, before) {
      const now = picture(name, source);
      // A codec's noise changes values by a few steps; something that moves, by many.
      return now?.some((v, i) => Math.abs(v - before[i]!) > 40) ? now : undefined;
    },
    watch(name) {
      const double: { since?: number; longest: number } = { longest: 0 };
      doubles.set(name, double);
      const look = () => {
        if (tiles(name).length > 1) {
          double.since ??= performance.now();
        } else if (double.since !== undefined) {
          double.longest = Math.max(double.longest, performance.now() - double.since);
          delete double.since;
        }
      };
      new MutationObserver(look).observe(document, { childList: true, subtree: true, characterData: true });
      look();
    },
    doubled(name) {
      const double = doubles.get(name);
      if (!double) throw new Error(`nobody looks out for ${name}`);
      return double.since === undefined ? double.longest : Infinity;
    },
    silent() {
      const heard = window.parleyDebug?.heard();
      if (heard?.context !== "running" || heard.level > 0.0005) {
        silence = undefined;
        return false;
      }
      silence ??= { since: performance.now(), looks: 0 };
      return ++silence.looks >= 15 && performance.now() - silence.since > 1_500;
    },
  };
}
