// References as a tree that grows, and as a picture that does.
import type { RefRow, Refs } from "./schema";
import type { Asked, Source } from "./source";

export type Way = "refs" | "referrers";

/** A reference, or `more` of them that are not here yet. */
export interface Ref {
  id: string;
  row: RefRow | null;
  /** Of what, and how many of its references stand before these. */
  of: { address: string | null; known: number };
  more: number;
}

const FIRST = 50;

/** The next ones behind those that are known. */
export async function askRefs(source: Source, way: Way, asked: Asked, known: number): Promise<Ref[]> {
  const data = await source.ask<Refs>(way, { ...asked, limit: known ? 10 * known : FIRST });
  return refsOf(data, String(asked.object), known);
}

export function refsOf(data: Refs, address: string, known: number): Ref[] {
  const of = { address, known: data.rows.length };
  const list: Ref[] = data.rows.slice(known).map((row, i) => ({ id: `${known + i}`, row, of, more: 0 }));
  if (data.more > 0) list.push({ id: "more", row: null, of, more: data.more });
  return list;
}

/* ---- the picture ---- */

export interface Spot {
  id: string;
  address: string | null;
  type: string;
  size: number;
  preview: string | null;
  /** Of each way: what was asked for so far. null: nothing yet. */
  refs: number | null;
  referrers: number | null;
  moreRefs: number;
  moreReferrers: number;
}

export interface Line {
  from: string;
  to: string;
  label: string;
  kind: string;
}

export interface Net {
  spots: Map<string, Spot>;
  lines: Map<string, Line>;
}

export function newSpot(row: {
  node: number;
  address: string | null;
  type: string;
  size: number;
  preview: string | null;
}): Spot {
  const { node, address, type, size, preview } = row;
  return { id: String(node), address, type, size, preview, refs: null, referrers: null, moreRefs: 0, moreReferrers: 0 };
}

/** The picture with what an answer tells of a spot. */
export function grown(net: Net, id: string, way: Way, data: Refs): Net {
  const spots = new Map(net.spots),
    lines = new Map(net.lines);
  const shown = data.rows.length;
  spots.set(id, {
    ...spots.get(id)!,
    ...(way === "refs" ? { refs: shown, moreRefs: data.more } : { referrers: shown, moreReferrers: data.more }),
  });
  for (const row of data.rows) {
    const other = String(row.node);
    if (!spots.has(other)) spots.set(other, newSpot(row));
    const [from, to] = way === "refs" ? [id, other] : [other, id];
    const key = `${from}>${to}`,
      before = lines.get(key);
    if (!before) lines.set(key, { from, to, label: row.label, kind: row.kind });
    else if (!before.label.split(", ").includes(row.label) && before.label.length < 60)
      lines.set(key, { ...before, label: `${before.label}, ${row.label}` });
  }
  return { spots, lines };
}
