// window.parleyDebug: a look inside a running call, for tests and for bug reports.
import type { Call } from "./contract.ts";
import type { Inbox } from "./inbox.ts";
import type { Link } from "./link.ts";
import type { Members } from "./members.ts";
import type { Peers } from "./peers.ts";
import type { Pictures } from "./pictures.ts";
import type { VideoSender } from "./sender.ts";
import type { Sound } from "./sound.ts";
import type { Source } from "./work/messages.ts";

interface Inside {
  call: Call;
  link: Link;
  members: Members;
  peers: Peers;
  pictures: Pictures;
  sound: Sound;
  inbox: Inbox;
  senders: Partial<Record<Source, VideoSender>>;
  marks: { click?: number; ticket?: number; up?: number };
}

interface PictureView {
  decoded: number;
  drawn: number;
  lost: number;
  bytes: number;
  layer: number;
  lastFrameAgoMs?: number;
  /** From the click on "join" to the first frame on a canvas. */
  firstFrameMs?: number;
  width?: number;
  height?: number;
}

export interface DebugPeer {
  sessionId: string;
  userId: string;
  name: string;
  camera: PictureView;
  screen: PictureView;
  audio: { level: number; concealedShare: number; delayMs: number; bufferMs: number; received: number; lost: number };
}

export interface ParleyDebug {
  phase: string;
  transport?: string;
  rttMs?: number;
  sessionId: string;
  /** Milliseconds from the click on "join" to the ticket and to the connection. */
  joining: { ticketMs?: number; upMs?: number };
  peers(): DebugPeer[];
  /** What comes out of the loudspeaker, all voices mixed: loudness and the strongest tone. */
  heard(): { level: number; frequencyHz: number; context: string };
  /** What is sent. */
  encoder(source: Source): object | undefined;
  backlog(): object;
  /** Ends the connection as a broken network would; the call comes back by itself. */
  cut(): void;
}

export function expose(inside: Inside): void {
  const { call, link, members, peers, pictures, sound, inbox, senders, marks } = inside;
  const since = (at: number | undefined) => (at === undefined || marks.click === undefined ? undefined : at - marks.click);
  const picture = (id: string, source: Source): PictureView => {
    const decoded = peers.stats(id)[source];
    const drawn = pictures.stats(`${id}/${source}`);
    return {
      decoded: decoded?.decoded ?? 0,
      drawn: drawn?.drawn ?? 0,
      lost: decoded?.lost ?? 0,
      bytes: decoded?.bytes ?? 0,
      layer: decoded?.layer ?? -1,
      ...(drawn?.lastAt !== undefined && { lastFrameAgoMs: performance.now() - drawn.lastAt }),
      firstFrameMs: since(drawn?.firstAt),
      ...drawn?.size,
    };
  };
  const debug: ParleyDebug = {
    get phase() {
      return call.state.phase;
    },
    get transport() {
      return call.state.transport;
    },
    get rttMs() {
      return call.state.rttMs;
    },
    get sessionId() {
      return inbox.sessionId;
    },
    get joining() {
      return { ticketMs: since(marks.ticket), upMs: since(marks.up) };
    },
    peers: () =>
      members.list.map((m) => {
        const heard = peers.stats(m.sessionId).sound;
        const voice = sound.voices[m.sessionId];
        return {
          sessionId: m.sessionId,
          userId: m.userId,
          name: m.name,
          camera: picture(m.sessionId, "camera"),
          screen: picture(m.sessionId, "screen"),
          audio: {
            level: heard?.level ?? 0,
            concealedShare: heard && heard.played > 0 ? heard.concealed / heard.played : 0,
            delayMs: voice?.targetMs ?? 0,
            bufferMs: (heard?.fill ?? 0) / 48,
            received: voice?.received ?? 0,
            lost: voice?.lost ?? 0,
          },
        };
      }),
    heard: () => ({ ...measure(sound.analyser), context: sound.context.state }),
    encoder: (source) => senders[source] && { ...senders[source].stats, rung: senders[source].rung },
    backlog: () => link.backlog,
    cut: () => link.cut(),
  };
  (globalThis as { parleyDebug?: ParleyDebug }).parleyDebug = debug;
}

function measure(analyser: AnalyserNode): { level: number; frequencyHz: number } {
  const samples = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(samples);
  const level = Math.sqrt(samples.reduce((sum, v) => sum + v * v, 0) / samples.length);
  const bins = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(bins);
  let strongest = 1;
  for (let i = 2; i < bins.length; i++) if (bins[i]! > bins[strongest]!) strongest = i;
  const width = analyser.context.sampleRate / analyser.fftSize;
  return { level, frequencyHz: level > 0.0005 ? strongest * width : 0 };
}
