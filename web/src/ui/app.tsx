// Which screen is shown: from the page's address and from where the call stands.

import type { JSX } from "preact";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Call, JoinOptions } from "../call/contract.ts";
import { CallScreen } from "./callscreen.tsx";
import { copyText } from "./controls.tsx";
import { Ended, SignIn } from "./ended.tsx";
import { Home } from "./home.tsx";
import { useCall } from "./hooks.ts";
import { Lobby } from "./lobby.tsx";
import { openMemory, type Memory } from "./memory.ts";
import type { Remedy } from "./problems.ts";
import { pathOfRoom, roomOfPath } from "./rooms.ts";
import { fetchConfig, needsSignIn, secureAddress, type ClientConfig } from "./server.ts";

export function App({ createCall }: { createCall: () => Call }): JSX.Element {
  const memory = useMemo(openMemory, []);
  const [room, setRoom] = useState(() => roomOfPath(location.pathname));
  useEffect(() => {
    const onMove = () => setRoom(roomOfPath(location.pathname));
    window.addEventListener("popstate", onMove);
    return () => window.removeEventListener("popstate", onMove);
  }, []);
  const go = useCallback((next: string | undefined) => {
    history.pushState(null, "", next === undefined ? "/" : pathOfRoom(next));
    setRoom(next);
    window.scrollTo(0, 0);
  }, []);
  if (room === undefined) return <Home memory={memory} onRoom={go} />;
  return <Room key={room} room={room} memory={memory} createCall={createCall} onHome={() => go(undefined)} />;
}

interface RoomProps {
  room: string;
  memory: Memory;
  createCall: () => Call;
  onHome: () => void;
}

/** One room: as many calls as it takes, each with its own engine. */
function Room({ room, memory, createCall, onHome }: RoomProps): JSX.Element {
  const [attempt, setAttempt] = useState<{ n: number; again?: JoinOptions | undefined }>({ n: 0 });
  const [config, setConfig] = useState<ClientConfig>();
  const [locked, setLocked] = useState(false);
  useEffect(() => {
    const stop = new AbortController();
    void fetchConfig(stop.signal).then(async (found) => {
      if (!found || stop.signal.aborted) return;
      setConfig(found);
      const closed = await needsSignIn(found, stop.signal);
      if (!stop.signal.aborted) setLocked(closed);
    });
    return () => stop.abort();
  }, []);
  if (locked) return <SignIn onHome={onHome} />;
  return (
    <Visit
      key={attempt.n}
      room={room}
      memory={memory}
      createCall={createCall}
      config={config}
      again={attempt.again}
      onAgain={(again) => setAttempt({ n: attempt.n + 1, again })}
      onHome={onHome}
    />
  );
}

interface VisitProps extends RoomProps {
  config: ClientConfig | undefined;
  /** Set when a person comes back: joins at once, as before. */
  again: JoinOptions | undefined;
  onAgain: (options: JoinOptions | undefined) => void;
}

/** One call from the preview to its end. */
function Visit({ room, memory, createCall, config, again, onAgain, onHome }: VisitProps): JSX.Element {
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
      await call.preview();
      setAsking(false);
      if (!again) return;
      await Promise.all([call.setMic(again.micOn), call.setCamera(again.cameraOn)]);
      await call.join(again);
    })();
    const bye = () => void call.leave(); // others learn at once, not after a timeout
    window.addEventListener("pagehide", bye);
    return () => {
      window.removeEventListener("pagehide", bye);
      void call.leave();
    };
  }, [call]);

  useEffect(() => {
    if (wasIn) memory.visited(room, Date.now());
  }, [wasIn, room]);

  const onRejoin = () => onAgain(options.current);

  const onRemedy = (remedy: Remedy) => {
    switch (remedy) {
      case "devices":
        call.dismissProblem();
        return void (wasIn ? Promise.all([call.setMic(true), call.setCamera(true)]) : call.preview());
      case "screen":
        call.dismissProblem();
        return void call.setScreen(true);
      case "rejoin":
        return onRejoin();
      case "home":
        return onHome();
      case "copy":
        return void copyText(location.href);
      case "secure":
        return location.assign(secureAddress(location, config?.webtransport_port ?? 443));
    }
  };

  if (wasIn) return <CallScreen call={call} room={room} onLeave={() => void call.leave()} onRemedy={onRemedy} />;
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
  return <Lobby call={call} asking={asking} room={room} memory={memory} onJoin={join} onHome={onHome} onRemedy={onRemedy} />;
}
