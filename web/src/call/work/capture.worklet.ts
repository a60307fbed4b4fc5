// Cuts the microphone into packets of 20 ms and measures how loud it is.
import type { FromCapture, ToCapture } from "./messages.ts";

const packet = 960;

class Capture extends AudioWorkletProcessor {
  private speak?: MessagePort;
  private on = false;
  private pcm = new Float32Array(packet);
  private n = 0;
  private energy = 0;
  private packets = 0;

  constructor() {
    super();
    this.port.onmessage = (e: MessageEvent<ToCapture>) => {
      if ("speak" in e.data) this.speak = e.data.speak;
      else this.on = e.data.on;
    };
  }

  override process(inputs: Float32Array[][]): boolean {
    const channels = inputs[0]!;
    if (channels.length === 0) return true;
    const left = channels[0]!;
    const right = channels[1] ?? left;
    for (let i = 0; i < left.length; i++) {
      const v = (left[i]! + right[i]!) / 2;
      this.energy += v * v;
      this.pcm[this.n++] = v;
      if (this.n === packet) this.cut();
    }
    return true;
  }

  private cut(): void {
    this.n = 0;
    if (this.on && this.speak) {
      this.speak.postMessage(this.pcm, [this.pcm.buffer]);
      this.pcm = new Float32Array(packet);
    }
    if (++this.packets === 3) {
      const message: FromCapture = { level: Math.sqrt(this.energy / (3 * packet)) };
      this.port.postMessage(message);
      this.packets = 0;
      this.energy = 0;
    }
  }
}

registerProcessor("capture", Capture);
