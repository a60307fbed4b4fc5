// The report of a client about its call, sent every five seconds.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { HealthPacketSchema } from "../gen/health/v1/health_pb.ts";
import type { CallState } from "./contract.ts";
import type { Member } from "./members.ts";
import type { Peers } from "./peers.ts";
import type { Pictures } from "./pictures.ts";
import type { VideoSender } from "./sender.ts";
import type { Sound } from "./sound.ts";
import { utf8 } from "./wire.ts";

export type Health = MessageInitShape<typeof HealthPacketSchema>;

export interface HealthSources {
  state: CallState;
  sessionId: string;
  userId: string;
  name: string;
  members: readonly Member[];
  peers: Peers;
  pictures: Pictures;
  sound: Sound;
  camera?: VideoSender;
  screen?: VideoSender;
  queueBytes: number;
  dropped: number;
  received: number; // packets since the last report
  sent: number;
  seconds: number; // since the last report
  drops: number; // connections lost since the start
  /** Frames drawn of each stream at the last report; updated here. */
  drawn: Map<string, number>;
}

export function health(s: HealthSources): Health {
  const rate = (n: number) => (s.seconds > 0 ? n / s.seconds : 0);
  const peerStats: NonNullable<Health["peerStats"]> = {};
  for (const m of s.members) {
    const { camera, sound } = s.peers.stats(m.sessionId);
    const voice = s.sound.voices[m.sessionId];
    const id = `${m.sessionId}/camera`;
    const drawn = s.pictures.stats(id)?.drawn ?? 0;
    const fps = rate(drawn - (s.drawn.get(id) ?? 0));
    s.drawn.set(id, drawn);
    peerStats[m.sessionId] = {
      canListen: sound !== undefined,
      canSee: fps > 0,
      audioEnabled: m.audio,
      videoEnabled: m.video,
      ...(sound && {
        neteqStats: {
          currentBufferSizeMs: sound.fill / 48,
          targetDelayMs: voice?.targetMs ?? 0,
        },
        audioConcealmentPct: sound.played > 0 ? (100 * sound.concealed) / sound.played : 0,
      }),
      ...(camera && {
        videoStats: { fpsReceived: fps, framesDecoded: BigInt(camera.decoded), framesBuffered: camera.waiting },
        decoderErrorsTotal: BigInt(camera.errors),
      }),
    };
  }
  const memory = (performance as { memory?: { usedJSHeapSize: number; totalJSHeapSize: number } }).memory;
  return {
    sessionId: s.sessionId,
    meetingId: s.state.room,
    reportingUserId: utf8(s.userId),
    displayName: s.name,
    timestampMs: BigInt(Date.now()),
    reportingAudioEnabled: s.state.micOn,
    reportingVideoEnabled: s.state.cameraOn,
    peerStats,
    activeServerUrl: location.origin,
    activeServerType: s.state.transport ?? "",
    activeServerRttMs: s.state.rttMs ?? 0,
    isTabVisible: document.visibilityState === "visible",
    sendQueueBytes: BigInt(s.queueBytes),
    packetsReceivedPerSec: rate(s.received),
    packetsSentPerSec: rate(s.sent),
    connectionSessionDropsTotal: BigInt(s.drops),
    ...(s.state.transport === "websocket" && { websocketDropsTotal: BigInt(s.dropped) }),
    screenSharingActive: s.state.screenOn,
    clientCores: navigator.hardwareConcurrency,
    ...(memory && {
      memoryUsedBytes: BigInt(memory.usedJSHeapSize),
      memoryTotalBytes: BigInt(memory.totalJSHeapSize),
    }),
    ...(s.camera?.stats && {
      adaptiveVideoTier: s.camera.rung,
      avgEncodeLatencyMs: s.camera.stats.encodeMs,
      encoderOutputFps: s.camera.stats.fps,
    }),
    ...(s.screen?.stats && { adaptiveScreenTier: s.screen.rung }),
  };
}
