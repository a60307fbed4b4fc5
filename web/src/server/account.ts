// Who sits here, as far as the server knows, and how to become somebody.
import { Denied, Unreachable, type Http } from "./http.ts";

/** What the server tells every page. */
export interface ClientConfig {
  version: string;
  webtransport_port: number; // 0: the server offers none
  webtransport_host?: string; // where that port is, when not where the page is from
  certificate_sha256: string[]; // of self-signed certificates, in hex
  demo_sign_in: boolean;
  sign_in?: boolean; // /login leads to a provider
}

export interface Profile {
  user: string;
  name: string;
  admin: boolean;
}

export class Account {
  constructor(private readonly http: Http) {}

  async config(signal?: AbortSignal): Promise<ClientConfig> {
    const answer = await this.http.send("GET", "/client-config.json", { signal });
    if (!answer.ok) throw new Unreachable(`client-config: ${answer.status}`);
    return (await answer.json()) as ClientConfig;
  }

  /** Who is signed in here, if anybody. Throws Unreachable. */
  async profile(signal?: AbortSignal): Promise<Profile | undefined> {
    const { token } = this.http.keys;
    try {
      const p = await this.http.call("GET", "/profile", { signal });
      const user = String(p["user_id"] ?? "");
      return { user, name: String(p["name"] ?? "") || user, admin: p["is_admin"] === true || p["admin"] === true };
    } catch (err) {
      if (!(err instanceof Denied)) throw err;
      if (token && token === this.http.keys.token) this.http.keys.drop(); // of another server or of another day
      return undefined;
    }
  }

  /** Becomes somebody by a name alone; where the server permits that. */
  async demo(name: string, where: "tab" | "browser", signal?: AbortSignal): Promise<void> {
    const result = await this.http.call<{ token?: string }>("POST", "/login/demo", { body: { name }, signal });
    this.http.keys.keep(result.token ?? "", where);
  }

  /** Becomes nobody here, and says whether the server has ended the session for all who have it. */
  async signOut(): Promise<boolean> {
    const answer = await this.http.send("POST", "/logout").catch(() => undefined);
    this.http.keys.drop();
    return answer?.ok === true;
  }
}

/** Where to sign in with the server's provider and come back to the given path. */
export function loginAddress(path: string): string {
  return `/login?returnTo=${encodeURIComponent(path)}`;
}
