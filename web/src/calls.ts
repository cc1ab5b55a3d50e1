// The call graph of the view `profile` with graph=1, laid out in layers: a node is as strong as its own time, an edge as what
// came along it.
import { Graph, layout } from "@dagrejs/dagre";

export interface CallNode {
  id: number;
  name: string;
  file: string | null;
  line: number | null;
  function: string | null;
  own: number;
  own_pct: number | null;
  samples: number;
  total: number;
  total_pct: number | null;
}

export interface CallEdge {
  from: number;
  to: number;
  total: number;
  total_pct: number | null;
}

export interface Calls {
  nodes: CallNode[];
  edges: CallEdge[];
  more: number;
  profile: {
    clock: string;
    unit: "ns" | "bytes" | "samples";
    samples: number | null;
    interval_ns: number | null;
    missed: number | null;
    ticks: number | null;
  };
}

export interface Placed {
  x: number;
  y: number;
}

export const NODE = { width: 176, height: 44 };

/** Of the nodes and edges with so large a share at least. */
export function strong(calls: Calls, least: number): { nodes: CallNode[]; edges: CallEdge[] } {
  const nodes = calls.nodes.filter((node) => (node.total_pct ?? 0) >= least);
  const kept = new Set(nodes.map((node) => node.id));
  const edges = calls.edges.filter(
    (edge) => kept.has(edge.from) && kept.has(edge.to) && (edge.total_pct ?? 0) >= least,
  );
  return { nodes, edges };
}

export function place(
  nodes: CallNode[],
  edges: CallEdge[],
): { places: Map<number, Placed>; width: number; height: number } {
  const graph = new Graph();
  graph.setGraph({ rankdir: "TB", nodesep: 18, ranksep: 56, marginx: 12, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of nodes) graph.setNode(String(node.id), { ...NODE });
  for (const edge of edges)
    if (edge.from !== edge.to) graph.setEdge(String(edge.from), String(edge.to), { weight: 1 + (edge.total_pct ?? 0) });
  layout(graph);
  const places = new Map(
    nodes.map((node) => {
      const { x, y } = graph.node(String(node.id)) as Placed;
      return [node.id, { x, y }];
    }),
  );
  const size = graph.graph() as { width?: number; height?: number };
  return {
    places,
    width: Math.max(NODE.width + 24, size.width ?? 0),
    height: Math.max(NODE.height + 24, size.height ?? 0),
  };
}
