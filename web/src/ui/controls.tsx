// Small parts that several screens use.

import type { ComponentChildren, JSX, Ref } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import type { Call, CallState, Device } from "../call/contract.ts";
import { sameItems, useCall } from "./hooks.ts";
import * as icons from "./icons.tsx";
import { ids } from "./testids.ts";

interface ToggleProps {
  testId: string;
  label: string;
  on: boolean;
  onIcon: JSX.Element;
  offIcon: JSX.Element;
  tip: string;
  shortcut?: string;
  /** "alert" colours the off state: others should notice that they are muted. */
  tone?: "alert" | "active";
  badge?: number | undefined;
  /** The badge asks for attention. */
  alarm?: boolean;
  buttonRef?: Ref<HTMLButtonElement>;
  onToggle: () => void;
}

/** A round button that is on or off. */
export function Toggle(p: ToggleProps): JSX.Element {
  return (
    <button
      ref={p.buttonRef}
      type="button"
      class={`round ${p.tone === "alert" && !p.on ? "is-off" : ""} ${p.tone === "active" && p.on ? "is-active" : ""}`}
      data-testid={p.testId}
      data-tip={p.shortcut ? `${p.tip}  ·  ${p.shortcut}` : p.tip}
      aria-label={p.label}
      aria-pressed={p.on}
      aria-keyshortcuts={p.shortcut}
      onClick={p.onToggle}
    >
      {p.on ? p.onIcon : p.offIcon}
      {p.badge !== undefined && <span class={`round-badge ${p.alarm ? "is-alarm" : ""}`}>{p.badge}</span>}
    </button>
  );
}

interface DialogProps {
  testId: string;
  closeId: string;
  title: string;
  /** For what needs room: tables and charts. */
  wide?: boolean;
  onClose: () => void;
  children: ComponentChildren;
}

/** A modal dialog; Escape, the cross and a click beside it close it, focus returns by itself. */
export function Dialog({ testId, closeId, title, wide = false, onClose, children }: DialogProps): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useLayoutEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      class={`dialog ${wide ? "dialog-wide" : ""}`}
      data-testid={testId}
      aria-labelledby={heading}
      onClose={() => ref.current && onClose()} // once it is gone, another one may be open
      onClick={(event) => {
        if (event.target === ref.current) onClose();
      }}
    >
      <div class="dialog-body">
        <header class="dialog-head">
          <h2 id={heading}>{title}</h2>
          <button type="button" class="plain-round" data-testid={closeId} aria-label="Close" onClick={onClose}>
            <icons.Close />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}

interface PickerProps {
  testId: string;
  label: string;
  icon: JSX.Element;
  devices: readonly Device[];
  chosen: string | undefined;
  empty: string;
  onPick: (id: string) => void;
  children?: ComponentChildren;
}

function Picker({ testId, label, icon, devices, chosen, empty, onPick, children }: PickerProps): JSX.Element {
  return (
    <label class="picker">
      <span class="picker-label">{label}</span>
      <span class="picker-box">
        {icon}
        <select
          data-testid={testId}
          value={chosen ?? devices[0]?.id ?? ""}
          disabled={devices.length === 0}
          onChange={(event) => onPick(event.currentTarget.value)}
        >
          {devices.length === 0 && <option value="">{empty}</option>}
          {devices.map((device, i) => (
            <option key={device.id} value={device.id}>
              {device.label || `${label} ${i + 1}`}
            </option>
          ))}
        </select>
        <icons.Chevron />
      </span>
      {children}
    </label>
  );
}

/** Camera, microphone and speaker; meter adds the level below the microphone. */
export function DevicePickers({ call, meter, waiting }: { call: Call; meter?: boolean; waiting?: boolean }): JSX.Element {
  const cameras = useCall(call, (s) => s.cameras, sameItems);
  const microphones = useCall(call, (s) => s.microphones, sameItems);
  const speakers = useCall(call, (s) => s.speakers, sameItems);
  const cameraId = useCall(call, (s) => s.cameraId);
  const microphoneId = useCall(call, (s) => s.microphoneId);
  const speakerId = useCall(call, (s) => s.speakerId);
  return (
    <div class="pickers">
      <Picker
        testId={ids.selectCamera}
        label="Camera"
        icon={<icons.Camera />}
        devices={cameras}
        chosen={cameraId}
        empty={waiting ? "Waiting for permission" : "Not available"}
        onPick={(id) => void call.selectCamera(id)}
      />
      <Picker
        testId={ids.selectMicrophone}
        label="Microphone"
        icon={<icons.Mic />}
        devices={microphones}
        chosen={microphoneId}
        empty={waiting ? "Waiting for permission" : "Not available"}
        onPick={(id) => void call.selectMicrophone(id)}
      >
        {meter && <Meter call={call} label="Microphone level" />}
      </Picker>
      <Picker
        testId={ids.selectSpeaker}
        label="Speaker"
        icon={<icons.Speaker />}
        devices={speakers}
        chosen={speakerId}
        empty="System speaker"
        onPick={(id) => void call.selectSpeaker(id)}
      />
    </div>
  );
}

const STEPS = 20;

/** How loud the microphone is. */
export function Meter({ call, label }: { call: Call; label: string }): JSX.Element {
  const level = useCall(call, levelStep);
  const on = useCall(call, (s) => s.micOn);
  return (
    <div
      class={`meter ${on ? "" : "is-off"}`}
      data-testid={ids.lobbyMeter}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round((level / STEPS) * 100)}
    >
      <div class="meter-fill" style={{ "--level": String(level / STEPS) }} />
    </div>
  );
}

function levelStep(s: CallState): number {
  return s.micOn ? Math.round(Math.min(1, Math.max(0, s.micLevel)) * STEPS) : 0;
}

/** Puts text on the clipboard; false when the browser refuses. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text); // a page without a secure context has no clipboard
  }
}

function copyBySelection(text: string): boolean {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "off-screen";
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done;
}
