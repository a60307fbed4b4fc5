// Everything that is heard: the microphone on its way out, the voices on their way in.
import type { FromCapture, FromHear, FromPlayout, FromSpeak, ToHear, ToSpeak, VoicePacket, VoiceStats } from "./work/messages.ts";

export interface SoundScripts {
  playout: string;
  capture: string;
  speak: string;
  hear: string;
}

export interface SoundEvents {
  packet(bytes: Uint8Array): void;
  level(rms: number): void;
  /** What was heard of each voice, ten times a second. */
  heard(voices: FromPlayout): void;
  unsupported(reason: string): void;
}

export class Sound {
  readonly context: AudioContext;
  readonly analyser: AnalyserNode; // of what goes to the loudspeaker
  private readonly ready: Promise<void>;
  private readonly speak: Worker;
  private readonly hear: Worker;
  private microphone?: MediaStreamAudioSourceNode;
  private capture?: AudioWorkletNode;
  private on = false;
  voices: Record<string, VoiceStats> = {};

  constructor(
    scripts: SoundScripts,
    private readonly events: SoundEvents,
  ) {
    this.context = new AudioContext({ sampleRate: 48_000, latencyHint: "interactive" });
    this.analyser = new AnalyserNode(this.context, { fftSize: 8192, smoothingTimeConstant: 0 });
    this.analyser.connect(this.context.destination);
    this.speak = new Worker(scripts.speak);
    this.speak.onmessage = (e: MessageEvent<FromSpeak>) => {
      if ("packet" in e.data) events.packet(e.data.packet);
      else events.unsupported(e.data.unsupported);
    };
    this.hear = new Worker(scripts.hear);
    this.hear.onmessage = (e: MessageEvent<FromHear>) => {
      this.voices = e.data.stats;
    };
    this.ready = this.open(scripts);
    this.ready.catch((err: unknown) => events.unsupported(String(err)));
  }

  /** Starts the sound card. Browsers allow it after a click, or while the microphone is on. */
  async resume(): Promise<void> {
    if (this.context.state === "suspended") await this.context.resume();
  }

  /** Names the sender of the packets to come. */
  identify(userId: Uint8Array): void {
    this.tellSpeak({ do: "start", userId });
  }

  /** Listens to this microphone; none when undefined. */
  async listen(track: MediaStreamTrack | undefined): Promise<void> {
    await this.ready;
    this.microphone?.disconnect();
    this.microphone = undefined;
    if (!track || !this.capture) return;
    this.microphone = this.context.createMediaStreamSource(new MediaStream([track]));
    this.microphone.connect(this.capture);
  }

  /** Whether packets are made of what the microphone hears. The level is measured anyway. */
  async send(on: boolean): Promise<void> {
    this.on = on;
    await this.ready;
    this.capture?.port.postMessage({ on: this.on });
  }

  push(id: string, packet: VoicePacket, transfer: Transferable[]): void {
    this.tellHear({ id, packet }, transfer);
  }

  /** Forgets a voice. */
  hush(id: string): void {
    this.tellHear({ id, close: true });
  }

  /** Chooses the loudspeaker, where the browser can. */
  async output(id: string): Promise<void> {
    const context = this.context as AudioContext & { setSinkId?: (id: string) => Promise<void> };
    await context.setSinkId?.(id === "default" ? "" : id);
  }

  close(): void {
    this.microphone?.disconnect();
    this.speak.terminate();
    this.hear.terminate();
    void this.context.close().catch(() => {});
  }

  private async open(scripts: SoundScripts): Promise<void> {
    const worklets = this.context.audioWorklet;
    await Promise.all([worklets.addModule(scripts.playout), worklets.addModule(scripts.capture)]);

    const playout = new AudioWorkletNode(this.context, "playout", {
      numberOfInputs: 0,
      outputChannelCount: [1],
    });
    playout.connect(this.analyser);
    playout.port.onmessage = (e: MessageEvent<FromPlayout>) => this.events.heard(e.data);
    const voices = new MessageChannel();
    playout.port.postMessage({ hear: voices.port1 }, [voices.port1]);
    this.tellHear({ playout: voices.port2 }, [voices.port2]);

    const capture = new AudioWorkletNode(this.context, "capture", { outputChannelCount: [1] });
    // Only what leads to the destination is processed; the gain keeps it from being heard.
    capture.connect(new GainNode(this.context, { gain: 0 })).connect(this.context.destination);
    capture.port.onmessage = (e: MessageEvent<FromCapture>) => this.events.level(e.data.level);
    const frames = new MessageChannel();
    capture.port.postMessage({ speak: frames.port1 }, [frames.port1]);
    this.tellSpeak({ do: "listen", port: frames.port2 }, [frames.port2]);
    capture.port.postMessage({ on: this.on });
    this.capture = capture;
  }

  private tellHear(message: ToHear, transfer: Transferable[] = []): void {
    this.hear.postMessage(message, transfer);
  }

  private tellSpeak(message: ToSpeak, transfer: Transferable[] = []): void {
    this.speak.postMessage(message, transfer);
  }
}
