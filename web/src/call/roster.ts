// Who takes part, as the screens are told.
import type { CallState, Participant } from "./contract.ts";
import type { Desk } from "./desk.ts";
import type { Member } from "./members.ts";
import type { Peers } from "./peers.ts";
import { ownQuality } from "./quality.ts";

/** Who we are. The name is the last one the server said. */
export interface Me {
  id: string; // "" until known
  name: string;
  bytes: Uint8Array; // of the id, as packets bear it
}

interface Known {
  state: CallState;
  sessionId: string; // our own
  members: readonly Member[];
  peers: Peers;
  desk: Desk;
  speaking: boolean; // we are
  backlogMs: number;
  now: number;
}

/** Ourselves first, then the others as they came. */
export function roster(user: Pick<Me, "id" | "name">, k: Known): Participant[] {
  const { state, peers, desk } = k;
  const self: Participant = {
    sessionId: k.sessionId,
    userId: user.id,
    name: user.name,
    self: true,
    audio: state.micOn,
    video: state.cameraOn,
    screen: state.screenOn,
    speaking: state.micOn && k.speaking,
    quality: ownQuality(state.phase === "joined", state.rttMs, k.backlogMs),
    ...(state.transport && { transport: state.transport }),
    host: state.meeting.host,
    guest: state.meeting.guest,
    hand: state.handUp,
  };
  const others = k.members.map(
    (m): Participant => ({
      sessionId: m.sessionId,
      userId: m.userId,
      name: m.name,
      self: false,
      audio: m.audio,
      video: m.video,
      screen: m.screen,
      speaking: peers.isSpeaking(m),
      quality: peers.quality(m, k.now),
      ...(m.transport && { transport: m.transport }),
      host: desk.isHost(m.userId),
      guest: desk.isGuest(m.userId),
      hand: m.hand,
    }),
  );
  return [self, ...others];
}
