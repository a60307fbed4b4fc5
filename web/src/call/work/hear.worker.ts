// Decodes the voices of all peers and hands the samples to the playout worklet, past the
// page: a busy page is seen, but not heard.
import { Jitter } from "../jitter.ts";
import { Order } from "../order.ts";
import type { FromHear, ToHear, ToPlayout, VoicePacket, VoiceStats } from "./messages.ts";

const rate = 48_000;
const frame = 960; // samples of one packet, until the decoder knows better

let playout: MessagePort | undefined;

function play(message: ToPlayout, transfer: Transferable[] = []): void {
  playout?.postMessage(message, { transfer });
}

class Voice {
  private readonly order = new Order<VoicePacket>();
  private readonly jitter = new Jitter();
  private decoder?: AudioDecoder;
  private clock = 0; // µs on the decoder's timeline, which has no pauses
  private gaps: { at: number; samples: number }[] = []; // losses, where they belong between decoded frames
  private told = 0;
  private received = 0;
  private errors = 0;

  constructor(private readonly id: string) {}

  push(packet: VoicePacket): void {
    const now = performance.now();
    this.received++;
    this.jitter.add(packet.sequence, packet.timestamp, now);
    const target = Math.round((this.jitter.target * rate) / 1000);
    if (playout && Math.abs(target - this.told) > rate * 0.002) {
      this.told = target;
      play({ id: this.id, target });
    }
    this.decode(this.order.push(packet, now));
  }

  tick(now: number): void {
    this.decode(this.order.expire(now));
  }

  report(): VoiceStats {
    return {
      received: this.received,
      lost: this.order.lost,
      errors: this.errors,
      targetMs: this.jitter.target,
    };
  }

  close(): void {
    if (this.decoder?.state !== "closed") this.decoder?.close();
    play({ id: this.id, close: true });
  }

  private decode(ordered: ReturnType<Order<VoicePacket>["push"]>): void {
    for (const o of ordered) {
      if ("lost" in o) {
        this.gaps.push({ at: this.clock, samples: Math.min(o.lost, 10) * frame });
        continue;
      }
      try {
        if (this.decoder?.state !== "configured") {
          this.decoder = new AudioDecoder({ output: (data) => this.output(data), error: () => this.errors++ });
          this.decoder.configure({ codec: "opus", sampleRate: rate, numberOfChannels: 1 });
        }
        this.decoder.decode(new EncodedAudioChunk({ type: "key", timestamp: this.clock, data: o.packet.data }));
        this.clock += 20_000;
      } catch {
        this.errors++;
      }
    }
  }

  private output(data: AudioData): void {
    while (this.gaps[0] && this.gaps[0].at <= data.timestamp) {
      play({ id: this.id, lost: this.gaps.shift()!.samples });
    }
    const pcm = new Float32Array(data.numberOfFrames);
    data.copyTo(pcm, { planeIndex: 0, format: "f32-planar" });
    data.close();
    play({ id: this.id, pcm }, [pcm.buffer]);
  }
}

const voices = new Map<string, Voice>();

self.onmessage = (e: MessageEvent<ToHear>) => {
  const m = e.data;
  if ("playout" in m) {
    playout = m.playout;
    return;
  }
  let voice = voices.get(m.id);
  if ("close" in m) {
    voice?.close();
    voices.delete(m.id);
    return;
  }
  if (!voice) voices.set(m.id, (voice = new Voice(m.id)));
  voice.push(m.packet);
};

setInterval(() => {
  const now = performance.now();
  for (const voice of voices.values()) voice.tick(now);
}, 10);

setInterval(() => {
  if (voices.size === 0) return;
  const message: FromHear = { stats: Object.fromEntries([...voices].map(([id, v]) => [id, v.report()])) };
  self.postMessage(message);
}, 1000);
