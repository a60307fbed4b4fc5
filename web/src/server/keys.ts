// Where the session token is kept. Who signs in by typing a name into a lobby is that person in
// this tab only, so that two tabs are two people; who signs in on the start page is it in every
// tab, and tomorrow. With a cookie of the server there is no token here.

type Box = Pick<Storage, "getItem" | "setItem" | "removeItem">;

const name = "parley.session";
const guest = "parley.guest";

export class Keys {
  private current: string | null = null;

  constructor(
    private readonly tab: Box | undefined = box(() => sessionStorage),
    private readonly browser: Box | undefined = box(() => localStorage),
  ) {}

  /** "" without one. */
  get token(): string {
    return (this.current ??= read(this.tab, name) || read(this.browser, name));
  }

  keep(token: string, where: "tab" | "browser"): void {
    this.current = token;
    write(this.tab, name, token);
    if (where === "browser") write(this.browser, name, token);
  }

  /** Forgets the token; the one of other tabs only when it is the same. */
  drop(): void {
    const old = this.token;
    this.current = "";
    write(this.tab, name, "");
    if (read(this.browser, name) === old) write(this.browser, name, "");
  }

  /** What a server calls us who have no account; only this tab knows it. */
  get guest(): string {
    return read(this.tab, guest);
  }

  set guest(id: string) {
    write(this.tab, guest, id);
  }
}

function box(of: () => Storage): Storage | undefined {
  try {
    return of();
  } catch {
    return undefined; // forbidden by the browser's settings
  }
}

function read(from: Box | undefined, key: string): string {
  try {
    return from?.getItem(key) ?? "";
  } catch {
    return "";
  }
}

function write(to: Box | undefined, key: string, value: string): void {
  try {
    if (value) to?.setItem(key, value);
    else to?.removeItem(key);
  } catch {
    // Full or forbidden: it holds until the page is left.
  }
}
