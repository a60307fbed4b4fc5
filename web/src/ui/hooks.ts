// Bindings between the engine, the browser and components.

import { useCallback, useEffect, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import type { Call, CallState } from "../call/contract.ts";
import type { Area } from "./grid.ts";

/**
 * A part of the call's state. The component renders again only when that part changes: the
 * microphone level changes many times a second and must not redraw the call.
 */
export function useCall<T>(call: Call, pick: (state: CallState) => T, same: (a: T, b: T) => boolean = Object.is): T {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const value = pick(call.state);
  const shown = useRef(value);
  if (!same(shown.current, value)) shown.current = value;
  const latest = useRef({ pick, same });
  latest.current = { pick, same };
  useLayoutEffect(() => {
    const check = () => {
      if (!latest.current.same(shown.current, latest.current.pick(call.state))) redraw(undefined);
    };
    check(); // what changed between render and here
    return call.subscribe(check);
  }, [call]);
  return shown.current;
}

/** Shallow equality of two lists whose elements are flat objects. */
export function sameItems<T extends object>(a: readonly T[], b: readonly T[]): boolean {
  return a === b || (a.length === b.length && a.every((item, i) => sameFields(item, b[i]!)));
}

/** Shallow equality of two flat objects. */
export function sameFields<T extends object>(a: T, b: T): boolean {
  if (a === b) return true;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]) as Set<keyof T>;
  for (const key of keys) if (!Object.is(a[key], b[key])) return false;
  return true;
}

/** Size of the content box of the element that gets the returned ref, zero before layout. */
export function useSize<E extends Element>(): [(element: E | null) => void, Area] {
  const [size, setSize] = useState<Area>({ w: 0, h: 0 });
  const observer = useRef<ResizeObserver | null>(null);
  const ref = useCallback((element: E | null) => {
    observer.current?.disconnect();
    observer.current = null;
    if (!element) return;
    observer.current = new ResizeObserver(([entry]) => {
      if (entry) setSize({ w: entry.contentRect.width, h: entry.contentRect.height });
    });
    observer.current.observe(element);
  }, []);
  return [ref, size];
}

/** The current time in Unix ms, renewed every periodMs. */
export function useNow(periodMs: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), periodMs);
    return () => clearInterval(timer);
  }, [periodMs]);
  return now;
}

/**
 * Single keys for the whole page, by KeyboardEvent.key in lower case. Keys pressed in a text
 * field, with a modifier or while a modal dialog is open are left alone.
 */
export function useKeys(keys: Readonly<Record<string, () => unknown>>): void {
  const latest = useRef(keys);
  latest.current = keys;
  // At once: who sees the screen may press a key before the browser has painted again.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented) return;
      if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
      const act = latest.current[event.key.toLowerCase()];
      if (!act) return;
      event.preventDefault();
      act();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches("textarea, select, input:not([type=radio]):not([type=checkbox]):not([type=button])"))
  );
}

/** Sets the title of the tab while the component is shown. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title;
  }, [title]);
}
