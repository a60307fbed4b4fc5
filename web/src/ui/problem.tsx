// A problem in plain words, with the one thing that helps most.

import type { JSX } from "preact";
import type { Problem } from "../call/contract.ts";
import * as icons from "./icons.tsx";
import { adviceFor, type Remedy } from "./problems.ts";
import { ids } from "./testids.ts";

interface Props {
  problem: Problem;
  onAct: (remedy: Remedy) => void;
  onDismiss?: () => void;
}

export function ProblemCard({ problem, onAct, onDismiss }: Props): JSX.Element {
  const advice = adviceFor(problem.code);
  return (
    <section class="problem" role="alert" data-testid={ids.problem} data-code={problem.code}>
      <span class="problem-icon">
        <icons.Warning />
      </span>
      <div class="problem-text">
        <h2>{problem.title}</h2>
        <p>{problem.detail}</p>
        {advice.hint && <p class="problem-hint">{advice.hint}</p>}
        <button type="button" class="button button-small" data-testid={ids.problemAction} onClick={() => onAct(advice.action)}>
          {advice.label}
        </button>
      </div>
      {onDismiss && (
        <button type="button" class="plain-round" data-testid={ids.problemDismiss} aria-label="Dismiss" onClick={onDismiss}>
          <icons.Close />
        </button>
      )}
    </section>
  );
}
