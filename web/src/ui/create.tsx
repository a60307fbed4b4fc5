// A new meeting with its options.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { complaint } from "../call/desk.ts";
import { Denied } from "../server/http.ts";
import type { Draft, Meeting, MeetingOptions } from "../server/meetings.ts";
import { Dialog } from "./controls.tsx";
import { OptionSwitches, readAttendees } from "./options.tsx";
import { isRoom, newRoom } from "./rooms.ts";
import { ids } from "./testids.ts";

interface Props {
  create: (draft: Draft) => Promise<Meeting>;
  onCreated: (meeting: Meeting) => void;
  onClose: () => void;
}

const OPTIONS = ["waitingRoom", "admittedCanAdmit", "allowGuests", "endOnHostLeave", "attendeesOnly"] as const;

export function CreateDialog({ create, onCreated, onClose }: Props): JSX.Element {
  const [suggested] = useState(() => newRoom());
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [people, setPeople] = useState("");
  const [options, setOptions] = useState<Partial<MeetingOptions>>({ waitingRoom: true });
  const [error, setError] = useState<{ field?: string; text: string }>();
  const [busy, setBusy] = useState(false);

  const submit = async (event: Event) => {
    event.preventDefault();
    const id = name.trim().replace(/\s+/g, "-") || suggested;
    if (!isRoom(id)) return setError({ field: "meeting_id", text: "A name has letters, digits, - and _ only." });
    setBusy(true);
    try {
      const attendees = readAttendees(people);
      onCreated(await create({ id, ...options, ...(password && { password }), ...(attendees.length > 0 && { attendees }) }));
    } catch (err) {
      setError(explain(err));
      setBusy(false);
    }
  };
  const about = (field: string) => (error?.field === field ? error.text : undefined);

  return (
    <Dialog testId={ids.create} closeId={ids.createClose} title="New meeting" onClose={onClose}>
      <form class="stack" onSubmit={(event) => void submit(event)} noValidate>
        <label class="field">
          <span>Name</span>
          <input
            data-testid={ids.createName}
            value={name}
            maxLength={255}
            placeholder={suggested}
            autoCapitalize="none"
            autoComplete="off"
            spellcheck={false}
            aria-invalid={about("meeting_id") !== undefined}
            onInput={(event) => {
              setName(event.currentTarget.value);
              setError(undefined);
            }}
          />
        </label>
        <label class="field">
          <span>Password (if it needs one)</span>
          <input
            data-testid={ids.createPassword}
            value={password}
            maxLength={128}
            autoComplete="off"
            spellcheck={false}
            aria-invalid={about("password") !== undefined}
            onInput={(event) => {
              setPassword(event.currentTarget.value);
              setError(undefined);
            }}
          />
        </label>
        <OptionSwitches options={options} of={OPTIONS} onChange={(change) => setOptions({ ...options, ...change })} />
        {options.attendeesOnly && (
          <label class="field">
            <span>Who is on the list</span>
            <textarea
              data-testid={ids.createAttendees}
              rows={3}
              value={people}
              placeholder="One identity per line, such as an e-mail address"
              onInput={(event) => setPeople(event.currentTarget.value)}
            />
          </label>
        )}
        <p class="field-error" role="status" data-testid={ids.createError}>
          {error?.text}
        </p>
        <button type="submit" class="button button-primary button-wide" data-testid={ids.createSubmit} disabled={busy} aria-busy={busy}>
          Create meeting
        </button>
      </form>
    </Dialog>
  );
}

function explain(err: unknown): { field?: string; text: string } {
  if (!(err instanceof Denied)) return { text: complaint(err) };
  if (err.code === "MEETING_EXISTS") return { field: "meeting_id", text: "There is a meeting of that name. Choose another." };
  if (err.code === "INVALID_MEETING_ID") return { field: "meeting_id", text: err.message };
  return { ...(err.field !== undefined && { field: err.field }), text: err.message || complaint(err) };
}
