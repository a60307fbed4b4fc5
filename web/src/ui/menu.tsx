// A menu that opens where something was clicked: arrows move, Enter picks, Escape closes.

import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

export interface MenuItem {
  testId: string;
  label: string;
  icon?: JSX.Element;
  danger?: boolean;
  onPick: () => void;
}

export interface MenuContent {
  testId: string;
  label: string;
  items: readonly (MenuItem | undefined | false)[]; // false ones are left out
  row?: boolean; // icons beside each other, without words
}

interface Opened extends MenuContent {
  anchor: HTMLElement;
}

export type OpenMenu = (anchor: HTMLElement, content: MenuContent) => void;

/** The menu of a screen, to be rendered at its end, and how to open it. */
export function useMenu(): [JSX.Element | null, OpenMenu] {
  const [opened, setOpened] = useState<Opened>();
  const close = (refocus: boolean) => {
    if (refocus) opened?.anchor.focus({ preventScroll: true });
    setOpened(undefined);
  };
  const open: OpenMenu = (anchor, content) => setOpened((old) => (old?.anchor === anchor ? undefined : { ...content, anchor }));
  return [opened ? <Menu key={opened.testId} {...opened} onClose={close} /> : null, open];
}

const EDGE = 8; // px kept free between menu and window

function Menu({ anchor, testId, label, items, row, onClose }: Opened & { onClose: (refocus: boolean) => void }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<{ left: number; top: number }>();

  useLayoutEffect(() => {
    const a = anchor.getBoundingClientRect();
    const { offsetWidth: w, offsetHeight: h } = box.current!;
    const below = a.bottom + 6;
    setAt({
      left: Math.max(EDGE, Math.min(a.right - w, innerWidth - w - EDGE)),
      top: below + h + EDGE <= innerHeight ? below : Math.max(EDGE, a.top - h - 6),
    });
  }, [anchor]);
  useLayoutEffect(() => {
    if (at) box.current?.querySelector("button")?.focus({ preventScroll: true }); // what is hidden takes no focus
  }, [at !== undefined]);
  useEffect(() => {
    anchor.setAttribute("aria-expanded", "true");
    const away = (event: Event) => {
      const target = event.target as Node;
      if (!box.current?.contains(target) && !anchor.contains(target)) onClose(false);
    };
    const moved = () => onClose(false); // what it belongs to is elsewhere now
    document.addEventListener("pointerdown", away);
    window.addEventListener("resize", moved);
    return () => {
      anchor.removeAttribute("aria-expanded");
      document.removeEventListener("pointerdown", away);
      window.removeEventListener("resize", moved);
    };
  }, [anchor]);

  const onKeyDown = (event: KeyboardEvent) => {
    const all = [...box.current!.querySelectorAll("button")];
    const now = all.indexOf(document.activeElement as HTMLButtonElement);
    const to = { ArrowDown: now + 1, ArrowRight: now + 1, ArrowUp: now - 1, ArrowLeft: now - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to !== undefined) all[(to + all.length) % all.length]!.focus();
    else if (event.key === "Escape") onClose(true);
    else if (event.key === "Tab") return onClose(true);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div
      ref={box}
      class={`menu ${row ? "is-row" : ""}`}
      role="menu"
      aria-label={label}
      data-testid={testId}
      style={at ? { left: `${at.left}px`, top: `${at.top}px` } : { visibility: "hidden" }}
      onKeyDown={onKeyDown}
    >
      {items.map(
        (item) =>
          item && (
            <button
              key={item.testId}
              type="button"
              role="menuitem"
              class={`menu-item ${item.danger ? "is-danger" : ""}`}
              data-testid={item.testId}
              onClick={() => {
                onClose(true);
                item.onPick();
              }}
            >
              {item.icon}
              <span class={row ? "off-screen" : ""}>{item.label}</span>
            </button>
          ),
      )}
    </div>
  );
}
