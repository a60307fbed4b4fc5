// Values of flags in words.

export function shown(flag: { kind: string }, value: string): string {
  if (flag.kind === "bool") return value === "true" ? "On" : "Off";
  return value === "" ? "empty" : value;
}
