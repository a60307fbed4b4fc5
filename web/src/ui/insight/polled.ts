// What a view looks at again and again while it is open.

import { useEffect } from "preact/hooks";

/** Looks at something now and again while a view is there. */
export function usePolled(everyMs: number, of: readonly unknown[], look: (signal: AbortSignal) => Promise<void>): void {
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const turn = async () => {
      await look(stop.signal);
      if (!stop.signal.aborted) timer = setTimeout(() => void turn(), everyMs);
    };
    void turn();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, of);
}
