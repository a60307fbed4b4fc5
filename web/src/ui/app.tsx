// Which screen is shown: from the page's address and from where the call stands.

import type { JSX } from "preact";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Call, JoinOptions } from "../call/contract.ts";
import { CallScreen } from "./callscreen.tsx";
import { copyText } from "./controls.tsx";
import { Ended, SignIn } from "./ended.tsx";
import { loginAddress, type ClientConfig } from "../server/account.ts";
import type { Server } from "../server/server.ts";
import { useIdentity } from "./identity.tsx";
import { AdminPage } from "./admin/admin.tsx";
import { QualityPage } from "./insight/hosted.tsx";
import { Home } from "./home.tsx";
import { useCall } from "./hooks.ts";
import { Lobby } from "./lobby.tsx";
import { openMemory, type Memory } from "./memory.ts";
import type { Remedy } from "./problems.ts";
import { pathOfQuality, pathOfRoom, qualityOfPath, roomOfPath } from "./rooms.ts";
import { secureAddress } from "./secure.ts";

interface Props {
  server: Server;
  createCall: () => Call;
}

export function App({ server, createCall }: Props): JSX.Element {
  const memory = useMemo(openMemory, []);
  const [path, setPath] = useState(location.pathname);
  useEffect(() => {
    const onMove = () => setPath(location.pathname);
    window.addEventListener("popstate", onMove);
    return () => window.removeEventListener("popstate", onMove);
  }, []);
  const go = useCallback((next: string) => {
    history.pushState(null, "", next);
    setPath(next);
    window.scrollTo(0, 0);
  }, []);
  const home = useCallback(() => go("/"), [go]);
  const room = roomOfPath(path);
  if (room !== undefined) return <Room key={room} server={server} room={room} memory={memory} createCall={createCall} onHome={home} />;
  const insight = qualityOfPath(path);
  if (insight !== undefined) return <QualityPage key={insight} server={server} room={insight} onRoom={(next) => go(pathOfRoom(next))} onHome={home} />;
  if (path === "/admin") return <AdminPage server={server} onHome={home} />;
  return <Home server={server} memory={memory} onRoom={(next) => go(pathOfRoom(next))} onQuality={(of) => go(pathOfQuality(of))} onAdmin={() => go("/admin")} />;
}

interface RoomProps extends Props {
  room: string;
  memory: Memory;
  onHome: () => void;
}

/** One room: as many calls as it takes, each with its own engine. */
function Room(props: RoomProps): JSX.Element {
  const { server, room, onHome } = props;
  const [attempt, setAttempt] = useState<{ n: number; again?: JoinOptions | undefined }>({ n: 0 });
  const { profile, config } = useIdentity(server);
  const [closed, setClosed] = useState(false);
  useEffect(() => {
    if (!config || profile || config.demo_sign_in) return;
    const stop = new AbortController();
    // Without an account there is one way left: as a guest, where the meeting takes them.
    server.door.takesGuests(room, stop.signal).then(
      (takes) => setClosed(!takes),
      () => undefined, // joining says what is wrong
    );
    return () => stop.abort();
  }, [config, profile, room, server]);
  if (closed) return <SignIn path={pathOfRoom(room)} offered={config?.sign_in === true} onHome={onHome} />;
  return (
    <Visit
      {...props}
      key={attempt.n}
      suggested={profile?.name ?? ""}
      config={config}
      again={attempt.again}
      onAgain={(again) => setAttempt({ n: attempt.n + 1, again })}
    />
  );
}

interface VisitProps extends RoomProps {
  /** What they are called where they are signed in. */
  suggested: string;
  config: ClientConfig | undefined;
  /** Set when a person comes back: joins at once, as before. */
  again: JoinOptions | undefined;
  onAgain: (options: JoinOptions | undefined) => void;
}

/** One call from the preview to its end. */
function Visit({ server, room, memory, createCall, config, suggested, again, onAgain, onHome }: VisitProps): JSX.Element {
  const [call] = useState(createCall);
  const phase = useCall(call, (s) => s.phase);
  const problem = useCall(call, (s) => s.problem);
  const joinedAt = useRef<number | undefined>(undefined);
  const spentMs = useRef<number | undefined>(undefined);
  const options = useRef(again);
  const [asking, setAsking] = useState(true);
  const wasIn = phase === "joined" || phase === "reconnecting";
  const micOn = useCall(call, (s) => s.micOn);
  const cameraOn = useCall(call, (s) => s.cameraOn);
  const outside = useCall(call, (s) => s.entrance !== undefined);
  if (wasIn) {
    joinedAt.current ??= Date.now();
    // Who comes back is as muted as before.
    if (options.current) options.current = { ...options.current, micOn, cameraOn };
  }

  const join = useCallback(
    (chosen: JoinOptions) => {
      options.current = chosen;
      void call.join(chosen);
    },
    [call],
  );

  useEffect(() => {
    void (async () => {
      await call.preview(room).finally(() => setAsking(false));
      if (!again) return;
      await Promise.all([call.setMic(again.micOn), call.setCamera(again.cameraOn)]);
      await call.join(again);
    })();
    const bye = () => call.close(); // others learn at once, not after a timeout; a reloaded page comes back
    window.addEventListener("pagehide", bye);
    return () => {
      window.removeEventListener("pagehide", bye);
      void call.leave();
    };
  }, [call]);

  useEffect(() => {
    if (wasIn) memory.visited(room, Date.now());
  }, [wasIn, room]);

  const onRejoin = () => {
    call.close(); // to come back is not to leave
    onAgain(options.current);
  };
  const renamed = (name: string) => {
    memory.name = name;
    if (options.current) options.current = { ...options.current, name };
  };

  const onRemedy = (remedy: Remedy) => {
    switch (remedy) {
      case "devices":
        call.dismissProblem();
        return void (wasIn ? Promise.all([call.setMic(true), call.setCamera(true)]) : call.preview(room));
      case "screen":
        call.dismissProblem();
        return void call.setScreen(true);
      case "rejoin":
        return onRejoin();
      case "home":
        return onHome();
      case "sign_in":
        return location.assign(config?.sign_in ? loginAddress(pathOfRoom(room)) : "/");
      case "copy":
        return void copyText(location.href);
      case "secure":
        return location.assign(secureAddress(location, config?.webtransport_port ?? 443));
    }
  };

  if (wasIn && !outside) return <CallScreen call={call} server={server} room={room} onLeave={() => void call.leave()} onRenamed={renamed} onRemedy={onRemedy} />;
  if (phase === "left" || phase === "failed") {
    if (joinedAt.current !== undefined) spentMs.current ??= Date.now() - joinedAt.current;
    return (
      <Ended
        room={room}
        reason={phase}
        problem={problem}
        spentMs={spentMs.current}
        onRejoin={onRejoin}
        onHome={onHome}
        onRemedy={onRemedy}
      />
    );
  }
  return <Lobby call={call} asking={asking} room={room} suggested={suggested} memory={memory} onJoin={join} onHome={onHome} onRemedy={onRemedy} />;
}
