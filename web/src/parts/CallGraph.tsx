// Who calls whom, in layers. Nodes can be dragged; what is chosen stands out with its callers and callees.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { NODE, place, strong, type CallEdge, type CallNode, type Calls, type Placed } from "../calls";
import { amount, percent, shortName } from "../flame";
import { plural, tenth, visible } from "../format";
import "./callgraph.css";

interface Props {
  calls: Calls;
  /** Percent of all that a node or an edge must have to be drawn. */
  least: number;
  chosen: number | null;
  onChoose: (id: number | null) => void;
}

function words(node: CallNode): string {
  return shortName({ name: node.name, file: node.file, line: node.line, function: node.function });
}

function cut(text: string, most: number): string {
  const shown = visible(text, 200);
  return shown.length > most ? `${shown.slice(0, most - 1)}…` : shown;
}

/** From the lower side of the one to the upper side of the other; a loop where it calls itself. */
function curve(from: Placed, to: Placed, self: boolean): string {
  if (self) {
    const [x, y] = [from.x + NODE.width / 2, from.y];
    return `M${x} ${y - 10} C${x + 40} ${y - 26} ${x + 40} ${y + 26} ${x} ${y + 10}`;
  }
  const down = to.y >= from.y;
  const [y0, y1] = down
    ? [from.y + NODE.height / 2, to.y - NODE.height / 2 - 4]
    : [from.y - NODE.height / 2, to.y + NODE.height / 2 + 4];
  const bend = Math.max(24, Math.abs(y1 - y0) / 2) * (down ? 1 : -1);
  return `M${from.x} ${y0} C${from.x} ${y0 + bend} ${to.x} ${y1 - bend} ${to.x} ${y1}`;
}

export function CallGraph({ calls, least, chosen, onChoose }: Props) {
  const { unit } = calls.profile;
  const { nodes, edges } = useMemo(() => strong(calls, least), [calls, least]);
  const made = useMemo(() => place(nodes, edges), [nodes, edges]);
  const [moved, setMoved] = useState<ReadonlyMap<number, Placed>>(new Map());
  const drag = useRef<{ id: number; dx: number; dy: number; far: boolean } | null>(null);
  const svg = useRef<SVGSVGElement>(null);
  useEffect(() => setMoved(new Map()), [made]);
  const at = (id: number): Placed => moved.get(id) ?? made.places.get(id)!;
  const near = (edge: CallEdge) => chosen === null || edge.from === chosen || edge.to === chosen;
  const related = new Set(edges.filter(near).flatMap((edge) => [edge.from, edge.to]));
  const most = Math.max(1, ...nodes.map((node) => node.own_pct ?? 0));

  const point = (event: PointerEvent): Placed => {
    const bounds = svg.current!.getBoundingClientRect();
    return { x: event.clientX - bounds.left, y: event.clientY - bounds.top };
  };
  const grab = (event: PointerEvent, id: number) => {
    const { x, y } = point(event);
    drag.current = { id, dx: at(id).x - x, dy: at(id).y - y, far: false };
    svg.current!.setPointerCapture(event.pointerId);
  };
  const move = (event: PointerEvent) => {
    const held = drag.current;
    if (!held) return;
    const { x, y } = point(event);
    const to = { x: Math.max(NODE.width / 2, x + held.dx), y: Math.max(NODE.height / 2, y + held.dy) };
    const from = at(held.id);
    if (!held.far && Math.hypot(to.x - from.x, to.y - from.y) < 4) return;
    held.far = true;
    setMoved((before) => new Map(before).set(held.id, to));
  };
  const drop = () => {
    const held = drag.current;
    drag.current = null;
    if (held && !held.far) onChoose(held.id === chosen ? null : held.id);
  };

  if (nodes.length === 0) return <p class="empty">No function has so large a share.</p>;
  const places = nodes.map((node) => at(node.id));
  const width = Math.max(made.width, ...places.map(({ x }) => x + NODE.width / 2 + 60));
  const height = Math.max(made.height, ...places.map(({ y }) => y + NODE.height / 2 + 12));
  return (
    <div class="calls" tabIndex={0} role="group" aria-label="Call graph">
      <svg ref={svg} width={width} height={height} onPointerMove={move} onPointerUp={drop} onPointerCancel={drop}>
        <defs>
          <marker
            id="head"
            viewBox="0 0 8 8"
            refX="4"
            refY="4"
            markerWidth="8"
            markerHeight="8"
            markerUnits="userSpaceOnUse"
            orient="auto-start-reverse"
          >
            <path d="M0 0 L8 4 L0 8 z" />
          </marker>
        </defs>
        {edges.map((edge) => (
          <path
            key={`${edge.from}-${edge.to}`}
            class={near(edge) ? "edge" : "edge far"}
            d={curve(at(edge.from), at(edge.to), edge.from === edge.to)}
            stroke-width={1 + (edge.total_pct ?? 0) / 12}
            marker-end="url(#head)"
          >
            <title>{`${edge.total_pct === null ? "" : `${tenth(edge.total_pct)} %, `}${amount(unit, edge.total)}`}</title>
          </path>
        ))}
        {nodes.map((node) => {
          const { x, y } = at(node.id);
          const kind = `node${node.id === chosen ? " chosen" : ""}${chosen !== null && node.id !== chosen && !related.has(node.id) ? " far" : ""}`;
          return (
            <g
              key={node.id}
              class={kind}
              transform={`translate(${x - NODE.width / 2} ${y - NODE.height / 2})`}
              tabindex={0}
              role="button"
              aria-pressed={node.id === chosen}
              onPointerDown={(event) => grab(event, node.id)}
              onKeyDown={(event) => {
                if (event.key !== "Enter" && event.key !== " ") return;
                event.preventDefault();
                onChoose(node.id === chosen ? null : node.id);
              }}
            >
              <rect class="body" width={NODE.width} height={NODE.height} rx="4">
                <title>{visible(node.name, 500)}</title>
              </rect>
              <rect
                class="own"
                width={(NODE.width * (node.own_pct ?? 0)) / most}
                height="5"
                y={NODE.height - 5}
                rx="2"
              />
              <text x="8" y="16">
                {cut(words(node), 26)}
              </text>
              <text
                x="8"
                y="32"
                class="figures"
              >{`own ${tenth(node.own_pct ?? 0)} %, total ${tenth(node.total_pct ?? 0)} %`}</text>
            </g>
          );
        })}
      </svg>
    </div>
  );
}

/** Who called what is chosen, and what it called. */
export function Neighbours({
  calls,
  chosen,
  onChoose,
}: {
  calls: Calls;
  chosen: number;
  onChoose: (id: number) => void;
}) {
  const { unit } = calls.profile;
  const names = new Map(calls.nodes.map((node) => [node.id, node]));
  const node = names.get(chosen);
  if (!node) return null;
  const list = (title: string, edges: CallEdge[], end: "from" | "to") => (
    <div>
      <h3>{title}</h3>
      {edges.length === 0 && <p class="empty">none that is shown</p>}
      <ul>
        {[...edges]
          .sort((a, b) => b.total - a.total)
          .map((edge) => (
            <li key={edge[end]}>
              <button type="button" onClick={() => onChoose(edge[end])}>
                {visible(words(names.get(edge[end])!), 80)}
              </button>{" "}
              {amount(unit, edge.total)}, {percent(edge.total, node.total)} of its total
            </li>
          ))}
      </ul>
    </div>
  );
  return (
    <div class="neighbours" aria-live="polite">
      <p>
        <strong>{visible(node.name, 300)}</strong> own {amount(unit, node.own)}, total {amount(unit, node.total)},{" "}
        {plural(node.samples, unit === "bytes" ? "allocation" : "sample")} of its own
      </p>
      {list(
        "Called by",
        calls.edges.filter((edge) => edge.to === chosen),
        "from",
      )}
      {list(
        "Calls",
        calls.edges.filter((edge) => edge.from === chosen),
        "to",
      )}
    </div>
  );
}
