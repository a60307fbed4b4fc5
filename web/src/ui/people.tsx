// The list of everybody in the meeting: a column beside the pictures, a sheet on a phone.

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Call, Participant } from "../call/contract.ts";
import { count } from "./clock.ts";
import { sameItems, useCall } from "./hooks.ts";
import * as icons from "./icons.tsx";
import { ids } from "./testids.ts";
import { Avatar, QualityBars } from "./tile.tsx";
import { transportName } from "./words.ts";

interface Props {
  call: Call;
  onClose: () => void;
  onInvite: () => void;
}

export function People({ call, onClose, onInvite }: Props): JSX.Element {
  const people = useCall(call, (s) => s.participants, sameItems);
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => close.current?.focus({ preventScroll: true }), []);
  return (
    <>
      <div class="sheet-shade" onClick={onClose} />
      <aside class="panel" data-testid={ids.participantsPanel} aria-label="People">
        <header class="panel-head">
          <div>
            <h2>People</h2>
            <p>{count(people.length, "person", "people")} in the meeting</p>
          </div>
          <button ref={close} type="button" class="plain-round" data-testid={ids.participantsClose} aria-label="Close people" onClick={onClose}>
            <icons.Close />
          </button>
        </header>
        <ul class="roster">
          {people.map((p) => (
            <Row key={p.sessionId} person={p} />
          ))}
        </ul>
        <footer class="panel-foot">
          <button type="button" class="button button-wide" data-testid={ids.participantsInvite} onClick={onInvite}>
            <icons.Link /> Copy invite link
          </button>
        </footer>
      </aside>
    </>
  );
}

function Row({ person: p }: { person: Participant }): JSX.Element {
  return (
    <li class={`roster-row ${p.speaking && p.audio ? "is-speaking" : ""}`} data-testid={ids.participant(p.sessionId)}>
      <Avatar userId={p.userId} name={p.name} />
      <span class="roster-name">
        <b>{p.name}</b>
        <small>{describe(p)}</small>
      </span>
      {p.screen && (
        <span class="roster-mark" role="img" aria-label="Shares a screen">
          <icons.Screen />
        </span>
      )}
      <span class={`roster-mark ${p.video ? "" : "is-off"}`} role="img" aria-label={p.video ? "Camera on" : "Camera off"}>
        {p.video ? <icons.Camera /> : <icons.CameraOff />}
      </span>
      <span class={`roster-mark ${p.audio ? "" : "is-off"}`} role="img" aria-label={p.audio ? "Microphone on" : "Microphone off"}>
        {p.audio ? <icons.Mic /> : <icons.MicOff />}
      </span>
      {!p.self && <QualityBars quality={p.quality} />}
    </li>
  );
}

function describe(p: Participant): string {
  const parts = [];
  if (p.self) parts.push("You");
  if (p.screen) parts.push("Sharing a screen");
  else if (p.speaking && p.audio) parts.push("Speaking");
  if (p.transport) parts.push(transportName(p.transport));
  return parts.join(" · ");
}
