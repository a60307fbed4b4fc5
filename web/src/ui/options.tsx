// The options of a meeting as switches: for a new one, and during a call.

import type { JSX } from "preact";
import type { MeetingOptions } from "../server/meetings.ts";
import { ids } from "./testids.ts";

const WORDS: Record<keyof MeetingOptions, [title: string, about: string]> = {
  locked: ["Lock the meeting", "Nobody new comes in, not even to wait."],
  waitingRoom: ["Waiting room", "Who comes waits until somebody lets them in."],
  admittedCanAdmit: ["Everybody may let people in", "Not only hosts see who waits, and decide."],
  allowGuests: ["Guests", "People without an account may ask to come in."],
  attendeesOnly: ["Only people on the list", "Others cannot even ask."],
  endOnHostLeave: ["End when the host leaves", "The meeting is over for all when the last host leaves it."],
};

interface Props {
  options: Partial<MeetingOptions>;
  /** Which ones, in this order. */
  of: readonly (keyof MeetingOptions)[];
  busy?: boolean;
  onChange: (change: Partial<MeetingOptions>) => void;
}

export function OptionSwitches({ options, of, busy, onChange }: Props): JSX.Element {
  return (
    <ul class="switches">
      {of.map((key) => (
        <li key={key}>
          <Switch
            testId={ids.option(key)}
            title={WORDS[key][0]}
            about={WORDS[key][1]}
            on={options[key] ?? false}
            disabled={busy ?? false}
            onChange={(on) => onChange({ [key]: on })}
          />
        </li>
      ))}
    </ul>
  );
}

interface SwitchProps {
  testId: string;
  title: string;
  about: string;
  on: boolean;
  disabled: boolean;
  onChange: (on: boolean) => void;
}

export function Switch({ testId, title, about, on, disabled, onChange }: SwitchProps): JSX.Element {
  return (
    <label class="switch">
      <span class="switch-text">
        <b>{title}</b>
        <small>{about}</small>
      </span>
      <input
        type="checkbox"
        role="switch"
        data-testid={testId}
        checked={on}
        disabled={disabled}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <i class="switch-track" aria-hidden="true" />
    </label>
  );
}

/** Identities from a list that somebody typed or pasted: one per line, comma or semicolon. */
export function readAttendees(text: string): string[] {
  return [...new Set(text.split(/[\n,;]+/).map((who) => who.trim()).filter((who) => who !== ""))];
}
