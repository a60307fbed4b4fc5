// Where tiles go. Pure arithmetic: the screens measure their area and place tiles absolutely,
// so that a tile can glide when somebody joins.

export interface Rect {
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface Area {
  w: number;
  h: number;
}

/** Widest tile: the shape most cameras send. */
const WIDEST = 16 / 9;

/** Narrowest tile in a wide and in a tall area; pictures are cropped to the tile. */
const NARROWEST_WIDE = 1.1;
const NARROWEST_TALL = 9 / 16;

/** Below this a face and a name are no longer readable, CSS pixels. */
const MIN_TILE: Area = { w: 104, h: 76 };
const MAX_MIN_TILE_WIDTH = 180;

/** Most tiles on one screen; more than that nobody can follow. */
const MAX_TILES = 49;

/**
 * Places n equal tiles into the area, with the number of columns that makes them largest. Tiles
 * never overlap and never leave the area; an incomplete last row is centred. Returns one
 * rectangle per tile in reading order, none for an empty area.
 */
export function fitGrid(n: number, area: Area, gap: number): Rect[] {
  if (n < 1 || area.w <= 0 || area.h <= 0) return [];
  const narrowest = area.w >= area.h ? NARROWEST_WIDE : NARROWEST_TALL;
  let best = { cols: 0, rows: 0, w: 0, h: 0, score: -1 };
  for (let cols = 1; cols <= n; cols++) {
    const rows = Math.ceil(n / cols);
    let w = (area.w - gap * (cols - 1)) / cols;
    let h = (area.h - gap * (rows - 1)) / rows;
    if (w <= 0 || h <= 0) continue;
    w = Math.min(w, h * WIDEST);
    h = Math.min(h, w / narrowest);
    // Of two equally large tiles the less cropped one shows more.
    const score = w * h * (1 - 0.2 * Math.log(WIDEST / (w / h)));
    if (score > best.score) best = { cols, rows, w, h, score };
  }
  return rowsOf(n, area, gap, best);
}

function rowsOf(n: number, area: Area, gap: number, g: { cols: number; rows: number; w: number; h: number }): Rect[] {
  if (g.cols === 0) return [];
  const top = (area.h - g.rows * g.h - (g.rows - 1) * gap) / 2;
  const rects: Rect[] = [];
  for (let i = 0; i < n; i++) {
    const row = Math.floor(i / g.cols);
    const inRow = Math.min(g.cols, n - row * g.cols);
    const left = (area.w - inRow * g.w - (inRow - 1) * gap) / 2;
    rects.push({ x: left + (i % g.cols) * (g.w + gap), y: top + row * (g.h + gap), w: g.w, h: g.h });
  }
  return rects;
}

/** How many readable tiles the area holds, at least one. */
export function gridCapacity(area: Area, gap: number): number {
  const w = Math.min(MAX_MIN_TILE_WIDTH, Math.max(MIN_TILE.w, area.w / 8));
  const h = Math.max(MIN_TILE.h, (w * 9) / 16);
  const cols = Math.floor((area.w + gap) / (w + gap));
  const rows = Math.floor((area.h + gap) / (h + gap));
  return Math.min(MAX_TILES, Math.max(1, cols * rows));
}

export interface StageLayout {
  stage: Rect;
  strip: Rect[];
}

/**
 * Gives one picture the stage and up to n tiles the rest: a filmstrip beside the stage in a wide
 * area, a grid below it in a tall one, where a shared screen would leave most of the height empty.
 * strip holds as many tiles as fit readably; it may be fewer than n.
 */
export function fitStage(n: number, area: Area, gap: number): StageLayout {
  if (area.w <= 0 || area.h <= 0) return { stage: { x: 0, y: 0, w: 0, h: 0 }, strip: [] };
  if (n < 1) return { stage: { x: 0, y: 0, w: area.w, h: area.h }, strip: [] };
  return area.w >= area.h ? stageBeside(n, area, gap) : stageAbove(n, area, gap);
}

function stageBeside(n: number, area: Area, gap: number): StageLayout {
  const share = (area.h - gap * (n - 1)) / n; // height of each, if all are to fit
  const widest = clamp(area.w * 0.18, 128, 256);
  const w = clamp(share * WIDEST, Math.min(widest, 176), widest);
  const h = clamp(share, w / WIDEST, w / 1.4);
  const fits = clamp(Math.floor((area.h + gap + 0.5) / (h + gap)), 1, n);
  const top = (area.h - fits * (h + gap) + gap) / 2;
  const strip = Array.from({ length: fits }, (_, i) => ({ x: area.w - w, y: top + i * (h + gap), w, h }));
  return { stage: { x: 0, y: 0, w: Math.max(0, area.w - w - gap), h: area.h }, strip };
}

function stageAbove(n: number, area: Area, gap: number): StageLayout {
  const h = clamp(area.w * 0.75, area.h * 0.45, Math.max(area.h * 0.45, area.h - MIN_TILE.h * 1.5 - gap));
  const rest = { w: area.w, h: Math.max(0, area.h - h - gap) };
  const strip = fitGrid(Math.min(n, gridCapacity(rest, gap)), rest, gap);
  return { stage: { x: 0, y: 0, w: area.w, h }, strip: strip.map((r) => ({ ...r, y: r.y + h + gap })) };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

/**
 * Picks who is on screen when not everybody fits: the first (oneself) always, then who spoke
 * last, then who came first. The order on screen stays the order of joining, so tiles move as
 * little as possible. spokeAt gives a time or undefined.
 */
export function pickVisible<T>(all: readonly T[], room: number, spokeAt: (one: T) => number | undefined): T[] {
  if (all.length <= room) return [...all];
  const ranked = all.map((one, i) => ({ one, i, rank: i === 0 ? Infinity : (spokeAt(one) ?? -i) }));
  ranked.sort((a, b) => b.rank - a.rank);
  return ranked
    .slice(0, Math.max(0, room))
    .sort((a, b) => a.i - b.i)
    .map((entry) => entry.one);
}
