import { expect, test } from "vitest";
import { strong, place, type Calls } from "../src/calls";
import { amount, find, layOut, restOf, shortName, type Flame } from "../src/flame";

const frame = (name: string, file: string | null = null, line: number | null = null, called: string | null = null) => ({
  name,
  file,
  line,
  function: called,
});

const flame: Flame = {
  what: "live",
  whats: ["live"],
  by: "line",
  inverted: false,
  where: null,
  born: null,
  unit: "bytes",
  interval_bytes: null,
  total: { total: 100, count: 10 },
  frames: [
    frame("<main thread>", "<main thread>", null, "<main thread>"),
    frame("/srv/app.py:3 load()", "/srv/app.py", 3, "load"),
    frame("/srv/app.py:9 keep()", "/srv/app.py", 9, "keep"),
  ],
  nodes: [
    { parent: null, frame: 0, own: 0, total: 90, count: 9, more: 1 },
    { parent: 0, frame: 1, own: 10, total: 60, count: 6, more: 0 },
    { parent: 1, frame: 2, own: 50, total: 50, count: 5, more: 0 },
    { parent: 0, frame: 2, own: 20, total: 20, count: 2, more: 0 },
  ],
  more: 1,
};

test("a box is as wide as its share, and lies within the one it hangs from", () => {
  const { boxes, depth } = layOut(flame);
  expect(depth).toBe(3);
  expect(boxes.map((box) => Math.round(100 * (box.x1 - box.x0)))).toEqual([100, 90, 60, 50, 20]);
  for (const box of boxes.slice(1)) {
    expect(box.x0).toBeGreaterThanOrEqual(box.parent!.x0);
    expect(box.x1).toBeLessThanOrEqual(box.parent!.x1 + 1e-12);
  }
  const [left, right] = boxes[1]!.children;
  expect(right!.x0).toBeCloseTo(left!.x1, 12);
});

test("what is not shown is what is left of a box", () => {
  const { boxes } = layOut(flame);
  expect(boxes.map(restOf)).toEqual([10, 10, 0, 0, 0]);
});

test("what is found counts once, however often it is on a stack", () => {
  const tree = layOut(flame);
  expect([...find(tree, "KEEP").hits]).toEqual([3, 4]);
  expect(find(tree, "keep").total).toBe(70);
  expect(find(tree, "app.py").total).toBe(80);
  expect(find(tree, " ").hits.size).toBe(0);
});

test("nothing at all is one empty box", () => {
  const { boxes } = layOut({ ...flame, total: { total: 0, count: 0 }, nodes: [], more: 0 });
  expect(boxes).toHaveLength(1);
});

test("names are short, and amounts those of the command", () => {
  expect(flame.frames.map(shortName)).toEqual(["<main thread>", "load app.py:3", "keep app.py:9"]);
  expect(shortName(frame("x", "<b>/x</b>.py", 2, null))).toBe("<b>/x</b>.py:2");
  expect([amount("bytes", 1536), amount("ns", 1_500_000_000), amount("blocks", 7)]).toEqual([
    "1.5 KiB",
    "1.500 s",
    "7",
  ]);
});

const calls: Calls = {
  nodes: [
    ["main", 100],
    ["load", 60],
    ["rare", 1],
  ].map(([name, share], id) => ({
    id,
    name: String(name),
    file: null,
    line: null,
    function: null,
    own: 0,
    own_pct: 0,
    samples: 0,
    total: Number(share),
    total_pct: Number(share),
  })),
  edges: [
    { from: 0, to: 1, total: 60, total_pct: 60 },
    { from: 1, to: 1, total: 30, total_pct: 30 },
    { from: 0, to: 2, total: 1, total_pct: 1 },
  ],
  more: 0,
  profile: { clock: "prof", unit: "ns", samples: 100, interval_ns: null, missed: null, ticks: null },
};

test("weak calls go with their functions; callers stand above what they call", () => {
  expect(strong(calls, 0).nodes).toHaveLength(3);
  const { nodes, edges } = strong(calls, 2);
  expect(nodes.map((node) => node.name)).toEqual(["main", "load"]);
  expect(edges).toHaveLength(2);
  const { places } = place(nodes, edges);
  expect(places.get(0)!.y).toBeLessThan(places.get(1)!.y);
});
