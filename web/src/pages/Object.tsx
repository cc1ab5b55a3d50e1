// One object: what it is, what would go with it, who holds it, what it refers to.
import { useMemo, useState } from "preact/hooks";
import type { PageProps } from ".";
import { bytes, count, pct, plural, quoted, share, visible, visibleLines } from "../format";
import { Failed, Shown, useAnswer } from "../parts/Ask";
import { Bar } from "../parts/Bar";
import { Copy } from "../parts/Copy";
import { Graph } from "../parts/Graph";
import { Link, ObjectLink } from "../parts/Link";
import { Table, type Column } from "../parts/Table";
import { Tree } from "../parts/Tree";
import { askRefs, refsOf, type Ref, type Way } from "../refs";
import { go } from "../route";
import type { Frame, Largest, LargestRow, Paths, Refs, Retained, Shown as Answer, Site, Treemap, Why } from "../schema";
import type { Asked, Source } from "../source";
import "./Object.css";

type Found = Answer["object"];

export function ObjectPage({ route, source }: PageProps) {
  const { file, object } = route.params;
  const asked = { file, object };
  const answer = useAnswer<Answer>(source, "show", object ? { ...asked, limit: 50 } : null);
  if (!object) return <p class="empty">No object is named. Addresses in tables lead here.</p>;
  return (
    <Shown answer={answer}>
      {(data) => (
        <>
          <Head object={data.object} source={source} asked={asked} />
          <div class="halves">
            <Parts object={data.object} />
            <RetainedPart source={source} asked={asked} />
          </div>
          <WhyPart source={source} asked={asked} />
          <PathPart source={source} asked={asked} />
          <Birth site={data.object.site} file={file} source={source} />
          <h2>References around it</h2>
          <Graph key={object} object={data.object} source={source} asked={{ file }} />
          <p class="note">
            Left of an object stands who refers to it, right of it what it refers to. Broken lines do not keep alive
            what they lead to.
          </p>
          <References key={`to ${object}`} way="referrers" total={data.referrers.count} source={source} asked={asked} />
          <References key={`from ${object}`} way="refs" total={data.references.count} source={source} asked={asked} />
          <Similar object={data.object} source={source} file={file} />
        </>
      )}
    </Shown>
  );
}

function Head({ object, source, asked }: { object: Found; source: Source; asked: Asked }) {
  const facts: [string, string][] = [
    ["size", bytes(object.size)],
    ["reference count", count(object.refcount)],
  ];
  if (object.length !== null) facts.push(["length", count(object.length)]);
  if (object.capacity !== null) facts.push(["capacity", count(object.capacity)]);
  if (object.flags.length) facts.push(["flags", object.flags.join(", ")]);
  return (
    <>
      <p class="named">
        <strong>{visible(object.type, 400)}</strong> at <Copy text={object.address} what="Copy the address" />
      </p>
      {object.preview !== null && <pre class="preview">{visible(object.preview, 4000)}</pre>}
      <dl class="figures small">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <p class="links">
        <Link page="keeps" params={{ object: object.address, where: null }} source={source} needs={["treemap", asked]}>
          What hangs from it
        </Link>
      </p>
    </>
  );
}

function Parts({ object }: { object: Found }) {
  return (
    <section>
      <h2>Its size</h2>
      <table class="shares">
        <tbody>
          {object.parts.map(({ part, size }) => (
            <tr key={part}>
              <th scope="row">{part}</th>
              <td class="right">{bytes(size)}</td>
              <td>
                <Bar share={object.size ? size / object.size : 0} />
              </td>
            </tr>
          ))}
          <tr class="total">
            <th scope="row">total</th>
            <td class="right">{bytes(object.size)}</td>
            <td />
          </tr>
        </tbody>
      </table>
    </section>
  );
}

function RetainedPart({ source, asked }: { source: Source; asked: Asked }) {
  const tree = useAnswer<Treemap>(source, "treemap", { ...asked, limit: 50 });
  const [wanted, setWanted] = useState<unknown>(null);
  const parts = useAnswer<Retained>(source, "retained", wanted === asked.object ? asked : null);
  const object = tree.data?.object;
  return (
    <section>
      <h2>What would go with it</h2>
      {tree.error && !tree.busy && <Failed error={tree.error} />}
      {object && (
        <p>
          {plural(object.count, "object")}, {bytes(object.retained)}, {pct(object.retained_pct)} % of everything; held
          by {visible(object.held_by || "nothing known", 200)}.
        </p>
      )}
      {source.has("retained", asked) && wanted !== asked.object && (
        <p>
          <button type="button" onClick={() => setWanted(asked.object)}>
            By type
          </button>
        </p>
      )}
      {wanted === asked.object && (
        <Shown answer={parts}>
          {(data) => (
            <table class="shares">
              <tbody>
                {data.rows.slice(0, 12).map((row) => (
                  <tr key={row.type}>
                    <th scope="row">{visible(row.type, 120)}</th>
                    <td class="right">{count(row.count)}</td>
                    <td class="right">{bytes(row.size)}</td>
                    <td>
                      <Bar share={(row.size_pct ?? 0) / 100} />
                    </td>
                  </tr>
                ))}
                <Rest data={data} />
              </tbody>
            </table>
          )}
        </Shown>
      )}
    </section>
  );
}

function Rest({ data }: { data: Retained }) {
  const hidden = data.rows.slice(12),
    n = hidden.length + data.more;
  const size = hidden.reduce((sum, row) => sum + row.size, data.more_size);
  if (n === 0) return null;
  return (
    <tr class="more">
      <th scope="row">{plural(n, "other type")}</th>
      <td />
      <td class="right">{bytes(size)}</td>
      <td>
        <Bar share={data.total.size ? size / data.total.size : 0} />
      </td>
    </tr>
  );
}

/** Nothing of it where a report does not hold it: the page has enough to say so once. */
function WhyPart({ source, asked }: { source: Source; asked: Asked }) {
  const answer = useAnswer<Why>(source, "why", source.has("why", asked) ? asked : null);
  if (!source.has("why", asked)) return null;
  return (
    <section>
      <h2>Why it is alive</h2>
      <Shown answer={answer}>{(data) => <p class="said">{visibleLines(data.text)}</p>}</Shown>
    </section>
  );
}

function PathPart({ source, asked }: { source: Source; asked: Asked }) {
  const answer = useAnswer<Paths>(source, "paths", source.has("paths", asked) ? { ...asked, limit: 5 } : null);
  if (!source.has("paths", asked)) return null;
  return (
    <section>
      <h2>The ways to it</h2>
      <Shown answer={answer}>
        {(data) => {
          const ways = data.rows.filter((row) => row.path !== null);
          if (ways.length === 0) return <p class="empty">Nothing that has a name leads to it.</p>;
          return (
            <>
              <ol class="ways">
                {ways.map((row, i) => (
                  <li key={i}>
                    <Copy text={row.path!} what="Copy the path" />
                    {row.evaluable ? "" : " (in words: Python cannot evaluate it)"}
                    <span class="steps">
                      {row.steps.map((step, k) => (
                        <span key={k}>
                          {" "}
                          {visible(step.label, 80)}
                          {" → "}
                          {step.address ? (
                            <ObjectLink address={step.address} source={source} params={{ file: asked.file }}>
                              {visible(step.type, 80)}
                            </ObjectLink>
                          ) : (
                            visible(step.type, 80)
                          )}
                        </span>
                      ))}
                    </span>
                  </li>
                ))}
              </ol>
              {data.more > 0 && <p class="more">There are more.</p>}
            </>
          );
        }}
      </Shown>
    </section>
  );
}

/** What is no code of Python has no line. */
function lineOf({ file, line }: Frame): string {
  return line ? `${file}:${line}` : file;
}

function Birth({ site, file, source }: { site: Site | null; file: string | undefined; source: Source }) {
  if (!site) return null;
  const [first] = site.traceback;
  const place = first && quoted(lineOf(first));
  return (
    <section>
      <h2>Where it was made</h2>
      {site.maybe_stale && <p class="note">Perhaps not it, but one before it in the same memory.</p>}
      <ol class="trace">
        {site.traceback.slice(0, 30).map((frame, i) => (
          <li key={i}>
            <code>{visible(lineOf(frame), 300)}</code> in {visible(frame.function, 200)}
          </li>
        ))}
      </ol>
      {site.traceback.length > 30 && <p class="more">{plural(site.traceback.length - 30, "more frame")}</p>}
      {place && (
        <p class="links">
          <Link
            page="what"
            params={{ where: `site:${place}`, list: "objects" }}
            source={source}
            needs={["largest", { file, where: `site:${place}` }]}
          >
            All that this line made
          </Link>
        </p>
      )}
    </section>
  );
}

/* ---- references ---- */

const TITLES: Record<Way, [title: string, empty: string]> = {
  referrers: ["Who refers to it", "Nothing that was found refers to it."],
  refs: ["What it refers to", "It refers to nothing."],
};

function References({ way, total, source, asked }: { way: Way; total: number; source: Source; asked: Asked }) {
  const first = useAnswer<Refs>(source, way, { ...asked, limit: 50 });
  const [title, empty] = TITLES[way];
  const columns = useMemo(
    (): Column<Ref>[] => [
      { id: "label", title: "Reference", text: ({ row, more }) => (row ? row.label : `${more} more`) },
      {
        id: "type",
        title: "Type",
        text: ({ row }) => row?.type ?? "",
        cell: ({ row }) =>
          row &&
          (row.address ? (
            <ObjectLink address={row.address} source={source} params={{ file: asked.file }}>
              {visible(row.type, 400)}
            </ObjectLink>
          ) : (
            visible(row.type, 400)
          )),
      },
      { id: "size", title: "Size", right: true, text: ({ row }) => (row ? bytes(row.size) : "") },
      { id: "kind", title: "Kind", spare: 2, text: ({ row }) => row?.kind ?? "" },
      { id: "count", title: "Count", right: true, spare: 1, text: ({ row }) => (row ? count(row.count) : "") },
      { id: "preview", title: "Preview", text: ({ row }) => row?.preview ?? "" },
    ],
    [source, asked.file],
  );
  const children = (ref: Ref) => {
    const object = ref.row ? ref.row.address : ref.of.address;
    if (object === null || !source.has(way, { file: asked.file, object }) || (!ref.row && source.mode === "report"))
      return null;
    return () => askRefs(source, way, { file: asked.file, object }, ref.row ? 0 : ref.of.known);
  };
  return (
    <section>
      <h2>
        {title} <span class="note">({count(total)})</span>
      </h2>
      <Shown answer={first}>
        {(data) => (
          <RefTree
            data={data}
            address={String(asked.object)}
            title={title}
            empty={empty}
            columns={columns}
            children={children}
          />
        )}
      </Shown>
    </section>
  );
}

function RefTree({
  data,
  address,
  title,
  empty,
  ...props
}: {
  data: Refs;
  address: string;
  title: string;
  empty: string;
  columns: Column<Ref>[];
  children: (ref: Ref) => (() => Promise<Ref[]>) | null;
}) {
  const roots = useMemo(() => refsOf(data, address, 0), [data, address]);
  return (
    <Tree
      label={title}
      roots={roots}
      id={(ref) => ref.id}
      most={14}
      empty={empty}
      {...props}
      open={({ row }) => row?.address && go("object", { object: row.address })}
    />
  );
}

/* ---- others of its kind ---- */

function Similar({ object, source, file }: { object: Found; source: Source; file: string | undefined }) {
  const word = /[()]/.test(object.type) ? null : quoted(object.type);
  const where = word === null ? null : `type:${word}`;
  const there = where !== null && source.has("largest", { file, where });
  const answer = useAnswer<Largest>(source, "largest", there ? { file, where, limit: 100 } : null);
  const columns = useMemo(
    (): Column<LargestRow>[] => [
      { id: "size", title: "Size", right: true, text: (row) => bytes(row.size), value: (row) => row.size },
      {
        id: "address",
        title: "Address",
        value: (row) => row.address,
        text: (row) => (row.address === object.address ? `${row.address} (this one)` : row.address),
        cell: (row) =>
          row.address === object.address ? (
            `${row.address} (this one)`
          ) : (
            <ObjectLink address={row.address} source={source} params={{ file }} />
          ),
      },
      { id: "preview", title: "Preview", text: (row) => row.preview ?? "", value: (row) => row.preview },
    ],
    [source, file, object.address],
  );
  if (!there) return null;
  return (
    <section>
      <h2>Others of its type</h2>
      <Shown answer={answer}>
        {(data) => (
          <>
            <p>
              {plural(data.total.count, "object")} of this type, {bytes(data.total.size)}; this one is{" "}
              {share(object.size, data.total.size)} % of that.{" "}
              <Link page="what" params={{ where, list: "objects" }}>
                All of them
              </Link>
            </p>
            <Table
              label="Others of its type"
              columns={columns}
              rows={data.rows}
              id={(row) => row.address}
              most={10}
              open={(row) => go("object", { object: row.address })}
            />
          </>
        )}
      </Shown>
    </section>
  );
}
