// One flag: its value for everyone or for one meeting, why, and what was before.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { complaint } from "../../call/desk.ts";
import type { Admin, Flag, FlagChange } from "../../server/admin.ts";
import { Dialog } from "../controls.tsx";
import { ids } from "../testids.ts";
import { shown } from "./flagwords.ts";
import { Changes } from "./record.tsx";

interface Props {
  admin: Admin;
  flag: Flag;
  onChanged: (flag: Flag) => void;
  onClose: () => void;
}

export function FlagDialog({ admin, flag, onChanged, onClose }: Props): JSX.Element {
  const [room, setRoom] = useState("");
  const [value, setValue] = useState(flag.value);
  const [reason, setReason] = useState("");
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const [history, setHistory] = useState<FlagChange[]>([]);

  useEffect(() => {
    const stop = new AbortController();
    admin.history(flag.name, stop.signal).then(setHistory, () => undefined); // the flag can be set without
    return () => stop.abort();
  }, [admin, flag]);

  const apply = async (to: string | undefined) => {
    setBusy(true);
    setError("");
    try {
      const changed = await admin.apply({ flag, room: room.trim(), reason: reason.trim(), ...(to !== undefined && { value: to }) });
      setReason("");
      onChanged(changed);
    } catch (err) {
      setError(complaint(err));
    }
    setBusy(false);
  };
  const isSet = room.trim() === "" ? flag.source === "admin" : room.trim() in flag.rooms;

  return (
    <Dialog testId={ids.flagDialog} closeId={ids.flagClose} title={flag.name} onClose={onClose}>
      <p class="lead">{flag.about}</p>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void apply(value);
        }}
      >
        <ValueField flag={flag} value={value} onValue={setValue} />
        <label class="field">
          <span>Only for the meeting (empty: for all)</span>
          <input data-testid={ids.flagRoom} value={room} autoComplete="off" autoCapitalize="none" spellcheck={false} onInput={(event) => setRoom(event.currentTarget.value)} />
        </label>
        <label class="field">
          <span>Reason, for the record</span>
          <input data-testid={ids.flagReason} value={reason} maxLength={500} autoComplete="off" onInput={(event) => setReason(event.currentTarget.value)} />
        </label>
        <p class="field-error" role="status" data-testid={ids.flagError}>
          {error}
        </p>
        <div class="dialog-actions">
          <button type="button" class="button" data-testid={ids.flagClear} disabled={busy || !isSet} onClick={() => void apply(undefined)}>
            Take back
          </button>
          <button type="submit" class="button button-primary" data-testid={ids.flagSet} disabled={busy}>
            Set
          </button>
        </div>
      </form>
      <p class="muted">
        Now {shown(flag, flag.value)}; {shown(flag, flag.usual)} by default.
      </p>
      <Changes list={history} testId={ids.flagHistory} />
    </Dialog>
  );
}

function ValueField({ flag, value, onValue }: { flag: Flag; value: string; onValue: (value: string) => void }): JSX.Element {
  const choices = flag.kind === "bool" ? ["true", "false"] : flag.oneOf;
  if (choices.length > 0) {
    return (
      <fieldset class="choices" data-testid={ids.flagValue}>
        <legend>Value</legend>
        {choices.map((choice) => (
          <label class="choice" key={choice}>
            <input type="radio" name="flag-value" data-testid={ids.flagChoice(choice)} checked={value === choice} onChange={() => onValue(choice)} />
            <span>
              <b>{shown(flag, choice)}</b>
            </span>
          </label>
        ))}
      </fieldset>
    );
  }
  const bounds = flag.min !== undefined && flag.max !== undefined ? ` (${flag.min} to ${flag.max})` : "";
  return (
    <label class="field">
      <span>Value{bounds}</span>
      <input
        data-testid={ids.flagValue}
        inputMode={flag.kind === "int" ? "numeric" : "text"}
        value={value}
        autoComplete="off"
        onInput={(event) => onValue(event.currentTarget.value)}
      />
    </label>
  );
}
