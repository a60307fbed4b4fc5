// Where the same page is secure.

/** The same page where cameras are allowed: HTTPS beside the WebTransport port. */
export function secureAddress(page: Location, webtransportPort: number): string {
  return `https://${page.hostname}:${webtransportPort}${page.pathname}`;
}
