// Says regularly how we are: to the others in heartbeats, to the server in health reports.
import type { Cancel, Clock } from "./clock.ts";
import { health, type HealthSources } from "./health.ts";
import type { Outgoing } from "./outbox.ts";
import type { Path } from "./path.ts";
import { utf8, writeHealth, writeHeartbeat } from "./wire.ts";

const heartbeatEvery = 5_000;
const repeatAfter = 1_000; // a change is told twice: datagrams get lost
const healthEvery = 5_000;

type Known = Omit<HealthSources, "queueBytes" | "dropped" | "received" | "sent" | "seconds" | "drops" | "counted"> & {
  speaking: boolean;
  backlog: Path["backlog"];
};

export class Reporter {
  private readonly timers: Cancel[];
  private repeat?: Cancel;
  private told = "";
  private counted = { received: 0, sent: 0, at: 0 };
  private drops = 0;
  private readonly totals = new Map<string, number>();

  constructor(
    private readonly clock: Clock,
    private readonly send: (packet: Outgoing) => void,
    private readonly known: () => Known,
  ) {
    this.counted.at = clock.now();
    this.timers = [
      clock.every(heartbeatEvery, () => this.heartbeat(true)),
      clock.every(healthEvery, () => this.health()),
    ];
  }

  /** The first heartbeat of a connection makes us a participant: it must arrive. */
  hello(): void {
    this.heartbeat(false);
    this.health();
  }

  /** Something that a heartbeat tells may have changed. */
  changed(): void {
    if (this.presence() === this.told) return;
    this.heartbeat(true);
    this.repeat?.();
    this.repeat = this.clock.after(repeatAfter, () => this.heartbeat(true));
  }

  /** A packet arrived. */
  count(): void {
    this.counted.received++;
  }

  sent(): void {
    this.counted.sent++;
  }

  dropped(): void {
    this.drops++;
  }

  close(): void {
    for (const cancel of this.timers) cancel();
    this.repeat?.();
  }

  private presence(): string {
    const { state, speaking } = this.known();
    return JSON.stringify([state.cameraOn, state.micOn, state.screenOn, state.handUp, speaking && state.micOn, state.transport]);
  }

  private heartbeat(datagram: boolean): void {
    const { state, speaking, userId, sessionId } = this.known();
    if (!state.transport) return;
    this.told = this.presence();
    const bytes = writeHeartbeat(
      utf8(userId),
      BigInt(sessionId || 0),
      {
        video: state.cameraOn,
        audio: state.micOn,
        screen: state.screenOn,
        speaking: speaking && state.micOn,
        hand: state.handUp,
        transport: state.transport,
      },
      Date.now(),
    );
    this.send({ lane: "control", bytes, datagram });
  }

  private health(): void {
    const k = this.known();
    const now = this.clock.now();
    const bytes = writeHealth(
      utf8(k.userId),
      health({
        ...k,
        queueBytes: k.backlog.bytes,
        dropped: k.backlog.dropped,
        received: this.counted.received,
        sent: this.counted.sent,
        seconds: (now - this.counted.at) / 1000,
        drops: this.drops,
        counted: this.totals,
      }),
    );
    this.counted = { received: 0, sent: 0, at: now };
    this.send({ lane: "control", bytes });
  }
}
