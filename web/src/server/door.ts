// Asking to be let into a meeting: with an account, as somebody made up for a demonstration, or
// as a guest.
import { Account } from "./account.ts";
import { readFeatures, type Features } from "./features.ts";
import { Denied, type Http } from "./http.ts";
import { pathOf } from "./meetings.ts";

/** What the server says to somebody who asks. */
export interface Ticket {
  userId: string;
  name: string;
  status: "admitted" | "waiting" | "waiting_for_meeting" | "rejected" | "kicked" | "left" | "";
  host: boolean;
  guest: boolean;
  roomToken: string; // the way in, good for a minute; "" unless admitted
  observerToken: string; // to be told while waiting; "" when there is nothing to wait for
  owner: string; // identity of whose meeting it is, "" when unknown
  ownerName: string;
  features: Features;
}

export class Door {
  private readonly account: Account;
  private leaving: Promise<void> = Promise.resolve();

  constructor(private readonly http: Http) {
    this.account = new Account(http);
  }

  /** Throws Denied, or Unreachable when it may work later. */
  async join(room: string, name: string, password: string | undefined, signal?: AbortSignal): Promise<Ticket> {
    await this.leaving; // who left and comes back is not to be taken for gone
    for (let again = false; ; again = true) {
      if (!this.http.keys.token && !(await this.account.profile(signal))) {
        if (await this.takesGuests(room, signal)) return this.joinAsGuest(room, name, password, signal);
        const { demo_sign_in } = await this.account.config(signal);
        if (!demo_sign_in) throw new Denied(401, "SIGN_IN_NEEDED", "");
        await this.account.demo(name, "tab", signal);
      }
      try {
        const body = { display_name: name, ...(password !== undefined && { password }) };
        return readTicket(await this.http.call("POST", pathOf(room, "join"), { body, signal }), name);
      } catch (err) {
        if (again || !(err instanceof Denied) || err.status !== 401) throw err;
        this.http.keys.drop(); // of another server or of another day
      }
    }
  }

  /** Where somebody stands who has asked before. */
  async status(room: string, ticket: Ticket, signal?: AbortSignal): Promise<Ticket> {
    const answer = ticket.guest
      ? await this.http.call("GET", pathOf(room, "guest-status"), { token: ticket.observerToken, signal })
      : await this.http.call("GET", pathOf(room, "status"), { signal });
    const now = readTicket(answer, ticket.name);
    return { ...now, guest: ticket.guest, observerToken: now.observerToken || ticket.observerToken };
  }

  /** Whether a meeting that had not begun when the ticket was given may have by now. */
  async begun(room: string, ticket: Ticket, signal?: AbortSignal): Promise<boolean> {
    if (ticket.guest) return true; // guests have to ask again to know
    const meeting = await this.http.call<{ state?: string }>("GET", pathOf(room), { signal });
    return meeting.state === "active";
  }

  /** Gives a place up, perhaps one that is still to be given. Meant for somebody who goes, so it asks once and hears no answer. */
  leave(room: string, place: Ticket | Promise<Ticket | undefined>): Promise<void> {
    const left = Promise.all([this.giveUp(room, place), this.leaving]).then(() => {});
    return (this.leaving = left);
  }

  /** Whether a meeting takes people without an account. */
  async takesGuests(room: string, signal?: AbortSignal): Promise<boolean> {
    try {
      return (await this.http.call<{ allow_guests?: boolean }>("GET", pathOf(room, "guest-info"), { signal })).allow_guests === true;
    } catch (err) {
      if (err instanceof Denied) return false; // a meeting that does not exist yet, or a server without guests
      throw err;
    }
  }

  private async giveUp(room: string, place: Ticket | Promise<Ticket | undefined>): Promise<void> {
    const ticket = await place;
    if (!ticket) return;
    const how = ticket.guest ? { token: ticket.observerToken } : {};
    await this.http.send("POST", pathOf(room, ticket.guest ? "leave-guest" : "leave"), { ...how, keepalive: true }).catch(() => {});
  }

  private async joinAsGuest(room: string, name: string, password: string | undefined, signal?: AbortSignal): Promise<Ticket> {
    const { keys } = this.http;
    const body = {
      display_name: name,
      ...(keys.guest && { guest_session_id: keys.guest }),
      ...(password !== undefined && { password }),
    };
    const ticket = readTicket(await this.http.call("POST", pathOf(room, "join-guest"), { body, signal }), name);
    keys.guest = ticket.userId;
    return { ...ticket, guest: true };
  }
}

function readTicket(t: Record<string, unknown>, name: string): Ticket {
  const text = (key: string) => (typeof t[key] === "string" ? (t[key] as string) : "");
  return {
    userId: text("user_id"),
    name: text("display_name") || name,
    status: text("status") as Ticket["status"],
    host: t["is_host"] === true,
    guest: t["is_guest"] === true,
    roomToken: text("room_token"),
    observerToken: text("observer_token"),
    owner: text("host_user_id"),
    ownerName: text("host_display_name"),
    features: readFeatures(t),
  };
}
