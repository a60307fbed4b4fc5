// A room as it is: who sends what to whom, and what is wrong.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { complaint } from "../../call/desk.ts";
import type { Server } from "../../server/server.ts";
import type { Diagnosis, Participant } from "../../server/telemetry.ts";
import { ids } from "../testids.ts";
import { Findings } from "./findings.tsx";
import { usePolled } from "./polled.ts";
import { called, flowWords, grade, kbps, rates, type Names } from "./words.ts";

/** How often to look, ms: the server samples what flows as often. */
const lookEvery = 2_000;

export function RoomNow({ server, room, names }: { server: Server; room: string; names: Names }): JSX.Element {
  const [seen, setSeen] = useState<Diagnosis>();
  const [trouble, setTrouble] = useState("");
  usePolled(lookEvery, [server, room], async (signal) => {
    if (room === "") return;
    try {
      const found = await server.telemetry.now(room, signal);
      if (!signal.aborted) setSeen(found);
      setTrouble("");
    } catch (err) {
      if (!signal.aborted) setTrouble(complaint(err));
    }
  });
  if (room === "") return <p class="muted">Nobody is in a call. Type the name of a meeting that was.</p>;
  if (!seen) return trouble ? <p class="field-error">{trouble}</p> : <span class="spinner" role="status" aria-label="Loading" />;
  return (
    <>
      {trouble && <p class="field-error">{trouble}</p>}
      <FlowTable people={seen.participants} names={names} />
      <Findings found={seen} names={names} />
    </>
  );
}

/** Rows send, columns receive. */
export function FlowTable({ people, names }: { people: readonly Participant[]; names: Names }): JSX.Element {
  if (people.length === 0) return <p class="muted">Nothing was measured in the last seconds.</p>;
  return (
    <div class="card flow-scroll">
      <table class="flow-table" data-testid={ids.flowTable}>
        <caption>Who sends what to whom: pictures, rate and delay</caption>
        <thead>
          <tr>
            <th scope="col">From ↓ to →</th>
            {people.map((p) => (
              <th key={p.participant} scope="col">
                {called(names, p.participant)}
                <small>
                  gets {rates(p.receives)}
                  {p.rtt_ms > 0 && ` · ${Math.round(p.rtt_ms)} ms round trip`}
                  {p.dropped >= 1 && ` · ${Math.round(p.dropped)} packets/s left out`}
                </small>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {people.map((from) => (
            <tr key={from.participant}>
              <th scope="row">
                {called(names, from.participant)}
                <small>
                  sends {rates(from.sends)}
                  {from.server && ` · ${from.server}`}
                </small>
              </th>
              {people.map((to) => (
                <Cell key={to.participant} from={from} to={to} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cell({ from, to }: { from: Participant; to: Participant }): JSX.Element {
  if (from === to) return <td class="flow-self" aria-hidden="true" />;
  const flow = to.from.find((one) => one.sender === from.participant);
  if (!flow) {
    return (
      <td class="flow-off" data-testid={ids.flow} data-from={from.participant} data-to={to.participant}>
        not reported
      </td>
    );
  }
  const wide = Math.min(1, flow.kbps / 2_000);
  return (
    <td class={`flow-${grade(flow)}`} data-testid={ids.flow} data-from={from.participant} data-to={to.participant} data-grade={grade(flow)}>
      {flowWords(flow)}
      <svg class="flow-rate" viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label={kbps(flow.kbps)}>
        <rect width={100 * wide} height="4" />
      </svg>
    </td>
  );
}
