// Our own camera, microphone and screen: opening, changing, and really switching off.
import type { Problem } from "./contract.ts";
import { listDevices, openBoth, openCamera, openMicrophone, openScreen } from "./devices.ts";
import { deviceProblem } from "./problem.ts";
import type { Store } from "./store.ts";
import type { Source } from "./work/messages.ts";

export interface LocalEvents {
  /** A camera or screen came, changed, or went. */
  picture(source: Source, track: MediaStreamTrack | undefined): void;
  /** Another microphone, or none. */
  microphone(track: MediaStreamTrack | undefined): Promise<void>;
  /** Whether what it hears may leave this machine. */
  sending(on: boolean): Promise<void>;
  /** Something that others are told in heartbeats has changed. */
  changed(): void;
}

export class Local {
  private camera?: MediaStreamTrack;
  private mic?: MediaStreamTrack;
  private screen?: MediaStreamTrack;
  private choosing = false; // a screen
  private turn: Promise<unknown> = Promise.resolve();
  private closed = false;
  private readonly listChanged = () => void this.list();

  constructor(
    private readonly store: Store,
    private readonly events: LocalEvents,
    private readonly cameraHeight: number,
  ) {
    navigator.mediaDevices?.addEventListener("devicechange", this.listChanged);
  }

  /** Opens what the preview shows. One question to the person where the browser can. */
  preview(): Promise<void> {
    return this.inTurn(async () => {
      if (this.closed) return;
      const both = this.camera || this.mic ? undefined : await openBoth(this.cameraHeight).catch(() => undefined);
      if (both) {
        this.useCam(both.camera);
        await this.useMic(both.microphone);
      } else {
        // One by one, for the reason of each.
        await this.openCam(true);
        await this.openMic(true);
      }
      await this.list();
    });
  }

  setCamera(on: boolean): Promise<void> {
    return this.inTurn(async () => {
      if (this.closed) return;
      if (on) {
        await this.openCam(false);
        await this.list();
      } else {
        this.closeCam();
      }
    });
  }

  setMic(on: boolean): Promise<void> {
    return this.inTurn(async () => {
      if (this.closed) return;
      if (on && !this.mic) await this.openMic(false);
      else await this.enableMic(on && this.mic !== undefined);
    });
  }

  setScreen(on: boolean): Promise<void> {
    // Not in turn: the browser wants the click that led here, and a person may take long.
    return on ? this.openShare() : Promise.resolve(this.closeShare());
  }

  selectCamera(id: string): Promise<void> {
    return this.inTurn(async () => {
      this.store.set({ cameraId: id });
      if (!this.camera) return;
      // Many cameras can be opened once only, so the old one goes first.
      this.closeCam();
      await this.openCam(false);
    });
  }

  selectMicrophone(id: string): Promise<void> {
    return this.inTurn(async () => {
      this.store.set({ microphoneId: id });
      const on = this.store.state.micOn;
      if (!this.mic) return;
      this.dropMic();
      await this.openMic(false);
      await this.enableMic(on && this.mic !== undefined);
    });
  }

  close(): void {
    this.closed = true;
    navigator.mediaDevices?.removeEventListener("devicechange", this.listChanged);
    this.closeCam();
    this.closeShare();
    this.dropMic();
    this.store.set({ micOn: false, micLevel: 0 });
  }

  private async list(): Promise<void> {
    this.store.set(await listDevices());
  }

  private async openCam(preview: boolean): Promise<void> {
    if (this.camera || this.closed) return;
    const track = await this.tryOpen("camera", preview, (id) => openCamera(id, this.cameraHeight), this.store.state.cameraId);
    if (track) this.useCam(track);
  }

  private useCam(track: MediaStreamTrack): void {
    if (this.closed) return track.stop();
    this.camera = track;
    track.onended = () => this.lost("camera", track);
    this.store.solved("no_camera");
    this.store.set({ cameraOn: true, cameraId: track.getSettings().deviceId ?? this.store.state.cameraId });
    this.events.picture("camera", track);
    this.events.changed();
  }

  private closeCam(): void {
    if (this.camera) {
      this.camera.onended = null;
      this.camera.stop(); // the light goes out
      this.camera = undefined;
      this.events.picture("camera", undefined);
    }
    this.store.set({ cameraOn: false });
    this.events.changed();
  }

  private async openMic(preview: boolean): Promise<void> {
    if (this.mic || this.closed) return;
    const track = await this.tryOpen("microphone", preview, openMicrophone, this.store.state.microphoneId);
    if (track) await this.useMic(track);
  }

  private async useMic(track: MediaStreamTrack): Promise<void> {
    if (this.closed) return track.stop();
    this.mic = track;
    track.onended = () => this.lost("microphone", track);
    try {
      await this.events.microphone(track);
    } catch {
      if (this.closed) return; // what it is heard with went first
      this.dropMic();
      this.store.problem({
        code: "no_microphone",
        title: "The microphone cannot be used",
        detail: "This browser cannot read it together with your loudspeaker. Set both to 48 kHz in your system, or choose another one.",
      });
      return;
    }
    if (this.closed) return;
    this.store.solved("no_microphone");
    this.store.set({ microphoneId: track.getSettings().deviceId ?? this.store.state.microphoneId });
    await this.enableMic(true);
  }

  private async enableMic(on: boolean): Promise<void> {
    if (this.mic) this.mic.enabled = on;
    this.store.set({ micOn: on, ...(!on && { micLevel: 0 }) });
    this.events.changed();
    await this.events.sending(on);
  }

  private dropMic(): void {
    if (!this.mic) return;
    this.mic.onended = null;
    this.mic.stop();
    this.mic = undefined;
    void this.events.microphone(undefined).catch(() => {});
  }

  private async openShare(): Promise<void> {
    if (this.screen || this.choosing) return;
    let track: MediaStreamTrack;
    this.choosing = true;
    try {
      track = await openScreen();
    } catch (err) {
      if (!this.closed) this.store.problem(deviceProblem(err, "screen"));
      return;
    } finally {
      this.choosing = false;
    }
    if (this.closed) return track.stop();
    this.screen = track;
    track.onended = () => this.closeShare(); // the browser's own "stop sharing"
    this.store.solved("screen_denied");
    this.store.set({ screenOn: true });
    this.events.picture("screen", track);
    this.events.changed();
  }

  private closeShare(): void {
    if (!this.screen) return;
    this.screen.onended = null;
    this.screen.stop();
    this.screen = undefined;
    this.store.set({ screenOn: false });
    this.events.picture("screen", undefined);
    this.events.changed();
  }

  /** Opens a device; falls back from a chosen one that is gone to any. */
  private async tryOpen(
    wanted: "camera" | "microphone",
    preview: boolean,
    open: (id: string | undefined) => Promise<MediaStreamTrack>,
    id: string | undefined,
  ): Promise<MediaStreamTrack | undefined> {
    let problem: Problem;
    try {
      const track = await open(id).catch((err: unknown) => {
        if (id && err instanceof Error && ["OverconstrainedError", "NotFoundError"].includes(err.name)) return open(undefined);
        throw err;
      });
      if (!this.closed) return track;
      track.stop();
      return undefined;
    } catch (err) {
      problem = deviceProblem(err, wanted);
    }
    if (this.closed) return undefined;
    const before = this.store.state.problem?.code;
    if (preview && before === "permission_denied" && problem.code === before) {
      problem = {
        ...problem,
        title: "Camera and microphone are blocked",
        detail: "This page may use neither. Allow them in the browser's address bar, then try again. You can join without.",
      };
      this.store.problem(problem);
      return undefined;
    }
    // In the preview the first reason stands; a missing camera hides no other news.
    if (!preview || !this.store.state.problem) this.store.problem(problem);
    return undefined;
  }

  /** A device was unplugged or taken away while in use. */
  private lost(what: "camera" | "microphone", track: MediaStreamTrack): void {
    void this.inTurn(async () => {
      if (what === "camera" && this.camera === track) {
        this.closeCam();
      } else if (what === "microphone" && this.mic === track) {
        this.dropMic();
        await this.enableMic(false);
      } else {
        return;
      }
      this.store.notify("warning", `Your ${what} was disconnected.`);
      await this.list();
    });
  }

  /** One change at a time: a camera must not be opened twice by two quick clicks. */
  private inTurn(step: () => Promise<void>): Promise<void> {
    const done = this.turn.then(step);
    this.turn = done.catch(() => {});
    return done;
  }
}
