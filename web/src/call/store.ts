import type { Clock } from "./clock.ts";
import type { CallState, MeetingView, Notice, NoticeKind, Problem } from "./contract.ts";

/** The meeting of somebody of whom nothing is known yet. */
export const strange: MeetingView = { host: false, owner: false, guest: false, mayAdmit: false, hasPassword: false, waiting: [] };

/** How long a notice stays when nothing shows it, ms; who shows it says when it was read. */
const noticeFor = 30_000;

/** The state of a call: replaced as a whole, announced after every change. */
export class Store {
  private current: CallState = {
    phase: "idle",
    room: "",
    meeting: strange,
    offers: { chat: true, reactions: true, screen: true },
    chat: [],
    reactions: [],
    participants: [],
    notices: [],
    micOn: false,
    cameraOn: false,
    screenOn: false,
    handUp: false,
    cameras: [],
    microphones: [],
    speakers: [],
    micLevel: 0,
  };
  private readonly listeners = new Set<(state: CallState) => void>();
  private notices = 0;
  private closed = false;

  constructor(private readonly clock: Clock) {}

  get state(): CallState {
    return this.current;
  }

  subscribe(fn: (state: CallState) => void): () => void {
    this.listeners.add(fn);
    return () => this.listeners.delete(fn);
  }

  set(patch: Partial<CallState>): void {
    if (this.closed) return;
    const keys = Object.keys(patch) as (keyof CallState)[];
    if (keys.every((k) => Object.is(this.current[k], patch[k]))) return;
    this.current = { ...this.current, ...patch };
    for (const fn of [...this.listeners]) fn(this.current);
  }

  /** Says the last word: whatever is still under way changes nothing any more. */
  close(last: Partial<CallState>): void {
    this.set(last);
    this.closed = true;
  }

  problem(problem: Problem | undefined): void {
    this.set({ problem });
  }

  /** Takes a problem away when it is one of these; others stay. */
  solved(...codes: Problem["code"][]): void {
    if (this.current.problem && codes.includes(this.current.problem.code)) this.set({ problem: undefined });
  }

  notify(kind: NoticeKind, text: string): void {
    if (this.closed) return;
    const notice: Notice = { id: ++this.notices, kind, text };
    this.set({ notices: [...this.current.notices, notice] });
    this.clock.after(noticeFor, () => this.dismiss(notice.id));
  }

  dismiss(id: number): void {
    if (!this.current.notices.some((n) => n.id === id)) return;
    this.set({ notices: this.current.notices.filter((n) => n.id !== id) });
  }
}
