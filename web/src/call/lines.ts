// Long-lived streams to the server, one for each lane. Pictures have streams of their own: only
// the end of a stream tells how much of it is still on its way, which their bit rate follows.
import { framed } from "./frames.ts";
import type { Lane } from "./outbox.ts";

export type OpenStream = () => Promise<WritableStream<Uint8Array>>;

/** Lines sends packets of a lane in order; lanes do not wait for each other. */
export class Lines {
  private readonly lines = new Map<Lane, Promise<WritableStreamDefaultWriter<Uint8Array>>>();

  constructor(private readonly open: OpenStream) {}

  /** Resolves when the stream took the packet or lost it; never rejects. */
  async send(lane: Lane, packet: Uint8Array): Promise<void> {
    let line = this.lines.get(lane);
    if (!line) {
      line = this.open().then((stream) => stream.getWriter());
      line.then((writer) => writer.closed).catch(() => {}); // its writes fail, which is enough to know
      this.lines.set(lane, line);
    }
    try {
      await (await line).write(framed(packet));
    } catch {
      if (this.lines.get(lane) === line) this.lines.delete(lane); // the next packet begins another
    }
  }
}
