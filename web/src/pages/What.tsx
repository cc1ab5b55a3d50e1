// What is in memory: groups by every kind, beside an older file what changed of each, and the objects of one.
import { useMemo, useState } from "preact/hooks";
import type { PageProps } from ".";
import {
  bytes,
  bytesChange,
  count,
  countChange,
  duration,
  pct,
  plural,
  quoted,
  visible,
  visibleLines,
} from "../format";
import { Shown, useAnswer } from "../parts/Ask";
import { Link, ObjectLink } from "../parts/Link";
import { Table, type Column, type Sort } from "../parts/Table";
import { adjust, change, go, link } from "../route";
import type { Asked, Source } from "../source";
import type { Diff, DiffRow, GroupRow, Groups, Largest, LargestRow } from "../schema";

const LIMIT = 1000;

/** Kinds of docs/sets.md, and what each says of its objects. */
export const KINDS: [id: string, title: string][] = [
  ["type", "type"],
  ["clodo", "type, and whose dict"],
  ["module", "module"],
  ["dist", "distribution"],
  ["rcs", "kinds of what holds them"],
  ["via", "references that hold them"],
  ["path", "place"],
  ["site", "line that made them"],
  ["root", "root that alone holds them"],
  ["thread", "thread"],
  ["frame", "frame"],
  ["size", "size"],
  ["sizeclass", "size class"],
  ["generation", "generation"],
  ["content", "content"],
  ["id", "each object"],
];

function titleOf(by: string): string {
  const title = KINDS.find(([id]) => id === by)?.[1] ?? by;
  return title[0]!.toUpperCase() + title.slice(1);
}

export function What(props: PageProps) {
  const { list, against } = props.route.params;
  if (list === "objects") return <Objects {...props} />;
  return (
    <>
      <Choice {...props} />
      {against ? <Changed {...props} /> : <GroupTable {...props} />}
    </>
  );
}

function nameOf(row: GroupRow | DiffRow): string {
  return row.type ?? row.module ?? row.kind ?? (row.each === undefined ? "unknown" : bytes(row.each));
}

function Choice({ route, source }: PageProps) {
  const { by = "type", file, against, where } = route.params;
  const view = against ? "diff" : "groups";
  return (
    <p class="choice">
      <label for="by">Groups by </label>
      <select id="by" value={by} onChange={(event) => change({ by: event.currentTarget.value })}>
        {KINDS.map(([id, title]) => (
          <option key={id} value={id} disabled={!source.has(view, { by: id, file, against, where })}>
            {title}
          </option>
        ))}
      </select>
      <Filter text={route.params.name ?? ""} />
    </p>
  );
}

/** Of the rows that are here, those whose name has this in it; no question to anybody. */
function Filter({ text }: { text: string }) {
  return (
    <>
      <label for="name"> with </label>
      <input
        id="name"
        type="search"
        value={text}
        placeholder="part of the name"
        onInput={(event) => adjust({ name: event.currentTarget.value })}
      />
    </>
  );
}

function useNamed<Row>(rows: Row[] | undefined, name: string | undefined, text: (row: Row) => string): Row[] {
  return useMemo(() => {
    const part = (name ?? "").toLowerCase();
    return (rows ?? []).filter((row) => !part || text(row).toLowerCase().includes(part));
  }, [rows, name]);
}

function largest(rows: { size: number }[]): number {
  return rows.reduce((most, row) => Math.max(most, row.size), 1);
}

/** What is selected and of this kind, in words; null where there are none for it. */
function wordsOf(by: string, name: string, where: string | undefined): string | null {
  const value = /[()]/.test(name) || /[+*]$/.test(name) ? null : quoted(name);
  if (value === null || !["type", "root", "dist", "size"].includes(by)) return null;
  return [bracketed(where), `${by}:${value}`].filter(Boolean).join(" ");
}

/** Bytes in full where the row is about a size, as a selection needs them. */
function valueOf(row: GroupRow | DiffRow): string {
  return row.each === undefined ? nameOf(row) : String(row.each);
}

/** Words that name the objects of a group, where there are such; else the group by its number. */
export function groupWords(by: string, row: GroupRow, where: string | undefined): Asked {
  const words = wordsOf(by, valueOf(row), where);
  return words === null ? { where, group: `${by}:${row.index}` } : { where: words };
}

/** `or` binds less tightly than words side by side. */
function bracketed(where: string | undefined): string | undefined {
  return where && /\bor\b/.test(where) ? `(${where})` : where;
}

/* ---- groups ---- */

function GroupTable({ route, source }: PageProps) {
  const { by = "type", file, where, sort = "size", name } = route.params;
  const answer = useAnswer<Groups>(source, "groups", {
    by,
    file,
    where,
    limit: LIMIT,
    sort: sort === "size" ? null : sort,
  });
  return (
    <Shown answer={answer}>
      {(data) => <Rows data={data} source={source} by={by} params={{ file, where }} sort={sort} name={name} />}
    </Shown>
  );
}

interface RowsProps {
  data: Groups;
  source: Source;
  by: string;
  params: { file: string | undefined; where: string | undefined };
  sort: string;
  name: string | undefined;
}

/** The language of the command: `-` turns the order round. */
export function sortWord({ by, down }: Sort, numbers: boolean): string {
  return (down === numbers ? "" : "-") + by;
}

export function sortOf(word: string): Sort {
  const by = word.replace(/^-/, "");
  const numbers = !["type", "module", "kind", "each", "name", "label", "preview", "address"].includes(by);
  return { by, down: numbers === !word.startsWith("-") };
}

function Rows({ data, source, by, params, sort, name }: RowsProps) {
  const rows = useNamed(data.rows, name, nameOf);
  const into = (row: GroupRow): Asked => ({ ...params, ...groupWords(by, row, params.where), list: "objects", by });
  const last = by === "type" || by === "module" ? by : by === "size" ? "each" : "kind";
  const most = useMemo(() => largest(data.rows), [data]);
  const columns = useMemo(
    (): Column<GroupRow>[] => [
      { id: "index", title: "Index", right: true, spare: 3, text: (row) => count(row.index) },
      { id: "count", title: "Count", right: true, text: (row) => count(row.count), value: (row) => row.count },
      { id: "count_pct", title: "%", right: true, spare: 4, text: (row) => pct(row.count_pct) },
      {
        id: "size",
        title: "Size",
        right: true,
        text: (row) => bytes(row.size),
        value: (row) => row.size,
        bar: (row) => row.size / most,
      },
      { id: "size_pct", title: "%", right: true, text: (row) => pct(row.size_pct) },
      { id: "cum_size", title: "Cumulative", right: true, spare: 3, text: (row) => bytes(row.cum_size) },
      { id: "cum_pct", title: "%", right: true, spare: 3, text: (row) => pct(row.cum_pct) },
      {
        id: "largest",
        title: "Largest",
        right: true,
        spare: 1,
        text: (row) => bytes(row.largest),
        value: (row) => row.largest,
      },
      {
        id: "at",
        title: "at",
        spare: 2,
        text: (row) => row.largest_address ?? "",
        cell: (row) =>
          row.largest_address && <ObjectLink address={row.largest_address} source={source} params={params} />,
      },
      {
        id: last,
        title: titleOf(by),
        text: nameOf,
        value: nameOf,
        cell: (row) => (
          <Link
            page="what"
            params={into(row)}
            source={source}
            needs={["largest", { ...groupWords(by, row, params.where), file: params.file }]}
          >
            {visible(nameOf(row), 400)}
          </Link>
        ),
      },
    ],
    [by, most, params.file, params.where, source],
  );
  return (
    <>
      <p>
        {plural(data.total.count, "object")}, {bytes(data.total.size)}, in {plural(data.groups, "group")}.
      </p>
      <Table
        label={`Groups by ${by}`}
        columns={columns}
        rows={rows}
        id={(row) => String(row.index)}
        sort={sortOf(sort)}
        {...sorting(data.more > 0, source)}
        open={(row) => go("what", into(row))}
        empty="No group has that in its name"
      />
      {data.more > 0 && (
        <p class="more">
          {plural(data.more, "more group")}, {bytes(data.more_size)}
        </p>
      )}
    </>
  );
}

/** Who sorts: the table, when all rows are here or nobody else can be asked. */
function sorting(cut: boolean, source: Source): { onSort?: (sort: Sort) => void } {
  if (!cut || source.mode === "report") return {};
  return { onSort: (sort) => change({ sort: sortWord(sort, sortOf(sort.by).down) }) };
}

/* ---- beside an older file ---- */

function Changed({ route, source }: PageProps) {
  const { by = "type", file, against, where, sort = "size" } = route.params;
  const answer = useAnswer<Diff>(source, "diff", {
    by,
    file,
    against,
    where,
    limit: LIMIT,
    sort: sort === "size" ? null : sort,
  });
  return <Shown answer={answer}>{(data) => <Changes data={data} route={route} source={source} />}</Shown>;
}

/** The name of a row leads to the objects of its kind that are new. */
function Changes({ data, route, source }: PageProps & { data: Diff }) {
  const { by = "type", file, against, where, sort = "size", name } = route.params;
  const rows = useNamed(data.rows, name, nameOf);
  const most = useMemo(() => Math.max(1, ...data.rows.map((row) => Math.abs(row.size_change))), [data]);
  const last = by === "type" || by === "module" ? by : by === "size" ? "each" : "kind";
  const known = (n: number | null) => (n === null ? "" : count(n));
  const columns = useMemo(
    (): Column<DiffRow>[] => [
      { id: "new", title: "New", right: true, spare: 2, text: (row) => known(row.new), value: (row) => row.new },
      { id: "gone", title: "Gone", right: true, spare: 2, text: (row) => known(row.gone), value: (row) => row.gone },
      { id: "old_count", title: "Count before", right: true, spare: 3, text: (row) => count(row.old_count) },
      { id: "now_count", title: "now", right: true, spare: 1, text: (row) => count(row.now_count) },
      {
        id: "count",
        title: "Change",
        right: true,
        text: (row) => countChange(row.count_change),
        value: (row) => row.count_change,
      },
      { id: "old_size", title: "Size before", right: true, spare: 3, text: (row) => bytes(row.old_size) },
      { id: "now_size", title: "now", right: true, spare: 1, text: (row) => bytes(row.now_size) },
      {
        id: "size",
        title: "Change",
        right: true,
        text: (row) => bytesChange(row.size_change),
        value: (row) => row.size_change,
        bar: (row) => Math.abs(row.size_change) / most,
      },
      {
        id: last,
        title: titleOf(by),
        text: nameOf,
        value: nameOf,
        cell: (row) => {
          const words = wordsOf(by, valueOf(row), where);
          const needs = { file, against, where: words };
          return words === null ? (
            visible(nameOf(row), 400)
          ) : (
            <Link page="what" params={{ by, where: words, list: "objects" }} source={source} needs={["largest", needs]}>
              {visible(nameOf(row), 400)}
            </Link>
          );
        },
      },
    ],
    [by, most, file, against, where, source],
  );
  const { old, now } = data.total;
  return (
    <>
      <p>
        {count(old.count)} objects before, {count(now.count)} now ({countChange(now.count - old.count)});{" "}
        {bytes(old.size)} before, {bytes(now.size)} now ({bytesChange(now.size - old.size)}).
        {data.apart_ns !== null &&
          ` ${duration(Math.abs(data.apart_ns))} ${data.apart_ns < 0 ? "later: the older file is looked at" : "lie between them"}.`}
        {data.why && ` No object is in both: ${data.why}.`}
      </p>
      <Table
        label="Changes"
        columns={columns}
        rows={rows}
        id={nameOf}
        sort={sortOf(sort)}
        {...sorting(data.more > 0, source)}
        empty="Nothing changed"
      />
      <p class="more">
        {data.more > 0 && `${plural(data.more, "more row")}; `}
        {plural(data.unchanged, "row")} did not change
      </p>
    </>
  );
}

/* ---- the objects of a group ---- */

function Objects({ route, source }: PageProps) {
  const { file, against, where, group, by, sort = "size" } = route.params;
  const asked = { file, against, where, group };
  const answer = useAnswer<Largest>(source, "largest", { ...asked, limit: LIMIT, sort: sort === "size" ? null : sort });
  const [wanted, setWanted] = useState("");
  const why = useAnswer<{ text: string }>(source, "why", wanted === JSON.stringify(asked) ? asked : null);
  const most = useMemo(() => largest(answer.data?.rows ?? []), [answer.data]);
  const columns = useMemo(
    (): Column<LargestRow>[] => [
      {
        id: "size",
        title: "Size",
        right: true,
        text: (row) => bytes(row.size),
        value: (row) => row.size,
        bar: (row) => row.size / most,
      },
      { id: "size_pct", title: "%", right: true, spare: 1, text: (row) => pct(row.size_pct) },
      { id: "cum_size", title: "Cumulative", right: true, spare: 2, text: (row) => bytes(row.cum_size) },
      { id: "cum_pct", title: "%", right: true, spare: 2, text: (row) => pct(row.cum_pct) },
      {
        id: "address",
        title: "Address",
        text: (row) => row.address,
        value: (row) => row.address,
        cell: (row) => <ObjectLink address={row.address} source={source} params={{ file }} />,
      },
      { id: "type", title: "Type", spare: 1, text: (row) => row.type, value: (row) => row.type },
      { id: "preview", title: "Preview", text: (row) => row.preview ?? "" },
    ],
    [file, most, source],
  );
  return (
    <>
      <p class="choice">
        <a href={link("what", { by, where: group ? where : null })}>All groups</a>
        {where && (
          <>
            {" "}
            · objects selected by <code>{visible(where, 300)}</code>
          </>
        )}
        {group && <> · of group {visible(group, 40).replace(":", " number ")}</>}
        {source.has("why", asked) && !wanted && (
          <button type="button" onClick={() => setWanted(JSON.stringify(asked))}>
            Why are they alive?
          </button>
        )}
      </p>
      {wanted && <Shown answer={why}>{(data) => <p class="said">{visibleLines(data.text)}</p>}</Shown>}
      <Shown answer={answer}>
        {(data) => (
          <>
            <p>
              {plural(data.total.count, "object")}, {bytes(data.total.size)}.
            </p>
            <Table
              label="Objects"
              columns={columns}
              rows={data.rows}
              id={(row) => row.address}
              sort={sortOf(sort)}
              {...sorting(data.more > 0, source)}
              open={(row) => go("object", { object: row.address })}
              empty="No object is selected"
            />
            {data.more > 0 && <p class="more">{plural(data.more, "smaller object")}</p>}
          </>
        )}
      </Shown>
    </>
  );
}
