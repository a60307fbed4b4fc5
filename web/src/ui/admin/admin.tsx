// What admins of the installation see and do.

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Server } from "../../server/server.ts";
import { useIdentity } from "../identity.tsx";
import { Message } from "../ended.tsx";
import { useTitle } from "../hooks.ts";
import * as icons from "../icons.tsx";
import { ids } from "../testids.ts";
import { Flags } from "./flags.tsx";
import { LiveRooms } from "./live.tsx";
import { Quality } from "./quality.tsx";
import { Record } from "./record.tsx";

type Tab = "live" | "quality" | "flags" | "record";

const TABS: [Tab, string][] = [
  ["live", "Live meetings"],
  ["quality", "Quality"],
  ["flags", "Flags"],
  ["record", "Record"],
];

interface Props {
  server: Server;
  onHome: () => void;
}

export function AdminPage({ server, onHome }: Props): JSX.Element {
  useTitle("Administration · Parley");
  const { profile, known, refresh } = useIdentity(server);
  const [tab, setTab] = useState<Tab>("live");
  // The address that a node in dev mode prints has a token in its fragment, which no server sees.
  const [offered, setOffered] = useState(() => new URLSearchParams(location.hash.slice(1)).get("token") ?? "");
  useEffect(() => {
    if (!offered) return;
    history.replaceState(null, "", location.pathname);
    void show(server, offered).then(async (admin) => {
      if (admin) await refresh();
      setOffered("");
    });
  }, []);
  if (!known || offered) return <Frame onHome={onHome}><span class="spinner" role="status" aria-label="Loading" /></Frame>;
  if (!profile?.admin) return <Stranger server={server} name={profile?.name} onHome={onHome} onSignedIn={() => void refresh()} />;

  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = TABS.findIndex(([name]) => name === tab);
    const [next] = TABS[(at + step + TABS.length) % TABS.length]!;
    setTab(next);
    (event.currentTarget as HTMLElement).querySelector<HTMLElement>(`#tab-${next}`)?.focus();
  };
  return (
    <Frame onHome={onHome} name={profile.name}>
      <div class="tabs" role="tablist" aria-label="Administration" onKeyDown={onKeyDown}>
        {TABS.map(([name, label]) => (
          <button
            key={name}
            id={`tab-${name}`}
            type="button"
            role="tab"
            class="tab"
            data-testid={ids.adminTab(name)}
            aria-selected={tab === name}
            tabIndex={tab === name ? 0 : -1}
            onClick={() => setTab(name)}
          >
            {label}
          </button>
        ))}
      </div>
      <section role="tabpanel" aria-labelledby={`tab-${tab}`}>
        {tab === "live" && <LiveRooms admin={server.admin} />}
        {tab === "quality" && <Quality server={server} />}
        {tab === "flags" && <Flags admin={server.admin} />}
        {tab === "record" && <Record admin={server.admin} />}
      </section>
    </Frame>
  );
}

function Frame({ name, onHome, children }: { name?: string; onHome: () => void; children: ComponentChildren }): JSX.Element {
  return (
    <main class="admin" data-testid={ids.admin}>
      <header class="admin-head">
        <button type="button" class="brand brand-button" onClick={onHome} aria-label="Parley, back to start">
          <icons.Mark /> Parley
        </button>
        <h1>Administration</h1>
        {name && <span class="muted">{name}</span>}
      </header>
      {children}
    </main>
  );
}

interface StrangerProps {
  server: Server;
  name: string | undefined;
  onHome: () => void;
  onSignedIn: () => void;
}

/** For whoever is no admin, or not yet. */
function Stranger({ server, name, onHome, onSignedIn }: StrangerProps): JSX.Element {
  const [token, setToken] = useState("");
  const [refused, setRefused] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (await show(server, token.trim())) onSignedIn();
    else setRefused(true);
  };
  return (
    <Message testId={ids.adminStranger} title="For admins" trouble>
      <p class="lead">{name ? `${name} is not an admin of this server.` : "Nobody is signed in here."} Sign in as one, or show a token of one.</p>
      <form class="stack admin-token" onSubmit={(event) => void submit(event)}>
        <label class="field">
          <span>Token</span>
          <input
            type="password"
            data-testid={ids.adminToken}
            value={token}
            autoComplete="off"
            aria-invalid={refused}
            onInput={(event) => {
              setToken(event.currentTarget.value);
              setRefused(false);
            }}
          />
        </label>
        <p class="field-error" role="status">
          {refused && "This is not the token of an admin."}
        </p>
        <div class="message-actions">
          <button type="submit" class="button button-primary" data-testid={ids.adminTokenSubmit} disabled={token.trim() === ""}>
            Continue
          </button>
          <button type="button" class="button" onClick={onHome}>
            Back to start
          </button>
        </div>
      </form>
    </Message>
  );
}

/** Signs in with the token of an admin, in this tab. One of somebody else changes nothing. */
async function show(server: Server, token: string): Promise<boolean> {
  const { keys } = server.http;
  const before = keys.token;
  keys.keep(token, "tab");
  const profile = await server.account.profile().catch(() => undefined);
  if (profile?.admin) return true;
  keys.keep(before, "tab");
  return false;
}
