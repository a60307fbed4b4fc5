// Mixes the voices of all peers, one quantum after the other.
import { Playout } from "../playout.ts";
import type { FromPlayout, PageToPlayout, ToPlayout } from "./messages.ts";

/** How often the page learns what is heard, in samples: ten times a second. */
const reportEvery = sampleRate / 10;

class Mixer extends AudioWorkletProcessor {
  private readonly voices = new Map<string, Playout>();
  private sinceReport = 0;

  constructor() {
    super();
    this.port.onmessage = (e: MessageEvent<PageToPlayout>) => {
      e.data.hear.onmessage = (m: MessageEvent<ToPlayout>) => this.take(m.data);
    };
  }

  override process(_: Float32Array[][], outputs: Float32Array[][]): boolean {
    const out = outputs[0]![0]!;
    for (const voice of this.voices.values()) voice.pull(out);
    // Several loud voices may exceed full scale: bend instead of clipping hard.
    for (let i = 0; i < out.length; i++) {
      const v = out[i]!;
      if (v > 0.9 || v < -0.9) out[i] = Math.sign(v) * (0.9 + 0.1 * Math.tanh((Math.abs(v) - 0.9) * 10));
    }
    for (const other of outputs[0]!.slice(1)) other.set(out);
    this.sinceReport += out.length;
    if (this.sinceReport >= reportEvery && this.voices.size > 0) {
      this.sinceReport = 0;
      const report: FromPlayout = Object.fromEntries([...this.voices].map(([id, v]) => [id, { ...v.stats }]));
      this.port.postMessage(report);
    }
    return true;
  }

  private take(m: ToPlayout): void {
    let voice = this.voices.get(m.id);
    if ("close" in m) {
      this.voices.delete(m.id);
      return;
    }
    if (!voice) this.voices.set(m.id, (voice = new Playout(sampleRate)));
    if ("pcm" in m) voice.push(m.pcm);
    else if ("lost" in m) voice.lose(m.lost);
    else voice.setTarget(m.target);
  }
}

registerProcessor("playout", Mixer);
