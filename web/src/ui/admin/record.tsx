// Who changed which flag, when and why.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { complaint } from "../../call/desk.ts";
import type { Admin, FlagChange } from "../../server/admin.ts";
import { ids } from "../testids.ts";

export function Record({ admin }: { admin: Admin }): JSX.Element {
  const [list, setList] = useState<FlagChange[]>();
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    const stop = new AbortController();
    admin.history(undefined, stop.signal).then(setList, (err: unknown) => {
      if (!stop.signal.aborted) setTrouble(complaint(err));
    });
    return () => stop.abort();
  }, [admin]);
  if (trouble) return <p class="field-error">{trouble}</p>;
  if (!list) return <span class="spinner" role="status" aria-label="Loading" />;
  return <Changes list={list} named testId={ids.adminRecord} />;
}

interface ChangesProps {
  list: readonly FlagChange[];
  named?: boolean; // several flags
  testId: string;
}

export function Changes({ list, named, testId }: ChangesProps): JSX.Element {
  if (list.length === 0) {
    return (
      <p class="muted" data-testid={testId}>
        Nobody has changed anything yet.
      </p>
    );
  }
  return (
    <ol class="changes" data-testid={testId}>
      {list.map((change) => (
        <li key={change.revision} data-testid={ids.flagChange} data-flag={change.flag}>
          <b>{words(change, named ?? false)}</b>
          <small>
            {new Date(change.at).toLocaleString()} · {change.by}
            {change.reason && ` · ${change.reason}`}
          </small>
        </li>
      ))}
    </ol>
  );
}

/** A change in a sentence: "chat in standup: false, was true". */
export function words(change: FlagChange, named: boolean): string {
  const what = [named ? change.flag : "", change.room ? `in ${change.room}` : ""].filter((part) => part !== "").join(" ");
  const now = change.after === undefined ? "taken back" : `set to ${change.after}`;
  const was = change.before === undefined ? "" : `, was ${change.before}`;
  return `${what && `${what}: `}${now}${was}`;
}
