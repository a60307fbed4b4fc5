// How calls are, of all meetings.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { complaint } from "../../call/desk.ts";
import type { LiveRoom } from "../../server/admin.ts";
import { Denied } from "../../server/http.ts";
import type { Server } from "../../server/server.ts";
import type { CallSession } from "../../server/telemetry.ts";
import { usePolled } from "../insight/polled.ts";
import { RoomInsight } from "../insight/room.tsx";
import { namesOf, type Names } from "../insight/words.ts";
import { ids } from "../testids.ts";

export function Quality({ server }: { server: Server }): JSX.Element {
  const [room, setRoom] = useState<string>();
  const [live, setLive] = useState<LiveRoom[]>();
  const [sessions, setSessions] = useState<CallSession[]>([]);
  const [people, setPeople] = useState<Names>(new Map());
  const [trouble, setTrouble] = useState("");
  const [typed, setTyped] = useState<string>(); // until it is chosen

  usePolled(5_000, [server, room], async (signal) => {
    try {
      const { rooms } = await server.admin.live(signal);
      if (signal.aborted) return;
      setLive(rooms);
      const chosen = room ?? rooms[0]?.id ?? "";
      const found = await server.telemetry.sessions(chosen, signal);
      const names: Names = found.length === 0 ? new Map() : await attended(server, chosen, signal);
      if (signal.aborted) return;
      setSessions(found);
      setPeople(names);
      setTrouble("");
    } catch (err) {
      if (!signal.aborted) setTrouble(complaint(err));
    }
  });
  if (!live) return trouble ? <p class="field-error">{trouble}</p> : <span class="spinner" role="status" aria-label="Loading" />;
  const chosen = room ?? live[0]?.id ?? "";
  return (
    <RoomInsight server={server} room={chosen} sessions={sessions} names={new Map([...people, ...namesOf(sessions, live)])} trouble={trouble}>
      <label class="field">
        <span>Meeting (empty: all)</span>
        <input
          data-testid={ids.qualityRoom}
          list="quality-rooms"
          value={typed ?? chosen}
          autoComplete="off"
          autoCapitalize="none"
          spellcheck={false}
          onInput={(event) => setTyped(event.currentTarget.value)}
          onChange={(event) => {
            setRoom(event.currentTarget.value.trim());
            setTyped(undefined);
          }}
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

/** Names of those who are or were in a meeting; of what is none, such as an open room, there are none on record. */
async function attended(server: Server, room: string, signal: AbortSignal): Promise<Names> {
  if (room === "") return new Map();
  try {
    return await server.telemetry.people(room, signal);
  } catch (err) {
    if (err instanceof Denied) return new Map();
    throw err;
  }
}
