// How it changes: memory over time with a mark at each snapshot, when what is alive was allocated, and what grows.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { PageProps } from ".";
import type { Flame } from "../flame";
import { bytes, count, plural, visible } from "../format";
import { Failed, Shown, useAnswer } from "../parts/Ask";
import { seconds, TimeLine, type Line } from "../parts/TimeLine";
import { change } from "../route";
import type { FileInfo, Source } from "../source";
import { Growth } from "./Growth";
import { Drawn, NODES } from "./Made";

interface Moment {
  time_ns: number;
  rss: number | null;
  traced: number | null;
  threads: number | null;
}

interface Bin {
  first: number;
  last: number;
  size: number;
  count: number;
}

interface Past {
  rows: Moment[];
  now: { time_ns: number | null; rss: number | null; traced: number | null; births: number | null };
  alive: Bin[];
}

export function Changes({ route, source }: PageProps) {
  const file = source.files[Number(route.params.file ?? 0)] ?? source.files[0]!;
  const { files, pasts, error } = usePasts(source, file);
  const here = pasts.get(file.index);
  const tracked = useAnswer<TrackedData>(source, "tracked", file.has.includes("tracked") ? { file: file.index } : null);
  if (error && !here) return <Failed error={error} />;
  return (
    <>
      {here && (
        <Curve files={files} pasts={pasts} file={file} tracked={tracked.data} inReport={source.mode === "report"} />
      )}
      {here && here.alive.length > 0 && <Ages bins={here.alive} route={route.params} source={source} file={file} />}
      <Growth route={route} source={source} />
    </>
  );
}

/** What of the view `tracked` is drawn here: bytes of classes at each of its snapshots. */
interface TrackedData {
  snapshots: { wall_time_ns: number; classes: { class: string; size: number }[] }[];
}

/** The time lines of all files of one process. */
function usePasts(
  source: Source,
  file: FileInfo,
): { files: FileInfo[]; pasts: ReadonlyMap<number, Past>; error: Error | null } {
  const [pasts, setPasts] = useState<ReadonlyMap<number, Past>>(new Map());
  const [error, setError] = useState<Error | null>(null);
  const files = useMemo(
    () => source.files.filter((one) => one === file || (one.pid !== null && one.pid === file.pid)),
    [source, file],
  );
  useEffect(() => {
    let wanted = true;
    setPasts(new Map());
    setError(null);
    for (const one of files)
      source.ask<Past>("timeline", { file: one.index }).then(
        (past) => wanted && setPasts((before) => new Map(before).set(one.index, past)),
        (failed: Error) => wanted && setError(failed),
      );
    return () => {
      wanted = false;
    };
  }, [source, files]);
  return { files, pasts, error };
}

/* ---- memory over time ---- */

interface Mark {
  file: FileInfo;
  past: Past;
  time: number;
}

/** The largest tracked classes, and their bytes by time: the clock of the time line, which the snapshot tells beside the time of day. */
function trackedLines(
  tracked: TrackedData | null,
  file: FileInfo,
  now: number | null,
): { names: string[]; sizes: Map<number, Map<string, number>> } {
  const sizes = new Map<number, Map<string, number>>();
  if (!tracked || file.wall_time_ns === null || now === null) return { names: [], sizes };
  const most = new Map<string, number>();
  for (const { wall_time_ns, classes } of tracked.snapshots) {
    sizes.set(now - (file.wall_time_ns - wall_time_ns), new Map(classes.map((one) => [one.class, one.size])));
    for (const one of classes) most.set(one.class, Math.max(most.get(one.class) ?? 0, one.size));
  }
  const names = [...most]
    .sort((a, b) => b[1] - a[1])
    .slice(0, TRACKED.length)
    .map(([name]) => name);
  return { names, sizes };
}

const TRACKED = ["c2", "c3", "c1", "c4"];
/** Snapshots of a process, the latest, between which a report has ranges; python/tonnage/_report_ranges.py asks for them. */
const REPORT_MARKS = 8;

function Curve({
  files,
  pasts,
  file,
  tracked,
  inReport,
}: {
  files: FileInfo[];
  pasts: ReadonlyMap<number, Past>;
  file: FileInfo;
  tracked: TrackedData | null;
  inReport: boolean;
}) {
  const made = useMemo(() => {
    const taken = files
      .flatMap((one) => {
        const past = pasts.get(one.index);
        return past && past.now.time_ns !== null ? [{ file: one, past, time: past.now.time_ns }] : [];
      })
      .sort((a, b) => a.time - b.time);
    const moments = new Map<number, Moment>(); // a later snapshot has the samples of those before it, thinned out
    for (const { past } of taken) for (const row of past.rows) moments.set(row.time_ns, row);
    for (const { past, time } of taken)
      moments.set(time, {
        time_ns: time,
        rss: past.now.rss,
        traced: past.now.traced,
        threads: moments.get(time)?.threads ?? null,
      });
    const followed = trackedLines(tracked, file, pasts.get(file.index)?.now.time_ns ?? null);
    for (const time of followed.sizes.keys())
      if (!moments.has(time)) moments.set(time, { time_ns: time, rss: null, traced: null, threads: null });
    const rows = [...moments.values()].sort((a, b) => a.time_ns - b.time_ns);
    const began = rows[0]?.time_ns ?? 0;
    const lines: Line[] = [
      { title: "RSS", values: rows.map((row) => row.rss), colour: "c0", unit: "bytes" },
      { title: "Traced", values: rows.map((row) => row.traced), colour: "c5", unit: "bytes", dash: [8, 4] },
      { title: "Threads", values: rows.map((row) => row.threads), colour: "whole", unit: "count", dash: [2, 3] },
      ...followed.names.map((name, i): Line => ({
        title: visible(name, 60),
        values: rows.map((row) => followed.sizes.get(row.time_ns)?.get(name) ?? null),
        colour: TRACKED[i]!,
        unit: "bytes",
      })),
    ];
    const marks: Mark[] = taken.map((mark) => ({ ...mark, time: (mark.time - began) / 1e9 }));
    return {
      times: rows.map((row) => (row.time_ns - began) / 1e9),
      lines: lines.filter((line) => line.values.some((value) => value !== null)),
      told: [...moments.values()].filter((row) => row.rss !== null || row.traced !== null).length - taken.length,
      marks,
      names: marks.map((mark) => ({ time: mark.time, name: visible(mark.file.name, 24) })),
    };
  }, [files, pasts, file, tracked]);
  const traced = made.marks.flatMap(({ file, past, time }) =>
    file.has.includes("sites") && past.now.births !== null
      ? [{ file, time, births: past.now.births, alive: past.alive.length > 0 }]
      : [],
  );
  const recorded = traced
    .slice(0, traced.map((mark) => mark.alive).lastIndexOf(true) + 1)
    .slice(inReport ? -REPORT_MARKS : 0);
  const between = (from: number, to: number) => {
    const latest = recorded[recorded.length - 1]!;
    const before = [...recorded].reverse().find((mark) => mark.time <= from);
    const after = recorded.find((mark) => mark.time >= to) ?? latest;
    const [first, last] = [before ? before.births + 1 : 1, after.births];
    if (first <= last)
      change({
        born: first === 1 && last === latest.births ? null : `${first}-${last}`,
        file: latest.file.index,
        zoom: null,
      });
  };
  if (made.times.length < 2)
    return (
      <p class="empty">
        One moment is known, and no time line: `tonnage run --every 10 app.py` notes memory each second, and takes
        snapshots to compare.
      </p>
    );
  return (
    <>
      <TimeLine
        label={`Memory of process ${file.pid ?? "unknown"} over ${seconds(made.times[made.times.length - 1]!)}`}
        times={made.times}
        lines={made.lines}
        marks={made.names}
        {...(recorded.length > 0 ? { onRange: between } : {})}
      />
      <p class="note">
        {plural(made.told, "moment")} noted while it ran, {plural(made.marks.length, "snapshot")}.
        {recorded.length > 0 &&
          " A range drawn with the mouse selects what was allocated between the snapshots around it and is alive in the last one."}
      </p>
    </>
  );
}

/* ---- when what is alive was allocated ---- */

const BARS = { width: 1000, height: 100 };
/** Parts of all allocations whose ranges a report has flame graphs of; python/tonnage/_report_ranges.py asks for them. */
const REPORT_PARTS = 10;

function parseBorn(text: string | undefined): [number, number] | null {
  const found = /^(\d+)-(\d+)$/.exec(text ?? "");
  return found ? [Number(found[1]), Number(found[2])] : null;
}

function Ages({
  bins,
  route,
  source,
  file,
}: {
  bins: Bin[];
  route: Record<string, string>;
  source: Source;
  file: FileInfo;
}) {
  const born = parseBorn(route.born);
  const first = born
    ? Math.max(
        0,
        bins.findIndex((bin) => bin.last >= born[0]),
      )
    : 0;
  const found = born ? bins.findIndex((bin) => bin.last >= born[1]) : -1;
  const last = found < 0 ? bins.length - 1 : found;
  const most = Math.max(1, ...bins.map((bin) => bin.size));
  const width = BARS.width / bins.length;
  const [drawn, setDrawn] = useState<[number, number] | null>(null);
  const svg = useRef<SVGSVGElement>(null);
  const step = source.mode === "report" ? Math.ceil(bins.length / REPORT_PARTS) : 1;
  const whole = (a: number, b: number): [number, number] => [
    a - (a % step),
    Math.min(b - (b % step) + step, bins.length) - 1,
  ];
  const [from, to] = drawn ? whole(Math.min(...drawn), Math.max(...drawn)) : [first, last];
  const chosen = bins.slice(from, to + 1);
  const sum = chosen.reduce((total, bin) => ({ size: total.size + bin.size, count: total.count + bin.count }), {
    size: 0,
    count: 0,
  });
  const choose = (a: number, b: number) => {
    const all = a === 0 && b === bins.length - 1;
    change({ born: all ? null : `${bins[a]!.first}-${bins[b]!.last}`, zoom: null });
  };
  const at = (event: PointerEvent) => {
    const bounds = svg.current!.getBoundingClientRect();
    return Math.max(
      0,
      Math.min(bins.length - 1, Math.floor(((event.clientX - bounds.left) / bounds.width) * bins.length)),
    );
  };
  return (
    <>
      <h2>What is alive, by when it was allocated</h2>
      <svg
        class="ages"
        ref={svg}
        viewBox={`0 0 ${BARS.width} ${BARS.height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Bytes alive in ${bins.length} parts of all allocations, the oldest at the left`}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setDrawn([at(event), at(event)]);
        }}
        onPointerMove={(event) => drawn && setDrawn([drawn[0], at(event)])}
        onPointerUp={() => {
          if (drawn) choose(from, to);
          setDrawn(null);
        }}
      >
        <rect class="band" x={from * width} width={(to - from + 1) * width} y="0" height={BARS.height} />
        {bins.map((bin, i) => {
          const height = (bin.size / most) * (BARS.height - 4);
          return (
            <rect
              key={i}
              class={i >= from && i <= to ? "in" : ""}
              x={i * width}
              y={BARS.height - height}
              width={Math.max(width - 1, 0.5)}
              height={height}
            />
          );
        })}
      </svg>
      <div class="ends">
        <label for="born-from">From part</label>
        <input
          id="born-from"
          type="range"
          min="0"
          max={bins.length - 1}
          step={step}
          value={from}
          onChange={(event) => choose(...whole(Math.min(Number(event.currentTarget.value), to), to))}
        />
        <label for="born-to">to part</label>
        <input
          id="born-to"
          type="range"
          min={step - 1}
          max={Math.ceil(bins.length / step) * step - 1}
          step={step}
          value={Math.ceil((to + 1) / step) * step - 1}
          onChange={(event) =>
            choose(...whole(from, Math.min(Math.max(Number(event.currentTarget.value), from), bins.length - 1)))
          }
        />
      </div>
      <p role="status">
        Allocations {count(born && !drawn ? born[0] : bins[from]!.first)} to{" "}
        {count(born && !drawn ? born[1] : bins[to]!.last)}
        {!(born && !drawn) || (born[0] === bins[from]!.first && born[1] === bins[to]!.last)
          ? `: ${bytes(sum.size)} alive in ${plural(sum.count, "block")}`
          : ""}
        .{" "}
        {born && (
          <button type="button" onClick={() => change({ born: null, zoom: null })}>
            All
          </button>
        )}
      </p>
      <Selected source={source} route={route} file={file} />
    </>
  );
}

/** Who made what was allocated then. */
function Selected({ source, route, file }: { source: Source; route: Record<string, string>; file: FileInfo }) {
  const answer = useAnswer<Flame>(source, "flame", { file: file.index, what: "live", born: route.born, limit: NODES });
  return (
    <Shown answer={answer}>
      {(data) => (
        <Drawn
          flame={data}
          find={route.find ?? ""}
          zoom={Number(route.zoom ?? 0)}
          up={route.up === "1"}
          source={source}
          params={{ file: file.index }}
        />
      )}
    </Shown>
  );
}

/* ---- what grows ---- */
