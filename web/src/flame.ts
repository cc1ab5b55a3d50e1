// The tree of the view `flame` (docs/view-json.md), laid out: each node from x0 to x1 of the whole width, the widest at the left.
import { bytes, count, tenth } from "./format";

export interface Frame {
  name: string;
  file: string | null;
  line: number | null;
  function: string | null;
}

export interface FlameNode {
  parent: number | null;
  frame: number;
  own: number;
  total: number;
  count: number;
  low?: number;
  high?: number;
  more: number;
}

export type Unit = "bytes" | "blocks" | "ns" | "samples";

export interface Flame {
  what: string;
  whats: string[];
  by: string;
  inverted: boolean;
  where: string | null;
  born: [number, number] | null;
  unit: Unit;
  interval_bytes: number | null;
  total: { total: number; count: number; low?: number; high?: number };
  frames: Frame[];
  nodes: FlameNode[];
  more: number;
}

/** A node with its place. Number 0 is all, what hangs from none below it. */
export interface Box {
  index: number;
  frame: Frame;
  depth: number;
  x0: number;
  x1: number;
  total: number;
  own: number;
  count: number;
  range: [number, number] | null;
  more: number;
  parent: Box | null;
  children: Box[];
}

export interface Tree {
  flame: Flame;
  boxes: Box[];
  depth: number;
}

function rangeOf(sum: { low?: number; high?: number }): [number, number] | null {
  return sum.low === undefined || sum.high === undefined ? null : [sum.low, sum.high];
}

export function layOut(flame: Flame): Tree {
  const { total } = flame;
  const all: Box = {
    index: 0,
    frame: { name: "all", file: null, line: null, function: null },
    depth: 0,
    x0: 0,
    x1: 1,
    total: total.total,
    own: 0,
    count: total.count,
    range: rangeOf(total),
    more: flame.more,
    parent: null,
    children: [],
  };
  const boxes = [all];
  const filled = new Float64Array(flame.nodes.length + 1);
  let depth = 0;
  flame.nodes.forEach((node, i) => {
    const parent = boxes[node.parent === null ? 0 : node.parent + 1]!;
    const x0 = parent.x0 + filled[parent.index]!;
    const width = total.total ? node.total / total.total : 0;
    filled[parent.index]! += width;
    const box: Box = {
      index: i + 1,
      frame: flame.frames[node.frame]!,
      depth: parent.depth + 1,
      x0,
      x1: x0 + width,
      total: node.total,
      own: node.own,
      count: node.count,
      range: rangeOf(node),
      more: node.more,
      parent,
      children: [],
    };
    parent.children.push(box);
    boxes.push(box);
    depth = Math.max(depth, box.depth);
  });
  return { flame, boxes, depth };
}

/** What is below a node and not shown. */
export function restOf(box: Box): number {
  return box.children.reduce((rest, child) => rest - child.total, box.total - box.own);
}

export function amount(unit: Unit, n: number): string {
  return unit === "bytes" ? bytes(n) : unit === "ns" ? `${(n / 1e9).toFixed(3)} s` : count(n);
}

export function percent(part: number, whole: number): string {
  return whole ? `${tenth((100 * part) / whole)} %` : "-";
}

/** Boxes whose frame has the text in its name, file or function; and what they are together, each byte once. */
export function find(tree: Tree, text: string): { hits: Set<number>; total: number } {
  const part = text.trim().toLowerCase();
  const hits = new Set<number>();
  const covered = new Set<number>();
  let total = 0;
  if (!part) return { hits, total };
  for (const box of tree.boxes) {
    if (box.index === 0) continue;
    const { name, function: called } = box.frame;
    const hit = name.toLowerCase().includes(part) || (called ?? "").toLowerCase().includes(part);
    if (hit) hits.add(box.index);
    if (covered.has(box.parent!.index)) covered.add(box.index);
    else if (hit) {
      covered.add(box.index);
      total += box.total;
    }
  }
  return { hits, total };
}

/** "load  app.py:12": what is drawn where there is room for it. */
export function shortName(frame: Frame): string {
  const file = frame.file ?? "";
  if (!frame.file || file === frame.function) return frame.name;
  const base =
    (file.startsWith("<") ? file : file.slice(file.lastIndexOf("/") + 1)) + (frame.line ? `:${frame.line}` : "");
  return frame.function ? `${frame.function} ${base}` : base;
}

/** Those of a file have one colour, whatever else is drawn; null: of no file. */
export function hueOf(frame: Frame): number | null {
  if (frame.file === frame.function) return null; // no place in code
  const text = frame.file ?? frame.name;
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (hash * 31 + text.charCodeAt(i)) | 0;
  return Math.abs(hash) % 7;
}
