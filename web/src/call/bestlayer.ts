// Voices of some clients come in layers, the same sound in several qualities. One of them is heard.

/** A layer has stopped when others had so many packets since its last, for so long, ms: whoever is silent sends none in any. */
const stoppedPackets = 5;
const stoppedFor = 150;

export class BestLayer {
  private current = -1;
  private heardAt = 0;
  private others = 0;

  /** Whether there is anything to choose. */
  layered = false;

  /** Says what to do with a packet of a layer: play it, leave it out, or begin anew with it. */
  take(layer: number, now: number): "play" | "skip" | "begin" {
    this.layered ||= layer > 0;
    if (layer < this.current) {
      this.others++;
      if (this.others < stoppedPackets || now - this.heardAt < stoppedFor) return "skip";
    }
    const first = this.current < 0;
    const same = layer === this.current;
    this.current = layer;
    this.heardAt = now;
    this.others = 0;
    return same || first ? "play" : "begin";
  }
}
