// The server's HTTP side, as far as a call needs it.
import { Refused, refusal } from "./problem.ts";

export interface ClientConfig {
  version: string;
  webtransport_port: number; // 0: the server offers none
  webtransport_host?: string; // where that port is, when not where the page is from
  certificate_sha256: string[]; // of self-signed certificates, in hex
  demo_sign_in: boolean;
}

/** The way into a room, good for a minute. */
export interface Ticket {
  userId: string;
  name: string;
  status: string; // "admitted", "waiting", "waiting_for_meeting", "rejected"
  roomToken: string;
}

/** Kept per tab, so that two tabs are two people. */
const tokenKey = "parley.session";

interface Box {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** The server could not be reached, or cannot answer now: worth another try. */
export class Unreachable extends Error {}

export class Api {
  constructor(
    private readonly fetch: typeof globalThis.fetch = (...args) => globalThis.fetch(...args),
    private readonly box: Box | undefined = storage(),
  ) {}

  private token: string | null = null;

  async config(signal?: AbortSignal): Promise<ClientConfig> {
    const { status, body } = await this.request("GET", "/client-config.json", undefined, signal);
    if (status !== 200) throw new Unreachable(`client-config: ${status}`);
    return body as ClientConfig;
  }

  /**
   * Asks to be let into a room, signing in under that name when needed. Throws Refused when
   * asking again is pointless, and Unreachable otherwise.
   */
  async join(room: string, name: string, signal?: AbortSignal): Promise<Ticket> {
    for (let again = false; ; again = true) {
      if (!this.session()) await this.signIn(name, signal);
      const { status, body } = await this.request(
        "POST",
        `/api/v1/meetings/${encodeURIComponent(room)}/join`,
        { display_name: name },
        signal,
      );
      if (status === 401 && !again) {
        this.keep(""); // of another server or of another day
        continue;
      }
      const result = unwrap(status, body) as Record<string, unknown>;
      return {
        userId: String(result["user_id"] ?? ""),
        name: String(result["display_name"] ?? name),
        status: String(result["status"] ?? ""),
        roomToken: String(result["room_token"] ?? ""),
      };
    }
  }

  private async signIn(name: string, signal?: AbortSignal): Promise<void> {
    const { status, body } = await this.request("POST", "/login/demo", { name }, signal);
    const result = unwrap(status, body) as { token?: string };
    this.keep(result.token ?? "");
  }

  private session(): string {
    return (this.token ??= this.box?.getItem(tokenKey) ?? "");
  }

  private keep(token: string): void {
    this.token = token;
    try {
      this.box?.setItem(tokenKey, token);
    } catch {
      // without storage a reload signs in again
    }
  }

  private async request(
    method: string,
    path: string,
    body: unknown,
    signal?: AbortSignal,
  ): Promise<{ status: number; body: unknown }> {
    const headers: Record<string, string> = {};
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const token = this.session();
    if (token) headers["Authorization"] = `Bearer ${token}`;
    let answer: Response;
    try {
      const limit = AbortSignal.timeout(8_000);
      answer = await this.fetch(path, {
        method,
        headers,
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
    } catch (err) {
      throw new Unreachable(`${method} ${path}`, { cause: err });
    }
    return { status: answer.status, body: await answer.json().catch(() => undefined) };
  }
}

/** The result of an envelope. Statuses that may pass by themselves are Unreachable. */
function unwrap(status: number, body: unknown): unknown {
  const envelope = body as { success?: boolean; result?: { code?: string; message?: string } } | undefined;
  if (status < 300 && envelope?.success) return envelope.result;
  if (status >= 500 || status === 429 || status === 408) throw new Unreachable(`status ${status}`);
  throw new Refused(refusal(envelope?.result?.code ?? "", envelope?.result?.message ?? ""));
}

function storage(): Box | undefined {
  try {
    return globalThis.sessionStorage;
  } catch {
    return undefined; // forbidden by the browser's settings
  }
}
