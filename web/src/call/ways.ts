// The addresses of the two ways to the server.
import type { ClientConfig } from "../server/account.ts";
import type { Clock } from "./clock.ts";
import type { JoinOptions, TransportKind } from "./contract.ts";
import type { NeedKey } from "./outbox.ts";
import type { Open } from "./path.ts";
import { openWebSocket } from "./websocket.ts";
import { openWebTransport } from "./webtransport.ts";

/** Tells the server that connections belong to one page, so that a return is not a new guest. */
export const instanceId: string = globalThis.crypto?.randomUUID?.() ?? "";

export function ways(
  token: string,
  position: string, // of the last event that arrived
  config: ClientConfig,
  wanted: JoinOptions["transport"],
  clock: Clock,
  needKey: NeedKey,
): Partial<Record<TransportKind, Open>> {
  const query = new URLSearchParams({ token, instance_id: instanceId });
  if (position) query.set("events_after", position);
  const websocket: Open = (signal) =>
    openWebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/lobby?${query}`, clock, needKey, signal);
  const webtransport: Open = (signal) =>
    openWebTransport(
      `https://${config.webtransport_host ?? location.hostname}:${config.webtransport_port}/lobby?${query}&framing=stream`,
      config.certificate_sha256 ?? [],
      clock,
      needKey,
      signal,
    );
  const able = "WebTransport" in globalThis && config.webtransport_port > 0;
  if (wanted === "websocket") return { websocket };
  if (wanted === "webtransport") {
    return { webtransport: able ? webtransport : () => Promise.reject(new Error("no WebTransport here")) };
  }
  return able ? { webtransport, websocket } : { websocket };
}

/** How somebody in front of a meeting is told what happens to them. */
export function observe(token: string, clock: Clock): Open {
  const query = new URLSearchParams({ token });
  return (signal) => openWebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/lobby?${query}`, clock, () => {}, signal);
}
