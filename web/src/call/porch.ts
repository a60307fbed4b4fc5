// A connection of somebody who waits: it carries nothing but news of the meeting.
import { MeetingPacket_MeetingEventType as Event } from "../gen/call/v1/meeting_pb.ts";
import { backoff, isFinal } from "./backoff.ts";
import type { Cancel, Clock } from "./clock.ts";
import type { Open, Path } from "./path.ts";
import { PacketType, readMeeting, readPacket, readUtf8, systemUser, utf8, writeProbe } from "./wire.ts";

/** The server ends connections on which nothing is heard. */
const signOfLifeEvery = 5_000;

/**
 * Opens a connection and keeps it open until the returned function is called. news is called
 * when the meeting begins or ends, when something is decided about the user, and when the server
 * ends the connection for good.
 */
export function watch(open: Open, userId: string, clock: Clock, news: () => void): () => void {
  const stopping = new AbortController();
  let path: Path | undefined;
  let timer: Cancel | undefined;
  const connect = async (attempt: number) => {
    let code = 0;
    try {
      path = await open(stopping.signal);
      if (stopping.signal.aborted) return path.close();
      const ended = new Promise<number>((resolve) => {
        path!.onend = (ending) => resolve(ending.code);
      });
      path.onpacket = (bytes) => {
        if (concerns(bytes, userId)) news();
      };
      timer = clock.every(signOfLifeEvery, () => path?.send({ lane: "control", bytes: writeProbe(utf8(userId), clock.now()) }));
      code = await ended;
    } catch {
      // Whoever waits asks now and then anyway.
    } finally {
      timer?.();
      path = undefined;
    }
    if (stopping.signal.aborted) return;
    if (isFinal(code)) return news();
    timer = clock.after(backoff(attempt), () => void connect(attempt + 1));
  };
  void connect(1);
  return () => {
    stopping.abort();
    timer?.();
    path?.close();
  };
}

function concerns(bytes: Uint8Array, userId: string): boolean {
  const packet = readPacket(bytes);
  if (packet?.packetType !== PacketType.MEETING || readUtf8(packet.userId) !== systemUser) return false;
  const m = readMeeting(packet.data);
  switch (m?.eventType) {
    case Event.MEETING_ACTIVATED:
    case Event.MEETING_ENDED:
      return true;
    case Event.PARTICIPANT_ADMITTED:
    case Event.PARTICIPANT_REJECTED:
    case Event.PARTICIPANT_KICKED:
      return readUtf8(m.targetUserId) === userId;
    default:
      return false;
  }
}
