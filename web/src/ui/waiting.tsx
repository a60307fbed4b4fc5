// Who waits to come in, for those who may decide.

import type { JSX } from "preact";
import type { Call, Waiting } from "../call/contract.ts";
import { count } from "./clock.ts";
import { useCall } from "./hooks.ts";
import { ids } from "./testids.ts";
import { Avatar } from "./tile.tsx";

export function WaitingList({ call }: { call: Call }): JSX.Element | null {
  const waiting = useCall(call, (s) => s.meeting.waiting);
  if (waiting.length === 0) return null;
  return (
    <section class="waiting" aria-label="Waiting room" data-testid={ids.waitingList}>
      <header class="waiting-head">
        <h3>{count(waiting.length, "person waits", "people wait")}</h3>
        {waiting.length > 1 && (
          <button type="button" class="button button-small" data-testid={ids.admitAll} onClick={() => void call.powers.admitAll()}>
            Admit all
          </button>
        )}
      </header>
      <ul>
        {waiting.map((w) => (
          <Row key={w.userId} call={call} person={w} />
        ))}
      </ul>
    </section>
  );
}

function Row({ call, person: w }: { call: Call; person: Waiting }): JSX.Element {
  return (
    <li class="roster-row" data-testid={ids.waitingRow} data-user={w.userId}>
      <Avatar userId={w.userId} name={w.name} />
      <span class="roster-name">
        <b>{w.name}</b>
        {w.guest && <small>Guest</small>}
      </span>
      <button type="button" class="button button-small" data-testid={ids.reject} aria-label={`Turn ${w.name} away`} onClick={() => void call.powers.reject(w.userId)}>
        Deny
      </button>
      <button
        type="button"
        class="button button-small button-primary"
        data-testid={ids.admit}
        aria-label={`Let ${w.name} in`}
        onClick={() => void call.powers.admit(w.userId)}
      >
        Admit
      </button>
    </li>
  );
}
