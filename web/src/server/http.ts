// Requests to the server's HTTP side: credentials, envelopes, and which failures may pass.
import type { Keys } from "./keys.ts";

/** The server could not be reached, or cannot answer now: worth another try. */
export class Unreachable extends Error {}

/** The server said no, and will again: for programs by code, for people in its message. */
export class Denied extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** The field of the request that the message is about. */
    readonly field?: string,
  ) {
    super(message);
  }
}

export interface Ask {
  body?: unknown;
  signal?: AbortSignal | undefined;
  /** Instead of the session's. */
  token?: string;
  /** The page may go away meanwhile. */
  keepalive?: boolean;
}

/** Milliseconds within which an answer has to begin. */
const patience = 8_000;

export type Fetch = typeof globalThis.fetch;

export class Http {
  constructor(
    readonly keys: Keys,
    private readonly fetch: Fetch = (...args) => globalThis.fetch(...args),
  ) {}

  /** The result of an envelope. Throws Denied or Unreachable. */
  async call<T = Record<string, unknown>>(method: string, path: string, ask: Ask = {}): Promise<T> {
    const answer = await this.send(method, path, ask);
    return unwrap(answer.status, await answer.json().catch(() => undefined)) as T;
  }

  /** An answer without envelope. */
  async send(method: string, path: string, { body, signal, token, keepalive }: Ask = {}): Promise<Response> {
    const headers: Record<string, string> = {};
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const bearer = token ?? this.keys.token;
    if (bearer) headers["Authorization"] = `Bearer ${bearer}`;
    const limit = AbortSignal.timeout(patience);
    try {
      return await this.fetch(path, {
        method,
        headers,
        credentials: "same-origin",
        cache: "no-store",
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
        ...(body !== undefined && { body: JSON.stringify(body) }),
        ...(keepalive && { keepalive }),
      });
    } catch (err) {
      throw new Unreachable(`${method} ${path}`, { cause: err });
    }
  }

  /** An answer that goes on until signal; throws Unreachable when there is none. */
  async stream(path: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const token = this.keys.token;
    let answer: Response;
    try {
      answer = await this.fetch(path, { headers: token ? { Authorization: `Bearer ${token}` } : {}, credentials: "same-origin", cache: "no-store", signal });
    } catch (err) {
      throw new Unreachable(`GET ${path}`, { cause: err });
    }
    if (!answer.ok || !answer.body) throw new Unreachable(`GET ${path}: ${answer.status}`);
    return answer.body;
  }
}

interface Envelope {
  success?: boolean;
  result?: { code?: string; message?: string; field?: string };
}

/** What passes, but not before people do something else, or nothing, for a while. */
const people = new Set(["TOO_MANY_ATTEMPTS", "TOO_MANY_REQUESTS"]);

function unwrap(status: number, body: unknown): unknown {
  const envelope = body as Envelope | undefined;
  if (status < 300 && envelope?.success) return envelope.result;
  const { code = "", message = "", field } = envelope?.result ?? {};
  const passing = status >= 500 || status === 429 || status === 408 || status < 300;
  if (passing && !people.has(code)) throw new Unreachable(`status ${status}`);
  throw new Denied(status, code, message, field);
}
