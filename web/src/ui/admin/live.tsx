// Who is in a call right now, on all nodes.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { complaint } from "../../call/desk.ts";
import type { Admin, Live, LivePerson, LiveRoom } from "../../server/admin.ts";
import { count, duration } from "../clock.ts";
import { useConfirm } from "../confirm.tsx";
import { useNow } from "../hooks.ts";
import * as icons from "../icons.tsx";
import { ids } from "../testids.ts";
import { Avatar } from "../tile.tsx";

/** How often to look, ms: what changes here is not told. */
const lookEvery = 2_000;

export function LiveRooms({ admin }: { admin: Admin }): JSX.Element {
  const [live, setLive] = useState<Live>();
  const [said, setSaid] = useState("");
  const [trouble, setTrouble] = useState(""); // with the latest look
  const [question, ask] = useConfirm();
  const now = useNow(1_000);

  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      try {
        const found = await admin.live(stop.signal);
        if (stop.signal.aborted) return;
        setLive(found);
        setTrouble("");
      } catch (err) {
        if (!stop.signal.aborted) setTrouble(complaint(err));
      }
      if (!stop.signal.aborted) timer = setTimeout(() => void look(), lookEvery);
    };
    void look();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [admin]);

  const act = async (done: string, doing: Promise<unknown>) => {
    try {
      await doing;
      setSaid(done);
    } catch (err) {
      setSaid(complaint(err));
    }
  };
  const end = (room: LiveRoom) =>
    ask({
      title: `End ${room.id}?`,
      text: `${count(room.people.length, "person has", "people have")} to go.`,
      action: "End meeting",
      onYes: () => void act(`${room.id} is over`, admin.end(room.id)),
    });
  const remove = (room: LiveRoom, who: LivePerson) =>
    ask({
      title: `Remove ${who.name}?`,
      text: `They have to leave ${room.id}, on every device.`,
      action: "Remove",
      onYes: () => void act(`${who.name} is removed`, admin.remove(room.id, who.user)),
    });

  if (!live) return trouble ? <p class="field-error">{trouble}</p> : <span class="spinner" role="status" aria-label="Loading" />;
  return (
    <>
      <p class="admin-said" role="status" data-testid={ids.adminSaid}>
        {trouble || said || `${count(live.total, "meeting")}, ${count(live.people, "connection")}`}
      </p>
      {live.rooms.length === 0 && (
        <p class="muted" data-testid={ids.adminNoRooms}>
          Nobody is in a call.
        </p>
      )}
      <ul class="live" data-testid={ids.adminRooms}>
        {live.rooms.map((room) => (
          <li key={room.id} class="card" data-testid={ids.adminRoom(room.id)}>
            <header class="card-head">
              <h2>{room.id}</h2>
              <span class="state state-active">{count(room.people.length, "connection")}</span>
              <button type="button" class="button button-small button-danger" data-testid={ids.adminEnd} onClick={() => end(room)}>
                End
              </button>
            </header>
            <ul>
              {room.people.map((who) => (
                <li key={who.session} class="roster-row" data-testid={ids.adminPerson} data-user={who.user} data-node={who.node}>
                  <Avatar userId={who.user} name={who.name} />
                  <span class="roster-name">
                    <b>{who.name}</b>
                    <small>{describe(who, now)}</small>
                  </span>
                  <button type="button" class="plain-round" data-testid={ids.adminRemove} aria-label={`Remove ${who.name} from ${room.id}`} onClick={() => remove(room, who)}>
                    <icons.Exit />
                  </button>
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ul>
      {question}
    </>
  );
}

function describe(who: LivePerson, now: number): string {
  const parts = [who.user, `on ${who.node}`, who.transport, duration(now - who.since)];
  if (who.host) parts.unshift("Host");
  if (who.guest) parts.unshift("Guest");
  if (who.away) parts.push("connection lost");
  return parts.filter((part) => part !== "").join(" · ");
}
