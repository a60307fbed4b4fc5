// What the screens themselves ask the server. Joining is the engine's part.

export interface ClientConfig {
  demo_sign_in: boolean;
  webtransport_port: number;
  version: string;
}

/** The server's configuration for this page; undefined when it does not answer. */
export async function fetchConfig(signal: AbortSignal): Promise<ClientConfig | undefined> {
  try {
    const response = await fetch("/client-config.json", { signal, cache: "no-store" });
    return response.ok ? ((await response.json()) as ClientConfig) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Reports whether this browser can neither sign in here nor is signed in. A server that does not
 * answer is another problem, which joining reports.
 */
export async function needsSignIn(config: ClientConfig, signal: AbortSignal): Promise<boolean> {
  if (config.demo_sign_in) return false;
  try {
    return (await fetch("/profile", { signal, cache: "no-store", credentials: "same-origin" })).status === 401;
  } catch {
    return false;
  }
}

/** The same page where cameras are allowed: HTTPS beside the WebTransport port. */
export function secureAddress(page: Location, webtransportPort: number): string {
  return `https://${page.hostname}:${webtransportPort}${page.pathname}`;
}
