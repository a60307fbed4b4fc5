// A room as it is: who sends what to whom, and what is wrong.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { complaint } from "../../call/desk.ts";
import type { Server } from "../../server/server.ts";
import type { Diagnosis, Flow, Participant } from "../../server/telemetry.ts";
import { ids } from "../testids.ts";
import { Findings } from "./findings.tsx";
import { usePolled } from "./polled.ts";
import { called, flowWords, grade, kbps, keyOf, rates, screenGrade, screenWords, type Names } from "./words.ts";

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
      {(seen.participants.length > 0 || seen.findings.length > 0) && <Findings found={seen} names={names} />}
    </>
  );
}

/** Rows send, columns receive. */
export function FlowTable({ people, names }: { people: readonly Participant[]; names: Names }): JSX.Element {
  if (people.length === 0) return <p class="muted">Nothing was measured in the last seconds.</p>;
  return (
    <figure class="card flow-card">
      <figcaption id="flow-caption">Who sends what to whom: pictures, rate and delay</figcaption>
      <div class="flow-scroll" role="region" aria-labelledby="flow-caption" tabIndex={0}>
        <table class="flow-table" aria-labelledby="flow-caption" data-testid={ids.flowTable}>
          <thead>
            <tr>
              <th scope="col">From ↓ to →</th>
              {people.map((p) => (
                <th key={keyOf(p)} scope="col">
                  {called(names, p.participant, p.session)}
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
            {people.flatMap((from) => [
              <tr key={keyOf(from)}>
                <th scope="row">
                  {called(names, from.participant, from.session)}
                  <small>
                    sends {rates(from.sends)}
                    {from.server && ` · ${from.server}`}
                  </small>
                </th>
                {people.map((to) => (
                  <Cell key={keyOf(to)} from={from} to={to} />
                ))}
              </tr>,
              ...(from.sharing || people.some((to) => flowOf(from, to)?.screen) ? [<ScreenRow key={`${keyOf(from)} screen`} from={from} people={people} names={names} />] : []),
            ])}
          </tbody>
        </table>
      </div>
    </figure>
  );
}

/** How one device hears and sees another; clients may say only whose device that is. */
function flowOf(from: Participant, to: Participant): Flow | undefined {
  return to.from.find((one) => one.sender === from.participant && (one.session ?? from.session) === from.session);
}

function ScreenRow({ from, people, names }: { from: Participant; people: readonly Participant[]; names: Names }): JSX.Element {
  return (
    <tr>
      <th scope="row">
        Screen of {called(names, from.participant, from.session)}
        <small>{from.sends.screen_kbps > 0 ? kbps(from.sends.screen_kbps) : "does not change"}</small>
      </th>
      {people.map((to) => {
        if (from === to) return <td key={keyOf(to)} class="flow-self" aria-hidden="true" />;
        const screen = flowOf(from, to)?.screen;
        return screen ? (
          <Seen key={keyOf(to)} from={from} to={to} media="screen" grade={screenGrade(screen)} words={screenWords(screen)} rate={screen.kbps} />
        ) : (
          <Seen key={keyOf(to)} from={from} to={to} media="screen" grade="off" words="not reported" />
        );
      })}
    </tr>
  );
}

function Cell({ from, to }: { from: Participant; to: Participant }): JSX.Element {
  if (from === to) return <td class="flow-self" aria-hidden="true" />;
  const flow = flowOf(from, to);
  return flow ? (
    <Seen from={from} to={to} media="camera" grade={grade(flow)} words={flowWords(flow)} rate={flow.kbps} />
  ) : (
    <Seen from={from} to={to} media="camera" grade="off" words="not reported" />
  );
}

interface SeenProps {
  from: Participant;
  to: Participant;
  media: "camera" | "screen";
  grade: string;
  words: string;
  rate?: number; // kbit/s, absent when nothing is reported
}

function Seen({ from, to, media, grade, words, rate }: SeenProps): JSX.Element {
  return (
    <td class={`flow-${grade}`} data-testid={ids.flow} data-from={from.participant} data-to={to.participant} data-media={media} data-grade={rate === undefined ? undefined : grade}>
      {words}
      {rate !== undefined && (
        <svg class="flow-rate" viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label={kbps(rate)}>
          <rect width={100 * Math.min(1, rate / 2_000)} height="4" />
        </svg>
      )}
    </td>
  );
}
