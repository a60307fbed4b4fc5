// Brings decoded frames onto canvases. A stream may be shown on several, or on none.

interface Shown {
  canvases: Set<HTMLCanvasElement>;
  ended: boolean; // forgotten as soon as no canvas shows it
  last?: HTMLCanvasElement; // drawn most recently; may have left the page
  drawn: number;
  firstAt?: number; // performance.now()
  lastAt?: number;
  size?: { width: number; height: number };
}

/** What debug and health want to know of a stream. */
export type Drawn = Readonly<Pick<Shown, "drawn" | "firstAt" | "lastAt" | "size">>;

/** On denser screens nobody sees the difference. */
const finest = 2;

export class Pictures {
  private readonly streams = new Map<string, Shown>();
  private readonly sizes: ResizeObserver;

  /** changed is called when a canvas came, went, or has another size. */
  constructor(private readonly changed: () => void) {
    this.sizes = new ResizeObserver(changed);
  }

  /** Heights of the cameras of others on screen in device pixels, by session; 0 where a canvas has no place yet. */
  cameras(): Map<string, number> {
    const heights = new Map<string, number>();
    for (const [id, { canvases }] of this.streams) {
      const [session, source] = id.split("/") as [string, string];
      if (source !== "camera" || session === "self" || canvases.size === 0) continue;
      const tallest = Math.max(...[...canvases].map((c) => c.clientHeight));
      heights.set(session, tallest * Math.min(devicePixelRatio, finest));
    }
    return heights;
  }

  /** Draws a stream into canvas until the returned function is called. */
  attach(id: string, canvas: HTMLCanvasElement): () => void {
    const shown = this.get(id);
    shown.canvases.add(canvas);
    this.sizes.observe(canvas);
    this.changed();
    // A tile that moved or grew shows the last picture at once, not a black moment.
    if (shown.last && shown.last !== canvas) paint(canvas, shown.last, shown.last.width, shown.last.height);
    return () => {
      this.sizes.unobserve(canvas);
      this.changed();
      for (const [id, s] of this.streams) {
        s.canvases.delete(canvas);
        if (s.ended && s.canvases.size === 0) this.streams.delete(id);
      }
    };
  }

  /** Draws a frame and closes it. */
  show(id: string, frame: VideoFrame): void {
    this.paint(id, frame, frame.displayWidth, frame.displayHeight);
    frame.close();
  }

  paint(id: string, image: CanvasImageSource, width: number, height: number): void {
    const s = this.get(id);
    for (const canvas of s.canvases) {
      paint(canvas, image, width, height);
      s.last = canvas;
    }
    s.drawn++;
    s.ended = false;
    s.lastAt = performance.now();
    s.size = { width, height };
    if (s.canvases.size > 0) s.firstAt ??= s.lastAt;
  }

  /** A participant came back under another id: the canvases go on, with the last picture. */
  move(from: string, to: string): void {
    const old = this.streams.get(from);
    if (!old) return;
    this.streams.delete(from);
    const next = this.get(to);
    for (const c of old.canvases) next.canvases.add(c);
    next.last ??= old.last;
  }

  /** Blackens what is shown of a stream that ended. */
  close(id: string): void {
    const s = this.streams.get(id);
    if (!s) return;
    for (const c of s.canvases) c.getContext("2d")?.clearRect(0, 0, c.width, c.height);
    s.last = undefined;
    s.ended = true;
    if (s.canvases.size === 0) this.streams.delete(id);
  }

  stats(id: string): Drawn | undefined {
    return this.streams.get(id);
  }

  private get(id: string): Shown {
    let s = this.streams.get(id);
    if (!s) this.streams.set(id, (s = { canvases: new Set(), ended: false, drawn: 0 }));
    return s;
  }
}

function paint(canvas: HTMLCanvasElement, image: CanvasImageSource, width: number, height: number): void {
  if (width === 0 || height === 0) return;
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  canvas.getContext("2d", { alpha: false })?.drawImage(image, 0, 0, width, height);
}
