// Globals of an AudioWorklet, which TypeScript's worker library lacks.
declare const sampleRate: number;
declare abstract class AudioWorkletProcessor {
  readonly port: MessagePort;
  abstract process(inputs: Float32Array[][], outputs: Float32Array[][]): boolean;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

// The contract with the screens names it; no script here touches one.
interface HTMLCanvasElement {}
