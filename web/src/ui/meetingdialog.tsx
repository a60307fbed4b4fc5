// Dialogs about the meeting itself: its options, and one's name in it.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Call } from "../call/contract.ts";
import type { Change, MeetingOptions } from "../server/meetings.ts";
import type { Ask } from "./confirm.tsx";
import { Dialog } from "./controls.tsx";
import { useCall } from "./hooks.ts";
import { OptionSwitches } from "./options.tsx";
import { cleanName, MAX_NAME } from "./person.ts";
import { ids } from "./testids.ts";

const OPTIONS = ["locked", "waitingRoom", "admittedCanAdmit", "allowGuests", "attendeesOnly", "endOnHostLeave"] as const;

/** Options take effect as they are switched. */
export function OptionsDialog({ call, onAsk, onClose }: { call: Call; onAsk: Ask; onClose: () => void }): JSX.Element {
  const options = useCall(call, (s) => s.meeting.options);
  const hasPassword = useCall(call, (s) => s.meeting.hasPassword);
  const host = useCall(call, (s) => s.meeting.host);
  useEffect(() => {
    if (!host) onClose(); // somebody took the role away
  }, [host]);
  return (
    <Dialog testId={ids.options} closeId={ids.optionsClose} title="Meeting options" onClose={onClose}>
      <OptionsForm options={options} hasPassword={hasPassword} change={(part) => call.powers.change(part)} />
      <button
        type="button"
        class="button button-danger button-wide"
        data-testid={ids.optionsEnd}
        onClick={() =>
          onAsk({ title: "End the meeting?", text: "It is over for everybody who is in it.", action: "End for all", onYes: () => void call.powers.endForAll() })
        }
      >
        End meeting for all
      </button>
    </Dialog>
  );
}

interface FormProps {
  options: MeetingOptions | undefined; // undefined until known
  hasPassword: boolean;
  /** Ends when the server has answered. */
  change: (part: Change) => Promise<unknown>;
}

export function OptionsForm({ options, hasPassword, change: order }: FormProps): JSX.Element {
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [wanted, setWanted] = useState<Change>({}); // of what the server has not answered yet
  const change = async (part: Change) => {
    setBusy(true);
    setWanted((old) => ({ ...old, ...part }));
    await order(part);
    setWanted({});
    setBusy(false);
  };
  return (
    <>
      <OptionSwitches options={{ ...options, ...wanted }} of={OPTIONS} busy={options === undefined} onChange={(part) => void change(part)} />
      <form
        class="password-change"
        onSubmit={(event) => {
          event.preventDefault();
          void change({ password }).then(() => setPassword(""));
        }}
      >
        <label class="field">
          <span>{hasPassword ? "Another password" : "Password for newcomers"}</span>
          <input
            data-testid={ids.optionsPassword}
            value={password}
            maxLength={128}
            autoComplete="off"
            spellcheck={false}
            onInput={(event) => setPassword(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="button" data-testid={ids.optionsPasswordSet} disabled={busy || password === ""}>
          Set
        </button>
        {hasPassword && (
          <button type="button" class="button" data-testid={ids.optionsPasswordClear} disabled={busy} onClick={() => void change({ password: "" })}>
            No password
          </button>
        )}
      </form>
    </>
  );
}

export function RenameDialog({ call, onRenamed, onClose }: { call: Call; onRenamed: (name: string) => void; onClose: () => void }): JSX.Element {
  const [name, setName] = useState(() => call.state.participants.find((p) => p.self)?.name ?? "");
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    const clean = cleanName(name);
    if (clean === "") return;
    setBusy(true);
    const done = await call.powers.rename(clean);
    setBusy(false);
    if (!done) return;
    onRenamed(clean);
    onClose();
  };
  return (
    <Dialog testId={ids.renameDialog} closeId={ids.renameClose} title="Your name" onClose={onClose}>
      <form class="stack" onSubmit={(event) => void submit(event)}>
        <label class="field">
          <span>How others see you in this meeting</span>
          <input data-testid={ids.renameField} value={name} maxLength={MAX_NAME} autoComplete="name" onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <button type="submit" class="button button-primary button-wide" data-testid={ids.renameSubmit} disabled={busy || cleanName(name) === ""}>
          Change
        </button>
      </form>
    </Dialog>
  );
}
