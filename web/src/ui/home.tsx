// Where a meeting begins: make a room, enter the code or link of one, or pick one of one's own.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Server } from "../server/server.ts";
import { AccountChip, SignInLink, useIdentity } from "./identity.tsx";
import { HomeArt } from "./art.tsx";
import { ago } from "./clock.ts";
import { useNow, useTitle } from "./hooks.ts";
import * as icons from "./icons.tsx";
import { MyMeetings } from "./mymeetings.tsx";
import type { Memory } from "./memory.ts";
import { useMenu } from "./menu.tsx";
import { cleanName, MAX_NAME } from "./person.ts";
import { newRoom, parseInvitation } from "./rooms.ts";
import { ids } from "./testids.ts";

interface Props {
  server: Server;
  memory: Memory;
  onRoom: (room: string) => void;
  onQuality: (room: string) => void;
  onAdmin: () => void;
}

export function Home({ server, memory, onRoom, onQuality, onAdmin }: Props): JSX.Element {
  useTitle("Parley");
  const { profile, config, refresh } = useIdentity(server);
  const [menu, openMenu] = useMenu();
  const [name, setName] = useState(memory.name);
  useEffect(() => {
    if (profile && memory.name === "") setName(profile.name);
  }, [profile, memory]);
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

  const signIn = async () => {
    const clean = cleanName(name);
    if (clean === "") return setError("Type your name first.");
    try {
      await server.account.demo(clean, "browser");
      await refresh();
    } catch {
      setError("The server did not answer. Try again.");
    }
  };
  const signOut = async () => {
    const ended = await server.account.signOut();
    setError(ended ? undefined : "You are signed out here, but the server could not be told: other windows and calls with this sign-in may go on.");
    await refresh();
  };

  return (
    <main class={`home ${profile ? "has-meetings" : ""}`} data-testid={ids.home}>
      <div class="home-main">
        <div class="home-top">
          <p class="brand">
            <icons.Mark /> Parley
          </p>
          {profile && <AccountChip profile={profile} onMenu={openMenu} onSignOut={() => void signOut()} onAdmin={onAdmin} />}
          {!profile && config?.sign_in && <SignInLink path="/" />}
        </div>
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
                setError(undefined);
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
          {!profile && config?.demo_sign_in && (
            <button type="button" class="text-button" data-testid={ids.homeSignIn} onClick={() => void signIn()}>
              Sign in by name to keep your meetings
            </button>
          )}
        </div>
        {!profile && visits.length > 0 && (
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
      {profile ? <MyMeetings key={profile.user} server={server} onRoom={onRoom} onQuality={onQuality} onMenu={openMenu} onStranger={() => void refresh()} /> : <HomeArt />}
      {menu}
    </main>
  );
}
