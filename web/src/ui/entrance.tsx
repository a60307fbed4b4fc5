// What stands between somebody who asked to join and the call: a password, a waiting room, or a
// meeting that has not begun.

import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Call, Entrance } from "../call/contract.ts";
import * as icons from "./icons.tsx";
import { ids } from "./testids.ts";

interface Props {
  call: Call;
  room: string;
  entrance: Entrance;
  onLeave: () => void;
}

export function EntranceCard({ call, room, entrance, onLeave }: Props): JSX.Element {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), [entrance.at]);
  if (entrance.at === "password") return <PasswordForm call={call} room={room} question={entrance} onLeave={onLeave} />;
  const waiting = entrance.at === "waiting";
  const host = entrance.host ?? "the host";
  return (
    <section class="lobby-form entrance" data-testid={waiting ? ids.waiting : ids.notBegun} data-room={room}>
      <span class="entrance-icon">
        <icons.Clock />
      </span>
      <div>
        <p class="eyebrow">{room}</p>
        <h1 tabIndex={-1} ref={heading}>
          {waiting ? "Please wait, you will be let in soon" : "The meeting has not begun"}
        </h1>
      </div>
      <p class="lead" role="status">
        {waiting ? `We have told ${host} that you are here.` : `You come in as soon as ${host} has begun it. You need not do anything.`}
      </p>
      <p class="entrance-busy">
        <span class="spinner" /> Keep this page open.
      </p>
      <button type="button" class="button" data-testid={ids.entranceLeave} onClick={onLeave}>
        Do not wait
      </button>
    </section>
  );
}

const ASIDE = {
  required: "This meeting needs a password. You got it with the invitation.",
  wrong: "That is not the password. Look at the invitation again.",
  too_many: "There were too many wrong passwords. Wait a minute, then try again.",
};

interface PasswordProps {
  call: Call;
  room: string;
  question: Extract<Entrance, { at: "password" }>;
  onLeave: () => void;
}

function PasswordForm({ call, room, question, onLeave }: PasswordProps): JSX.Element {
  const { why } = question;
  const [password, setPassword] = useState("");
  const [answered, setAnswered] = useState<Entrance>();
  const asked = answered === question; // what the server says to it is awaited
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    field.current?.focus({ preventScroll: true });
    field.current?.select();
  }, [question]);

  const submit = (event: Event) => {
    event.preventDefault();
    if (password === "") return field.current?.focus();
    setAnswered(question);
    call.givePassword(password);
  };
  return (
    <form class="lobby-form entrance" data-testid={ids.password} data-why={why} data-room={room} onSubmit={submit} noValidate>
      <span class="entrance-icon">
        <icons.Lock />
      </span>
      <div>
        <p class="eyebrow">{room}</p>
        <h1>Enter the password</h1>
      </div>
      <label class="field">
        <span class="off-screen">Password</span>
        <input
          ref={field}
          type="password"
          data-testid={ids.passwordField}
          value={password}
          maxLength={128}
          autoComplete="off"
          enterkeyhint="go"
          aria-invalid={why === "wrong" && !asked}
          aria-describedby="password-why"
          onInput={(event) => setPassword(event.currentTarget.value)}
        />
      </label>
      <p class={why === "required" ? "lead" : "field-error"} id="password-why" role="status" data-testid={ids.passwordWhy}>
        {ASIDE[why]}
      </p>
      <button type="submit" class="button button-primary button-big" data-testid={ids.passwordSubmit} disabled={asked} aria-busy={asked}>
        {asked ? <span class="spinner" /> : <icons.Enter />} Join
      </button>
      <button type="button" class="button" data-testid={ids.entranceLeave} onClick={onLeave}>
        Back to start
      </button>
    </form>
  );
}
