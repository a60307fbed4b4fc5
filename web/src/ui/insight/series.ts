// Counts of minutes as the columns of a chart.
import type { Point } from "../../server/telemetry.ts";

/** What of points is drawn: half and 95 % of what was measured, its sum, or how many there were. */
export type Lines = "spread" | "sum" | "count";

/** Times in Unix seconds, then one column for each line; null is nothing measured. */
export type Columns = [number[], ...(number | null)[][]];

const minute = 60_000;

/** The place of the last minute in which something was measured, else of the last one. */
export function lastMeasured([times, ...columns]: Columns): number {
  for (let i = times.length - 1; i >= 0; i--) {
    if (columns.some((column) => column[i] !== null)) return i;
  }
  return times.length - 1;
}

/** A number for a legend: "12 ms", "0.4 %". */
export function amount(value: number | null | undefined, unit: string): string {
  if (value === null || value === undefined) return "–";
  return `${value.toLocaleString(undefined, { maximumFractionDigits: value < 10 ? 1 : 0 })}${unit}`;
}

/** Every minute has a place: where nothing was measured there is a gap, where nothing happened 0. */
export function minutes(points: readonly Point[], from: number, to: number, lines: Lines): Columns {
  const first = Math.floor(from / minute);
  const last = Math.floor(to / minute);
  const times = Array.from({ length: last - first + 1 }, (_, i) => (first + i) * 60);
  const empty = () => times.map((): number | null => (lines === "spread" ? null : 0));
  const columns: Columns = lines === "spread" ? [times, empty(), empty()] : [times, empty()];
  for (const p of points) {
    const i = Math.floor(p.at / minute) - first;
    if (i < 0 || i >= times.length) continue;
    if (lines === "spread") {
      if (p.count === 0) continue;
      // Parts of a minute that are counted apart, such as by transport, show the worst of them.
      columns[1]![i] = Math.max(columns[1]![i] ?? 0, p.p50 ?? 0);
      columns[2]![i] = Math.max(columns[2]![i] ?? 0, p.p95 ?? 0);
    } else {
      columns[1]![i] = (columns[1]![i] ?? 0) + (lines === "sum" ? p.sum : p.count);
    }
  }
  return columns;
}
