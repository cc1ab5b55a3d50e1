// Tracked classes: what each took at each snapshot of the tracker, births, deaths and ages, and instances one by one with the
// trees of their parts. One class may be chosen; it stands in the URL as `class`.
import { useMemo, useState } from "preact/hooks";
import type { PageProps } from ".";
import { bytes, count, duration, plural, share, time, visible } from "../format";
import { Shown, useAnswer } from "../parts/Ask";
import { Bar } from "../parts/Bar";
import { Table, type Column } from "../parts/Table";
import { TimeLine, type Line } from "../parts/TimeLine";
import { change } from "../route";
import type { Tracked as Answer, TrackedClass, TrackedSnapshot } from "../schema";
import { ASKED, Instances } from "./TrackedInstances";
import "./Tracked.css";

const LINES = 6; // classes in one picture

export function Tracked({ route, source }: PageProps) {
  const { file, where, class: chosen } = route.params;
  const all = useAnswer<Answer>(source, "tracked", { file, where, limit: ASKED });
  return (
    <Shown answer={all}>
      {(data) => {
        const one = data.classes.find((row) => row.class === chosen) ?? null;
        return (
          <>
            <About data={data} />
            <Choice classes={data.classes} chosen={one} />
            <Curve data={data} one={one} />
            {one && <Ages row={one} />}
            <Classes data={data} />
            <Snapshots data={data} />
            <Instances data={data} one={one} source={source} asked={{ file, where, limit: ASKED }} />
          </>
        );
      }}
    </Shown>
  );
}

function About({ data }: { data: Answer }) {
  const alive = data.classes.reduce((sum, row) => sum + row.alive, 0);
  const last = data.snapshots[data.snapshots.length - 1];
  return (
    <p>
      Tracked for {duration(data.stopped_ns ?? data.now_ns)} from {time(data.started_wall_ns)} on:{" "}
      {plural(data.classes.length, "class", "classes")}, {plural(alive, "instance")} alive
      {last ? (
        <>
          ; at the last of {plural(data.snapshots.length, "snapshot")} <strong>{bytes(last.tracked)}</strong>, of these{" "}
          {bytes(last.shared)} shared.
        </>
      ) : (
        ". No snapshot was taken: sizes are not known."
      )}
    </p>
  );
}

function Choice({ classes, chosen }: { classes: TrackedClass[]; chosen: TrackedClass | null }) {
  if (classes.length === 0) return <p class="empty">No tracked class is selected.</p>;
  return (
    <p class="choice">
      <label for="class">Class </label>
      <select
        id="class"
        value={chosen?.class ?? ""}
        onChange={(event) => change({ class: event.currentTarget.value || null })}
      >
        <option value="">all of them</option>
        {classes.map((row) => (
          <option key={row.class} value={row.class}>
            {visible(row.class, 100)}
          </option>
        ))}
      </select>
    </p>
  );
}

/* ---- over time ---- */

function sumOf(moment: TrackedSnapshot, name: string) {
  return moment.classes.find((row) => row.class === name);
}

function Curve({ data, one }: { data: Answer; one: TrackedClass | null }) {
  const { snapshots, classes } = data;
  const made = useMemo(() => {
    const of = (name: string, key: "size" | "retained" | "count") =>
      snapshots.map((moment) => sumOf(moment, name)?.[key] ?? 0);
    const shown = [...classes].sort((a, b) => (b.size ?? 0) - (a.size ?? 0)).slice(0, LINES);
    const lines: Line[] = one
      ? [
          { title: "Size", values: of(one.class, "size"), colour: "c0", unit: "bytes" },
          { title: "Retained", values: of(one.class, "retained"), colour: "c1", unit: "bytes", dash: [8, 4] },
          { title: "Instances", values: of(one.class, "count"), colour: "whole", unit: "count", dash: [2, 3] },
        ]
      : [
          ...shown.map((row, i): Line => ({
            title: visible(row.class, 60),
            values: of(row.class, "size"),
            colour: `c${i}`,
            unit: "bytes",
          })),
          {
            title: "All tracked",
            values: snapshots.map((moment) => moment.tracked),
            colour: "whole",
            unit: "bytes",
            dash: [8, 4],
          },
        ];
    const marks = snapshots.flatMap((moment) =>
      moment.description ? [{ time: moment.time_ns / 1e9, name: visible(moment.description, 24) }] : [],
    );
    return { times: snapshots.map((moment) => moment.time_ns / 1e9), lines, marks };
  }, [snapshots, classes, one?.class]);
  if (snapshots.length < 2) return null;
  const title = one ? `What ${visible(one.class, 100)} took` : "What classes took";
  return (
    <>
      <h2>{title}</h2>
      <TimeLine
        label={`${title} at ${snapshots.length} snapshots`}
        times={made.times}
        lines={made.lines}
        marks={made.marks}
      />
      {!one && classes.length > LINES && <p class="note">The {LINES} largest classes; choose one to see it alone.</p>}
    </>
  );
}

function Spark({ values }: { values: number[] }) {
  const most = Math.max(1, ...values);
  const points = values
    .map((value, i) => `${(100 * i) / Math.max(1, values.length - 1)},${17 - (15 * value) / most}`)
    .join(" ");
  return (
    <svg class="spark" viewBox="0 0 100 18" preserveAspectRatio="none" aria-hidden="true">
      <polyline points={points} />
    </svg>
  );
}

function Ages({ row }: { row: TrackedClass }) {
  const most = Math.max(1, ...row.ages.map((age) => age.died));
  return (
    <>
      <h2>How old they were when they died</h2>
      {row.ages.length === 0 ? (
        <p class="empty">None has died.</p>
      ) : (
        <div class="deaths">
          {row.ages.map((age) => (
            <>
              <span>younger than {duration(age.below_ns)}</span>
              <span>{count(age.died)}</span>
              <Bar share={age.died / most} />
            </>
          ))}
        </div>
      )}
    </>
  );
}

/* ---- classes ---- */

function Classes({ data }: { data: Answer }) {
  const columns = useMemo((): Column<TrackedClass>[] => {
    const sizes = (row: TrackedClass) => data.snapshots.map((moment) => sumOf(moment, row.class)?.size ?? 0);
    const number = (
      id: "alive" | "born" | "found" | "died" | "morphed",
      title: string,
      spare: number,
    ): Column<TrackedClass> => ({
      id,
      title,
      right: true,
      spare,
      text: (row) => count(row[id]),
      value: (row) => row[id],
    });
    return [
      number("alive", "Alive", 0),
      number("born", "Born", 2),
      number("found", "Found", 5),
      number("died", "Died", 2),
      number("morphed", "Morphed", 5),
      {
        id: "age",
        title: "Mean age",
        right: true,
        spare: 4,
        text: (row) => (row.mean_age_ns === null ? "-" : duration(row.mean_age_ns)),
        value: (row) => row.mean_age_ns,
      },
      { id: "size", title: "Size", right: true, text: (row) => bytes(row.size), value: (row) => row.size },
      {
        id: "average",
        title: "Average",
        right: true,
        spare: 4,
        text: (row) => (row.size !== null && row.alive ? bytes(Math.floor(row.size / row.alive)) : "-"),
        value: (row) => (row.alive ? (row.size ?? 0) / row.alive : null),
      },
      {
        id: "retained",
        title: "Retained",
        right: true,
        spare: 3,
        text: (row) => bytes(row.retained),
        value: (row) => row.retained,
      },
      {
        id: "growth",
        title: "Sizes",
        spare: 1,
        text: () => "-".repeat(14),
        cell: (row) => <Spark values={sizes(row)} />,
      },
      { id: "class", title: "Class", text: (row) => row.class, value: (row) => row.class },
    ];
  }, [data]);
  return (
    <>
      <h2>Classes</h2>
      <Table
        label="Classes"
        columns={columns}
        rows={data.classes}
        id={(row) => row.class}
        most={12}
        open={(row) => change({ class: row.class })}
        empty="No class"
      />
      <p class="note">Enter or a double click chooses a class.</p>
    </>
  );
}

/* ---- snapshots ---- */

interface Part {
  title: string;
  count: number | null;
  size: number;
  retained: number | null;
}

function parts(moment: TrackedSnapshot): Part[] {
  const rows = moment.classes.map((row): Part => ({
    title: row.class,
    count: row.count,
    size: row.size,
    retained: row.retained,
  }));
  return moment.shared ? [...rows, { title: "<shared>", count: null, size: moment.shared, retained: null }] : rows;
}

function Snapshots({ data }: { data: Answer }) {
  const [at, setAt] = useState<number | null>(null);
  const moment = data.snapshots.find((one) => one.number === at) ?? data.snapshots[data.snapshots.length - 1];
  const columns = useMemo((): Column<TrackedSnapshot>[] => {
    const active = (row: TrackedSnapshot) => row.classes.reduce((sum, one) => sum + one.count, 0);
    return [
      { id: "number", title: "Snapshot", right: true, text: (row) => count(row.number), value: (row) => row.number },
      { id: "at", title: "At", right: true, text: (row) => duration(row.time_ns), value: (row) => row.time_ns },
      { id: "active", title: "Active", right: true, text: (row) => count(active(row)), value: active },
      { id: "tracked", title: "Tracked", right: true, text: (row) => bytes(row.tracked), value: (row) => row.tracked },
      {
        id: "shared",
        title: "Shared",
        right: true,
        spare: 3,
        text: (row) => bytes(row.shared),
        value: (row) => row.shared,
      },
      {
        id: "process",
        title: "Process",
        right: true,
        spare: 1,
        text: (row) => bytes(row.rss),
        value: (row) => row.rss,
      },
      {
        id: "heap",
        title: "All objects",
        right: true,
        spare: 4,
        text: (row) => (row.heap_size === null ? "-" : bytes(row.heap_size)),
        value: (row) => row.heap_size,
      },
      { id: "own", title: "tonnage", right: true, spare: 3, text: (row) => bytes(row.own), value: (row) => row.own },
      {
        id: "pause",
        title: "Pause",
        right: true,
        spare: 2,
        text: (row) => duration(row.pause_ns),
        value: (row) => row.pause_ns,
      },
      { id: "description", title: "Description", text: (row) => row.description, value: (row) => row.description },
    ];
  }, []);
  const shown = useMemo(
    (): Column<Part>[] => [
      {
        id: "count",
        title: "Active",
        right: true,
        text: (row) => (row.count === null ? "" : count(row.count)),
        value: (row) => row.count,
      },
      { id: "size", title: "Size", right: true, text: (row) => bytes(row.size), value: (row) => row.size },
      {
        id: "average",
        title: "Average",
        right: true,
        spare: 2,
        text: (row) => (row.count ? bytes(Math.floor(row.size / row.count)) : "-"),
      },
      {
        id: "share",
        title: "%",
        right: true,
        text: (row) => share(row.size, moment?.tracked ?? 0),
        bar: (row) => row.size / (moment?.tracked || 1),
      },
      {
        id: "retained",
        title: "Retained",
        right: true,
        spare: 1,
        text: (row) => (row.retained === null ? "-" : bytes(row.retained)),
        value: (row) => row.retained,
      },
      { id: "class", title: "Class", text: (row) => row.title, value: (row) => row.title },
    ],
    [moment],
  );
  if (!moment) return null;
  return (
    <>
      <h2>Snapshots</h2>
      <Table
        label="Snapshots"
        columns={columns}
        rows={data.snapshots}
        id={(row) => String(row.number)}
        most={10}
        onActive={(row) => setAt(row.number)}
      />
      <h3>
        Snapshot {count(moment.number)}
        {moment.description && `: ${visible(moment.description, 200)}`}
      </h3>
      <Table
        label="What they took"
        columns={shown}
        rows={parts(moment)}
        id={(row) => row.title}
        most={10}
        sort={{ by: "size", down: true }}
        empty="Nothing was tracked"
      />
      {moment.left_out > 0 && <p class="note">{plural(moment.left_out, "instance")} more were not sized one by one.</p>}
    </>
  );
}
