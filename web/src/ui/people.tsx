// The list of everybody in the meeting: a column beside the pictures, a sheet on a phone.

import type { JSX } from "preact";
import type { Call, Participant } from "../call/contract.ts";
import { count } from "./clock.ts";
import type { Ask } from "./confirm.tsx";
import { menuOf } from "./hostmenu.tsx";
import { sameItems, useCall } from "./hooks.ts";
import * as icons from "./icons.tsx";
import type { OpenMenu } from "./menu.tsx";
import { Panel } from "./panel.tsx";
import { ids } from "./testids.ts";
import { Avatar, QualityBars } from "./tile.tsx";
import { WaitingList } from "./waiting.tsx";
import { transportName } from "./words.ts";

interface Props {
  call: Call;
  onClose: () => void;
  onInvite: () => void;
  onMenu: OpenMenu;
  onAsk: Ask;
  onRename: () => void;
}

export function People({ call, onClose, onInvite, onMenu, onAsk, onRename }: Props): JSX.Element {
  const people = useCall(call, (s) => s.participants, sameItems);
  const host = useCall(call, (s) => s.meeting.host);
  // Who wants to speak comes first, and oneself.
  const sorted = [...people].sort((a, b) => Number(b.self) - Number(a.self) || Number(b.hand) - Number(a.hand));
  return (
    <Panel
      testId={ids.participantsPanel}
      closeId={ids.participantsClose}
      title="People"
      about={`${count(people.length, "person", "people")} in the meeting`}
      closeLabel="Close people"
      onClose={onClose}
    >
      <div class="panel-scroll">
        <WaitingList call={call} />
        <ul class="roster">
          {sorted.map((p) => (
            <Row key={p.sessionId} call={call} person={p} host={host} onMenu={onMenu} onAsk={onAsk} onRename={onRename} />
          ))}
        </ul>
      </div>
      <footer class="panel-foot">
        {host && people.length > 1 && (
          <button type="button" class="button button-wide" data-testid={ids.muteAll} onClick={() => void call.powers.muteAll()}>
            <icons.MicOff /> Mute all
          </button>
        )}
        <button type="button" class="button button-wide" data-testid={ids.participantsInvite} onClick={onInvite}>
          <icons.Link /> Copy invite link
        </button>
      </footer>
    </Panel>
  );
}

interface RowProps {
  call: Call;
  person: Participant;
  host: boolean; // we are
  onMenu: OpenMenu;
  onAsk: Ask;
  onRename: () => void;
}

function Row({ call, person: p, host, onMenu, onAsk, onRename }: RowProps): JSX.Element {
  return (
    <li class={`roster-row ${p.speaking && p.audio ? "is-speaking" : ""}`} data-testid={ids.participant(p.sessionId)} data-host={String(p.host)} data-hand={String(p.hand)}>
      <Avatar userId={p.userId} name={p.name} />
      <span class="roster-name">
        <b>{p.name}</b>
        <small>{describe(p, host)}</small>
      </span>
      {p.hand && (
        <span class="roster-mark is-hand" role="img" aria-label="Hand raised">
          <icons.Hand />
        </span>
      )}
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
      {!p.self && !host && <QualityBars quality={p.quality} />}
      {p.self && !p.guest ? (
        <button type="button" class="plain-round" data-testid={ids.rename} aria-label="Change your name" onClick={onRename}>
          <icons.Pencil />
        </button>
      ) : (
        host &&
        !p.self && (
          <button
            type="button"
            class="plain-round"
            data-testid={ids.participantMenu}
            aria-label={`What to do with ${p.name}`}
            aria-haspopup="menu"
            onClick={(event) => {
              const menu = menuOf(call, p, onAsk);
              if (menu) onMenu(event.currentTarget, menu);
            }}
          >
            <icons.More />
          </button>
        )
      )}
    </li>
  );
}

/** For a host, whose rows have a menu as well, shorter. */
function describe(p: Participant, host: boolean): string {
  const parts = [];
  if (p.self) parts.push("You");
  if (p.host) parts.push("Host");
  if (p.guest) parts.push("Guest");
  if (p.screen) parts.push("Sharing a screen");
  else if (p.speaking && p.audio) parts.push("Speaking");
  if (p.transport && !host) parts.push(transportName(p.transport));
  return parts.join(" · ");
}
