// Whether anybody looks at the page: in the background it needs sound only.
import type { Cancel, Clock } from "./clock.ts";

/** Who comes back to the page sooner misses nothing, ms. */
const backgroundAfter = 5_000;

export class Looks {
  /** Whether somebody looks. */
  at = true;
  private turning?: Cancel;
  private readonly turned = () => {
    this.turning?.();
    if (document.hidden) this.turning = this.clock.after(backgroundAfter, () => this.look(false));
    else this.look(true);
  };

  constructor(
    private readonly clock: Clock,
    private readonly changed: () => void,
  ) {
    document.addEventListener("visibilitychange", this.turned);
  }

  close(): void {
    this.turning?.();
    document.removeEventListener("visibilitychange", this.turned);
  }

  private look(at: boolean): void {
    this.at = at;
    this.changed();
  }
}
