// Whose picture was chosen to be large.

/** A session and whose it is: who reconnects has another session and is still who was chosen. */
export interface Choice {
  sessionId: string;
  userId: string;
}

/** Who was chosen, if that session or else another one of that person is here. */
export function chosen<P extends Choice>(people: readonly P[], choice: Choice | undefined): P | undefined {
  if (!choice) return undefined;
  return people.find((p) => p.sessionId === choice.sessionId) ?? people.findLast((p) => p.userId === choice.userId);
}
