// Short messages that appear and go: who joined, who left, what was copied.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Notice } from "../call/contract.ts";
import * as icons from "./icons.tsx";
import { ids } from "./testids.ts";

const SHOWN_MS = 5_000;

/** A warning is read more slowly. */
const WARNING_MS = 9_000;

/** Older ones give way; more than this hides the faces. */
const MOST = 3;

interface Props {
  notices: readonly Notice[];
  onDone: (id: number) => void;
  /** Shows who waits. */
  onWaiting: () => void;
}

export function Notices({ notices, onDone, onWaiting }: Props): JSX.Element {
  useEffect(() => {
    for (const { id } of notices.slice(0, -MOST)) onDone(id); // else they came back after newer ones
  }, [notices]);
  return (
    <div class="notices" data-testid={ids.notices} role="log" aria-live="polite" aria-relevant="additions">
      {notices.slice(-MOST).map((notice) => (
        <Toast key={notice.id} notice={notice} onDone={onDone} onWaiting={onWaiting} />
      ))}
    </div>
  );
}

const ICONS = { joined: <icons.Enter />, left: <icons.Exit />, info: <icons.Check />, warning: <icons.Warning />, waiting: <icons.Clock />, hand: <icons.Hand /> };

function Toast({ notice, onDone, onWaiting }: { notice: Notice } & Omit<Props, "notices">): JSX.Element {
  const [held, hold] = useState(false);
  useEffect(() => {
    if (held) return;
    const timer = setTimeout(() => onDone(notice.id), notice.kind === "warning" || notice.kind === "waiting" ? WARNING_MS : SHOWN_MS);
    return () => clearTimeout(timer);
  }, [held, notice.id]);
  return (
    <div
      class={`notice notice-${notice.kind}`}
      data-testid={ids.notice}
      data-kind={notice.kind}
      onPointerEnter={() => hold(true)}
      onPointerLeave={() => hold(false)}
    >
      {ICONS[notice.kind]}
      <span>{notice.text}</span>
      {notice.kind === "waiting" && (
        <button
          type="button"
          class="notice-act"
          data-testid={ids.noticeShow}
          onClick={() => {
            onDone(notice.id);
            onWaiting();
          }}
        >
          Show
        </button>
      )}
    </div>
  );
}
