// Packets between bytes and objects. One PacketWrapper per message, stream or datagram.
import { ChatMessageSchema, type ChatMessage } from "../gen/call/v1/chat_pb.ts";
import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import {
  LayerHintPacket_MediaKind,
  LayerHintPacketSchema,
  LayerPreferencePacket_EntryMediaKind,
  LayerPreferencePacketSchema,
  ViewportPacketSchema,
} from "../gen/call/v1/layers_pb.ts";
import { MediaPacket_MediaType, MediaPacketSchema, TransportType, type MediaPacket } from "../gen/call/v1/media_pb.ts";
import { MeetingPacketSchema, type MeetingPacket } from "../gen/call/v1/meeting_pb.ts";
import {
  PacketWrapper_MediaKind,
  PacketWrapper_PacketType,
  PacketWrapperSchema,
  ReactionPacket_ReactionType,
  ReactionPacketSchema,
  type PacketWrapper,
} from "../gen/call/v1/packet_pb.ts";
import { HealthPacketSchema } from "../gen/health/v1/health_pb.ts";
import { reactionKinds, type ReactionKind, type TransportKind } from "./contract.ts";

/** The identity of packets that the server itself sends; nobody can sign in with it. */
export const systemUser = "system-&^%$#@!";

export { MediaPacket_MediaType as MediaType, PacketWrapper_PacketType as PacketType };
export type { MediaPacket, MeetingPacket, PacketWrapper };

/** Largest packet accepted from the network, in bytes; a 4K keyframe fits. */
export const maxPacket = 4_000_000;
/** Largest packet sent as a datagram, in bytes; fits into one QUIC packet everywhere. */
export const maxDatagram = 1_200;

const text = new TextEncoder();
const lenient = new TextDecoder(); // identities need not be valid UTF-8

export const utf8 = (s: string): Uint8Array => text.encode(s);
export const readUtf8 = (b: Uint8Array): string => lenient.decode(b);

/** The outer packet, its data a view into bytes; undefined when it does not parse. */
export function readPacket(bytes: Uint8Array): PacketWrapper | undefined {
  try {
    return fromBinary(PacketWrapperSchema, bytes);
  } catch {
    return undefined;
  }
}

/** The media packet inside; undefined when it does not parse, as ciphertext does not. */
export function readMedia(data: Uint8Array): MediaPacket | undefined {
  try {
    return fromBinary(MediaPacketSchema, data);
  } catch {
    return undefined;
  }
}

export function readMeeting(data: Uint8Array): MeetingPacket | undefined {
  try {
    return fromBinary(MeetingPacketSchema, data);
  } catch {
    return undefined;
  }
}

interface Clear {
  key?: boolean;
  layer?: number;
  probe?: boolean;
  sessionId?: bigint;
}

const kinds: Partial<Record<MediaPacket_MediaType, PacketWrapper_MediaKind>> = {
  [MediaPacket_MediaType.VIDEO]: PacketWrapper_MediaKind.VIDEO,
  [MediaPacket_MediaType.AUDIO]: PacketWrapper_MediaKind.AUDIO,
  [MediaPacket_MediaType.SCREEN]: PacketWrapper_MediaKind.SCREEN,
};

/** A MEDIA packet of ours. What the server may know of it is repeated outside. */
export function writeMedia(
  userId: Uint8Array,
  media: MessageInitShape<typeof MediaPacketSchema> & { mediaType: MediaPacket_MediaType },
  clear: Clear = {},
): Uint8Array<ArrayBuffer> {
  return toBinary(
    PacketWrapperSchema,
    create(PacketWrapperSchema, {
      packetType: PacketWrapper_PacketType.MEDIA,
      userId,
      data: toBinary(MediaPacketSchema, create(MediaPacketSchema, media)),
      mediaKind: kinds[media.mediaType] ?? PacketWrapper_MediaKind.MEDIA_KIND_UNSPECIFIED,
      keyframe: clear.key ?? false,
      simulcastLayerId: clear.layer ?? 0,
      rttProbe: clear.probe ?? false,
      sessionId: clear.sessionId ?? 0n,
    }),
  ) as Uint8Array<ArrayBuffer>;
}

/** A probe that the server echoes unchanged; timestamp comes back in it. */
export function writeProbe(userId: Uint8Array, timestamp: number): Uint8Array {
  return writeMedia(userId, { mediaType: MediaPacket_MediaType.RTT, userId, timestamp }, { probe: true });
}

/** The timestamp of an echo of one of our probes; undefined when it is something else. */
export function readEcho(packet: PacketWrapper): number | undefined {
  if (packet.packetType !== PacketWrapper_PacketType.MEDIA || packet.data.length > 200) return undefined;
  if (!packet.rttProbe && packet.mediaKind !== PacketWrapper_MediaKind.MEDIA_KIND_UNSPECIFIED) return undefined;
  const media = readMedia(packet.data);
  return media?.mediaType === MediaPacket_MediaType.RTT ? media.timestamp : undefined;
}

/** What a heartbeat tells the others. */
export interface Presence {
  video: boolean;
  audio: boolean;
  screen: boolean;
  speaking: boolean;
  hand?: boolean; // raised
  transport: TransportKind;
}

export function writeHeartbeat(userId: Uint8Array, sessionId: bigint, p: Presence, epochMs: number): Uint8Array {
  return writeMedia(
    userId,
    {
      mediaType: MediaPacket_MediaType.HEARTBEAT,
      userId,
      timestamp: epochMs,
      heartbeatMetadata: {
        videoEnabled: p.video,
        audioEnabled: p.audio,
        screenEnabled: p.screen,
        isSpeaking: p.speaking,
        handRaised: p.hand ?? false,
        transportType:
          p.transport === "webtransport" ? TransportType.TRANSPORT_WEBTRANSPORT : TransportType.TRANSPORT_WEBSOCKET,
      },
    },
    { sessionId },
  );
}

/** Asks a publisher to start its video or screen anew. */
export function writeKeyframeRequest(
  userId: Uint8Array,
  target: { userId: Uint8Array; sessionId: bigint },
  source: "camera" | "screen",
  layer: number,
): Uint8Array {
  return writeMedia(
    userId,
    {
      mediaType: MediaPacket_MediaType.KEYFRAME_REQUEST,
      userId: target.userId,
      data: utf8(source === "screen" ? "SCREEN" : "VIDEO"),
      targetSessionId: target.sessionId,
    },
    { layer },
  );
}

const control = (userId: Uint8Array, packetType: PacketWrapper_PacketType, data: Uint8Array) =>
  toBinary(PacketWrapperSchema, create(PacketWrapperSchema, { packetType, userId, data }));

/** Names the sessions whose cameras are shown; none means all. */
export function writeViewport(userId: Uint8Array, sessionIds: readonly bigint[]): Uint8Array {
  const data = toBinary(ViewportPacketSchema, create(ViewportPacketSchema, { sessionIds: [...sessionIds] }));
  return control(userId, PacketWrapper_PacketType.VIEWPORT, data);
}

/** The layer that is wanted of somebody's camera or voice. */
export interface LayerWish {
  sessionId: bigint;
  layer: number;
  voice?: true;
}

export function writeLayerPreference(userId: Uint8Array, wishes: readonly LayerWish[]): Uint8Array {
  const { ENTRY_AUDIO, ENTRY_VIDEO } = LayerPreferencePacket_EntryMediaKind;
  const entries = wishes.map(({ sessionId, layer, voice }) => ({ sessionId, desiredLayer: layer, mediaKind: voice ? ENTRY_AUDIO : ENTRY_VIDEO }));
  const data = toBinary(LayerPreferencePacketSchema, create(LayerPreferencePacketSchema, { entries }));
  return control(userId, PacketWrapper_PacketType.LAYER_PREFERENCE, data);
}

/** The highest simulcast layer. */
export const maxLayer = 7;

/** What is wanted of a camera of ours. */
export interface Wanted {
  layers: number; // one bit each, the lowest first
  plain: boolean; // somebody gets the lowest alone
}

/** Nothing is known of what others want. */
export const everything: Wanted = { layers: (2 << maxLayer) - 1, plain: false };

export function readLayerHint(data: Uint8Array): Wanted | undefined {
  try {
    const hint = fromBinary(LayerHintPacketSchema, data);
    const camera = hint.entries.find((e) => e.mediaKind === LayerHintPacket_MediaKind.VIDEO);
    const upTo = (layer: number) => (2 << Math.min(layer, maxLayer)) - 1;
    return { layers: camera ? (camera.wantedLayers ?? upTo(camera.maxRequestedLayer)) : everything.layers, plain: hint.plainReceivers };
  } catch {
    return undefined;
  }
}

export function writeHealth(userId: Uint8Array, health: MessageInitShape<typeof HealthPacketSchema>): Uint8Array {
  return toBinary(
    PacketWrapperSchema,
    create(PacketWrapperSchema, {
      packetType: PacketWrapper_PacketType.HEALTH,
      userId,
      data: toBinary(HealthPacketSchema, create(HealthPacketSchema, health)),
    }),
  );
}

const reactionTypes: Record<ReactionKind, ReactionPacket_ReactionType> = {
  thumbs_up: ReactionPacket_ReactionType.THUMBS_UP,
  thumbs_down: ReactionPacket_ReactionType.THUMBS_DOWN,
  laugh: ReactionPacket_ReactionType.LAUGH,
  applause: ReactionPacket_ReactionType.APPLAUSE,
  heart: ReactionPacket_ReactionType.HEART,
  thinking: ReactionPacket_ReactionType.THINKING,
  party: ReactionPacket_ReactionType.PARTY,
};

export function writeReaction(userId: Uint8Array, kind: ReactionKind, name: string): Uint8Array {
  const data = toBinary(ReactionPacketSchema, create(ReactionPacketSchema, { reaction: reactionTypes[kind], displayName: utf8(name) }));
  return toBinary(PacketWrapperSchema, create(PacketWrapperSchema, { packetType: PacketWrapper_PacketType.REACTION, userId, data }));
}

export function writeChat(userId: Uint8Array, text: string, ref: string): Uint8Array {
  const data = toBinary(ChatMessageSchema, create(ChatMessageSchema, { text, ref }));
  return toBinary(PacketWrapperSchema, create(PacketWrapperSchema, { packetType: PacketWrapper_PacketType.CHAT, userId, data }));
}

export function readChat(data: Uint8Array): ChatMessage | undefined {
  try {
    return fromBinary(ChatMessageSchema, data);
  } catch {
    return undefined;
  }
}

/** Undefined for a reaction that we cannot show. */
export function readReaction(data: Uint8Array): { kind: ReactionKind; name: string } | undefined {
  try {
    const packet = fromBinary(ReactionPacketSchema, data);
    const kind = reactionKinds.find((k) => reactionTypes[k] === packet.reaction);
    return kind && { kind, name: readUtf8(packet.displayName) };
  } catch {
    return undefined;
  }
}
