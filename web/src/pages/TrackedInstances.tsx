// Instances of tracked classes, one by one, and of the one that is looked at its parts as a tree, and its birthplace.
import { useMemo, useState } from "preact/hooks";
import { bytes, bytesChange, count, duration, pct, plural, quoted, visible } from "../format";
import { useAnswer } from "../parts/Ask";
import { Copy } from "../parts/Copy";
import { Table, type Column } from "../parts/Table";
import { Tree } from "../parts/Tree";
import type { Tracked as Answer, TrackedClass, TrackedInstance, TrackedPart } from "../schema";
import type { Asked, Source } from "../source";

export const ASKED = 100; // instances

export function Instances({
  data,
  one,
  source,
  asked,
}: {
  data: Answer;
  one: TrackedClass | null;
  source: Source;
  asked: Asked;
}) {
  const name = one && quoted(one.class);
  const words = name && `${asked.where ? `(${asked.where}) ` : ""}type:${name}`;
  const own: Asked | null =
    words && source.has("tracked", { ...asked, where: words }) ? { ...asked, where: words } : null;
  const answer = useAnswer<Answer>(source, "tracked", own);
  const found = (own && answer.data) || data;
  const rows = one ? found.rows.filter((row) => row.class === one.class) : found.rows;
  const more = one ? one.alive - rows.length : found.more;
  const [at, setAt] = useState<number | null>(null);
  const active = rows.find((row) => row.serial === at) ?? rows.find((row) => partsOf(row).length > 0) ?? rows[0];
  const columns = useMemo(instanceColumns, []);
  return (
    <>
      <h2>Instances</h2>
      <Table
        label="Instances"
        columns={columns}
        rows={rows}
        id={(row) => String(row.serial)}
        most={14}
        onActive={(row) => setAt(row.serial)}
        empty="No instance is known"
      />
      {more > 0 && (
        <p class="more">
          {own || !one
            ? `${plural(more, "more instance")}`
            : `Others may not be in this report: it has the ${ASKED} largest of all classes`}
        </p>
      )}
      {active && <Details row={active} />}
    </>
  );
}

function growth(row: TrackedInstance): number {
  return (row.sizes[row.sizes.length - 1]?.size ?? 0) - (row.sizes[0]?.size ?? 0);
}

function made(row: TrackedInstance): string {
  const frame = row.traceback?.[0];
  if (!frame) return "";
  return frame.file ? `${frame.file.split("/").pop()}:${frame.line ?? "?"} ${frame.function}()` : frame.function;
}

function instanceColumns(): Column<TrackedInstance>[] {
  return [
    {
      id: "serial",
      title: "Number",
      right: true,
      spare: 6,
      text: (row) => count(row.serial),
      value: (row) => row.serial,
    },
    { id: "size", title: "Size", right: true, text: (row) => bytes(row.size), value: (row) => row.size },
    {
      id: "change",
      title: "Change",
      right: true,
      spare: 4,
      text: (row) => (row.sizes.length > 1 ? bytesChange(growth(row)) : ""),
      value: growth,
    },
    {
      id: "retained",
      title: "Retained",
      right: true,
      spare: 1,
      text: (row) => bytes(row.retained),
      value: (row) => row.retained,
    },
    { id: "flat", title: "Flat", right: true, spare: 7, text: (row) => bytes(row.flat), value: (row) => row.flat },
    {
      id: "born",
      title: "Born",
      right: true,
      text: (row) => (row.found ? "found" : duration(row.birth_ns)),
      value: (row) => row.birth_ns,
    },
    {
      id: "died",
      title: "Died",
      right: true,
      text: (row) => (row.death_ns === null ? "" : duration(row.death_ns)),
      value: (row) => row.death_ns,
    },
    { id: "age", title: "Age", right: true, spare: 5, text: (row) => duration(row.age_ns), value: (row) => row.age_ns },
    { id: "made", title: "Made at", spare: 3, text: made, value: made },
    { id: "name", title: "Name", spare: 2, text: (row) => row.name ?? "", value: (row) => row.name },
    {
      id: "class",
      title: "Class",
      text: (row) => row.class + (row.morphed_to ? ` -> ${row.morphed_to}` : ""),
      value: (row) => row.class,
    },
    { id: "preview", title: "Preview", text: (row) => row.preview ?? "", value: (row) => row.preview },
  ];
}

/** The parts when they were told last. */
function partsOf(row: TrackedInstance): TrackedPart[] {
  return [...row.sizes].reverse().find((one) => one.parts)?.parts ?? [];
}

function Details({ row }: { row: TrackedInstance }) {
  const parts = partsOf(row);
  return (
    <section aria-label="One instance">
      <h3>
        {visible(row.name ?? row.class, 200)}, number {count(row.serial)}
        {row.address && (
          <>
            {" "}
            at <Copy text={row.address} />
          </>
        )}
      </h3>
      {row.sizes.length > 1 && (
        <p>Sizes: {row.sizes.map((one) => `${one.snapshot}: ${bytes(one.size)}`).join(" · ")}</p>
      )}
      {parts.length > 0 && <Parts parts={parts} />}
      {row.traceback && (
        <>
          <h4>Birthplace, the innermost frame first</h4>
          <ol class="born">
            {row.traceback.map((frame, i) => (
              <li key={i}>
                {frame.file
                  ? visible(`${frame.file}:${frame.line ?? "?"} ${frame.function}()`, 400)
                  : visible(frame.function, 400)}
              </li>
            ))}
          </ol>
        </>
      )}
    </section>
  );
}

interface Item extends TrackedPart {
  place: number;
}

/** Parts in pre-order as a tree that is opened. */
function Parts({ parts }: { parts: TrackedPart[] }) {
  const items = useMemo(() => parts.map((part, place): Item => ({ ...part, place })), [parts]);
  const below = (item: Item): Item[] | null => {
    const found: Item[] = [];
    for (let i = item.place + 1; i < items.length && items[i]!.depth > item.depth; i++)
      if (items[i]!.depth === item.depth + 1) found.push(items[i]!);
    return found.length ? found : null;
  };
  const whole = items[0]?.size || 1;
  const columns = useMemo(
    (): Column<Item>[] => [
      { id: "label", title: "Part", text: (row) => row.label || row.type },
      { id: "size", title: "Size", right: true, text: (row) => bytes(row.size), bar: (row) => row.size / whole },
      { id: "share", title: "%", right: true, spare: 1, text: (row) => pct((100 * row.size) / whole) },
      { id: "more", title: "More", right: true, spare: 2, text: (row) => (row.more ? `${count(row.more)} more` : "") },
      { id: "type", title: "Type", text: (row) => row.type },
    ],
    [whole],
  );
  return (
    <div class="tracked-parts">
      <Tree
        label="Parts"
        columns={columns}
        roots={items.slice(0, 1)}
        id={(row) => String(row.place)}
        children={below}
        most={14}
      />
    </div>
  );
}
