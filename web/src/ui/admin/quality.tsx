// How calls are, of all meetings.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { complaint } from "../../call/desk.ts";
import type { LiveRoom } from "../../server/admin.ts";
import type { Server } from "../../server/server.ts";
import type { CallSession } from "../../server/telemetry.ts";
import { usePolled } from "../insight/polled.ts";
import { RoomInsight } from "../insight/room.tsx";
import { namesOf } from "../insight/words.ts";
import { ids } from "../testids.ts";

export function Quality({ server }: { server: Server }): JSX.Element {
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
  return (
    <RoomInsight server={server} room={chosen} sessions={sessions} names={namesOf(sessions, live)} trouble={trouble}>
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
    </RoomInsight>
  );
}
