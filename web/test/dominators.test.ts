// The tree that the rows of a treemap are, and what grows of references.
import { expect, test } from "vitest";
import { branches, find, nest, types, wayTo } from "../src/dominators";
import { grown, newSpot, refsOf, type Net } from "../src/refs";
import type { RefRow, Refs, TreeRow, Treemap } from "../src/schema";

function row(depth: number, node: number, retained: number, more = 0, more_retained = 0, type = "dict"): TreeRow {
  return {
    depth,
    retained,
    retained_pct: null,
    count: 1,
    size: 0,
    address: `0x${node.toString(16)}`,
    type,
    held_by: "",
    preview: null,
    node,
    more,
    more_retained,
  };
}

const DATA: Treemap = {
  where: null,
  against: null,
  object: null,
  above: [],
  more_above: 0,
  whole: 200,
  more: 3,
  more_retained: 5,
  total: { rows: 5, count: 20, retained: 195 },
  rows: [row(0, 1, 100, 2, 10), row(1, 2, 60, 0, 0, "list"), row(2, 3, 50, 9, 40, "str"), row(1, 4, 20), row(0, 5, 90)],
};

test("rows hang from the row before them that is one less deep, and what is left out stands last", () => {
  const root = nest(DATA);
  expect(branches(root).map(({ row, rest }) => rest || row.node)).toEqual([-1, 1, 2, 3, 4, 2, 5, 3]);
  expect(root.below.map(({ row }) => row.retained)).toEqual([100, 90, 5]);
  expect(find(root, "0x1")!.below.map(({ row }) => row.retained)).toEqual([60, 20, 10]);
  expect(find(root, "0x3")!.below).toEqual([]); // nothing of it is here: it may be asked for
  expect(wayTo(find(root, "0x3")!).map(({ id }) => id)).toEqual(["", "1", "2", "3"]);
});

test("colours go by the bytes that no other box has", () => {
  expect(types(nest(DATA))).toEqual(["dict", "str", "list"]);
});

function ref(node: number, label: string): RefRow {
  return {
    depth: 1,
    label,
    kind: "owning",
    node,
    address: `0x${node}`,
    type: "str",
    size: 50,
    preview: null,
    count: 1,
  };
}

test("further references stand behind those that are known", () => {
  const data: Refs = {
    node: 1,
    address: "0x1",
    type: "list",
    rows: [ref(2, "[0]"), ref(3, "[1]"), ref(2, "[2]")],
    count: 7,
    more: 4,
  };
  expect(refsOf(data, "0x1", 1).map(({ id, more }) => [id, more])).toEqual([
    ["1", 0],
    ["2", 0],
    ["more", 4],
  ]);
  expect(refsOf(data, "0x1", 1).at(-1)!.of).toEqual({ address: "0x1", known: 3 });
});

test("a picture has an object once, and several references as one line", () => {
  const data: Refs = {
    node: 1,
    address: "0x1",
    type: "list",
    rows: [ref(2, "[0]"), ref(3, "[1]"), ref(2, "[2]")],
    count: 7,
    more: 4,
  };
  let net: Net = { spots: new Map([["1", newSpot(ref(1, ""))]]), lines: new Map() };
  net = grown(grown(net, "1", "refs", data), "2", "referrers", { ...data, node: 2, rows: [ref(1, "[0]")], more: 0 });
  expect([...net.spots.keys()]).toEqual(["1", "2", "3"]);
  expect([...net.lines.values()].map(({ from, to, label }) => [from, to, label])).toEqual([
    ["1", "2", "[0], [2]"],
    ["1", "3", "[1]"],
  ]);
  expect([net.spots.get("1")!.moreRefs, net.spots.get("2")!.referrers]).toEqual([4, 1]);
});
