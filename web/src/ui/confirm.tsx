// Asks before something that cannot be taken back.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Dialog } from "./controls.tsx";
import { ids } from "./testids.ts";

export interface Question {
  title: string;
  text: string;
  action: string; // of the button
  onYes: () => void;
}

export type Ask = (question: Question) => void;

/** The question of a screen, to be rendered at its end, and how to ask one. */
export function useConfirm(): [JSX.Element | null, Ask] {
  const [question, setQuestion] = useState<Question>();
  const close = () => setQuestion(undefined);
  const shown = question && (
    <Dialog testId={ids.confirm} closeId={ids.confirmClose} title={question.title} onClose={close}>
      <p class="lead">{question.text}</p>
      <div class="dialog-actions">
        <button type="button" class="button" data-testid={ids.confirmNo} onClick={close}>
          Cancel
        </button>
        <button
          type="button"
          class="button button-danger"
          data-testid={ids.confirmYes}
          onClick={() => {
            close();
            question.onYes();
          }}
        >
          {question.action}
        </button>
      </div>
    </Dialog>
  );
  return [shown ?? null, setQuestion];
}
