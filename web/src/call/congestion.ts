/** How long a report of a receiver counts, in milliseconds: the server repeats it every second. */
const memory = 5_000;

/**
 * Which receivers cannot keep up with us. The server skips frames for a slow receiver by
 * itself; sending less to everybody is right only when most of them are slow.
 */
export class Congestion {
  private reports = new Map<string, number>(); // when each receiver was last reported

  /** Takes a report and says whether most of the receivers are slow now. */
  reported(receiver: string, receivers: number, now: number): boolean {
    this.reports.set(receiver, now);
    for (const [user, at] of this.reports) if (now - at > memory) this.reports.delete(user);
    return this.reports.size * 2 > receivers;
  }
}
