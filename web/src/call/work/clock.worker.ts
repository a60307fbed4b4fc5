// Timers for the page, at full pace even when the page is hidden.
const running = new Map<number, number>();

self.onmessage = (e: MessageEvent<{ id: number; ms?: number; once?: boolean }>) => {
  const { id, ms, once } = e.data;
  if (ms === undefined) {
    const timer = running.get(id);
    running.delete(id);
    clearTimeout(timer); // clears intervals as well
    return;
  }
  if (once) {
    running.set(
      id,
      self.setTimeout(() => {
        running.delete(id);
        self.postMessage(id);
      }, ms),
    );
  } else {
    running.set(id, self.setInterval(() => self.postMessage(id), ms));
  }
};
