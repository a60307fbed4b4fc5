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
  /** Cameras on screen, by session. The server sends no others, so nothing is missing of them. */
  shown: ReadonlyMap<string, unknown>;
  sound: Sound;
  camera?: VideoSender;
  screen?: VideoSender;
  queueBytes: number;
  dropped: number;
  received: number; // packets since the last report
  sent: number;
  seconds: number; // since the last report
  drops: number; // connections lost since the start
  /** What was counted of each stream until the last report; updated here. */
  counted: Map<string, number>;
}

export function health(s: HealthSources): Health {
  const rate = (n: number) => (s.seconds > 0 ? n / s.seconds : 0);
  /** How much a total grew per second since the last report. */
  const growth = (key: string, total: number) => {
    const before = s.counted.get(key) ?? 0;
    s.counted.set(key, total);
    return rate(Math.max(0, total - before)); // a decoder that began again counts from 0
  };
  const peerStats: NonNullable<Health["peerStats"]> = {};
  for (const m of s.members) {
    const { camera, screen, sound } = s.peers.stats(m.sessionId);
    const voice = s.sound.voices[m.sessionId];
    const id = `${m.sessionId}/camera`;
    const fps = growth(id, s.pictures.stats(id)?.drawn ?? 0);
    const kbps = (8 * growth(`${id} bytes`, camera?.bytes ?? 0)) / 1000;
    const lost = growth(`${id} lost`, camera?.lost ?? 0);
    const voiceLost = growth(`${m.sessionId}/sound lost`, voice?.lost ?? 0);
    const screenId = `${m.sessionId}/screen`;
    const screenFps = growth(screenId, s.pictures.stats(screenId)?.drawn ?? 0);
    const screenKbps = (8 * growth(`${screenId} bytes`, screen?.bytes ?? 0)) / 1000;
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
        audioDatagramLossPerSec: voiceLost,
        audioConcealmentPct: sound.played > 0 ? (100 * sound.concealed) / sound.played : 0,
      }),
      ...(camera && s.shown.has(m.sessionId) && {
        videoStats: { fpsReceived: fps, bitrateKbps: BigInt(Math.round(kbps)), framesDecoded: BigInt(camera.decoded), framesBuffered: camera.waiting },
        decoderErrorsTotal: BigInt(camera.errors),
        videoSeqLossPerSec: lost,
      }),
      ...(screen && m.screen && {
        screenVideoStats: { fpsReceived: screenFps, bitrateKbps: BigInt(Math.round(screenKbps)), framesDecoded: BigInt(screen.decoded), framesBuffered: screen.waiting },
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
