// Where on a line of the whole time an event is.
import type { CallEvent } from "../../server/telemetry.ts";

/** Least width of a mark, percent. */
const least = 0.8;

/** In percent: from what it continues, if it continues something, until it happened. */
export function place(all: readonly CallEvent[], event: CallEvent, opened?: CallEvent): { left: number; width: number } {
  const times = all.map(({ at }) => at);
  const begin = Math.min(...times);
  const whole = Math.max(1, Math.max(...times) - begin);
  const from = (100 * ((opened ?? event).at - begin)) / whole;
  const to = (100 * (event.at - begin)) / whole;
  const width = Math.max(least, to - from);
  return { left: Math.min(Math.max(0, from), 100 - least), width: Math.min(width, 100) };
}
