// Flags: what is decided, by whom, and how to decide otherwise.

import type { JSX } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { complaint } from "../../call/desk.ts";
import type { Admin, Flag } from "../../server/admin.ts";
import * as icons from "../icons.tsx";
import { ids } from "../testids.ts";
import { FlagDialog } from "./flagdialog.tsx";
import { shown } from "./flagwords.ts";

const SOURCES: Record<string, string> = { admin: "Set by an admin", environment: "From the environment", default: "Default", test: "Set by a test" };

export function Flags({ admin }: { admin: Admin }): JSX.Element {
  const [flags, setFlags] = useState<Flag[]>();
  const [trouble, setTrouble] = useState("");
  const [chosen, setChosen] = useState<string>();
  const look = useCallback(() => {
    admin.flags().then(setFlags, (err: unknown) => setTrouble(complaint(err)));
  }, [admin]);
  useEffect(look, [look]);

  if (!flags) return trouble ? <p class="field-error">{trouble}</p> : <span class="spinner" role="status" aria-label="Loading" />;
  const areas = [...new Set(flags.map((flag) => flag.area))];
  const open = flags.find((flag) => flag.name === chosen);
  return (
    <>
      {areas.map((area) => (
        <section key={area} class="flag-area" aria-label={area}>
          <h2>{area.charAt(0).toUpperCase() + area.slice(1)}</h2>
          <ul class="flags card">
            {flags
              .filter((flag) => flag.area === area)
              .map((flag) => (
                <li key={flag.name}>
                  <button
                    type="button"
                    class="flag"
                    data-testid={ids.flag(flag.name)}
                    data-value={flag.value}
                    data-source={flag.source}
                    onClick={() => setChosen(flag.name)}
                  >
                    <span class="flag-text">
                      <b>{flag.name}</b>
                      <small>{flag.about}</small>
                      {Object.entries(flag.rooms).map(([room, value]) => (
                        <small key={room} class="flag-room">
                          In {room}: {shown(flag, value)}
                        </small>
                      ))}
                    </span>
                    <span class={`flag-value ${flag.source === "admin" ? "is-set" : ""}`}>
                      <b>{shown(flag, flag.value)}</b>
                      <small>{SOURCES[flag.source] ?? flag.source}</small>
                    </span>
                    <icons.Chevron />
                  </button>
                </li>
              ))}
          </ul>
        </section>
      ))}
      {open && (
        <FlagDialog
          key={open.name}
          admin={admin}
          flag={open}
          onClose={() => setChosen(undefined)}
          onChanged={(changed) => setFlags(flags.map((flag) => (flag.name === changed.name ? changed : flag)))}
        />
      )}
    </>
  );
}
