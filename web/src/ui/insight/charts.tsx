// Charts over the last hours, minute by minute.

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { complaint } from "../../call/desk.ts";
import type { Telemetry } from "../../server/telemetry.ts";
import { ids } from "../testids.ts";
import { usePolled } from "./polled.ts";
import { amount, lastMeasured, minutes, type Columns, type Lines } from "./series.ts";

interface Chart {
  name: string;
  title: string;
  kinds: number[];
  measure: string;
  lines: Lines;
  /** What the numbers of the legend are. */
  unit: string;
}

const CHARTS: Chart[] = [
  { name: "rtt", title: "To the server and back, ms", kinds: [65], measure: "rtt_ms", lines: "spread", unit: " ms" },
  { name: "fps", title: "Pictures per second of the worst camera each sees", kinds: [60], measure: "fps.worst", lines: "spread", unit: "/s" },
  { name: "concealment", title: "Missing sound of the worst voice each hears, %", kinds: [60], measure: "concealment.worst", lines: "spread", unit: " %" },
  { name: "drops", title: "Packets left out for slow receivers, per minute", kinds: [64], measure: "dropped", lines: "sum", unit: "" },
  { name: "joins", title: "Joins per minute", kinds: [32], measure: "events", lines: "count", unit: "" },
  { name: "failures", title: "Freezes, gaps and lost connections per minute", kinds: [62, 63, 70], measure: "events", lines: "count", unit: "" },
];

const SPANS: [number, string][] = [
  [1, "1 hour"],
  [6, "6 hours"],
  [24, "1 day"],
];

export function Charts({ telemetry, room }: { telemetry: Telemetry; room: string }): JSX.Element {
  const [hours, setHours] = useState(1);
  return (
    <section class="stack" aria-label="Over time">
      <div class="insight-views" role="group" aria-label="Time">
        {SPANS.map(([n, label]) => (
          <button key={n} type="button" class="button button-small" aria-pressed={hours === n} onClick={() => setHours(n)}>
            {label}
          </button>
        ))}
      </div>
      <div class="charts">
        {CHARTS.map((chart) => (
          <OverTime key={`${chart.name} ${hours}`} chart={chart} telemetry={telemetry} room={room} hours={hours} />
        ))}
      </div>
    </section>
  );
}

interface Props {
  chart: Chart;
  telemetry: Telemetry;
  room: string;
  hours: number;
}

function OverTime({ chart, telemetry, room, hours }: Props): JSX.Element {
  const [data, setData] = useState<Columns>();
  const [trouble, setTrouble] = useState("");
  usePolled(15_000, [telemetry, room, chart, hours], async (signal) => {
    try {
      const to = Date.now();
      const from = to - hours * 3_600_000;
      const points = await telemetry.points(room, chart.kinds, chart.measure, from, signal);
      if (signal.aborted) return;
      setData(minutes(points, from, to, chart.lines));
      setTrouble("");
    } catch (err) {
      if (!signal.aborted) setTrouble(complaint(err));
    }
  });
  return (
    <figure class="card chart" data-testid={ids.chart(chart.name)} data-points={data?.[0].length ?? 0}>
      <figcaption>{chart.title}</figcaption>
      {trouble && <p class="field-error">{trouble}</p>}
      {data && <Plot data={data} lines={chart.lines} unit={chart.unit} />}
    </figure>
  );
}

const height = 170;

/** The legend has the last values while nobody points at others. */
function showLast(plot: uPlot): void {
  if (plot.cursor.idx !== null && plot.cursor.idx !== undefined) return;
  plot.setLegend({ idx: lastMeasured(plot.data as Columns) }, false);
}

/** The time of day, as it is written where the reader is. */
const clock = (seconds: number): string => new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

function Plot({ data, lines, unit }: { data: Columns; lines: Lines; unit: string }): JSX.Element {
  const at = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  useEffect(() => {
    const box = at.current!;
    const ink = (name: string) => getComputedStyle(box).getPropertyValue(name).trim();
    const inked = (name: string) => () => ink(name); // looked up with each drawing: the scheme of colours may change
    const rule = { stroke: inked("--line"), width: 1 };
    const axis = { stroke: inked("--ink-3"), font: `12px ${getComputedStyle(box).fontFamily}`, grid: rule, ticks: rule };
    const line = (label: string, colour: string): uPlot.Series => ({
      label,
      stroke: inked(colour),
      width: 2,
      spanGaps: false,
      value: (_, value) => amount(value, unit),
      points: { show: true, size: 4, fill: inked(colour) },
    });
    const series = lines === "spread" ? [line("Median", "--accent"), line("95 %", "--warn")] : [line("Count", "--accent")];
    plot.current = new uPlot(
      {
        width: box.clientWidth,
        height,
        series: [{ label: "Time", value: (_, at: number | null) => (at === null ? "–" : clock(at)) }, ...series],
        axes: [
          { ...axis, size: 32, space: 64, values: (_, splits) => splits.map(clock) },
          { ...axis, size: 56, values: (_, splits) => splits.map((n) => n.toLocaleString()) },
        ],
        scales: { y: { range: (_, _min, max) => [0, Math.max(1, (max ?? 0) * 1.1)] } },
        hooks: { setCursor: [showLast] },
      },
      data,
      box,
    );
    const fit = new ResizeObserver(() => plot.current?.setSize({ width: box.clientWidth, height }));
    fit.observe(box);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const recolour = () => plot.current?.redraw(false);
    scheme.addEventListener("change", recolour);
    return () => {
      scheme.removeEventListener("change", recolour);
      fit.disconnect();
      plot.current?.destroy();
    };
  }, [lines, unit]);
  useEffect(() => {
    plot.current?.setData(data);
    if (plot.current) showLast(plot.current);
  }, [data]);
  return <div class="plot" ref={at} />;
}
