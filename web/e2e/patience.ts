// Waiting: always for something, always with a deadline and a reason.

/** Milliseconds; generous, because nothing waits longer than it has to. */
export const patience = 90_000;

/** Asks until there is an answer other than undefined or false; throws with the reason when there is none in time. */
export async function eventually<T>(reason: string | (() => string), ask: () => T | Promise<T>, within = patience): Promise<Exclude<T, undefined | false>> {
  const deadline = Date.now() + within;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>;
    if (Date.now() > deadline) throw new Error(`waited ${within / 1000} s for ${typeof reason === "string" ? reason : reason()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
