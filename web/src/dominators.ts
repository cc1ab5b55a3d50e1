// The rows of a treemap as the tree that they are.
import type { TreeRow, Treemap } from "./schema";

/** A row with those below it. Of what is left out at one place together there is a branch, too: `rest` of them. */
export interface Branch {
  id: string;
  row: TreeRow;
  parent: Branch | null;
  below: Branch[];
  rest: number;
}

function restOf(parent: Branch, more: number, retained: number, whole: number): Branch {
  const row: TreeRow = {
    depth: parent.row.depth + 1,
    retained,
    retained_pct: whole ? (100 * retained) / whole : null,
    count: more,
    size: 0,
    address: null,
    type: `${more} more`,
    held_by: "",
    preview: null,
    node: -1,
    more: 0,
    more_retained: 0,
  };
  return { id: `${parent.id}/more`, row, parent, below: [], rest: more };
}

/** What the answer begins with: the object, or all of them. Rows stand behind the one they hang from. */
export function nest(data: Treemap): Branch {
  const { count, retained } = data.total;
  const all: TreeRow = {
    depth: -1,
    retained,
    retained_pct: null,
    count,
    size: 0,
    address: null,
    type: data.where || data.against ? "all selected objects" : "all objects",
    held_by: "",
    preview: null,
    node: -1,
    more: data.more,
    more_retained: data.more_retained,
  };
  const first = data.object ? { ...data.object, depth: -1, more: data.more, more_retained: data.more_retained } : all;
  const root: Branch = { id: data.object ? String(first.node) : "", row: first, parent: null, below: [], rest: 0 };
  const way = [root];
  for (const row of data.rows) {
    way.length = row.depth + 1;
    const parent = way[row.depth]!;
    const branch: Branch = { id: String(row.node), row, parent, below: [], rest: 0 };
    parent.below.push(branch);
    way.push(branch);
  }
  for (const branch of branches(root))
    if (branch.row.more > 0 && (branch.below.length > 0 || branch === root))
      branch.below.push(restOf(branch, branch.row.more, branch.row.more_retained, data.whole));
  return root;
}

/** All of them, each before what is below it. */
export function branches(root: Branch): Branch[] {
  const list: Branch[] = [];
  const stack = [root];
  for (let branch = stack.pop(); branch; branch = stack.pop()) {
    list.push(branch);
    for (let i = branch.below.length - 1; i >= 0; i--) stack.push(branch.below[i]!);
  }
  return list;
}

export function find(root: Branch, address: string): Branch | null {
  return branches(root).find((branch) => branch.row.address === address) ?? null;
}

/** From the outermost one to this one. */
export function wayTo(branch: Branch): Branch[] {
  const way: Branch[] = [];
  for (let at: Branch | null = branch; at; at = at.parent) way.unshift(at);
  return way;
}

/** What of a branch is drawn in no other one, by type: the most first. Colours go by this. */
export function types(root: Branch): string[] {
  const sums = new Map<string, number>();
  for (const { row, below, rest } of branches(root)) {
    const own = row.retained - below.reduce((sum, one) => sum + one.row.retained, 0);
    if (!rest && row.node >= 0) sums.set(row.type, (sums.get(row.type) ?? 0) + own);
  }
  return [...sums.keys()].sort((a, b) => sums.get(b)! - sums.get(a)! || (a < b ? -1 : 1));
}
