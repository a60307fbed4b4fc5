// What people write during a call.

import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Call, ChatLine } from "../call/contract.ts";
import { maxLine } from "../call/talk.ts";
import { parts, sayings } from "./chatlines.ts";
import { useCall } from "./hooks.ts";
import * as icons from "./icons.tsx";
import { Panel } from "./panel.tsx";
import { ids } from "./testids.ts";
import { hueStyle } from "./tile.tsx";

export function Chat({ call, onClose }: { call: Call; onClose: () => void }): JSX.Element {
  const lines = useCall(call, (s) => s.chat);
  const [text, setText] = useState("");
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (matchMedia("(pointer: fine)").matches) field.current?.focus({ preventScroll: true });
  }, []);

  const send = (event: Event) => {
    event.preventDefault();
    const said = text.trim();
    if (said === "") return;
    if (call.say(said)) setText("");
  };
  return (
    <Panel
      testId={ids.chat}
      closeId={ids.chatClose}
      title="Chat"
      about="Everybody in the meeting reads along"
      closeLabel="Close chat"
      keepFocus
      onClose={onClose}
    >
      <Lines call={call} lines={lines} />
      <form class="chat-form" onSubmit={send}>
        <textarea
          ref={field}
          data-testid={ids.chatField}
          aria-label="Message"
          placeholder="Write to everybody"
          rows={1}
          maxLength={maxLine}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && !event.shiftKey && !event.isComposing) send(event);
          }}
        />
        <button type="submit" class="round is-active" data-testid={ids.chatSend} aria-label="Send" disabled={text.trim() === ""}>
          <icons.Send />
        </button>
      </form>
    </Panel>
  );
}

/** What was written, with its addresses to click on; nothing else in it means anything. */
function Text({ text }: { text: string }): JSX.Element {
  return (
    <>
      {parts(text).map((part) =>
        part.href ? (
          <a key={part.at} href={part.href} target="_blank" rel="noopener noreferrer nofollow">
            {part.text}
          </a>
        ) : (
          part.text
        ),
      )}
    </>
  );
}

function Lines({ call, lines }: { call: Call; lines: readonly ChatLine[] }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    // Who reads further up is not torn away.
    if (atEnd.current) box.current!.scrollTop = box.current!.scrollHeight;
  }, [lines]);
  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current!;
    atEnd.current = scrollHeight - scrollTop - clientHeight < 40;
  };
  return (
    <div ref={box} class="chat-lines" role="log" aria-label="Messages" tabIndex={0} data-testid={ids.chatLines} onScroll={onScroll}>
      {lines.length === 0 && <p class="muted chat-empty">Nobody has written anything yet.</p>}
      {sayings(lines).map((saying) => (
        <article key={saying.lines[0]!.id} class={`saying ${saying.self ? "is-self" : ""}`} style={hueStyle(saying.userId)}>
          <header>
            <b>{saying.self ? "You" : saying.name}</b>
            <time dateTime={new Date(saying.at).toISOString()}>{new Date(saying.at).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" })}</time>
          </header>
          {saying.lines.map((line) => (
            <p key={line.id} data-testid={ids.chatLine} data-user={line.userId} data-state={line.failed ? "failed" : line.pending ? "pending" : "said"}>
              <Text text={line.text} />
              {line.failed && (
                <span class="line-failed" role="alert">
                  {line.failed}{" "}
                  <button type="button" class="text-button" data-testid={ids.chatAgain} onClick={() => call.sayAgain(line.id)}>
                    Try again
                  </button>{" "}
                  <button type="button" class="text-button" data-testid={ids.chatTakeBack} onClick={() => call.takeBack(line.id)}>
                    Delete
                  </button>
                </span>
              )}
            </p>
          ))}
        </article>
      ))}
    </div>
  );
}
