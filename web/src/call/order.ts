/** What comes out of Order: a packet, or how many are missing before the next one. */
export type Ordered<T> = { packet: T } | { lost: number };

/**
 * Order puts the audio packets of one sender into sequence before they are decoded. Audio
 * waits for nobody long: a missing packet is given up after `wait` ms and concealed.
 */
export class Order<T extends { sequence: number }> {
  private next = -1;
  private readonly held = new Map<number, T>();
  private since = 0;

  lost = 0;

  constructor(private readonly wait = 40) {}

  /** Takes a packet and returns what follows now, in order. */
  push(packet: T, now: number): Ordered<T>[] {
    const ahead = packet.sequence - this.next;
    if (this.next < 0 || ahead > 100 || ahead < -100 || (packet.sequence === 0 && this.next > 0)) {
      this.held.clear(); // the start, or a sender that started again
      this.next = packet.sequence;
    } else if (ahead < 0) {
      return []; // late: already concealed
    }
    if (this.held.size === 0) this.since = now;
    this.held.set(packet.sequence, packet);
    return this.release(now);
  }

  /** To be called now and then: gives up what is overdue. */
  expire(now: number): Ordered<T>[] {
    if (this.held.size === 0 || now - this.since < this.wait) return [];
    const first = Math.min(...this.held.keys());
    const lost = first - this.next;
    this.lost += lost;
    this.next = first;
    return [{ lost }, ...this.release(now)];
  }

  private release(now: number): Ordered<T>[] {
    const out: Ordered<T>[] = [];
    for (let p = this.held.get(this.next); p; p = this.held.get(this.next)) {
      this.held.delete(this.next++);
      out.push({ packet: p });
    }
    if (out.length > 0) this.since = now;
    return out;
  }
}
