// Bytes over time, with a mark at each snapshot. A range drawn with the mouse is given to whoever asked.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { bytes, count } from "../format";
import { colour } from "../theme";
import "./timeline.css";

export interface Line {
  title: string;
  /** One for each moment; null: not known. */
  values: (number | null)[];
  colour: string;
  unit: "bytes" | "count";
  dash?: number[];
}

interface Props {
  label: string;
  /** Seconds. */
  times: number[];
  lines: Line[];
  marks: { time: number; name: string }[];
  onRange?: (from: number, to: number) => void;
}

const INCREMENTS = Array.from({ length: 50 }, (_, i) => 2 ** i);

export function seconds(value: number): string {
  if (value >= 7200) return `${+(value / 3600).toFixed(1)} h`;
  return value >= 120 ? `${+(value / 60).toFixed(1)} min` : `${+value.toFixed(2)} s`;
}

/** With room above the highest for the names of marks. */
const upTo = (_: uPlot, __: number, most: number): [number, number] => [0, most * 1.12 || 1];

function drawMarks(plot: uPlot, marks: Props["marks"]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = colour("minus");
  ctx.fillStyle = colour("text");
  ctx.textAlign = "left"; // the axes have left it as it was for the last one
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textAlign = "left";
  let free = -Infinity;
  for (const { time, name } of marks) {
    const x = Math.round(plot.valToPos(time, "x", true));
    if (x < bbox.left - 1 || x > bbox.left + bbox.width + 1) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const width = ctx.measureText(name).width;
    const right = x + 4 * devicePixelRatio;
    const left = right + width > bbox.left + bbox.width ? x - 4 * devicePixelRatio - width : right;
    if (left < free) continue; // names do not overlap
    ctx.fillText(name, left, bbox.top + 11 * devicePixelRatio);
    free = left + width + 8 * devicePixelRatio;
  }
  ctx.restore();
}

export function TimeLine({ label, times, lines, marks, onRange }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const range = useRef(onRange);
  range.current = onRange;
  useEffect(() => {
    const element = box.current!;
    let plot: uPlot | null = null;
    const draw = () => {
      plot?.destroy();
      const axis = {
        stroke: colour("dim"),
        grid: { stroke: colour("line"), width: 1 },
        ticks: { stroke: colour("line"), width: 1 },
      };
      const counted = lines.some((line) => line.unit === "count");
      plot = new uPlot(
        {
          width: element.clientWidth,
          height: 260,
          scales: {
            x: { time: false },
            bytes: { range: upTo },
            count: { range: upTo },
          },
          axes: [
            { ...axis, values: (_, splits) => splits.map(seconds) },
            {
              ...axis,
              scale: "bytes",
              size: 80,
              incrs: INCREMENTS,
              values: (_, splits) => splits.map((value) => bytes(Math.round(value))),
            },
            ...(counted
              ? [
                  {
                    ...axis,
                    scale: "count",
                    side: 1 as const,
                    size: 60,
                    grid: { show: false },
                    values: (_: uPlot, splits: number[]) =>
                      splits.map((value) => (Number.isInteger(value) ? count(value) : "")),
                  },
                ]
              : []),
          ],
          series: [
            { label: "Time", value: (_, value) => (value === null ? "" : seconds(value)) },
            ...lines.map((line): uPlot.Series => ({
              label: line.title,
              scale: line.unit,
              stroke: colour(line.colour),
              width: 2,
              ...(line.dash ? { dash: line.dash } : {}),
              points: { show: times.length < 60 },
              spanGaps: true,
              value: (_, value, __, at) =>
                at === null ? "" : value === null ? "unknown" : line.unit === "bytes" ? bytes(value) : count(value),
            })),
          ],
          cursor: { drag: { x: true, y: false, setScale: false } },
          hooks: {
            draw: [(self) => drawMarks(self, marks)],
            setSelect: [
              (self) => {
                const { left, width } = self.select;
                if (width > 2) range.current?.(self.posToVal(left, "x"), self.posToVal(left + width, "x"));
              },
            ],
          },
        },
        [times, ...lines.map((line) => line.values)],
        element,
      );
    };
    draw();
    const observer = new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height: 260 }));
    observer.observe(element);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    addEventListener("themechange", draw);
    dark.addEventListener("change", draw);
    return () => {
      observer.disconnect();
      removeEventListener("themechange", draw);
      dark.removeEventListener("change", draw);
      plot?.destroy();
    };
  }, [times, lines, marks]);
  return <div class="timeline" ref={box} role="img" aria-label={label} />;
}
