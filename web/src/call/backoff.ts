/** Milliseconds to wait before reconnection attempt n (from 1): doubles up to a cap that grows
 * with patience, and up to half of jitter, at the cap as well, so that those whom a busy server
 * has refused do not all come again at the same moment. */
export function backoff(attempt: number, random: () => number = Math.random): number {
  const cap = attempt <= 5 ? 2_000 : attempt <= 15 ? 10_000 : 30_000;
  const base = Math.min(cap, 500 * 2 ** Math.min(attempt - 1, 10));
  return base * (1 + 0.5 * random());
}

/** Whether a close code tells the client to stay away: 3500 to 3999, and policy violation. */
export function isFinal(closeCode: number): boolean {
  return (closeCode >= 3500 && closeCode <= 3999) || closeCode === 1008;
}
