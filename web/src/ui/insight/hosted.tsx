// How the calls of one meeting are, for its hosts: beside the call, and as a page afterwards.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { complaint } from "../../call/desk.ts";
import { Denied } from "../../server/http.ts";
import type { Server } from "../../server/server.ts";
import type { CallSession } from "../../server/telemetry.ts";
import { Dialog } from "../controls.tsx";
import { Message, SignIn } from "../ended.tsx";
import { useTitle } from "../hooks.ts";
import * as icons from "../icons.tsx";
import { useIdentity } from "../identity.tsx";
import { pathOfQuality, pathOfRoom } from "../rooms.ts";
import { ids } from "../testids.ts";
import { usePolled } from "./polled.ts";
import { RoomInsight } from "./room.tsx";
import type { Names } from "./words.ts";

interface Seen {
  sessions: CallSession[];
  names: Names;
}

interface Look {
  seen: Seen | undefined;
  /** The server said no; it will again. */
  denied: Denied | undefined;
  trouble: string;
}

/** Who was in a meeting, and who they are, looked up now and again. */
function useHosted(server: Server, room: string): Look {
  const [look, setLook] = useState<Look>({ seen: undefined, denied: undefined, trouble: "" });
  usePolled(5_000, [server, room], async (signal) => {
    try {
      const [sessions, names] = await Promise.all([server.telemetry.sessions(room, signal), server.telemetry.people(room, signal)]);
      if (!signal.aborted) setLook({ seen: { sessions, names }, denied: undefined, trouble: "" });
    } catch (err) {
      if (signal.aborted) return;
      const denied = err instanceof Denied ? err : undefined;
      setLook((before) => ({ seen: denied ? undefined : before.seen, denied, trouble: complaint(err) }));
    }
  });
  return look;
}

const Loading = () => <span class="spinner" role="status" aria-label="Loading" />;

/** During a call, over it. */
export function QualityDialog({ server, room, onClose }: { server: Server; room: string; onClose: () => void }): JSX.Element {
  const { seen, trouble } = useHosted(server, room);
  return (
    <Dialog testId={ids.qualityDialog} closeId={ids.qualityClose} title="Call quality" wide onClose={onClose}>
      {seen ? (
        <RoomInsight server={server} room={room} sessions={seen.sessions} names={seen.names} trouble={trouble} />
      ) : trouble ? (
        <p class="field-error" role="status">
          {trouble}
        </p>
      ) : (
        <Loading />
      )}
    </Dialog>
  );
}

interface PageProps {
  server: Server;
  room: string;
  onRoom: (room: string) => void;
  onHome: () => void;
}

export function QualityPage({ server, room, onRoom, onHome }: PageProps): JSX.Element {
  useTitle(`Call quality of ${room} · Parley`);
  const { seen, denied, trouble } = useHosted(server, room);
  const { config } = useIdentity(server);
  if (denied?.status === 401 && config && !config.demo_sign_in) return <SignIn path={pathOfQuality(room)} offered={config.sign_in === true} onHome={onHome} />;
  if (denied) return <Refused denied={denied} room={room} onHome={onHome} />;
  const over = seen !== undefined && seen.sessions.every(({ ended_at }) => ended_at !== undefined);
  return (
    <main class="admin" data-testid={ids.qualityPage}>
      <header class="admin-head hosted-head">
        <button type="button" class="brand brand-button" onClick={onHome} aria-label="Parley, back to start">
          <icons.Mark /> Parley
        </button>
        <h1>Call quality</h1>
        <a
          class="button button-small hosted-room"
          href={pathOfRoom(room)}
          onClick={(event) => {
            event.preventDefault();
            onRoom(room);
          }}
        >
          {room}
        </a>
      </header>
      {!seen ? (
        trouble ? (
          <p class="field-error" role="status">
            {trouble}
          </p>
        ) : (
          <Loading />
        )
      ) : seen.sessions.length === 0 ? (
        <p class="muted" data-testid={ids.qualityEmpty}>
          Nobody was in this meeting lately. What is measured of a call is here as soon as somebody joins.
        </p>
      ) : (
        <RoomInsight server={server} room={room} sessions={seen.sessions} names={seen.names} over={over} trouble={trouble} />
      )}
    </main>
  );
}

const REFUSALS: Record<string, [title: string, text: string]> = {
  NOT_HOST: ["For hosts of this meeting", "How its calls are is shown to those who host it. Ask one of them, or ask to become a host."],
  MEETING_NOT_FOUND: ["There is no such meeting", "It may have been deleted, and what was measured of it with it."],
  UNAUTHORIZED: ["Nobody is signed in here", "Sign in on the start page as somebody who hosts this meeting."],
};

function Refused({ denied, room, onHome }: { denied: Denied; room: string; onHome: () => void }): JSX.Element {
  const [title, text] = REFUSALS[denied.code] ?? ["This cannot be shown", denied.message];
  return (
    <Message testId={ids.qualityRefused} code={denied.code} title={title} trouble>
      <p class="lead">{text}</p>
      <p class="muted">
        <b>{room}</b>
      </p>
      <div class="message-actions">
        <button type="button" class="button button-primary" data-testid={ids.endedHome} onClick={onHome}>
          Back to start
        </button>
      </div>
    </Message>
  );
}
