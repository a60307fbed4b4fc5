// Who is signed in, shown beside the mark; and how to become somebody.

import type { JSX } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { loginAddress, type ClientConfig, type Profile } from "../server/account.ts";
import type { Server } from "../server/server.ts";
import * as icons from "./icons.tsx";
import type { OpenMenu } from "./menu.tsx";
import { ids } from "./testids.ts";
import { Avatar } from "./tile.tsx";

/** What is known of who sits here. */
export interface Identity {
  /** Undefined until the server has answered, and when nobody is signed in. */
  profile: Profile | undefined;
  config: ClientConfig | undefined;
  /** Whether the server has answered. */
  known: boolean;
  /** Asks again: somebody signed in or out. */
  refresh: () => Promise<void>;
}

export function useIdentity(server: Server): Identity {
  const [answer, setAnswer] = useState<Omit<Identity, "refresh">>({ profile: undefined, config: undefined, known: false });
  const turn = useRef(0);
  const refresh = useCallback(async () => {
    const mine = ++turn.current;
    const [profile, config] = await Promise.all([server.account.profile().catch(() => undefined), server.account.config().catch(() => undefined)]);
    if (mine !== turn.current) return; // somebody has signed in or out since this was asked
    setAnswer({ profile, config, known: config !== undefined });
  }, [server]);
  useEffect(() => void refresh(), [refresh]);
  return { ...answer, refresh };
}

interface ChipProps {
  profile: Profile;
  onMenu: OpenMenu;
  onSignOut: () => void;
  onAdmin: () => void;
}

export function AccountChip({ profile, onMenu, onSignOut, onAdmin }: ChipProps): JSX.Element {
  return (
    <button
      type="button"
      class="account"
      data-testid={ids.account}
      data-user={profile.user}
      aria-haspopup="menu"
      aria-label={`Signed in as ${profile.name}`}
      onClick={(event) =>
        onMenu(event.currentTarget, {
          testId: ids.accountMenu,
          label: "Account",
          items: [
            profile.admin && { testId: ids.accountAdmin, label: "Administration", icon: <icons.Shield />, onPick: onAdmin },
            { testId: ids.accountSignOut, label: "Sign out", icon: <icons.Exit />, onPick: onSignOut },
          ],
        })
      }
    >
      <Avatar userId={profile.user} name={profile.name} />
      <span>{profile.name}</span>
    </button>
  );
}

/** Leads to the server's provider and back to the given path. */
export function SignInLink({ path, primary }: { path: string; primary?: boolean }): JSX.Element {
  return (
    <a class={`button ${primary ? "button-primary" : ""}`} data-testid={ids.signInLink} href={loginAddress(path)}>
      <icons.Enter /> Sign in
    </a>
  );
}
