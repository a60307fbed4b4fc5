// How the calls of a room are: now, over time, of one connection, and how people get in.

import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import type { Server } from "../../server/server.ts";
import type { CallSession } from "../../server/telemetry.ts";
import { ids } from "../testids.ts";
import { Charts } from "./charts.tsx";
import { Funnels } from "./funnel.tsx";
import { RoomNow } from "./roomnow.tsx";
import { Timeline } from "./timeline.tsx";
import type { Names } from "./words.ts";

type View = "now" | "time" | "sessions" | "joins";

const VIEWS: [View, string][] = [
  ["now", "Now"],
  ["time", "Over time"],
  ["sessions", "Connections"],
  ["joins", "Getting in"],
];

interface Props {
  server: Server;
  /** "" is all rooms, which is for admins. */
  room: string;
  sessions: readonly CallSession[];
  names: Names;
  /** The call is over: what was is shown first. */
  over?: boolean;
  /** What is wrong with reading it. */
  trouble: string;
  /** Before the choice of views. */
  children?: ComponentChildren;
}

export function RoomInsight({ server, room, sessions, names, over = false, trouble, children }: Props): JSX.Element {
  const [view, setView] = useState<View>(over ? "sessions" : "now");
  return (
    <div class="insight stack" data-testid={ids.quality}>
      <div class="insight-head">
        {children}
        <div class="insight-views" role="group" aria-label="View">
          {VIEWS.map(([name, label]) => (
            <button key={name} type="button" class="button button-small" data-testid={ids.qualityView(name)} aria-pressed={view === name} onClick={() => setView(name)}>
              {label}
            </button>
          ))}
        </div>
      </div>
      {trouble && (
        <p class="field-error" role="status">
          {trouble}
        </p>
      )}
      {view === "now" && <RoomNow key={room} server={server} room={room} names={names} />}
      {view === "time" && <Charts key={room} telemetry={server.telemetry} room={room} />}
      {view === "sessions" && <Timeline telemetry={server.telemetry} room={room} sessions={sessions} names={names} />}
      {view === "joins" && <Funnels key={room} telemetry={server.telemetry} room={room} />}
    </div>
  );
}
