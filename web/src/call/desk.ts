// The meeting around a call: who is host, who waits, what the options are, and the acts that
// change it. The server decides; this keeps what it said, and asks again when it said that
// something changed.
import { Denied, Unreachable } from "../server/http.ts";
import type { Act, ActOnAll, Change, Meeting, Person } from "../server/meetings.ts";
import type { Features } from "../server/features.ts";
import type { Ticket } from "../server/door.ts";
import type { Cancel, Clock } from "./clock.ts";
import type { MeetingView, Powers, Waiting } from "./contract.ts";
import type { Store } from "./store.ts";

export interface DeskSources {
  get(room: string): Promise<Meeting>;
  participants(room: string): Promise<Person[]>;
  waiting(room: string): Promise<Person[]>;
  act(room: string, act: Act, user: string, more?: Record<string, unknown>): Promise<void>;
  all(room: string, act: ActOnAll): Promise<void>;
  change(room: string, change: Change): Promise<Meeting>;
  rename(room: string, name: string): Promise<void>;
  features(room: string): Promise<Features>;
}

/** Changes that come so close together are looked at once, ms. */
const together = 150;
/** In a large meeting, where everybody asks after everybody, they wait longer: ms a person. */
const perPerson = 20;
/** What could not be asked for is asked for again after this, ms. */
const againAfter = 3_000;
/** The waiting list is looked at so often without news, ms. */
const lookEvery = 15_000;

type Subject = "options" | "people" | "waiting";

export class Desk implements Powers {
  private ticket?: Ticket;
  private ended = false;
  private readonly hosts = new Set<string>();
  private readonly guests = new Set<string>();
  private readonly due = new Map<Subject, Cancel>();
  private readonly looks = new Map<Subject, object>(); // under way, the latest of each
  private timer?: Cancel;

  constructor(
    private readonly room: string,
    private readonly from: DeskSources,
    private readonly store: Store,
    private readonly clock: Clock,
    /** Who is host, or what somebody is called, is another. */
    private readonly changed: () => void,
    /** We ended the meeting. */
    private readonly over: () => void,
  ) {}

  /** We are in, with this ticket: everything may be another than before. */
  arrived(ticket: Ticket): void {
    const first = !this.ticket;
    this.ticket = ticket;
    this.permit(ticket.features);
    this.role(ticket.userId, ticket.host);
    if (ticket.owner && first) this.hosts.add(ticket.owner);
    this.view({ owner: ticket.owner === ticket.userId, guest: ticket.guest, ...(ticket.owner && { ownerId: ticket.owner }) });
    this.timer ??= this.clock.every(lookEvery, () => this.stale("waiting"));
    for (const subject of ["options", "people", "waiting"] as const) this.stale(subject);
  }

  isHost(userId: string): boolean {
    return this.hosts.has(userId);
  }

  isGuest(userId: string): boolean {
    return this.guests.has(userId);
  }

  /** The server says that somebody got or lost the host role. */
  role(userId: string, host: boolean): void {
    if (host === this.hosts.has(userId)) return;
    if (host) this.hosts.add(userId);
    else this.hosts.delete(userId);
    this.newer("people");
    if (userId === this.ticket?.userId) {
      this.view({});
      this.stale("waiting");
    }
    this.changed();
  }

  /** Something is to be asked for again, once for all that happens now. */
  stale(subject: Subject, after = together): void {
    if (!this.ticket || this.ended || this.due.has(subject)) return;
    if (this.ticket.guest && subject !== "options") return; // of which they may see what is permitted
    const wait = after + (subject === "people" ? perPerson * this.store.state.participants.length : 0);
    this.due.set(
      subject,
      this.clock.after(wait, () => {
        this.due.delete(subject);
        void this.look(subject);
      }),
    );
  }

  /** We know more than a look that is under way may tell: it counts no more, and another one does. */
  private newer(subject: Subject): void {
    if (this.looks.delete(subject)) this.stale(subject);
  }

  close(): void {
    this.ended = true;
    this.timer?.();
    for (const cancel of this.due.values()) cancel();
  }

  // --- acts ---------------------------------------------------------------------------------

  admit = (userId: string) => this.decide("admit", userId);
  reject = (userId: string) => this.decide("reject", userId);
  admitAll = () => this.done(this.from.all(this.room, "admit-all"), () => this.stale("waiting"));
  mute = (userId: string) => this.act("mute", userId);
  muteAll = () => this.done(this.from.all(this.room, "mute-all"));
  stopCamera = (userId: string) => this.act("disable-video", userId);
  stopCameras = () => this.done(this.from.all(this.room, "disable-video-all"));
  stopScreen = (userId: string) => this.act("stop-screen-share", userId);
  lowerHand = (userId: string) => this.act("lower-hand", userId);
  remove = (userId: string, ban: boolean) => this.done(this.from.act(this.room, "kick", userId, { ban }));
  makeHost = (userId: string) => this.act("grant-host", userId);
  handOver = (userId: string) => this.act("transfer-host", userId);
  takeHost = (userId: string) => this.act("revoke-host", userId);
  endForAll = () => this.done(this.from.all(this.room, "end"), this.over);

  rename = (name: string) => this.done(this.from.rename(this.room, name));

  change = (change: Change) =>
    this.done(
      this.from.change(this.room, change).then((meeting) => {
        this.newer("options");
        if (!this.ended) this.know(meeting);
      }),
      () => this.stale("waiting"),
    );

  private act(act: Act, userId: string): Promise<boolean> {
    return this.done(this.from.act(this.room, act, userId));
  }

  private decide(act: "admit" | "reject", userId: string): Promise<boolean> {
    // Two hosts may click at once; either way the list is read again.
    return this.done(
      this.from.act(this.room, act, userId).finally(() => this.stale("waiting")),
      () => {
        this.newer("waiting");
        this.view({ waiting: this.store.state.meeting.waiting.filter((w) => w.userId !== userId) });
      },
    );
  }

  private async done(act: Promise<void>, then?: () => void): Promise<boolean> {
    try {
      await act;
    } catch (err) {
      if (!this.ended) this.store.notify("warning", complaint(err));
      return false;
    }
    if (!this.ended) then?.();
    return true;
  }

  // --- what the server says -------------------------------------------------------------------

  private async look(subject: Subject): Promise<void> {
    const look = {};
    this.looks.set(subject, look);
    // An answer that something newer has overtaken says nothing.
    const current = () => !this.ended && this.looks.get(subject) === look;
    try {
      switch (subject) {
        case "options": {
          const features = await this.from.features(this.room);
          if (current()) this.permit(features);
          if (this.ticket?.guest) return;
          const meeting = await this.from.get(this.room);
          if (current()) this.know(meeting);
          return;
        }
        case "people": {
          const people = await this.from.participants(this.room);
          if (current()) this.meet(people);
          return;
        }
        case "waiting": {
          if (!this.store.state.meeting.mayAdmit) return this.view({ waiting: [] });
          const list = await this.from.waiting(this.room);
          if (current()) this.queue(list);
        }
      }
    } catch (err) {
      // Without an answer what was known holds for now.
      if (err instanceof Unreachable) this.stale(subject, againAfter);
      else if (!(err instanceof Denied)) throw err;
    } finally {
      if (this.looks.get(subject) === look) this.looks.delete(subject);
    }
  }

  private know(meeting: Meeting): void {
    const before = this.store.state.meeting.mayAdmit;
    this.view({ options: meeting.options, hasPassword: meeting.hasPassword, owner: meeting.owner === this.ticket?.userId, ownerId: meeting.owner });
    if (before !== this.store.state.meeting.mayAdmit) this.stale("waiting");
  }

  private permit(features: Features): void {
    const { chat, reactions, screen } = features;
    const offers = { chat, reactions, screen };
    if (JSON.stringify(offers) !== JSON.stringify(this.store.state.offers)) this.store.set({ offers });
  }

  private meet(people: readonly Person[]): void {
    this.hosts.clear();
    this.guests.clear();
    for (const p of people) {
      if (p.host) this.hosts.add(p.user);
      if (p.guest) this.guests.add(p.user);
    }
    this.view({});
    this.changed();
  }

  private queue(list: readonly Person[]): void {
    const before = this.store.state.meeting.waiting;
    const waiting: Waiting[] = list.map((p) => ({ userId: p.user, name: p.name, guest: p.guest, since: p.since }));
    if (JSON.stringify(waiting) === JSON.stringify(before)) return;
    this.view({ waiting });
    const news = waiting.filter((w) => !before.some((b) => b.userId === w.userId));
    if (news.length === 1) this.store.notify("waiting", `${news[0]!.name} is waiting to come in`);
    else if (news.length > 1) this.store.notify("waiting", `${news.length} people are waiting to come in`);
  }

  private view(part: Partial<MeetingView>): void {
    const meeting = { ...this.store.state.meeting, ...part };
    meeting.host = this.ticket !== undefined && this.hosts.has(this.ticket.userId);
    meeting.mayAdmit = !meeting.guest && (meeting.host || meeting.options?.admittedCanAdmit === true);
    if (!meeting.mayAdmit) meeting.waiting = [];
    this.store.set({ meeting });
  }
}

/** Why something was not done, for people. */
export function complaint(err: unknown): string {
  if (err instanceof Denied) {
    switch (err.code) {
      case "NOT_HOST":
      case "NOT_OWNER":
        return "Only a host may do that.";
      case "PARTICIPANT_NOT_FOUND":
        return "They are not here any more.";
    }
    return err.message || "The server refused that.";
  }
  return "The server did not answer. Try again.";
}
