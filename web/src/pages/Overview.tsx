// What to look at first: the resident set as a waterfall, suspects in sentences, facts and self-checks.
import type { PageProps } from ".";
import { bytes, count, duration, fact, plural, share, time, visible } from "../format";
import { Shown, useAnswer } from "../parts/Ask";
import { Bar } from "../parts/Bar";
import { Copy } from "../parts/Copy";
import { Link, ObjectLink } from "../parts/Link";
import { Table, type Column } from "../parts/Table";
import type { Asked, Source } from "../source";
import type { About, Check, Finding, Info, LedgerRow, Place, Sum, Summary, Suspect, Suspects, Thread } from "../schema";

export function Overview({ route, source }: PageProps) {
  const { file, against, where } = route.params;
  const objects = source.files[Number(file ?? 0)]?.has.includes("objects");
  const about = useAnswer<About>(source, "info", { file });
  const summary = useAnswer<Summary>(source, "summary", objects ? { file, limit: 1 } : null);
  const suspects = useAnswer<Suspects>(source, "suspects", objects ? { file, against, where, limit: 0 } : null);
  const check = useAnswer<Check>(source, "check", source.has("check", { file }) ? { file } : null);
  return (
    <Shown answer={about}>
      {({ info, ledger, threads }) => (
        <>
          <Process info={info} />
          {objects && <Shown answer={summary}>{(data) => <Figures info={info} total={data.total} />}</Shown>}
          {objects && (
            <section aria-labelledby="suspects">
              <h2 id="suspects">{against ? "What grew" : "Suspects"}</h2>
              <Shown answer={suspects}>
                {(found) => <Sentences found={found} source={source} params={{ file }} />}
              </Shown>
            </section>
          )}
          <section aria-labelledby="rss">
            <h2 id="rss">Resident set</h2>
            <Waterfall ledger={ledger} />
          </section>
          <section aria-labelledby="checks">
            <h2 id="checks">Self-checks</h2>
            <Checks info={info} check={check.data} />
          </section>
          {source.bounds.length > 0 && (
            <section aria-labelledby="bounds">
              <h2 id="bounds">What this report holds</h2>
              <ul>
                {source.bounds.map((line) => (
                  <li key={line}>{visible(line)}</li>
                ))}
              </ul>
            </section>
          )}
          <Threads threads={threads} />
          <Facts info={info} />
        </>
      )}
    </Shown>
  );
}

function Process({ info }: { info: Info }) {
  const forked = info.mode === "fork" ? " for a fork" : "";
  return (
    <p class="process">
      <strong>{visible(info.argv.join(" ") || info.executable || "unknown command", 160)}</strong>
      {` [pid ${info.pid ?? "unknown"}], Python ${visible(info.python_version ?? "unknown", 100)} on ${visible(info.host ?? "unknown", 100)}, ` +
        `taken ${time(info.wall_time_ns)} (paused ${duration(info.pause_ns)}${forked})`}
    </p>
  );
}

function Figures({ info, total }: { info: Info; total: Sum }) {
  const figures: [string, string][] = [
    ["objects", count(total.count)],
    ["bytes of objects", bytes(total.size)],
    ["resident set (RSS)", bytes(info.rss_bytes)],
    ["pause", duration(info.pause_ns)],
    ["types", count(info.n_types)],
    ["references", count(info.n_references)],
  ];
  return (
    <dl class="figures">
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/* ---- suspects ---- */

function Sentences({ found, source, params }: { found: Suspects; source: Source; params: Asked }) {
  const rows: (Suspect | Finding)[] = [...found.rows, ...found.findings];
  if (rows.length === 0)
    return <p class="empty">Nothing holds much: no object and no type retains a tenth of the heap.</p>;
  return (
    <>
      <ol class="sentences">
        {rows.map((row, i) => (
          <Sentence key={i} row={row} source={source} params={params} />
        ))}
      </ol>
      {found.more + found.more_findings > 0 && <p class="more">{found.more + found.more_findings} more</p>}
    </>
  );
}

function Sentence({ row, source, params }: { row: Suspect | Finding; source: Source; params: Asked }) {
  const address = row.address ?? ("example" in row ? row.example : null);
  return (
    <li>
      <p>{visible(row.text)}</p>
      <Bar share={(row.size_pct ?? 0) / 100} />
      {"further" in row && row.further && <p class="note">{visible(row.further)}</p>}
      <Where place={row} />
      <p class="links">
        {address && (
          <ObjectLink address={address} source={source} params={params}>
            Show me
          </ObjectLink>
        )}
        {address && (
          <Link page="keeps" params={{ ...params, object: address }}>
            Who keeps it
          </Link>
        )}
        {row.kind === "type" && "type" in row && (
          <Link
            page="what"
            params={{ where: `type:${row.type}`, list: "objects" }}
            source={source}
            needs={["largest", { ...params, where: `type:${row.type}` }]}
          >
            The objects
          </Link>
        )}
      </p>
    </li>
  );
}

/** The path, to be copied. */
export function Where({ place }: { place: Place }) {
  const { path, evaluable } = place;
  if (!path) return null;
  return (
    <p class="path">
      <Copy text={path} what="Copy the path" />
      {evaluable ? "" : " (in words: Python cannot evaluate it)"}
    </p>
  );
}

/* ---- the resident set ---- */

const LEDGER: Record<string, string> = {
  objects: "Python objects and their buffers",
  tonnage: "tonnage itself",
  python_blocks: "blocks of C code, owned by no object",
  pymalloc_free: "free inside Python's allocator",
  malloc_other: "malloc: in use, owned by no object",
  malloc_free: "malloc: free, not given back",
  mapped_files: "program, libraries, other files",
  stacks: "thread stacks",
  shared: "shared memory",
  unknown: "unexplained: mappings made by others",
  not_resident: "of these not resident: untouched or swapped",
  overcounted: "of these counted twice or not measured",
};
const SUBTRACTED = ["not_resident", "overcounted"];

/** Each row begins where the one before it ended; what is to be subtracted goes back. */
function Waterfall({ ledger }: { ledger: LedgerRow[] }) {
  const rss = ledger.find((row) => row.name === "rss")?.bytes ?? null;
  const rows = ledger.filter((row) => row.name !== "rss" && !(row.name === "overcounted" && !row.bytes));
  let at = 0,
    widest = rss ?? 0;
  const placed = rows.map((row) => {
    const minus = SUBTRACTED.includes(row.name),
      n = row.bytes ?? 0;
    if (minus) at -= n;
    const from = at;
    if (!minus) at += n;
    widest = Math.max(widest, at);
    return { row, minus, from, n };
  });
  if (rows.length === 0 || (rss === null && widest === 0)) return <p class="empty">The capture could not learn it.</p>;
  return (
    <table class="waterfall">
      <thead>
        <tr>
          <th scope="col">Part</th>
          <th scope="col" class="right">
            Size
          </th>
          <th scope="col" class="right">
            %
          </th>
          <th scope="col">
            <span class="hidden">Share</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {placed.map(({ row, minus, from, n }) => (
          <tr key={row.name}>
            <th scope="row">{LEDGER[row.name] ?? row.name}</th>
            <td class="right">
              {minus && n ? "-" : ""}
              {bytes(row.bytes)}
            </td>
            <td class="right">{row.bytes !== null && rss ? (minus && n ? "-" : "") + share(n, rss) : ""}</td>
            <td>
              <Bar
                from={widest ? from / widest : 0}
                share={widest ? n / widest : 0}
                kind={minus ? "minus" : row.name === "objects" ? "" : "other"}
              />
            </td>
          </tr>
        ))}
        <tr class="total">
          <th scope="row">total, read after the pause</th>
          <td class="right">{bytes(rss)}</td>
          <td class="right">{rss ? "100.0" : ""}</td>
          <td>
            <Bar share={widest && rss ? rss / widest : 0} kind="whole" />
          </td>
        </tr>
      </tbody>
    </table>
  );
}

/* ---- checks and facts ---- */

function Checks({ info, check }: { info: Info; check: Check | null }) {
  const failed = Object.entries(check?.checks ?? {}).filter(([key, n]) => key.endsWith(".failed") && n > 0);
  return (
    <>
      <p class={info.checks_failed ? "failed" : "good"}>
        {info.checks_failed
          ? `${plural(info.checks_failed, "self-check")} of the capture failed.`
          : "All self-checks of the capture held."}
        {check && ` The file is ${check.verdict}.`}
      </p>
      {failed.length > 0 && (
        <ul>
          {failed.map(([key, n]) => (
            <li key={key}>
              <code>{key}</code>: {n}
            </li>
          ))}
        </ul>
      )}
      {check?.findings.map((one, i) => (
        <p key={i} class="failed">
          {one.status} at {one.offset}: {visible(one.message)}
        </p>
      ))}
    </>
  );
}

/** What ran, the innermost call first; tonnage's own left out. */
function Threads({ threads }: { threads: Thread[] }) {
  if (threads.length === 0) return null;
  return (
    <details class="facts">
      <summary>{plural(threads.length, "thread")}, and what ran</summary>
      {threads.map((thread, i) => (
        <section key={i}>
          <h3>
            {visible(thread.name ?? "unnamed", 100)}
            {thread.holds_gil ? ", which held the interpreter's lock" : ""}
          </h3>
          <ol class="frames">
            {thread.frames
              .filter((frame) => !frame.own)
              .map((frame, j) => (
                <li key={j}>
                  <code>{visible(frame.qualified_name ?? frame.name ?? "unknown", 200)}()</code>{" "}
                  {visible(frame.file ?? "", 300)}
                  {frame.line ? `:${frame.line}` : ""}
                </li>
              ))}
          </ol>
        </section>
      ))}
    </details>
  );
}

const FACT_COLUMNS: Column<[string, number | string]>[] = [
  { id: "name", title: "Fact", text: ([key]) => key, value: ([key]) => key },
  {
    id: "value",
    title: "Value",
    text: ([key, value]) => fact(key, value),
    value: ([, value]) => (typeof value === "number" ? value : null),
  },
];

function Facts({ info }: { info: Info }) {
  const rows = Object.entries(info.facts);
  return (
    <details class="facts">
      <summary>{plural(rows.length, "fact")} about the process and the capture</summary>
      <Table label="Facts" columns={FACT_COLUMNS} rows={rows} id={([key]) => key} />
    </details>
  );
}
