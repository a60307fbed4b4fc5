// What happened in one connection, what continued what, and what was wrong meanwhile.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { complaint } from "../../call/desk.ts";
import type { CallEvent, CallSession, Diagnosis, Telemetry } from "../../server/telemetry.ts";
import { ids } from "../testids.ts";
import { Findings } from "./findings.tsx";
import { usePolled } from "./polled.ts";
import { after, called, endWords, eventWords, fieldWords, type Names } from "./words.ts";
import { place } from "./track.ts";

interface Props {
  telemetry: Telemetry;
  /** "" is all, and then each is told with its own. */
  room: string;
  sessions: readonly CallSession[];
  names: Names;
}

export function Timeline({ telemetry, room, sessions: all, names }: Props): JSX.Element {
  const sessions = all.filter((one) => !onlyTried(one));
  const [chosen, setChosen] = useState<string>();
  const session = sessions.find((one) => one.session === chosen) ?? sessions[0];
  if (!session) return <p class="muted">Nobody was connected lately.</p>;
  return (
    <section class="stack" aria-label="One connection">
      <label class="field">
        <span>Connection</span>
        <select data-testid={ids.timelineSession} value={session.session} onChange={(event) => setChosen(event.currentTarget.value)}>
          {sessions.map((one) => (
            <option key={one.session} value={one.session}>
              {`${called(names, one.source)}${one.room === room ? "" : ` in ${one.room ?? ""}`}, ${new Date(one.began_at).toLocaleString([], { dateStyle: "short", timeStyle: "short" })}, ${endWords(one)}`}
            </option>
          ))}
        </select>
      </label>
      <One key={session.session} telemetry={telemetry} room={session.room ?? room} session={session} names={names} />
    </section>
  );
}

/** Clients open several connections and keep the best: the others have nothing to tell. */
export function onlyTried({ labels, ended_at, reason, events }: CallSession): boolean {
  return labels["session"] !== undefined && ended_at !== undefined && reason === "bye" && events <= 4;
}

function One({ telemetry, room, session, names }: { telemetry: Telemetry; room: string; session: CallSession; names: Names }): JSX.Element {
  const [events, setEvents] = useState<CallEvent[]>();
  const [found, setFound] = useState<Diagnosis>();
  const [trouble, setTrouble] = useState("");
  usePolled(10_000, [telemetry, room, session.session], async (signal) => {
    try {
      const [all, diagnosis] = await Promise.all([telemetry.events(room, session.session, signal), telemetry.afterwards(room, session.session, signal)]);
      if (signal.aborted) return;
      setEvents(all);
      setFound(diagnosis);
      setTrouble("");
    } catch (err) {
      if (!signal.aborted) setTrouble(complaint(err));
    }
  });
  if (!events) return trouble ? <p class="field-error">{trouble}</p> : <span class="spinner" role="status" aria-label="Loading" />;
  const byNumber = new Map(events.map((event) => [event.seq, event]));
  const begin = events[0]?.at ?? 0;
  return (
    <>
      {trouble && <p class="field-error">{trouble}</p>}
      {found && <Findings found={found} names={names} timed />}
      <ol class="timeline card" data-testid={ids.timeline}>
        {events.map((event) => {
          const opened = event.link === undefined ? undefined : byNumber.get(event.link);
          const { left, width } = place(events, event, opened);
          const whom = event.fields?.["sender"] ?? event.fields?.["peer"];
          return (
            <li key={event.seq} class={`event event-${event.class}`} data-testid={ids.timelineEvent} data-name={event.name}>
              <span class="event-at">{after((event.at - begin) / 1000)}</span>
              <span class="event-text">
                <b>{eventWords(event.name)}</b>
                <small>
                  {[typeof whom === "string" && whom !== "" ? `of ${called(names, whom)}` : "", fieldWords(event)].filter((part) => part !== "").join(", ")}
                  {opened && ` · ${after((event.at - opened.at) / 1000)} after ${eventWords(opened.name).toLowerCase()}`}
                </small>
              </span>
              <svg class="event-track" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                <line x1="0" x2="100" y1="5" y2="5" />
                <rect x={left} width={width} y="2" height="6" rx="0.6" />
              </svg>
            </li>
          );
        })}
      </ol>
    </>
  );
}
