// References as a picture in layers: who refers to an object stands left of it, what it refers to right. It begins small
// and grows where one clicks.
import dagre from "@dagrejs/dagre";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { bytes, visible } from "../format";
import { go } from "../route";
import { grown, newSpot, type Line, type Net, type Spot, type Way } from "../refs";
import type { RefRow, Refs } from "../schema";
import type { Asked, Source } from "../source";
import "./Graph.css";

const STEP = 6; // neighbours that come with a click
const WIDTH = 190,
  HEIGHT = 46,
  HANDLE = 13,
  LETTERS = 24;

interface Edge {
  points?: { x: number; y: number }[];
  x?: number;
  y?: number;
}

interface Placed {
  width: number;
  height: number;
  spots: { spot: Spot; x: number; y: number }[];
  lines: { line: Line; points: { x: number; y: number }[]; x: number; y: number }[];
}

function place(net: Net): Placed {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "LR", nodesep: 14, ranksep: 40, edgesep: 8, marginx: 30, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const id of net.spots.keys()) graph.setNode(id, { width: WIDTH + 2 * HANDLE, height: HEIGHT });
  for (const line of net.lines.values())
    graph.setEdge(line.from, line.to, {
      width: Math.min(line.label.length, LETTERS) * 7 + 8,
      height: 14,
      labelpos: "c",
    });
  dagre.layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  return {
    width,
    height,
    spots: [...net.spots.values()].map((spot) => ({ spot, x: graph.node(spot.id).x, y: graph.node(spot.id).y })),
    lines: [...net.lines.values()].map((line) => {
      const { points = [], x = 0, y = 0 } = graph.edge(line.from, line.to) as Edge;
      const from = graph.node(line.from),
        to = graph.node(line.to),
        out = WIDTH / 2 + HANDLE;
      const bends =
        from.x < to.x ? [{ x: from.x + out, y: from.y }, ...points.slice(1, -1), { x: to.x - out, y: to.y }] : points;
      return { line, points: bends, x, y };
    }),
  };
}

/** Leaves and comes in level. */
function curve(points: { x: number; y: number }[]): string {
  return points
    .map(({ x, y }, i) => {
      if (i === 0) return `M${x} ${y}`;
      const before = points[i - 1]!,
        middle = (before.x + x) / 2;
      return `C${middle} ${before.y} ${middle} ${y} ${x} ${y}`;
    })
    .join("");
}

function cut(text: string, most = LETTERS): string {
  const shown = visible(text, 200);
  return shown.length > most ? shown.slice(0, most - 1) + "…" : shown;
}

interface Props {
  object: Pick<RefRow, "node" | "address" | "type" | "size" | "preview">;
  source: Source;
  asked: Asked;
}

export function Graph({ object, source, asked }: Props) {
  const start = useMemo(
    (): Net => ({ spots: new Map([[String(object.node), newSpot(object)]]), lines: new Map() }),
    [object.node],
  );
  const [net, setNet] = useState(start);
  const [failed, setFailed] = useState("");
  const scroll = useRef<HTMLDivElement>(null);
  const centre = String(object.node);

  const ask = async (spot: Spot, way: Way) => {
    if (!spot.address) return;
    const known = spot[way] ?? 0;
    try {
      const data = await source.ask<Refs>(way, { ...asked, object: spot.address, limit: known + STEP });
      const rows = data.rows.slice(0, known + STEP); // a report's answer may be longer
      setNet((before) =>
        grown(before, spot.id, way, { ...data, rows, more: data.more + data.rows.length - rows.length }),
      );
      setFailed("");
    } catch (error) {
      setFailed((error as Error).message);
    }
  };
  useEffect(() => {
    setNet(start);
    const spot = start.spots.get(centre)!;
    void ask(spot, "referrers").then(() => ask(spot, "refs"));
  }, [start, source]);

  const placed = useMemo(() => place(net), [net]);
  useEffect(() => {
    const at = placed.spots.find(({ spot }) => spot.id === centre),
      box = scroll.current;
    if (at && box) box.scrollTo(at.x - box.clientWidth / 2, at.y - box.clientHeight / 2);
  }, [centre, net.spots.size < 3]);

  const handle = (spot: Spot, way: Way, x: number, y: number) => {
    const known = spot[way],
      more = way === "refs" ? spot.moreRefs : spot.moreReferrers;
    if (!spot.address || (known !== null && more === 0) || !source.has(way, { ...asked, object: spot.address }))
      return null;
    const words = way === "refs" ? "what it refers to" : "who refers to it";
    const press = () => void ask(spot, way);
    return (
      <g class="handle">
        <circle cx={x} cy={y} r={known === null ? 9 : HANDLE} />
        <text x={x} y={y}>
          {known === null ? "+" : more > 999 ? "+1k" : `+${more}`}
        </text>
        <circle
          class="over"
          cx={x}
          cy={y}
          r={HANDLE}
          role="button"
          tabindex={0}
          onClick={press}
          onKeyDown={(event) => (event.key === "Enter" || event.key === " ") && (event.preventDefault(), press())}
        >
          <title>{`${known === null ? "Show" : `Show more (${more}) of`} ${words}: ${visible(spot.type, 60)} ${spot.address}`}</title>
        </circle>
      </g>
    );
  };
  return (
    <>
      {failed && (
        <p class="failed" role="alert">
          {failed}
        </p>
      )}
      <div class="graph" ref={scroll} tabIndex={0} role="group" aria-label="References around the object">
        <svg width={placed.width} height={placed.height}>
          <defs>
            <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
              <path d="M0 0 8 4 0 8z" />
            </marker>
          </defs>
          {placed.lines.map(({ line, points }) => (
            <path
              key={`${line.from}>${line.to}`}
              class={`line ${line.kind}`}
              marker-end="url(#arrow)"
              d={curve(points)}
            />
          ))}
          {placed.lines.map(({ line, x, y }) => (
            <text key={`${line.from}>${line.to}`} class="label" x={x} y={y}>
              <title>{`${visible(line.label, 200)} (${line.kind})`}</title>
              {cut(line.label)}
            </text>
          ))}
          {placed.spots.map(({ spot, x, y }) => {
            const open = () => spot.address && spot.id !== centre && go("object", { object: spot.address });
            return (
              <g key={spot.id}>
                <g class={`spot${spot.id === centre ? " centre" : ""}`}>
                  <rect x={x - WIDTH / 2} y={y - HEIGHT / 2} width={WIDTH} height={HEIGHT} rx={4} />
                  <text x={x - WIDTH / 2 + 12} y={y - 9}>
                    {cut(spot.type)}
                  </text>
                  <text class="dim" x={x - WIDTH / 2 + 12} y={y + 10}>
                    {cut(`${bytes(spot.size)}${spot.preview ? " " + spot.preview : ""}`)}
                  </text>
                  <rect
                    class="over"
                    x={x - WIDTH / 2}
                    y={y - HEIGHT / 2}
                    width={WIDTH}
                    height={HEIGHT}
                    rx={4}
                    role="link"
                    tabindex={0}
                    aria-disabled={!spot.address || spot.id === centre}
                    onClick={open}
                    onKeyDown={(event) => event.key === "Enter" && open()}
                  >
                    <title>
                      {[spot.type, spot.address, bytes(spot.size), spot.preview]
                        .filter(Boolean)
                        .map((text) => visible(text!, 200))
                        .join("\n")}
                    </title>
                  </rect>
                </g>
                {handle(spot, "referrers", x - WIDTH / 2, y)}
                {handle(spot, "refs", x + WIDTH / 2, y)}
              </g>
            );
          })}
        </svg>
      </div>
    </>
  );
}
