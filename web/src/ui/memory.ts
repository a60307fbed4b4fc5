// What this device remembers between visits. Storage may be forbidden or full; then the page
// works and forgets.

import type { JoinOptions } from "../call/contract.ts";
import { cleanName } from "./person.ts";

export interface Visit {
  room: string;
  at: number; // Unix ms
}

const NAME = "parley.name";
const TRANSPORT = "parley.transport";
const ROOMS = "parley.rooms";

/** How many rooms the home screen offers again. */
const MAX_ROOMS = 5;

type Box = Pick<Storage, "getItem" | "setItem">;

export class Memory {
  private readonly box: Box;

  constructor(box: Box) {
    this.box = box;
  }

  get name(): string {
    return cleanName(this.read(NAME) ?? "");
  }

  set name(name: string) {
    this.write(NAME, cleanName(name));
  }

  get transport(): JoinOptions["transport"] {
    const kept = this.read(TRANSPORT);
    return kept === "webtransport" || kept === "websocket" ? kept : "auto";
  }

  set transport(choice: JoinOptions["transport"]) {
    this.write(TRANSPORT, choice);
  }

  /** Latest first. */
  get visits(): Visit[] {
    try {
      const kept: unknown = JSON.parse(this.read(ROOMS) ?? "[]");
      return Array.isArray(kept) ? kept.filter(isVisit).slice(0, MAX_ROOMS) : [];
    } catch {
      return []; // written by somebody else
    }
  }

  visited(room: string, at: number): void {
    this.write(ROOMS, JSON.stringify([{ room, at }, ...this.without(room)].slice(0, MAX_ROOMS)));
  }

  forget(room: string): void {
    this.write(ROOMS, JSON.stringify(this.without(room)));
  }

  private without(room: string): Visit[] {
    return this.visits.filter((visit) => visit.room !== room);
  }

  private read(key: string): string | null {
    try {
      return this.box.getItem(key);
    } catch {
      return null;
    }
  }

  private write(key: string, value: string): void {
    try {
      this.box.setItem(key, value);
    } catch {
      // Full or forbidden: this visit still works.
    }
  }
}

function isVisit(value: unknown): value is Visit {
  const visit = value as Visit | null;
  return typeof visit === "object" && visit !== null && typeof visit.room === "string" && typeof visit.at === "number";
}

const nowhere: Box = { getItem: () => null, setItem: () => undefined };

/** The memory of this browser; forgets at once where storage is forbidden. */
export function openMemory(): Memory {
  try {
    return new Memory(window.localStorage);
  } catch {
    return new Memory(nowhere);
  }
}
