// What to change so that the program needs less: findings in words, each with the bytes that its change gives back.
import type { PageProps } from ".";
import { bytes, plural, share, visible } from "../format";
import { Shown, useAnswer } from "../parts/Ask";
import { Bar } from "../parts/Bar";
import { ObjectLink } from "../parts/Link";
import { change } from "../route";
import { sorted } from "../parts/Table";
import type { Waste as Answer, WasteRow } from "../schema";
import type { Source } from "../source";
import { Where } from "./Overview";

const SORTS: [id: keyof WasteRow, title: string][] = [
  ["saved", "bytes given back"],
  ["size", "bytes they take"],
  ["count", "objects"],
  ["kind", "kind"],
  ["label", "where they are"],
];
const GRADES = { warning: "Warning", note: "Note", hint: "Perhaps" };

export function Waste({ route, source }: PageProps) {
  const { file, against, where, sort = "saved" } = route.params;
  const answer = useAnswer<Answer>(source, "waste", { file, against, where, limit: 0 });
  return (
    <Shown answer={answer}>
      {(data) => (
        <>
          <Total data={data} />
          {data.rows.length > 1 && (
            <p class="choice">
              <label for="sort">In order of </label>
              <select id="sort" value={sort} onChange={(event) => change({ sort: event.currentTarget.value })}>
                {SORTS.map(([id, title]) => (
                  <option key={id} value={id}>
                    {title}
                  </option>
                ))}
              </select>
            </p>
          )}
          <ol class="sentences">
            {order(data.rows, sort).map((row) => (
              <Finding key={row.text} row={row} heap={data.total.size} source={source} file={file} />
            ))}
          </ol>
          {data.more > 0 && <p class="more">{data.more} more</p>}
        </>
      )}
    </Shown>
  );
}

function order(rows: WasteRow[], sort: string): WasteRow[] {
  const columns = SORTS.map(([id, title]) => ({
    id,
    title,
    text: () => "",
    value: (row: WasteRow) => row[id] as number | string,
  }));
  return sorted(rows, columns, { by: sort, down: sort !== "kind" && sort !== "label" });
}

function Total({ data }: { data: Answer }) {
  const { count, size, saved, overlap, threshold } = data.total;
  return (
    <p>
      {plural(count, "object")}, {bytes(size)};{" "}
      {data.rows.length > 0 ? (
        <>
          all changes together would give back{" "}
          <strong>
            {bytes(saved)}, {share(saved, size)} %
          </strong>
          {overlap > 0 && ` (findings overlap by ${bytes(overlap)}, which counts once)`}.
        </>
      ) : (
        `no change would give back ${bytes(threshold)} or more.`
      )}
    </p>
  );
}

function Finding({
  row,
  heap,
  source,
  file,
}: {
  row: WasteRow;
  heap: number;
  source: Source;
  file: string | undefined;
}) {
  return (
    <li>
      <p>
        <span class={`grade ${row.grade}`}>{GRADES[row.grade]}</span> {visible(row.text)}
      </p>
      <Bar share={heap ? row.saved / heap : 0} />
      <p class="change">{visible(row.change)}</p>
      {row.further && <p class="note">{visible(row.further)}</p>}
      <Where place={row} />
      <p class="links">
        {row.address && (
          <ObjectLink address={row.address} source={source} params={{ file }}>
            Show me the one with most
          </ObjectLink>
        )}
        {row.common && (
          <ObjectLink address={row.common} source={source} params={{ file }}>
            Who holds them
          </ObjectLink>
        )}
      </p>
    </li>
  );
}
