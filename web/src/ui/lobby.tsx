// Before a call: see yourself, choose devices, say your name, join.

import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Call, JoinOptions } from "../call/contract.ts";
import { DevicePickers, Meter, Toggle } from "./controls.tsx";
import { EntranceCard } from "./entrance.tsx";
import { sameFields, useCall, useTitle } from "./hooks.ts";
import * as icons from "./icons.tsx";
import type { Memory } from "./memory.ts";
import { MAX_NAME, cleanName } from "./person.ts";
import { ProblemCard } from "./problem.tsx";
import type { Remedy } from "./problems.ts";
import { ids } from "./testids.ts";
import { Avatar, Picture } from "./tile.tsx";

interface Props {
  call: Call;
  /** The browser still asks for camera and microphone. */
  asking: boolean;
  room: string;
  suggested: string; // name, for whoever has typed none
  memory: Memory;
  onJoin: (options: JoinOptions) => void;
  onHome: () => void;
  onRemedy: (remedy: Remedy) => void;
}

const TRANSPORTS: { choice: JoinOptions["transport"]; name: string; about: string }[] = [
  { choice: "auto", name: "Automatic", about: "Tries both and takes the faster one." },
  { choice: "webtransport", name: "WebTransport", about: "Shortest delay; needs UDP." },
  { choice: "websocket", name: "WebSocket", about: "Works in every network." },
];

export function Lobby({ call, asking, room, suggested, memory, onJoin, onHome, onRemedy }: Props): JSX.Element {
  useTitle(`${room} · Parley`);
  const phase = useCall(call, (s) => s.phase);
  const problem = useCall(call, (s) => s.problem);
  const entrance = useCall(call, (s) => s.entrance);
  const [name, setName] = useState(memory.name);
  const [transport, setTransport] = useState(memory.transport);
  const [missing, setMissing] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const offered = useRef(false); // a suggested name is about to be shown
  const devices = useWishes(call, asking);
  const joining = phase === "connecting" || phase === "joined";

  useEffect(() => {
    // A phone would raise its keyboard over the preview; there a remembered name needs no focus.
    if (memory.name === "" || matchMedia("(pointer: fine)").matches) field.current?.focus({ preventScroll: true });
  }, [memory]);

  useEffect(() => {
    if (!suggested || field.current?.value !== "") return;
    setName(suggested);
    offered.current = true;
  }, [suggested]);

  // Who begins to type means to replace a name that was suggested meanwhile, not to prolong it.
  useLayoutEffect(() => {
    if (!offered.current) return;
    offered.current = false;
    if (document.activeElement === field.current) field.current?.select();
  }, [name]);

  const join = (event: Event) => {
    event.preventDefault();
    const clean = cleanName(name);
    if (clean === "") {
      setMissing(true);
      field.current?.focus();
      return;
    }
    memory.name = clean;
    memory.transport = transport;
    onJoin({ room, name: clean, transport, micOn: devices.mic, cameraOn: devices.camera });
  };

  return (
    <main class="lobby" data-testid={ids.lobby} data-room={room}>
      <header class="lobby-head">
        <button type="button" class="brand brand-button" onClick={onHome} aria-label="Parley, back to start">
          <icons.Mark /> Parley
        </button>
      </header>
      <div class="lobby-body">
        <Preview call={call} asking={asking} devices={devices} name={name} />
        {entrance ? (
          <EntranceCard call={call} room={room} entrance={entrance} onLeave={onHome} />
        ) : (
        <form class="lobby-form" onSubmit={join} noValidate>
          <div>
            <p class="eyebrow">{room}</p>
            <h1>Ready to join?</h1>
          </div>
          {problem && <ProblemCard problem={problem} onAct={onRemedy} onDismiss={() => call.dismissProblem()} />}
          <label class="field">
            <span>Your name</span>
            <input
              ref={field}
              data-testid={ids.lobbyName}
              value={name}
              maxLength={MAX_NAME}
              autoComplete="name"
              enterkeyhint="go"
              placeholder="How others see you"
              aria-invalid={missing}
              aria-describedby="lobby-name-error"
              onInput={(event) => {
                setName(event.currentTarget.value);
                setMissing(false);
              }}
            />
          </label>
          <p class="field-error" id="lobby-name-error" role="status" data-testid={ids.lobbyNameError}>
            {missing && "Type a name, so that others know who you are."}
          </p>
          <button type="submit" class="button button-primary button-big" data-testid={ids.lobbyJoin} disabled={joining} aria-busy={joining}>
            {joining ? <span class="spinner" /> : <icons.Enter />}
            {joining ? "Joining" : "Join"}
          </button>
          <details class="advanced">
            <summary data-testid={ids.lobbyAdvanced}>
              Advanced <icons.Chevron />
            </summary>
            <fieldset>
              <legend>Connection</legend>
              {TRANSPORTS.map(({ choice, name: label, about }) => (
                <label class="choice" key={choice}>
                  <input
                    type="radio"
                    name="transport"
                    data-testid={ids.lobbyTransport(choice)}
                    checked={transport === choice}
                    onChange={() => setTransport(choice)}
                  />
                  <span>
                    <b>{label}</b>
                    <small>{about}</small>
                  </span>
                </label>
              ))}
            </fieldset>
          </details>
        </form>
        )}
        <div class="lobby-devices">
          <DevicePickers call={call} waiting={asking} />
        </div>
      </div>
    </main>
  );
}

interface Devices {
  mic: boolean;
  camera: boolean;
  toggleMic: () => void;
  toggleCamera: () => void;
}

/**
 * Which devices a person wants on. Until the browser has given them nothing is on, yet who joins
 * that early wants to be seen and heard; afterwards it is what the engine says.
 */
function useWishes(call: Call, asking: boolean): Devices {
  const real = useCall(call, ({ micOn, cameraOn }) => ({ mic: micOn, camera: cameraOn }), sameFields);
  const [wish, setWish] = useState({ mic: true, camera: true });
  const shown = asking ? wish : real;
  return {
    ...shown,
    toggleMic: () => {
      setWish({ ...wish, mic: !shown.mic });
      void call.setMic(!shown.mic);
    },
    toggleCamera: () => {
      setWish({ ...wish, camera: !shown.camera });
      void call.setCamera(!shown.camera);
    },
  };
}

function Preview({ call, asking, devices, name }: { call: Call; asking: boolean; devices: Devices; name: string }): JSX.Element {
  const shown = cleanName(name);
  return (
    <section class="preview" aria-label="Your preview">
      <div class="preview-empty">
        {asking ? (
          <p class="preview-ask">
            <span class="spinner" /> Waiting for camera and microphone. Your browser may ask you to allow them.
          </p>
        ) : (
          <>
            {shown ? <Avatar userId={shown} name={shown} /> : <icons.CameraOff />}
            {!devices.camera && <p>Your camera is off</p>}
          </>
        )}
      </div>
      {devices.camera && <Picture call={call} sessionId="self" source="camera" mirrored testId={ids.lobbyPreview} />}
      {shown && <div class="plate preview-plate">{shown}</div>}
      <div class="preview-dock">
        <Meter call={call} label="Microphone level" />
        <Toggle
          testId={ids.lobbyMic}
          label="Microphone"
          tone="alert"
          on={devices.mic}
          onIcon={<icons.Mic />}
          offIcon={<icons.MicOff />}
          tip={devices.mic ? "Turn microphone off" : "Turn microphone on"}
          onToggle={devices.toggleMic}
        />
        <Toggle
          testId={ids.lobbyCamera}
          label="Camera"
          tone="alert"
          on={devices.camera}
          onIcon={<icons.Camera />}
          offIcon={<icons.CameraOff />}
          tip={devices.camera ? "Turn camera off" : "Turn camera on"}
          onToggle={devices.toggleCamera}
        />
      </div>
    </section>
  );
}
