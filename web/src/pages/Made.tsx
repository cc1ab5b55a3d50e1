// Who made what is in memory: stacks to scale, the same as a table, and the lines behind them.
import { useMemo, useState } from "preact/hooks";
import type { PageProps } from ".";
import { amount, layOut, percent, shortName, type Box, type Flame } from "../flame";
import { bytes, count, pct, plural, quoted, visible } from "../format";
import { Shown, useAnswer } from "../parts/Ask";
import { FlameGraph } from "../parts/Flame";
import { Link } from "../parts/Link";
import { SourceText } from "../parts/SourceText";
import { Table, type Column } from "../parts/Table";
import { Tree } from "../parts/Tree";
import { change } from "../route";
import type { Asked, Source } from "../source";

export const NODES = 2000;

const SUMS: [id: string, title: string][] = [
  ["live", "bytes alive"],
  ["count", "blocks alive"],
  ["allocated", "bytes ever allocated"],
  ["temporary", "bytes soon freed"],
  ["peak", "bytes at the peak"],
  ["retained", "bytes retained by what stands on top"],
];
const FRAMES: [id: string, title: string][] = [
  ["line", "line"],
  ["function", "function"],
  ["file", "file"],
  ["module", "module"],
  ["distribution", "distribution"],
];

/** What stands above a flame graph: which sums, what a frame is, which way, and what is looked for. */
export function FlameChoice({
  source,
  sums,
  what,
  by,
  asked,
}: {
  source: Source;
  sums: [string, string][];
  what: string;
  by: string;
  asked: Asked;
}) {
  const { invert = "", up = "", find = "" } = asked as Record<string, string | undefined>;
  const absent = (other: Asked) =>
    !source.has("flame", { ...asked, what, by, ...other, find: null, up: null, zoom: null, limit: NODES });
  return (
    <p class="choice">
      <label for="what">Show </label>
      <select id="what" value={what} onChange={(event) => change({ what: event.currentTarget.value, zoom: null })}>
        {sums.map(([id, title]) => (
          <option key={id} value={id} disabled={absent({ what: id })}>
            {title}
          </option>
        ))}
      </select>
      <label for="by"> by </label>
      <select id="by" value={by} onChange={(event) => change({ by: event.currentTarget.value, zoom: null })}>
        {FRAMES.map(([id, title]) => (
          <option key={id} value={id} disabled={absent({ by: id })}>
            {title}
          </option>
        ))}
      </select>
      <label>
        <input
          type="checkbox"
          checked={invert === "1"}
          onChange={(event) => change({ invert: event.currentTarget.checked ? 1 : null, zoom: null })}
        />{" "}
        inverted: who called it
      </label>
      <label>
        <input
          type="checkbox"
          checked={up === "1"}
          onChange={(event) => change({ up: event.currentTarget.checked ? 1 : null })}
        />{" "}
        upwards
      </label>
      <label for="find">Find </label>
      <input
        id="find"
        type="search"
        value={find}
        placeholder="part of a name"
        onInput={(event) => change({ find: event.currentTarget.value })}
      />
    </p>
  );
}

export function Made({ route, source }: PageProps) {
  const { file, where, what = "live", by = "line", invert, up, find, zoom, born } = route.params;
  const asked = { file, where, invert, born };
  const answer = useAnswer<Flame>(source, "flame", { ...asked, what, by, limit: NODES });
  const told = answer.data?.whats;
  const sums = SUMS.filter(([id]) => !told || told.includes(id));
  return (
    <>
      <FlameChoice source={source} sums={sums} what={what} by={by} asked={{ ...asked, up, find }} />
      {born && (
        <p class="choice">
          Only allocations {visible(born, 60)}{" "}
          <button type="button" onClick={() => change({ born: null })}>
            All
          </button>
        </p>
      )}
      <Shown answer={answer}>
        {(data) => (
          <Drawn
            flame={data}
            find={find ?? ""}
            zoom={Number(zoom ?? 0)}
            up={up === "1"}
            source={source}
            params={{ file }}
          />
        )}
      </Shown>
      <Lines source={source} what={what} params={{ file, where }} />
    </>
  );
}

/** In words, how much it is of. */
function said(flame: Flame): string {
  const { unit, what, total } = flame;
  const words: Record<string, string> = {
    live: "alive",
    count: "alive",
    allocated: "allocated since the recorder started",
    temporary: "soon freed",
    peak: "alive at the peak",
    retained: "that nothing but modules and the like holds, with what they retain",
    cpu: "",
  };
  const counted = plural(Math.round(total.count), what === "cpu" ? "sample" : what === "retained" ? "object" : "block");
  const sum = what === "count" || unit === "samples" ? counted : `${amount(unit, total.total)} in ${counted}`;
  const range =
    total.low === undefined ? "" : `; 95 % interval ${amount(unit, total.low)} to ${amount(unit, total.high!)}`;
  return (
    `${sum} ${words[what] ?? ""}`.trim() +
    range +
    (flame.interval_bytes ? `, sampled every ${bytes(flame.interval_bytes)}` : "")
  );
}

export function Drawn({
  flame,
  find,
  zoom,
  up,
  source,
  params,
}: {
  flame: Flame;
  find: string;
  zoom: number;
  up: boolean;
  source: Source;
  params: Asked;
}) {
  const tree = useMemo(() => layOut(flame), [flame]);
  const title = flame.inverted ? "Stacks from the innermost frame outwards" : "Stacks from the outermost frame inwards";
  if (tree.boxes.length === 1) return <p class="empty">Nothing of the kind was recorded.</p>;
  return (
    <>
      <p>
        {said(flame)}.{flame.more > 0 && ` The ${count(flame.nodes.length)} widest frames are shown.`}
      </p>
      <FlameGraph
        tree={tree}
        label={title}
        search={find}
        zoom={zoom}
        onZoom={(index) => change({ zoom: index || null })}
        upwards={up}
        further={({ file, line }) => (
          <SourceText source={source} file={params.file as string} path={file} line={line} />
        )}
      />
      <p class="note">
        A click, or Enter, zooms in; again, or Backspace, out; arrows go from frame to frame, 0 shows all.
      </p>
      <h2>{flame.inverted ? "Who called it" : "What it called"}</h2>
      <FrameTable root={tree.boxes[zoom] ?? tree.boxes[0]!} flame={flame} source={source} params={params} />
    </>
  );
}

/** Objects that a line made. */
function siteWords(box: Box): string | null {
  const { file, line, function: called } = box.frame;
  return file && line && file !== called ? quoted(`=${file}:${line}`) : null;
}

function FrameTable({ root, flame, source, params }: { root: Box; flame: Flame; source: Source; params: Asked }) {
  const { unit, total, what } = flame;
  const objects = what !== "cpu" && source.mode === "served";
  const sampled = flame.nodes.some((node) => node.low !== undefined);
  const columns = useMemo(
    (): Column<Box>[] => [
      {
        id: "name",
        title: "Frame",
        text: (box) => shortName(box.frame),
        cell: (box) => {
          const site = objects && siteWords(box);
          return site ? (
            <Link page="what" params={{ ...params, list: "objects", where: `site:${site}` }}>
              {visible(shortName(box.frame), 300)}
            </Link>
          ) : (
            visible(shortName(box.frame), 300)
          );
        },
      },
      {
        id: "total",
        title: "Total",
        right: true,
        text: (box) => amount(unit, box.total),
        bar: (box) => box.total / (total.total || 1),
      },
      { id: "share", title: "%", right: true, spare: 1, text: (box) => percent(box.total, total.total) },
      ...(sampled
        ? [
            {
              id: "range",
              title: "95 % interval",
              right: true,
              spare: 3,
              text: (box: Box) => (box.range ? `${amount(unit, box.range[0])} to ${amount(unit, box.range[1])}` : ""),
            },
          ]
        : []),
      { id: "own", title: "Own", right: true, spare: 1, text: (box) => amount(unit, box.own) },
      {
        id: "count",
        title: what === "cpu" ? "Samples" : "Count",
        right: true,
        spare: 2,
        text: (box) => count(box.count),
      },
      { id: "more", title: "Not shown", spare: 4, text: (box) => (box.more ? plural(box.more, "frame") : "") },
    ],
    [flame, source],
  );
  const roots = root.index === 0 ? root.children : [root];
  return (
    <Tree
      label="Frames"
      columns={columns}
      roots={roots}
      id={(box) => String(box.index)}
      children={(box) => (box.children.length ? box.children : null)}
      open={(box) => change({ zoom: box.index })}
      most={16}
    />
  );
}

/* ---- lines ---- */

interface SiteRow {
  name: string;
  file: string | null;
  line: number | null;
  size: number;
  size_pct: number | null;
  size_low: number | null;
  size_high: number | null;
  count: number;
  average: number;
  allocated_size?: number;
  freed_size?: number;
  size_now?: number;
}

interface Sites {
  rows: SiteRow[];
  total: SiteRow;
  more: number;
}

function Lines({ source, what, params }: { source: Source; what: string; params: Asked }) {
  const view = what === "peak" || what === "temporary" ? what : "sites";
  const [at, setAt] = useState<SiteRow | null>(null);
  const answer = useAnswer<Sites>(source, view, { ...params, limit: 200 });
  const columns = useMemo((): Column<SiteRow>[] => {
    const rows = answer.data?.rows ?? [];
    const has = (key: keyof SiteRow) => rows.some((row) => row[key] !== undefined && row[key] !== null);
    const size = (id: keyof SiteRow, title: string, spare: number): Column<SiteRow>[] =>
      has(id)
        ? [
            {
              id,
              title,
              right: true,
              spare,
              text: (row) => bytes(row[id] as number | null),
              value: (row) => row[id] as number | null,
            },
          ]
        : [];
    return [
      {
        id: "size",
        title: "Size",
        right: true,
        text: (row) => bytes(row.size),
        value: (row) => row.size,
        bar: (row) => (row.size_pct ?? 0) / 100,
      },
      { id: "size_pct", title: "%", right: true, spare: 1, text: (row) => pct(row.size_pct) },
      ...(has("size_low")
        ? [
            {
              id: "range",
              title: "95 % interval",
              right: true,
              spare: 3,
              text: (row: SiteRow) =>
                row.size_low === null ? "" : `${bytes(row.size_low)} to ${bytes(row.size_high)}`,
            },
          ]
        : []),
      {
        id: "count",
        title: "Count",
        right: true,
        spare: 1,
        text: (row) => count(row.count),
        value: (row) => row.count,
      },
      {
        id: "average",
        title: "Average",
        right: true,
        spare: 4,
        text: (row) => bytes(Math.floor(row.average + 0.5)),
        value: (row) => row.average,
      },
      ...size("size_now", "Now", 2),
      ...size("allocated_size", "Allocated", 2),
      ...size("freed_size", "Freed", 3),
      {
        id: "name",
        title: "Line",
        text: (row) => row.name,
        value: (row) => row.name,
        cell: (row) => {
          const words = row.file && row.line ? quoted(`=${row.file}:${row.line}`) : null;
          const asked = { file: params.file, where: `site:${words}` };
          return words ? (
            <Link page="what" params={{ ...asked, list: "objects" }} source={source} needs={["largest", asked]}>
              {visible(row.name, 300)}
            </Link>
          ) : (
            visible(row.name, 300)
          );
        },
      },
    ];
  }, [answer.data, source]);
  return (
    <>
      <h2>
        {view === "peak"
          ? "Lines, at the peak"
          : view === "temporary"
            ? "Lines, of what was soon freed"
            : "Lines, of what is alive"}
      </h2>
      <Shown answer={answer}>
        {(data) => (
          <>
            <Table
              label="Lines"
              columns={columns}
              rows={data.rows}
              id={(row) => row.name}
              sort={{ by: view === "temporary" ? "count" : "size", down: true }}
              most={16}
              empty="Nothing of the kind was recorded"
              onActive={setAt}
            />
            <SourceText source={source} file={params.file as string} path={at?.file ?? null} line={at?.line ?? null} />
            {data.more > 0 && <p class="more">{plural(data.more, "more line")}</p>}
          </>
        )}
      </Shown>
    </>
  );
}
