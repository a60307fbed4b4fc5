// Why a call is bad, or was, in plain words with the evidence.

import type { JSX } from "preact";
import type { Diagnosis, Finding } from "../../server/telemetry.ts";
import { ids } from "../testids.ts";
import { called, headline, keyOf, measuredBy, place, type Names } from "./words.ts";

interface Props {
  found: Diagnosis;
  names: Names;
  timed?: boolean; // say when
}

export function Findings({ found, names, timed = false }: Props): JSX.Element {
  return (
    <section class="stack" aria-label="What is wrong">
      {found.findings.length === 0 && (
        <p class="muted" data-testid={ids.findingsNone}>
          Nothing is wrong, as far as is known.
        </p>
      )}
      <ul class="findings">
        {found.findings.map((f) => (
          <li key={`${keyOf(f)} ${f.direction} ${f.media} ${f.cause} ${f.at ?? ""}/${f.at_session ?? ""} ${timed ? f.from : ""}`}>
            <One finding={f} names={names} timed={timed} />
          </li>
        ))}
      </ul>
      {found.unknown.length > 0 && (
        <details class="unknown" data-testid={ids.unknown}>
          <summary>What is not known ({found.unknown.length})</summary>
          <ul>
            {found.unknown.map((gap, i) => (
              <li key={i}>
                {gap.participant && <b>{called(names, gap.participant, gap.session)}: </b>}
                {gap.words}
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function One({ finding: f, names, timed }: { finding: Finding; names: Names; timed: boolean }): JSX.Element {
  const clock = (at: number) => new Date(at).toLocaleTimeString();
  return (
    <article class="card finding" data-testid={ids.finding} data-cause={f.cause} data-direction={f.direction} data-media={f.media} data-participant={f.participant}>
      <header>
        <h3>{headline(f, names)}</h3>
        <span class={`state finding-${f.cause}`}>
          {place(f, names)}
          {!f.sure && f.cause !== "unknown" && ", possibly"}
        </span>
      </header>
      {timed && (
        <small>
          {clock(f.from)} to {clock(f.to)}
        </small>
      )}
      <p>{f.words}</p>
      <ul class="facts">
        {f.evidence.map((fact, i) => (
          <li key={i} data-measure={fact.measure}>
            {fact.words} <small>Measured by {measuredBy(fact, names)}.</small>
          </li>
        ))}
      </ul>
    </article>
  );
}
