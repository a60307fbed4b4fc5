// The simulcast layers of a camera: what is sent in each, and which one a tile needs.
import type { Rung } from "./ladder.ts";
import type { Wanted } from "./wire.ts";

/**
 * What is sent below the picture that camera and network allow. Layer n is about 180 lines
 * times 2^n; the last one holds whatever is more. So others know what a number means without being told.
 */
const below: readonly Rung[] = [
  { height: 180, fps: 15, kbps: 160 },
  { height: 360, fps: 24, kbps: 550 },
];

/** The layers of a camera whose best picture is top, the lowest first. */
export function layersOf(top: Rung): Rung[] {
  return [...below.filter((r) => r.height < top.height).map((r) => ({ ...r, fps: Math.min(r.fps, top.fps) })), top];
}

/** The layers to encode when others want no more than this, by number. */
export function layersFor(top: Rung, wanted: Wanted): (Rung | undefined)[] {
  // Who knows no layers sees the lowest alone, so that is then all there is.
  if (wanted.plain) return [top];
  const all = layersOf(top);
  // Who wants more than there is gets the best there is.
  const gets = (layer: number) => (layer < all.length - 1 ? (wanted.layers >> layer) & 1 : wanted.layers >> layer);
  const some = all.map((rung, layer) => (gets(layer) ? rung : undefined));
  return some.some((rung) => rung) ? some : all.slice(0, 1); // somebody may come any time
}

/** A picture may be stretched by so much before the next layer looks better. */
const stretch = 1.2;
/** A layer once chosen is kept while the tile is off by no more than this share. */
const slack = 0.1;

/** The layer for a tile of so many device pixels in height; before is the one it has. */
export function layerFor(pixels: number, before?: number): number {
  const fits = (px: number) => below.findIndex((r) => px <= r.height * stretch);
  const number = (at: number) => (at < 0 ? below.length : at);
  const [least, most] = [number(fits(pixels * (1 - slack))), number(fits(pixels * (1 + slack)))];
  return before !== undefined && before >= least && before <= most ? before : number(fits(pixels));
}
