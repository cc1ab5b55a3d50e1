import { expect, test } from "vitest";
import { layout, sorted, type Column } from "../src/parts/Table";
import { groupWords, sortOf, sortWord } from "../src/pages/What";

interface Row {
  n: number | null;
  name: string;
}
const columns: Column<Row>[] = [
  { id: "n", title: "N", right: true, text: (row) => String(row.n), value: (row) => row.n },
  { id: "spare", title: "Spare", spare: 2, text: () => "x".repeat(30) },
  { id: "name", title: "Name", text: (row) => row.name, value: (row) => row.name },
];
const rows: Row[] = [
  { n: 2, name: "b" },
  { n: null, name: "c" },
  { n: 10, name: "a" },
];

test("rows are sorted by value, unknown ones last in both directions", () => {
  expect(sorted(rows, columns, { by: "n", down: true }).map((row) => row.n)).toEqual([10, 2, null]);
  expect(sorted(rows, columns, { by: "n", down: false }).map((row) => row.n)).toEqual([2, 10, null]);
  expect(sorted(rows, columns, { by: "spare", down: true })).toBe(rows);
});

test("where it is narrow the spare columns go first, and the others stay", () => {
  expect(layout(columns, rows, 80)).toEqual([4, 30, 6]);
  expect(layout(columns, rows, 30)).toEqual([4, -1, 6]);
  expect(layout(columns, rows, 3)).toEqual([4, -1, 6]);
});

test("orders are written as the command writes them", () => {
  for (const word of ["size", "-size", "count", "type", "-type"]) {
    const sort = sortOf(word);
    expect(sortWord(sort, sortOf(sort.by).down)).toBe(word);
  }
});

test("a group is named by words where these name it exactly, else by its number", () => {
  const row = {
    index: 3,
    count: 1,
    count_pct: 0,
    size: 1,
    size_pct: 0,
    cum_size: 1,
    cum_pct: 0,
    largest: 1,
    largest_address: null,
  };
  expect(groupWords("type", { ...row, kind: "app.A" }, "len:>2 or size:1k")).toEqual({
    where: "(len:>2 or size:1k) type:app.A",
  });
  expect(groupWords("type", { ...row, kind: "odd*" }, "")).toEqual({ where: "", group: "type:3" });
  expect(groupWords("via", { ...row, kind: "list[…]" }, undefined)).toEqual({ where: undefined, group: "via:3" });
  expect(groupWords("size", { ...row, each: 64 }, undefined)).toEqual({ where: "size:64" });
});
