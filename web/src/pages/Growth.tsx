// What grows, on the page of changes: over all files, and between two.
import { useMemo } from "preact/hooks";
import type { PageProps } from ".";
import { bytes, bytesChange, count, countChange, plural, visible } from "../format";
import { Shown, useAnswer } from "../parts/Ask";
import { ObjectLink } from "../parts/Link";
import { Table, type Column } from "../parts/Table";
import type { Diff, DiffRow } from "../schema";
import type { Asked, Source } from "../source";

interface GrowthRow {
  type?: string;
  module?: string;
  counts: number[];
  sizes: number[];
  slope: number | null;
  error: number | null;
  up: number;
  down: number;
}

interface GrowthData {
  same_process: boolean;
  why: string | null;
  snapshots: { file: string | null; seconds: number | null; rss: number | null; count: number; size: number }[];
  rows: GrowthRow[];
  more: number;
  unchanged: number;
  collections?: { address: string; type: string; size: number; path: string | null; lengths: number[]; up: number }[];
  collections_more?: number;
}

export function Growth({ route, source }: PageProps) {
  const { file = "0", against } = route.params;
  const older = against ?? (Number(file) > 0 ? String(Number(file) - 1) : source.files.length > 1 ? null : undefined);
  return (
    <>
      <h2>What grows</h2>
      {source.files.length > 2 && !against ? (
        <OverAll source={source} />
      ) : older ? (
        <Between source={source} file={file} against={older} />
      ) : (
        <p class="empty">
          {older === null
            ? "This is the oldest file: choose another one above."
            : "That takes two files and more: `tonnage report 1.tonnage 2.tonnage 3.tonnage`."}
        </p>
      )}
    </>
  );
}

function Spark({ values }: { values: number[] }) {
  const most = Math.max(1, ...values);
  const points = values
    .map((value, i) => `${(100 * i) / Math.max(1, values.length - 1)},${18 - (16 * value) / most - 1}`)
    .join(" ");
  return (
    <svg class="spark" viewBox="0 0 100 18" preserveAspectRatio="none" aria-hidden="true">
      <polyline points={points} />
    </svg>
  );
}

function ends(values: number[]): number {
  return (values[values.length - 1] ?? 0) - (values[0] ?? 0);
}

function OverAll({ source }: { source: Source }) {
  const answer = useAnswer<GrowthData>(source, "growth", { limit: 1000 });
  const name = (row: GrowthRow) => row.type ?? row.module ?? "";
  const columns = useMemo(
    (): Column<GrowthRow>[] => [
      {
        id: "slope",
        title: "a second",
        right: true,
        text: (row) => (row.slope === null ? "" : bytesChange(Math.round(row.slope))),
        value: (row) => row.slope,
      },
      {
        id: "size",
        title: "Change",
        right: true,
        text: (row) => bytesChange(ends(row.sizes)),
        value: (row) => ends(row.sizes),
      },
      {
        id: "now",
        title: "Size now",
        right: true,
        spare: 2,
        text: (row) => bytes(row.sizes[row.sizes.length - 1]),
        value: (row) => row.sizes[row.sizes.length - 1] ?? 0,
      },
      {
        id: "count",
        title: "Count",
        right: true,
        spare: 1,
        text: (row) => countChange(ends(row.counts)),
        value: (row) => ends(row.counts),
      },
      {
        id: "steps",
        title: "Up",
        right: true,
        spare: 3,
        text: (row) => `${row.up} of ${row.sizes.length - 1}`,
        value: (row) => row.up - row.down,
      },
      {
        id: "curve",
        title: "Sizes",
        spare: 1,
        text: () => "-".repeat(14),
        cell: (row) => <Spark values={row.sizes} />,
      },
      { id: "name", title: "Type", text: name, value: name },
    ],
    [],
  );
  return (
    <Shown answer={answer}>
      {(data) => (
        <>
          <p>
            {plural(data.snapshots.length, "snapshot")}: {bytes(data.snapshots[0]?.size)} at first,{" "}
            {bytes(data.snapshots[data.snapshots.length - 1]?.size)} at last.
            {data.why && ` Objects cannot be told apart: ${visible(data.why, 200)}.`}
          </p>
          <Table label="What grows" columns={columns} rows={data.rows} id={name} most={16} empty="Nothing changed" />
          <p class="more">
            {data.more > 0 && `${plural(data.more, "more row")}; `}
            {plural(data.unchanged, "row")} did not change
          </p>
          {data.collections && data.collections.length > 0 && (
            <>
              <h2>Collections that never held less</h2>
              <Table
                label="Collections"
                most={12}
                rows={data.collections}
                id={(row) => row.address}
                columns={[
                  {
                    id: "length",
                    title: "Length",
                    right: true,
                    text: (row) => countChange(ends(row.lengths)),
                    value: (row) => ends(row.lengths),
                  },
                  {
                    id: "now",
                    title: "now",
                    right: true,
                    spare: 1,
                    text: (row) => count(row.lengths[row.lengths.length - 1]),
                  },
                  {
                    id: "curve",
                    title: "Lengths",
                    spare: 2,
                    text: () => "-".repeat(14),
                    cell: (row) => <Spark values={row.lengths} />,
                  },
                  { id: "type", title: "Type", text: (row) => row.type, value: (row) => row.type },
                  {
                    id: "path",
                    title: "Path",
                    text: (row) => row.path ?? row.address,
                    cell: (row) => (
                      <ObjectLink address={row.address} source={source} params={{ file: source.files.length - 1 }}>
                        {visible(row.path ?? row.address, 300)}
                      </ObjectLink>
                    ),
                  },
                ]}
              />
            </>
          )}
        </>
      )}
    </Shown>
  );
}

function Between({ source, file, against }: { source: Source; file: string; against: string }) {
  const asked: Asked = { file, against, limit: 1000 };
  const answer = useAnswer<Diff>(source, "diff", asked);
  const name = (row: DiffRow) => row.type ?? "";
  const columns = useMemo(
    (): Column<DiffRow>[] => [
      {
        id: "size",
        title: "Change",
        right: true,
        text: (row) => bytesChange(row.size_change),
        value: (row) => row.size_change,
      },
      {
        id: "now",
        title: "Size now",
        right: true,
        spare: 1,
        text: (row) => bytes(row.now_size),
        value: (row) => row.now_size,
      },
      {
        id: "count",
        title: "Count",
        right: true,
        text: (row) => countChange(row.count_change),
        value: (row) => row.count_change,
      },
      {
        id: "new",
        title: "New",
        right: true,
        spare: 2,
        text: (row) => (row.new === null ? "" : count(row.new)),
        value: (row) => row.new,
      },
      {
        id: "gone",
        title: "Gone",
        right: true,
        spare: 2,
        text: (row) => (row.gone === null ? "" : count(row.gone)),
        value: (row) => row.gone,
      },
      { id: "name", title: "Type", text: name, value: name },
    ],
    [],
  );
  const [old, now] = [source.files[Number(against)], source.files[Number(file)]];
  return (
    <Shown answer={answer}>
      {(data) => (
        <>
          <p>
            {visible(old?.name ?? "", 60)}: {bytes(data.total.old.size)}; {visible(now?.name ?? "", 60)}:{" "}
            {bytes(data.total.now.size)} ({bytesChange(data.total.now.size - data.total.old.size)}).
          </p>
          <Table
            label="What grows"
            columns={columns}
            rows={data.rows}
            id={name}
            sort={{ by: "size", down: true }}
            most={16}
            empty="Nothing changed"
          />
          <p class="more">
            {data.more > 0 && `${plural(data.more, "more row")}; `}
            {plural(data.unchanged, "row")} did not change
          </p>
        </>
      )}
    </Shown>
  );
}
