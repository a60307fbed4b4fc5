// What stands beside the pictures: a column, a sheet on a phone.

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import * as icons from "./icons.tsx";

interface Props {
  testId: string;
  closeId: string;
  title: string;
  about: string;
  closeLabel: string;
  /** Else the cross gets the focus. */
  keepFocus?: boolean;
  onClose: () => void;
  children: ComponentChildren;
}

export function Panel({ testId, closeId, title, about, closeLabel, keepFocus, onClose, children }: Props): JSX.Element {
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!keepFocus) close.current?.focus({ preventScroll: true });
  }, []);
  return (
    <>
      <div class="sheet-shade" onClick={onClose} />
      <aside class="panel" data-testid={testId} aria-label={title}>
        <header class="panel-head">
          <div>
            <h2>{title}</h2>
            <p>{about}</p>
          </div>
          <button ref={close} type="button" class="plain-round" data-testid={closeId} aria-label={closeLabel} onClick={onClose}>
            <icons.Close />
          </button>
        </header>
        {children}
      </aside>
    </>
  );
}
