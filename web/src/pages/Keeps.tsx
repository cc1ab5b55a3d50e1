// Who keeps what alive: the dominator tree as boxes and as a table. What is looked at stands in the address as `object`.
import { useMemo } from "preact/hooks";
import type { PageProps } from ".";
import { branches, find, nest, types, wayTo, type Branch } from "../dominators";
import { bytes, count, pct, plural, quoted, visible } from "../format";
import { Busy, Failed, Shown, useAnswer } from "../parts/Ask";
import { ObjectLink } from "../parts/Link";
import { Table, type Column } from "../parts/Table";
import { Tree } from "../parts/Tree";
import { Treemap, type Box } from "../parts/Treemap";
import { change, go, link } from "../route";
import type { DominatorGroups, TreeRow, Treemap as Answer } from "../schema";
import { NotInReport, type Asked, type Source } from "../source";
import { KINDS } from "./What";

const LIMIT = 1000;
const GROUPS = 200;
const LEGEND = 7;

export function Keeps(props: PageProps) {
  const { by } = props.route.params;
  return (
    <>
      <Choice {...props} />
      {by ? <Parted {...props} by={by} /> : <Whole {...props} />}
    </>
  );
}

function Choice({ route, source }: PageProps) {
  const { by = "", file, against, where } = route.params;
  const kinds = KINDS.filter(([id]) => id === by || source.has("dominators", { by: id, file, against, where }));
  if (kinds.length === 0) return null;
  return (
    <p class="choice">
      <label for="by">What no other object keeps: </label>
      <select id="by" value={by} onChange={(event) => change({ by: event.currentTarget.value, object: null })}>
        <option value="">object by object</option>
        {kinds.map(([id, title]) => (
          <option key={id} value={id}>
            by {title}
          </option>
        ))}
      </select>
    </p>
  );
}

/* ---- the tree ---- */

/** The largest of all, and of what is looked at. In a report the part of the former may be the larger one. */
function Whole({ route, source }: PageProps) {
  const { file, against, where, object } = route.params;
  const asked = { file, against, where, limit: LIMIT };
  const all = useAnswer<Answer>(source, "treemap", asked);
  const inner = useAnswer<Answer>(
    source,
    "treemap",
    object && source.has("treemap", { ...asked, object }) ? { ...asked, object } : null,
  );
  const tree = useMemo(() => all.data && nest(all.data), [all.data]);
  const part = useMemo(() => (tree && object ? find(tree, object) : null), [tree, object]);
  const own = useMemo(
    () => (inner.data?.object?.address === object && inner.data ? nest(inner.data) : null),
    [inner.data, object],
  );
  if (!object)
    return (
      <Shown answer={all}>
        {(data) => <Drawn root={tree!} data={data} above={[]} source={source} asked={asked} />}
      </Shown>
    );
  if (inner.error && !part) return <Failed error={inner.error} />;
  const best = own && (source.mode !== "report" || !part || branches(own).length >= branches(part).length) ? own : part;
  if (best) {
    const told = best === own ? inner.data! : null;
    const way = wayTo(best).slice(1, -1);
    return (
      <div aria-busy={inner.busy}>
        <Drawn
          root={best}
          data={told ?? all.data!}
          above={told?.above ?? way.map((branch) => branch.row)}
          more={told?.more_above ?? 0}
          source={source}
          asked={asked}
        />
      </div>
    );
  }
  if (all.busy || inner.busy) return <Busy />;
  return <Failed error={all.error ?? new NotInReport("treemap", { object })} />;
}

interface DrawnProps {
  root: Branch;
  data: Answer;
  above: TreeRow[];
  more?: number;
  source: Source;
  asked: Asked;
}

function Drawn({ root, data, above, more = 0, source, asked }: DrawnProps) {
  const names = useMemo(() => types(root), [root]);
  const boxes = useMemo(() => box(root, names), [root]);
  const { row } = root;
  const up = row.address === null ? undefined : () => go("keeps", { object: above.at(-1)?.address ?? null });
  return (
    <>
      <ol class="crumbs" aria-label="Kept by">
        <li>
          {row.address === null ? (
            <strong>{row.type}</strong>
          ) : (
            <a href={link("keeps", { object: null })}>
              {data.where || data.against ? "all selected objects" : "all objects"}
            </a>
          )}
        </li>
        {more > 0 && (
          <li>
            <span>{plural(more, "more")}</span>
          </li>
        )}
        {above.map((one) => (
          <li key={one.node}>
            <a href={link("keeps", { object: one.address })}>{nameOf(one)}</a>
          </li>
        ))}
        {row.address !== null && (
          <li>
            <strong>{nameOf(row)}</strong>
          </li>
        )}
      </ol>
      <p>
        {row.address === null ? (
          <>
            {plural(data.total.rows, "object")} that no other one keeps retain {plural(data.total.count, "object")},{" "}
            {bytes(data.total.retained)} of {bytes(data.whole)}.
          </>
        ) : (
          <>
            <ObjectLink address={row.address} source={source} params={{ file: asked.file }}>
              {visible(row.type, 200)} at {row.address}
            </ObjectLink>{" "}
            retains {plural(row.count, "object")}, {bytes(row.retained)}, {pct(row.retained_pct)} % of{" "}
            {bytes(data.whole)}; {bytes(row.size)} of that are its own.
          </>
        )}
      </p>
      {data.against && <p class="note">Only what is new since the older file, and what hangs from it.</p>}
      {root.below.length === 0 && row.more > 0 && (
        <p class="note">This report does not hold what hangs from it; `tonnage serve FILE` shows it.</p>
      )}
      {root.below.length === 0 && row.more === 0 && (
        <p class="empty">Nothing hangs from it: what it refers to is kept by others, too.</p>
      )}
      {root.below.length > 0 && (
        <>
          <Treemap
            root={boxes}
            label="Retained bytes"
            up={up}
            open={(one) => {
              const branch = branches(root).find((other) => key(other) === one.id);
              if (!branch?.row.address) return;
              go(branch.below.length || branch.row.more ? "keeps" : "object", { object: branch.row.address });
            }}
          />
          <Legend names={names} />
          <Below root={root} source={source} asked={asked} />
        </>
      )}
    </>
  );
}

function nameOf(row: TreeRow): string {
  return visible(row.held_by && row.held_by !== row.type ? `${row.type} ${row.held_by}` : row.type, 200);
}

/** Ids of rows are of siblings; a box needs one of its own. */
function key(branch: Branch): string {
  return `${branch.parent?.id ?? ""}>${branch.id}`;
}

function box(branch: Branch, names: string[]): Box {
  const place = names.indexOf(branch.row.type),
    { row } = branch;
  const made: Box = {
    id: key(branch),
    title: nameOf(row),
    value: row.retained,
    colour: branch.rest ? -1 : place < 0 || place >= LEGEND ? LEGEND : place,
    text: branch.rest
      ? `${count(branch.rest)} smaller ones retain ${bytes(row.retained)}`
      : [
          nameOf(row),
          `retains ${bytes(row.retained)}${row.retained_pct === null ? "" : `, ${pct(row.retained_pct)} %`}`,
          plural(row.count, "object"),
          row.size ? `its own ${bytes(row.size)}` : "",
          row.preview ?? "",
        ]
          .filter(Boolean)
          .join(" · "),
    below: branch.below.filter((one) => one.row.retained > 0).map((one) => box(one, names)),
  };
  return made;
}

function Legend({ names }: { names: string[] }) {
  const rest = names.length - LEGEND;
  return (
    <ul class="legend" aria-label="Colours">
      {names.slice(0, LEGEND).map((name, i) => (
        <li key={name} style={{ "--colour": `var(--c${i})` }}>
          {visible(name, 80)}
        </li>
      ))}
      {rest > 0 && <li style={{ "--colour": `var(--c${LEGEND})` }}>{plural(rest, "other type")}</li>}
    </ul>
  );
}

/* ---- as a table ---- */

function Below({ root, source, asked }: { root: Branch; source: Source; asked: Asked }) {
  const { file } = asked;
  const columns = useMemo(
    (): Column<Branch>[] => [
      {
        id: "type",
        title: "Type",
        text: ({ row }) => row.type,
        cell: ({ row, rest }) =>
          rest || !row.address ? (
            visible(row.type, 400)
          ) : (
            <ObjectLink address={row.address} source={source} params={{ file }}>
              {visible(row.type, 400)}
            </ObjectLink>
          ),
      },
      {
        id: "retained",
        title: "Retained",
        right: true,
        text: ({ row }) => bytes(row.retained),
        bar: ({ row }) => (row.retained_pct ?? 0) / 100,
      },
      { id: "pct", title: "%", right: true, spare: 1, text: ({ row }) => pct(row.retained_pct) },
      { id: "count", title: "Objects", right: true, spare: 3, text: ({ row, rest }) => (rest ? "" : count(row.count)) },
      { id: "size", title: "Size", right: true, spare: 4, text: ({ row, rest }) => (rest ? "" : bytes(row.size)) },
      { id: "held_by", title: "Held by", text: ({ row }) => row.held_by },
      { id: "preview", title: "Preview", spare: 2, text: ({ row }) => row.preview ?? "" },
    ],
    [source, file],
  );
  /** What hangs right from a branch and is not here; of it again the largest, and a rest. */
  const more = async (of: Branch): Promise<Branch[]> => {
    const known = new Set(of.below.map((one) => one.id));
    const depth = source.mode === "report" ? null : 1,
      limit = Math.min(100_000, 10 * (known.size + 20));
    const found = nest(await source.ask<Answer>("treemap", { ...asked, object: of.row.address, depth, limit }));
    return found.below.filter((one) => one.rest > 0 || !known.has(one.id));
  };
  const children = (branch: Branch) => {
    if (branch.below.length) return branch.below;
    const of = branch.rest ? branch.parent! : branch;
    const there =
      source.mode !== "report" || (!branch.rest && source.has("treemap", { ...asked, object: of.row.address }));
    return there && (branch.rest || (branch.row.more && branch.row.address)) ? () => more(of) : null;
  };
  return (
    <Tree
      label="What hangs from it"
      columns={columns}
      roots={root.below}
      id={(branch) => branch.id}
      children={children}
      open={({ row }) => row.address && go("keeps", { object: row.address })}
    />
  );
}

/* ---- groups of what nothing else keeps ---- */

function Parted({ route, source, by }: PageProps & { by: string }) {
  const { file, against, where } = route.params;
  const answer = useAnswer<DominatorGroups>(source, "dominators", { file, against, where, by, limit: GROUPS });
  return <Shown answer={answer}>{(data) => <PartedRows data={data} by={by} />}</Shown>;
}

type GroupRow = DominatorGroups["rows"][number];

function groupName(row: GroupRow): string {
  return row.type ?? row.module ?? row.kind ?? bytes(row.each);
}

function PartedRows({ data, by }: { data: DominatorGroups; by: string }) {
  const title = KINDS.find(([id]) => id === by)?.[1] ?? by;
  const columns = useMemo(
    (): Column<GroupRow>[] => [
      {
        id: "retained",
        title: "Retained",
        right: true,
        text: (row) => bytes(row.retained),
        value: (row) => row.retained,
        bar: (row) => (row.retained_pct ?? 0) / 100,
      },
      { id: "pct", title: "%", right: true, spare: 1, text: (row) => pct(row.retained_pct) },
      {
        id: "count",
        title: "Objects",
        right: true,
        spare: 2,
        text: (row) => count(row.count),
        value: (row) => row.count,
      },
      { id: "rows", title: "Rows", right: true, text: (row) => count(row.rows), value: (row) => row.rows },
      { id: "size", title: "Size", right: true, spare: 3, text: (row) => bytes(row.size), value: (row) => row.size },
      { id: by, title: title[0]!.toUpperCase() + title.slice(1), text: groupName, value: groupName },
    ],
    [by],
  );
  const boxes = useMemo(
    (): Box => ({
      id: "",
      title: `all objects by ${title}`,
      text: `${plural(data.total.count, "object")}, ${bytes(data.total.retained)}`,
      value: data.total.retained,
      colour: LEGEND,
      below: [
        ...data.rows.map((row, i): Box => ({
          id: `${i}`,
          title: groupName(row),
          value: row.retained,
          colour: Math.min(i, LEGEND),
          below: [],
          text: `${groupName(row)} · ${plural(row.rows, "object")} that no other one keeps retain ${bytes(row.retained)}, ${pct(row.retained_pct)} %`,
        })),
        ...(data.more_retained
          ? [
              {
                id: "more",
                title: `${data.more} more`,
                text: `${data.more} more groups retain ${bytes(data.more_retained)}`,
                value: data.more_retained,
                colour: -1,
                below: [],
              },
            ]
          : []),
      ].filter((one) => one.value > 0),
    }),
    [data],
  );
  const into = (row: GroupRow) => {
    const word = row.type !== undefined && !/[()]/.test(row.type) ? quoted(row.type) : null;
    if (word !== null) go("keeps", { where: `type:${word}` });
  };
  return (
    <>
      <p>
        {plural(data.total.rows, "object")} that no other one keeps retain {plural(data.total.count, "object")},{" "}
        {bytes(data.total.retained)} of {bytes(data.heap.size)}.
      </p>
      <Treemap
        root={boxes}
        label={`Retained bytes by ${title}`}
        open={(one) => {
          const row = data.rows[Number(one.id)];
          if (row) into(row);
        }}
      />
      <Table label={`Retained by ${title}`} columns={columns} rows={data.rows} id={groupName} open={into} />
      {data.more > 0 && (
        <p class="more">
          {plural(data.more, "more group")}, {bytes(data.more_retained)}
        </p>
      )}
    </>
  );
}
