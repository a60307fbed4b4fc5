// How calls are: now, over time, of one connection, and how people get in.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { complaint } from "../../call/desk.ts";
import type { LiveRoom } from "../../server/admin.ts";
import type { Server } from "../../server/server.ts";
import type { CallSession } from "../../server/telemetry.ts";
import { ids } from "../testids.ts";
import { Charts } from "./charts.tsx";
import { Funnels } from "./funnel.tsx";
import { usePolled } from "./polled.ts";
import { RoomNow } from "./roomnow.tsx";
import { Timeline } from "./timeline.tsx";
import { namesOf, type Names } from "./words.ts";

type View = "now" | "time" | "sessions" | "joins";

const VIEWS: [View, string][] = [
  ["now", "Now"],
  ["time", "Over time"],
  ["sessions", "Connections"],
  ["joins", "Getting in"],
];

export function Quality({ server }: { server: Server }): JSX.Element {
  const [view, setView] = useState<View>("now");
  const [room, setRoom] = useState<string>();
  const [live, setLive] = useState<LiveRoom[]>();
  const [sessions, setSessions] = useState<CallSession[]>([]);
  const [trouble, setTrouble] = useState("");

  usePolled(5_000, [server, room], async (signal) => {
    try {
      const { rooms } = await server.admin.live(signal);
      setLive(rooms);
      setSessions(await server.telemetry.sessions(room ?? rooms[0]?.id ?? "", signal));
      setTrouble("");
    } catch (err) {
      if (!signal.aborted) setTrouble(complaint(err));
    }
  });
  if (!live) return trouble ? <p class="field-error">{trouble}</p> : <span class="spinner" role="status" aria-label="Loading" />;
  const chosen = room ?? live[0]?.id ?? "";
  const names: Names = namesOf(sessions, live);
  return (
    <div class="insight stack" data-testid={ids.quality}>
      <div class="insight-head">
        <label class="field">
          <span>Meeting (empty: all)</span>
          <input
            data-testid={ids.qualityRoom}
            list="quality-rooms"
            value={chosen}
            autoComplete="off"
            autoCapitalize="none"
            spellcheck={false}
            onChange={(event) => setRoom(event.currentTarget.value.trim())}
          />
          <datalist id="quality-rooms">
            {live.map(({ id }) => (
              <option key={id} value={id} />
            ))}
          </datalist>
        </label>
        <div class="insight-views" role="group" aria-label="View">
          {VIEWS.map(([name, label]) => (
            <button key={name} type="button" class="button button-small" data-testid={ids.qualityView(name)} aria-pressed={view === name} onClick={() => setView(name)}>
              {label}
            </button>
          ))}
        </div>
      </div>
      {trouble && <p class="field-error">{trouble}</p>}
      {view === "now" && <RoomNow key={chosen} server={server} room={chosen} names={names} />}
      {view === "time" && <Charts key={chosen} telemetry={server.telemetry} room={chosen} />}
      {view === "sessions" && <Timeline telemetry={server.telemetry} sessions={sessions} names={names} />}
      {view === "joins" && <Funnels key={chosen} telemetry={server.telemetry} room={chosen} />}
    </div>
  );
}
