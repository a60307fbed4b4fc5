// The row of buttons under the pictures.

import type { JSX, RefObject } from "preact";
import type { Call } from "../call/contract.ts";
import { Toggle } from "./controls.tsx";
import { useCall } from "./hooks.ts";
import * as icons from "./icons.tsx";
import { ids } from "./testids.ts";

export type PanelName = "people" | "chat";

interface Props {
  call: Call;
  panel: PanelName | undefined;
  unread: number; // lines of the chat
  panelButtons: Record<PanelName, RefObject<HTMLButtonElement | null>>;
  onScreen: () => void;
  onPanel: (panel: PanelName) => void;
  onHand: () => void;
  onReact: (anchor: HTMLElement) => void;
  onMore: (anchor: HTMLElement) => void;
  onSettings: () => void;
  onInvite: () => void;
  onLeave: (anchor: HTMLElement) => void;
}

/** Phones have no screen capture; there the button would only disappoint. */
export function canShareScreen(): boolean {
  return typeof navigator.mediaDevices?.getDisplayMedia === "function";
}

export function Dock(p: Props): JSX.Element {
  const micOn = useCall(p.call, (s) => s.micOn);
  const cameraOn = useCall(p.call, (s) => s.cameraOn);
  const screenOn = useCall(p.call, (s) => s.screenOn);
  const count = useCall(p.call, (s) => s.participants.length);
  const waiting = useCall(p.call, (s) => s.meeting.waiting.length);
  const offers = useCall(p.call, (s) => s.offers);
  const hand = useCall(p.call, (s) => s.handUp);
  return (
    <nav class="dock" aria-label="Call controls">
      <div class="dock-group">
        <Toggle
          testId={ids.dockMic}
          label="Microphone"
          tone="alert"
          shortcut="M"
          on={micOn}
          onIcon={<icons.Mic />}
          offIcon={<icons.MicOff />}
          tip={micOn ? "Mute" : "Unmute"}
          onToggle={() => void p.call.setMic(!micOn)}
        />
        <Toggle
          testId={ids.dockCamera}
          label="Camera"
          tone="alert"
          shortcut="V"
          on={cameraOn}
          onIcon={<icons.Camera />}
          offIcon={<icons.CameraOff />}
          tip={cameraOn ? "Camera off" : "Camera on"}
          onToggle={() => void p.call.setCamera(!cameraOn)}
        />
        {canShareScreen() && offers.screen && (
          <Toggle
            testId={ids.dockScreen}
            label="Share screen"
            tone="active"
            shortcut="S"
            on={screenOn}
            onIcon={<icons.ScreenStop />}
            offIcon={<icons.Screen />}
            tip={screenOn ? "Stop sharing" : "Share screen"}
            onToggle={p.onScreen}
          />
        )}
      </div>
      <div class="dock-group dock-wide">
        <Toggle
          testId={ids.dockHand}
          label="Raise hand"
          tone="active"
          shortcut="H"
          on={hand}
          onIcon={<icons.Hand />}
          offIcon={<icons.Hand />}
          tip={hand ? "Lower hand" : "Raise hand"}
          onToggle={p.onHand}
        />
        {offers.reactions && <Plain testId={ids.dockReact} label="React" icon={<icons.Smile />} menu onClick={p.onReact} />}
        {offers.chat && (
          <Toggle
            testId={ids.dockChat}
            label="Chat"
            tone="active"
            shortcut="C"
            on={p.panel === "chat"}
            onIcon={<icons.Chat />}
            offIcon={<icons.Chat />}
            tip="Chat"
            badge={p.unread || undefined}
            buttonRef={p.panelButtons.chat}
            onToggle={() => p.onPanel("chat")}
          />
        )}
      </div>
      <div class="dock-group">
        <Toggle
          testId={ids.dockPeople}
          label={waiting > 0 ? `People, ${waiting} waiting` : "People"}
          tone="active"
          shortcut="P"
          on={p.panel === "people"}
          onIcon={<icons.People />}
          offIcon={<icons.People />}
          tip="People"
          badge={waiting || count}
          alarm={waiting > 0}
          buttonRef={p.panelButtons.people}
          onToggle={() => p.onPanel("people")}
        />
        <Plain testId={ids.dockInvite} label="Copy invite link" icon={<icons.Link />} onClick={p.onInvite} />
        <Plain testId={ids.dockSettings} label="Camera and sound" icon={<icons.Settings />} onClick={p.onSettings} />
        <Plain testId={ids.dockMore} label="More" icon={<icons.More />} menu dot={p.unread > 0} onClick={p.onMore} />
      </div>
      <div class="dock-group">
        <button
          type="button"
          class="round leave"
          data-testid={ids.dockLeave}
          data-tip="Leave"
          aria-label="Leave the meeting"
          onClick={(event) => p.onLeave(event.currentTarget)}
        >
          <icons.Leave />
        </button>
      </div>
    </nav>
  );
}

interface PlainProps {
  testId: string;
  label: string;
  icon: JSX.Element;
  menu?: boolean; // opens one
  dot?: boolean; // there is news behind it
  onClick: (anchor: HTMLElement) => void;
}

function Plain({ testId, label, icon, menu, dot, onClick }: PlainProps): JSX.Element {
  return (
    <button
      type="button"
      class="round"
      data-testid={testId}
      data-tip={label}
      aria-label={dot ? `${label}, unread messages` : label}
      aria-haspopup={menu ? "menu" : undefined}
      onClick={(event) => onClick(event.currentTarget)}
    >
      {icon}
      {dot && <span class="round-dot" />}
    </button>
  );
}
