// What is seen and heard in a call: our own devices on their way out, the others on their way in.
import type { Cancel, Clock } from "./clock.ts";
import { Local } from "./local.ts";
import { Looks } from "./looks.ts";
import { Members } from "./members.ts";
import type { Outgoing } from "./outbox.ts";
import { OwnPictures } from "./own.ts";
import { Peers } from "./peers.ts";
import { Pictures } from "./pictures.ts";
import { cameraPlan } from "./plan.ts";
import type { Me } from "./roster.ts";
import { Sound } from "./sound.ts";
import { meter, Speaking } from "./speaking.ts";
import type { Store } from "./store.ts";
import { Viewing } from "./viewing.ts";
import { writeKeyframeRequest, writeLayerPreference, writeViewport } from "./wire.ts";

export interface MediaEvents {
  send(packet: Outgoing): void;
  /** Something that the others are told of us has changed. */
  presence(): void;
  /** One of the others began or stopped to speak. */
  speaking(): void;
}

export class Media {
  readonly members = new Members();
  readonly pictures: Pictures;
  readonly viewing: Viewing;
  readonly own: OwnPictures;
  readonly local: Local;
  /** Whether we speak. */
  readonly mine = new Speaking();
  private readonly looks: Looks;
  private readonly undo: Cancel[] = [];
  private sound?: Sound;
  private peers?: Peers;
  private closed = false;

  constructor(
    private readonly store: Store,
    private readonly clock: Clock,
    private readonly me: Me,
    private readonly events: MediaEvents,
  ) {
    this.pictures = new Pictures(() => this.viewing.changed());
    this.looks = new Looks(clock, () => this.viewing.changed());
    this.viewing = new Viewing(
      clock,
      {
        shown: () => (this.looks.at ? this.pictures.cameras() : new Map()),
        cameras: () => this.members.list.filter((m) => m.video).map((m) => m.sessionId),
        voices: () => this.peers?.layeredVoices ?? [],
      },
      {
        viewport: (sessions) => events.send({ lane: "control", bytes: writeViewport(me.bytes, sessions) }),
        layers: (wishes) => {
          events.send({ lane: "control", bytes: writeLayerPreference(me.bytes, wishes) });
          for (const { sessionId, layer, voice } of wishes) if (!voice) this.peers?.want(String(sessionId), layer);
        },
      },
    );
    this.own = new OwnPictures(clock, this.pictures, {
      packet: (packet) => events.send(packet),
      unsupported: () =>
        store.problem({
          code: "unsupported_browser",
          title: "Your picture cannot be sent",
          detail: "This browser encodes neither VP9 nor VP8. Others can still hear you.",
        }),
    });
    this.local = new Local(
      store,
      {
        picture: (source, track) => this.own.show(source, track),
        microphone: async (track) => this.hearing().listen(track),
        sending: async (on) => this.hearing().send(on),
        changed: () => events.presence(),
      },
      cameraPlan.rungs[cameraPlan.top]!.height,
    );
  }

  /** The sound of this call; made when it is first needed, and not any more after the end. */
  hearing(): Sound {
    if (this.sound) return this.sound;
    if (this.closed) throw new Error("the call is over");
    const sound = new Sound(__SCRIPTS__, {
      packet: (bytes) => this.events.send({ bytes, lane: "audio" }),
      level: (rms) => this.level(rms),
      heard: (stats) => this.peers?.heard(stats, this.clock.now()),
      unsupported: (reason) =>
        !this.closed && // else it is why the sound was loading no further
        this.store.problem({
          code: "unsupported_browser",
          title: "Sound does not work in this browser",
          detail: `Use a current Chrome, Edge, Safari or Firefox. (${reason})`,
        }),
    });
    this.sound = sound;
    // A page that was opened without a click is mute until the first one.
    const wake = () => void sound.resume().catch(() => {});
    for (const event of ["pointerdown", "keydown"]) window.addEventListener(event, wake);
    this.undo.push(() => {
      for (const event of ["pointerdown", "keydown"]) window.removeEventListener(event, wake);
    });
    return sound;
  }

  /** What takes what the others send; made when it is first needed. */
  receiving(): Peers {
    return (this.peers ??= new Peers(__SCRIPTS__.see, this.members, this.pictures, this.hearing(), {
      needKey: (member, source, layer) =>
        this.events.send({
          lane: "control",
          bytes: writeKeyframeRequest(this.me.bytes, { userId: member.userIdBytes, sessionId: BigInt(member.sessionId) }, source, layer),
        }),
      speaking: () => this.events.speaking(),
    }));
  }

  /** Names the sender of the packets to come. */
  identify(userId: Uint8Array): void {
    this.hearing().identify(userId);
    this.own.identify(userId);
  }

  /** Chooses the loudspeaker. */
  async speaker(id: string): Promise<void> {
    try {
      await this.hearing().output(id);
      this.store.set({ speakerId: id });
    } catch {
      this.store.notify("warning", "This speaker cannot be used.");
    }
  }

  close(): void {
    this.closed = true;
    for (const undo of this.undo) undo();
    this.local.close();
    this.viewing.close();
    this.looks.close();
    this.own.close();
    this.peers?.close();
    this.sound?.close();
  }

  private level(rms: number): void {
    const on = this.store.state.micOn;
    const level = on ? Math.round(meter(rms) * 50) / 50 : 0;
    this.store.set({ micLevel: level });
    if (this.mine.feed(on ? rms : 0, this.clock.now())) this.events.presence();
  }
}
