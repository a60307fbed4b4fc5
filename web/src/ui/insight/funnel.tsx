// How many of those who began got there, and how long it took.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { complaint } from "../../call/desk.ts";
import type { Funnel, Telemetry } from "../../server/telemetry.ts";
import { ids } from "../testids.ts";
import { usePolled } from "./polled.ts";
import { eventWords, lasting, share } from "./words.ts";

/** Kinds that begin: connecting, joining, hearing and seeing somebody, coming back. */
const BEGINNINGS: [number, string][] = [
  [21, "Connecting"],
  [30, "Joining"],
  [35, "Waiting to be let in"],
  [50, "First sound or picture of somebody"],
  [70, "Coming back after a lost connection"],
];

export function Funnels({ telemetry, room }: { telemetry: Telemetry; room: string }): JSX.Element {
  const [since, setSince] = useState<number>();
  return (
    <section class="stack" aria-label="Getting in">
      <p class="muted">
        Of the last day, on all nodes.
        {since !== undefined && ` Counted since ${new Date(since).toLocaleTimeString()}: a minute before, there was another meeting of this name.`}
      </p>
      {BEGINNINGS.map(([kind, title]) => (
        <One key={kind} kind={kind} title={title} telemetry={telemetry} room={room} onSince={setSince} />
      ))}
    </section>
  );
}

interface OneProps {
  kind: number;
  title: string;
  telemetry: Telemetry;
  room: string;
  onSince: (since: number | undefined) => void;
}

function One({ kind, title, telemetry, room, onSince }: OneProps): JSX.Element {
  const [funnel, setFunnel] = useState<Funnel>();
  const [trouble, setTrouble] = useState("");
  usePolled(5_000, [telemetry, room, kind], async (signal) => {
    try {
      const found = await telemetry.funnel(room, kind, signal);
      if (signal.aborted) return;
      setFunnel(found);
      onSince(found.since);
      setTrouble("");
    } catch (err) {
      if (!signal.aborted) setTrouble(complaint(err));
    }
  });
  return (
    <article class="card funnel" data-testid={ids.funnel(kind)}>
      <h3>{title}</h3>
      {trouble && <p class="field-error">{trouble}</p>}
      {funnel?.started === 0 && funnel.stages.length === 0 && <p class="muted">Nobody, on the last day.</p>}
      {funnel && (funnel.started > 0 || funnel.stages.length > 0) && (
        <ul>
          <Stage name="Began" count={funnel.started} of={funnel.started} />
          {funnel.stages.map((stage) => (
            <Stage key={stage.kind} name={stage.name} count={stage.count} of={funnel.started} failed={stage.class === "failure"} p50={stage.p50} p95={stage.p95} />
          ))}
        </ul>
      )}
    </article>
  );
}

interface StageProps {
  name: string;
  count: number;
  of: number;
  failed?: boolean;
  p50?: number | undefined;
  p95?: number | undefined;
}

function Stage({ name, count, of, failed = false, p50, p95 }: StageProps): JSX.Element {
  const wide = of > 0 ? Math.min(1, count / of) : 0;
  return (
    <li class={failed ? "is-failed" : ""} data-testid={ids.funnelStage} data-name={name} data-count={count}>
      <span>
        <b>{eventWords(name)}</b> {count} · {share(count, of)}
        {p50 !== undefined && <small> half within {lasting(p50)}</small>}
        {p95 !== undefined && <small>, 95 % within {lasting(p95)}</small>}
      </span>
      <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
        <rect class="funnel-whole" width="100" height="8" />
        <rect class="funnel-part" width={100 * wide} height="8" />
      </svg>
    </li>
  );
}
