// The call itself: pictures, dock, panel, messages.

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Call, Notice } from "../call/contract.ts";
import { duration } from "./clock.ts";
import { copyText } from "./controls.tsx";
import { SettingsDialog, ShortcutsDialog } from "./dialogs.tsx";
import { Dock, canShareScreen } from "./dock.tsx";
import { sameItems, useCall, useKeys, useNow, useTitle } from "./hooks.ts";
import * as icons from "./icons.tsx";
import { Notices } from "./notices.tsx";
import { People } from "./people.tsx";
import { ProblemCard } from "./problem.tsx";
import type { Remedy } from "./problems.ts";
import { pathOfRoom } from "./rooms.ts";
import { Stage } from "./stage.tsx";
import { ids } from "./testids.ts";
import { delayLevel, transportShort, transportWords } from "./words.ts";

interface Props {
  call: Call;
  room: string;
  onLeave: () => void;
  onRemedy: (remedy: Remedy) => void;
}

type Dialog = "settings" | "shortcuts";

export function CallScreen({ call, room, onLeave, onRemedy }: Props): JSX.Element {
  const phase = useCall(call, (s) => s.phase);
  const problem = useCall(call, (s) => s.problem);
  const here = useCall(call, (s) => s.participants.length);
  const notices = useCall(call, (s) => s.notices, sameItems);
  const [own, setOwn] = useState<readonly Notice[]>([]);
  const [people, setPeople] = useState(false);
  const [dialog, setDialog] = useState<Dialog>();
  const peopleButton = useRef<HTMLButtonElement>(null);
  const nextOwn = useRef(-1);
  useTitle(`${room} (${here}) · Parley`);

  const link = `${location.origin}${pathOfRoom(room)}`;
  const say = (kind: Notice["kind"], text: string) => setOwn((list) => [...list, { id: nextOwn.current--, kind, text }]);
  const done = (id: number) => (id < 0 ? setOwn((list) => list.filter((n) => n.id !== id)) : call.dismissNotice(id));

  const invite = async () => {
    if (navigator.share && matchMedia("(pointer: coarse)").matches) {
      try {
        return await navigator.share({ title: "Join me on Parley", url: link });
      } catch (err) {
        if (err instanceof DOMException && err.name === "AbortError") return; // changed their mind
      }
    }
    if (await copyText(link)) say("info", "Invite link copied");
    else say("warning", `Copy this link: ${link}`);
  };
  const closePeople = () => {
    setPeople(false);
    peopleButton.current?.focus({ preventScroll: true });
  };
  const toggleScreen = () => {
    if (canShareScreen()) void call.setScreen(!call.state.screenOn);
  };

  useKeys({
    m: () => void call.setMic(!call.state.micOn),
    v: () => void call.setCamera(!call.state.cameraOn),
    s: toggleScreen,
    p: () => (people ? closePeople() : setPeople(true)),
    "?": () => setDialog("shortcuts"),
    escape: () => (people ? closePeople() : call.dismissProblem()),
  });

  return (
    <main class={`call ${people ? "has-panel" : ""}`} data-testid={ids.call} data-phase={phase}>
      <header class="bar">
        <icons.Mark />
        <button type="button" class="bar-room" data-testid={ids.callRoom} data-tip="Copy invite link" onClick={() => void invite()}>
          <span>{room}</span>
          <icons.Link />
        </button>
        <Timer call={call} />
        <span class="bar-space" />
        <TransportBadge call={call} />
      </header>
      <Stage call={call} link={link} onPeople={() => setPeople(true)} onInvite={() => void invite()} />
      {people && <People call={call} onClose={closePeople} onInvite={() => void invite()} />}
      <Dock
        call={call}
        peopleOpen={people}
        peopleButton={peopleButton}
        onScreen={toggleScreen}
        onPeople={() => (people ? closePeople() : setPeople(true))}
        onSettings={() => setDialog("settings")}
        onShortcuts={() => setDialog("shortcuts")}
        onInvite={() => void invite()}
        onLeave={onLeave}
      />
      <div class="overlay">
        {phase === "reconnecting" && (
          <div class="banner" role="status" data-testid={ids.banner}>
            <span class="spinner" /> Connection lost. Reconnecting, please stay.
          </div>
        )}
        {problem && <ProblemCard problem={problem} onAct={onRemedy} onDismiss={() => call.dismissProblem()} />}
        <Notices notices={[...notices, ...own]} onDone={done} />
      </div>
      {dialog === "settings" && <SettingsDialog call={call} onClose={() => setDialog(undefined)} />}
      {dialog === "shortcuts" && <ShortcutsDialog onClose={() => setDialog(undefined)} />}
    </main>
  );
}

function Timer({ call }: { call: Call }): JSX.Element | null {
  const startedAt = useCall(call, (s) => s.startedAt);
  const now = useNow(1_000);
  if (startedAt === undefined) return null;
  return (
    <span class="timer" role="timer" data-testid={ids.callTimer} aria-label="Time since the meeting started">
      {duration(now - startedAt)}
    </span>
  );
}

function TransportBadge({ call }: { call: Call }): JSX.Element {
  const kind = useCall(call, (s) => s.transport);
  const rtt = useCall(call, (s) => (s.rttMs === undefined ? undefined : Math.round(s.rttMs)));
  const lost = useCall(call, (s) => s.phase === "reconnecting");
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const away = (event: Event) => {
      if (event instanceof KeyboardEvent ? event.key === "Escape" : !box.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", away);
    document.addEventListener("keydown", away);
    return () => {
      document.removeEventListener("pointerdown", away);
      document.removeEventListener("keydown", away);
    };
  }, [open]);
  return (
    <div class="badge-box" ref={box}>
      <button
        type="button"
        class={`badge badge-${lost ? "poor" : delayLevel(kind, rtt)}`}
        data-testid={ids.transportBadge}
        data-transport={kind}
        data-rtt={rtt}
        aria-expanded={open}
        aria-label={transportWords(kind, rtt)}
        onClick={() => setOpen(!open)}
      >
        <i class="dot" />
        <span>{lost ? "Reconnecting" : transportShort(kind, rtt)}</span>
      </button>
      {open && (
        <p class="badge-details" role="status" data-testid={ids.transportDetails}>
          {transportWords(kind, rtt)}
        </p>
      )}
    </div>
  );
}
