// Where time goes: stacks to scale, the call graph, and functions with what they allocate beside what they take.
import { useMemo } from "preact/hooks";
import type { PageProps } from ".";
import type { Calls } from "../calls";
import { amount, type Flame, type Unit } from "../flame";
import { bytes, count, duration, pct, plural, visible } from "../format";
import { Shown, useAnswer } from "../parts/Ask";
import { CallGraph, Neighbours } from "../parts/CallGraph";
import { Table, type Column } from "../parts/Table";
import { change } from "../route";
import type { Asked, Source } from "../source";
import { Drawn, FlameChoice, NODES } from "./Made";

export function Time({ route, source }: PageProps) {
  const { file, what = "cpu", by = "function", invert, up, find, zoom } = route.params;
  const asked = { file, invert };
  const answer = useAnswer<Flame>(source, "flame", { ...asked, what, by, limit: NODES });
  const told = answer.data?.whats ?? ["cpu"];
  const sums = (
    [
      ["cpu", "time"],
      ["allocated", "bytes ever allocated"],
      ["temporary", "bytes soon freed"],
      ["live", "bytes alive"],
    ] as [string, string][]
  ).filter(([id]) => told.includes(id) || id === what);
  return (
    <>
      <FlameChoice source={source} sums={sums} what={what} by={by} asked={{ ...asked, up, find }} />
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
      <CallGraphPart source={source} params={{ file }} least={route.params.least ?? "2"} chosen={route.params.call} />
      <Functions source={source} params={{ file }} />
    </>
  );
}

/* ---- the call graph ---- */

function CallGraphPart({
  source,
  params,
  least,
  chosen,
}: {
  source: Source;
  params: Asked;
  least: string;
  chosen: string | undefined;
}) {
  const answer = useAnswer<Calls>(source, "profile", { ...params, graph: 1, limit: 60 });
  const id = chosen === undefined ? null : Number(chosen);
  const choose = (call: number | null) => change({ call });
  return (
    <>
      <h2>Call graph</h2>
      <Shown answer={answer}>
        {(calls) => (
          <>
            <p class="choice">
              {about(calls)}
              <label for="least">Share of all from </label>
              <input
                id="least"
                type="range"
                min="0"
                max="25"
                step="0.5"
                value={least}
                onInput={(event) => change({ least: event.currentTarget.value })}
              />
              <output for="least">{least} %</output>
            </p>
            <CallGraph calls={calls} least={Number(least)} chosen={id} onChoose={choose} />
            <p class="note">
              The bar in a box is what it has of its own; lines are as broad as what came along them. Boxes can be
              dragged.
              {calls.more > 0 && ` ${plural(calls.more, "function")} with less are not shown.`}
            </p>
            {id !== null && <Neighbours calls={calls} chosen={id} onChoose={choose} />}
          </>
        )}
      </Shown>
    </>
  );
}

function about({ profile }: Calls): string {
  const clocks: Record<string, string> = {
    prof: "processor time",
    real: "time that passed",
    virtual: "processor time without that of the system",
    gil: "time with the interpreter's lock",
  };
  const every = profile.interval_ns === null ? "" : `, every ${duration(profile.interval_ns)}`;
  const missed =
    profile.missed === null || profile.ticks === null
      ? ""
      : `; missed ${count(profile.missed)} of ${plural(profile.ticks + profile.missed, "tick")}`;
  return `Clock ${profile.clock}${clocks[profile.clock] ? `: ${clocks[profile.clock]}` : ""}; ${profile.samples === null ? "" : `${plural(profile.samples, "sample")}${every}`}${missed}.`;
}

/* ---- functions ---- */

interface Row {
  name: string;
  own: number;
  own_pct: number | null;
  own_low_pct: number | null;
  own_high_pct: number | null;
  total: number;
  total_pct: number | null;
  total_samples: number;
  allocated_size?: number;
  total_allocated_size?: number;
  total_bytes_per_cpu_s?: number | null;
}

interface Profile {
  profile: { clock: string; unit: Unit };
  rows: Row[];
  more: number;
}

function Functions({ source, params }: { source: Source; params: Asked }) {
  const answer = useAnswer<Profile>(source, "profile", { ...params, cumulative: 1, limit: 200 });
  const unit = answer.data?.profile.unit ?? "ns";
  const both = answer.data?.rows.some((row) => row.allocated_size !== undefined) ?? false;
  const columns = useMemo(
    (): Column<Row>[] => [
      {
        id: "own",
        title: "Own",
        right: true,
        text: (row) => amount(unit, row.own),
        value: (row) => row.own,
        bar: (row) => (row.own_pct ?? 0) / 100,
      },
      { id: "own_pct", title: "%", right: true, spare: 1, text: (row) => pct(row.own_pct) },
      {
        id: "range",
        title: "95 % interval",
        right: true,
        spare: 3,
        text: (row) => (row.own_low_pct === null ? "" : `${pct(row.own_low_pct)} to ${pct(row.own_high_pct)}`),
      },
      {
        id: "total",
        title: "Total",
        right: true,
        text: (row) => amount(unit, row.total),
        value: (row) => row.total,
        bar: (row) => (row.total_pct ?? 0) / 100,
      },
      { id: "total_pct", title: "%", right: true, spare: 1, text: (row) => pct(row.total_pct) },
      {
        id: "samples",
        title: "Samples",
        right: true,
        spare: 3,
        text: (row) => count(row.total_samples),
        value: (row) => row.total_samples,
      },
      ...(both
        ? [
            {
              id: "bytes",
              title: "Allocated",
              right: true,
              spare: 2,
              text: (row: Row) => bytes(row.total_allocated_size),
              value: (row: Row) => row.total_allocated_size ?? 0,
            },
            {
              id: "rate",
              title: "a CPU second",
              right: true,
              spare: 4,
              text: (row: Row) =>
                typeof row.total_bytes_per_cpu_s === "number"
                  ? `${bytes(Math.trunc(row.total_bytes_per_cpu_s))}/s`
                  : "-",
              value: (row: Row) => row.total_bytes_per_cpu_s ?? null,
            },
          ]
        : []),
      {
        id: "name",
        title: "Function",
        text: (row) => row.name,
        value: (row) => row.name,
        cell: (row) => (
          <button
            type="button"
            class="plain"
            onClick={() => change({ find: row.name.replace(/^.* /, "").replace(/\(\)$/, "") })}
          >
            {visible(row.name, 300)}
          </button>
        ),
      },
    ],
    [unit, both],
  );
  return (
    <>
      <h2>{both ? "Functions: time, and what they allocated" : "Functions"}</h2>
      <Shown answer={answer}>
        {(data) => (
          <>
            <Table
              label="Functions"
              columns={columns}
              rows={data.rows}
              id={(row) => row.name}
              sort={{ by: "total", down: true }}
              most={16}
              empty="Nothing was sampled"
            />
            {data.more > 0 && <p class="more">{plural(data.more, "more function")}</p>}
          </>
        )}
      </Shown>
    </>
  );
}
