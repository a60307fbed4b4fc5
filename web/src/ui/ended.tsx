// After a call, and when there cannot be one.

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Problem } from "../call/contract.ts";
import { SignInLink } from "./identity.tsx";
import { durationWords } from "./clock.ts";
import { useTitle } from "./hooks.ts";
import * as icons from "./icons.tsx";
import { adviceFor, type Remedy } from "./problems.ts";
import { ids } from "./testids.ts";

interface Props {
  room: string;
  reason: "left" | "failed";
  problem: Problem | undefined;
  spentMs: number | undefined;
  onRejoin: () => void;
  onHome: () => void;
  onRemedy: (remedy: Remedy) => void;
}

export function Ended({ room, reason, problem, spentMs, onRejoin, onHome, onRemedy }: Props): JSX.Element {
  const advice = problem && adviceFor(problem.code);
  const title = problem?.title ?? (reason === "left" ? "You left the meeting" : "The meeting could not be reached");
  return (
    <Message testId={ids.ended} reason={reason} title={title} trouble={problem !== undefined && problem.code !== "meeting_ended"} code={problem?.code}>
      {problem && <p class="lead">{problem.detail}</p>}
      {advice?.hint && <p class="lead">{advice.hint}</p>}
      <p class="muted">
        <b>{room}</b>
        {spentMs !== undefined && ` · ${durationWords(spentMs)} together`}
      </p>
      <div class="message-actions">
        {advice && advice.action !== "rejoin" && advice.action !== "home" && (
          <button type="button" class="button button-primary" data-testid={ids.problemAction} onClick={() => onRemedy(advice.action)}>
            {advice.label}
          </button>
        )}
        {!advice?.final && (
          <button type="button" class={`button ${!advice || advice.action === "rejoin" ? "button-primary" : ""}`} data-testid={ids.endedRejoin} onClick={onRejoin}>
            {reason === "left" ? "Rejoin" : "Try again"}
          </button>
        )}
        <button type="button" class={`button ${advice?.action === "home" ? "button-primary" : ""}`} data-testid={ids.endedHome} onClick={onHome}>
          Back to start
        </button>
      </div>
    </Message>
  );
}

interface SignInProps {
  /** Where to come back to. */
  path: string;
  /** The server leads to a provider. */
  offered: boolean;
  onHome: () => void;
}

/** Nobody is signed in, and this server wants somebody. */
export function SignIn({ path, offered, onHome }: SignInProps): JSX.Element {
  return (
    <Message testId={ids.signin} title="This server asks you to sign in" trouble={!offered}>
      <p class="lead">
        {offered
          ? "Sign in, and you come back here."
          : "Nobody is signed in here, and no way to sign in is set up yet. Ask the person who runs this server to configure sign-in, then open the link again."}
      </p>
      <div class="message-actions">
        {offered && <SignInLink path={path} primary />}
        <button type="button" class="button" data-testid={ids.endedHome} onClick={onHome}>
          Back to start
        </button>
      </div>
    </Message>
  );
}

interface MessageProps {
  testId: string;
  reason?: string;
  code?: string | undefined;
  title: string;
  trouble: boolean;
  children: ComponentChildren;
}

export function Message({ testId, reason, code, title, trouble, children }: MessageProps): JSX.Element {
  useTitle("Parley");
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  return (
    <main class="message" data-testid={testId} data-reason={reason} data-code={code}>
      <div class="message-card">
        {trouble ? (
          <span class="message-icon">
            <icons.Warning />
          </span>
        ) : (
          <icons.Mark />
        )}
        <h1 tabIndex={-1} ref={heading}>
          {title}
        </h1>
        {children}
      </div>
    </main>
  );
}
