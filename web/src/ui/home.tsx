// Where a meeting begins: make a room, or enter the code or link of one.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { HomeArt } from "./art.tsx";
import { ago } from "./clock.ts";
import { useNow, useTitle } from "./hooks.ts";
import * as icons from "./icons.tsx";
import type { Memory } from "./memory.ts";
import { MAX_NAME } from "./person.ts";
import { newRoom, parseInvitation } from "./rooms.ts";
import { ids } from "./testids.ts";

interface Props {
  memory: Memory;
  onRoom: (room: string) => void;
}

export function Home({ memory, onRoom }: Props): JSX.Element {
  useTitle("Parley");
  const [name, setName] = useState(memory.name);
  const [code, setCode] = useState("");
  const [error, setError] = useState<string>();
  const [visits, setVisits] = useState(memory.visits);
  const now = useNow(60_000);

  const enter = (event: Event) => {
    event.preventDefault();
    const invitation = parseInvitation(code);
    if (!invitation) {
      setError(code.trim() === "" ? "Enter the code or the link that you were sent." : "This is neither a code nor a link of a meeting.");
      return;
    }
    if (invitation.host && invitation.host !== location.host) {
      const text = code.trim();
      location.assign(/^https?:\/\//i.test(text) ? text : `${location.protocol}//${text}`);
      return;
    }
    onRoom(invitation.room);
  };

  return (
    <main class="home" data-testid={ids.home}>
      <div class="home-main">
        <p class="brand">
          <icons.Mark /> Parley
        </p>
        <div class="home-hero">
          <h1>
            Good talks start <br />
            with a link.
          </h1>
          <p class="lead">Open a room, send the link, talk. There is nothing to install.</p>
        </div>
        <div class="home-card">
          <label class="field">
            <span>Your name</span>
            <input
              data-testid={ids.homeName}
              value={name}
              maxLength={MAX_NAME}
              autoComplete="name"
              placeholder="How others see you"
              onInput={(event) => {
                setName(event.currentTarget.value);
                memory.name = event.currentTarget.value;
              }}
            />
          </label>
          <button type="button" class="button button-primary button-big" data-testid={ids.homeStart} onClick={() => onRoom(newRoom())}>
            <icons.Camera /> Start a meeting
          </button>
          <p class="or">
            <span>or join one</span>
          </p>
          <form class="join" onSubmit={enter} noValidate>
            <input
              data-testid={ids.homeCode}
              aria-label="Code or link of a meeting"
              aria-invalid={error !== undefined}
              aria-describedby="home-error"
              value={code}
              placeholder="Code or link"
              autoCapitalize="none"
              autoComplete="off"
              spellcheck={false}
              onInput={(event) => {
                setCode(event.currentTarget.value);
                setError(undefined);
              }}
            />
            <button type="submit" class="button" data-testid={ids.homeJoin}>
              Join
            </button>
          </form>
          <p class="field-error" id="home-error" role="status" data-testid={ids.homeError}>
            {error}
          </p>
        </div>
        {visits.length > 0 && (
          <section class="recent" aria-label="Recent rooms">
            <h2>Recent rooms</h2>
            <ul data-testid={ids.homeRecent}>
              {visits.map((visit) => (
                <li key={visit.room}>
                  <button type="button" class="recent-room" data-testid={ids.homeRecentItem} data-room={visit.room} onClick={() => onRoom(visit.room)}>
                    <span>{visit.room}</span>
                    <time dateTime={new Date(visit.at).toISOString()}>{ago(visit.at, now)}</time>
                  </button>
                  <button
                    type="button"
                    class="plain-round"
                    aria-label={`Forget ${visit.room}`}
                    onClick={() => {
                      memory.forget(visit.room);
                      setVisits(memory.visits);
                    }}
                  >
                    <icons.Close />
                  </button>
                </li>
              ))}
            </ul>
          </section>
        )}
      </div>
      <HomeArt />
    </main>
  );
}
