// The call itself: pictures, dock, panel, messages.

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Call, Notice } from "../call/contract.ts";
import type { Server } from "../server/server.ts";
import { duration } from "./clock.ts";
import { copyText } from "./controls.tsx";
import { Chat } from "./chat.tsx";
import { unread } from "./chatlines.ts";
import { useConfirm } from "./confirm.tsx";
import { SettingsDialog, ShortcutsDialog } from "./dialogs.tsx";
import { Dock, canShareScreen, type PanelName } from "./dock.tsx";
import { sameItems, useCall, useKeys, useNow, useTitle } from "./hooks.ts";
import { menuOf } from "./hostmenu.tsx";
import { QualityDialog } from "./insight/hosted.tsx";
import * as icons from "./icons.tsx";
import { leaveMenu } from "./leave.ts";
import { OptionsDialog, RenameDialog } from "./meetingdialog.tsx";
import { useMenu } from "./menu.tsx";
import { moreMenu } from "./more.tsx";
import { Notices } from "./notices.tsx";
import { People } from "./people.tsx";
import { ProblemCard } from "./problem.tsx";
import type { Remedy } from "./problems.ts";
import { Reactions, reactionMenu } from "./reactions.tsx";
import { pathOfRoom } from "./rooms.ts";
import { Stage } from "./stage.tsx";
import { ids } from "./testids.ts";
import { delayLevel, transportShort, transportWords } from "./words.ts";

interface Props {
  call: Call;
  server: Server;
  room: string;
  onLeave: () => void;
  /** We are called something else. */
  onRenamed: (name: string) => void;
  onRemedy: (remedy: Remedy) => void;
}

type Dialog = "settings" | "shortcuts" | "options" | "rename" | "quality";

export function CallScreen({ call, server, room, onLeave, onRenamed, onRemedy }: Props): JSX.Element {
  const phase = useCall(call, (s) => s.phase);
  const problem = useCall(call, (s) => s.problem);
  const here = useCall(call, (s) => s.participants.length);
  const notices = useCall(call, (s) => s.notices, sameItems);
  const lines = useCall(call, (s) => s.chat);
  const [own, setOwn] = useState<readonly Notice[]>([]);
  const [panel, setPanel] = useState<PanelName>();
  const [dialog, setDialog] = useState<Dialog>();
  const [read, setRead] = useState("");
  const [menu, openMenu] = useMenu();
  const [question, ask] = useConfirm();
  const panelButtons = { people: useRef<HTMLButtonElement>(null), chat: useRef<HTMLButtonElement>(null) };
  const nextOwn = useRef(-1);
  useTitle(`${room} (${here}) · Parley`);
  useEffect(() => {
    if (panel === "chat") setRead(lines.at(-1)?.id ?? "");
  }, [panel, lines]);

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
  const closePanel = () => {
    if (panel) panelButtons[panel].current?.focus({ preventScroll: true });
    setPanel(undefined);
  };
  const togglePanel = (name: PanelName) => (panel === name ? closePanel() : setPanel(name));
  const toggleScreen = () => {
    if (canShareScreen() && call.state.offers.screen) void call.setScreen(!call.state.screenOn);
  };
  const toggleHand = () => call.raiseHand(!call.state.handUp);
  const leave = (anchor: HTMLElement) => {
    const choice = leaveMenu(call, onLeave);
    if (choice) openMenu(anchor, choice);
    else onLeave();
  };
  const more = (anchor: HTMLElement) =>
    openMenu(anchor, moreMenu(call, unread(lines, read), {
      hand: toggleHand,
      react: () => openMenu(anchor, reactionMenu(call)),
      chat: () => setPanel("chat"),
      rename: () => setDialog("rename"),
      options: () => setDialog("options"),
      quality: () => setDialog("quality"),
      shortcuts: () => setDialog("shortcuts"),
    }));
  const openTileMenu = (anchor: HTMLElement, sessionId: string) => {
    const participant = call.state.participants.find((p) => p.sessionId === sessionId);
    const content = participant && menuOf(call, participant, ask);
    if (content) openMenu(anchor, content);
  };

  useKeys({
    m: () => void call.setMic(!call.state.micOn),
    v: () => void call.setCamera(!call.state.cameraOn),
    s: toggleScreen,
    p: () => togglePanel("people"),
    c: () => call.state.offers.chat && togglePanel("chat"),
    h: toggleHand,
    "?": () => setDialog("shortcuts"),
    escape: () => (panel ? closePanel() : call.dismissProblem()),
  });

  const closeDialog = () => setDialog(undefined);
  return (
    <main class={`call ${panel ? "has-panel" : ""}`} data-testid={ids.call} data-phase={phase}>
      <header class="bar">
        <icons.Mark />
        <button type="button" class="bar-room" data-testid={ids.callRoom} data-tip="Copy invite link" onClick={() => void invite()}>
          <span>{room}</span>
          <icons.Link />
        </button>
        <Locked call={call} />
        <Timer call={call} />
        <span class="bar-space" />
        <TransportBadge call={call} />
      </header>
      <Stage call={call} link={link} onPeople={() => setPanel("people")} onInvite={() => void invite()} onTileMenu={openTileMenu} />
      {panel === "people" && (
        <People call={call} onClose={closePanel} onInvite={() => void invite()} onMenu={openMenu} onAsk={ask} onRename={() => setDialog("rename")} />
      )}
      {panel === "chat" && <Chat call={call} onClose={closePanel} />}
      <Dock
        call={call}
        panel={panel}
        unread={panel === "chat" ? 0 : unread(lines, read)}
        panelButtons={panelButtons}
        onScreen={toggleScreen}
        onPanel={togglePanel}
        onHand={toggleHand}
        onReact={(anchor) => openMenu(anchor, reactionMenu(call))}
        onMore={more}
        onSettings={() => setDialog("settings")}
        onInvite={() => void invite()}
        onLeave={leave}
      />
      <Reactions call={call} />
      <div class="overlay">
        {phase === "reconnecting" && (
          <div class="banner" role="status" data-testid={ids.banner}>
            <span class="spinner" /> Connection lost. Reconnecting, please stay.
          </div>
        )}
        {problem && <ProblemCard problem={problem} onAct={onRemedy} onDismiss={() => call.dismissProblem()} />}
        <Notices notices={[...notices, ...own]} onDone={done} onWaiting={() => setPanel("people")} />
      </div>
      {dialog === "settings" && <SettingsDialog call={call} onClose={closeDialog} />}
      {dialog === "shortcuts" && <ShortcutsDialog onClose={closeDialog} />}
      {dialog === "options" && <OptionsDialog call={call} onAsk={ask} onClose={closeDialog} />}
      {dialog === "quality" && <QualityDialog server={server} room={room} onClose={closeDialog} />}
      {dialog === "rename" && <RenameDialog call={call} onRenamed={onRenamed} onClose={closeDialog} />}
      {question}
      {menu}
    </main>
  );
}

/** Says that nobody new comes in. */
function Locked({ call }: { call: Call }): JSX.Element | null {
  const locked = useCall(call, (s) => s.meeting.options?.locked ?? false);
  if (!locked) return null;
  return (
    <span class="bar-locked" role="img" aria-label="The meeting is locked" data-testid={ids.callLocked}>
      <icons.Lock />
    </span>
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
