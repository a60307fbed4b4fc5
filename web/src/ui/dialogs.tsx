// The two dialogs of a call.

import type { JSX } from "preact";
import type { Call } from "../call/contract.ts";
import { DevicePickers, Dialog } from "./controls.tsx";
import { useCall } from "./hooks.ts";
import { ids } from "./testids.ts";
import { Picture } from "./tile.tsx";

export function SettingsDialog({ call, onClose }: { call: Call; onClose: () => void }): JSX.Element {
  const cameraOn = useCall(call, (s) => s.cameraOn);
  return (
    <Dialog testId={ids.settings} closeId={ids.settingsClose} title="Camera and sound" onClose={onClose}>
      <div class="settings-preview">
        <p>Your camera is off</p>
        {cameraOn && <Picture call={call} sessionId="self" source="camera" mirrored testId={ids.settingsPreview} />}
      </div>
      <DevicePickers call={call} meter />
    </Dialog>
  );
}

const KEYS: [string, string][] = [
  ["M", "Microphone on or off"],
  ["V", "Camera on or off"],
  ["S", "Share a screen, or stop"],
  ["P", "Show who is here"],
  ["C", "Show the chat"],
  ["H", "Raise or lower your hand"],
  ["←  →", "Move between tiles"],
  ["Enter", "Pin the tile, or unpin it"],
  ["?", "This list"],
  ["Esc", "Close what is open"],
];

export function ShortcutsDialog({ onClose }: { onClose: () => void }): JSX.Element {
  return (
    <Dialog testId={ids.shortcuts} closeId={ids.shortcutsClose} title="Keyboard" onClose={onClose}>
      <dl class="keys">
        {KEYS.map(([key, what]) => (
          <div key={key}>
            <dt>{what}</dt>
            <dd>
              <kbd>{key}</kbd>
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
