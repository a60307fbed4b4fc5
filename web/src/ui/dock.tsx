// The row of buttons under the pictures.

import type { JSX, RefObject } from "preact";
import type { Call } from "../call/contract.ts";
import { Toggle } from "./controls.tsx";
import { useCall } from "./hooks.ts";
import * as icons from "./icons.tsx";
import { ids } from "./testids.ts";

interface Props {
  call: Call;
  peopleOpen: boolean;
  peopleButton: RefObject<HTMLButtonElement | null>;
  onScreen: () => void;
  onPeople: () => void;
  onSettings: () => void;
  onShortcuts: () => void;
  onInvite: () => void;
  onLeave: () => void;
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
        {canShareScreen() && (
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
      <div class="dock-group">
        <Toggle
          testId={ids.dockPeople}
          label="People"
          tone="active"
          shortcut="P"
          on={p.peopleOpen}
          onIcon={<icons.People />}
          offIcon={<icons.People />}
          tip="People"
          badge={count}
          buttonRef={p.peopleButton}
          onToggle={p.onPeople}
        />
        <Plain testId={ids.dockInvite} label="Copy invite link" icon={<icons.Link />} onClick={p.onInvite} />
        <Plain testId={ids.dockSettings} label="Camera and sound" icon={<icons.Settings />} onClick={p.onSettings} />
        <Plain testId={ids.dockShortcuts} label="Keyboard" icon={<icons.Keyboard />} onClick={p.onShortcuts} extra="dock-keys" shortcut="?" />
      </div>
      <div class="dock-group">
        <button type="button" class="round leave" data-testid={ids.dockLeave} data-tip="Leave" aria-label="Leave the meeting" onClick={p.onLeave}>
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
  extra?: string;
  shortcut?: string;
  onClick: () => void;
}

function Plain({ testId, label, icon, extra, shortcut, onClick }: PlainProps): JSX.Element {
  return (
    <button
      type="button"
      class={`round ${extra ?? ""}`}
      data-testid={testId}
      data-tip={shortcut ? `${label}  ·  ${shortcut}` : label}
      aria-label={label}
      aria-keyshortcuts={shortcut}
      onClick={onClick}
    >
      {icon}
    </button>
  );
}
