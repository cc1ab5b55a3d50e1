// A line of source, and those around it on demand; nothing where the file is none of Python or the report has none.
import { useEffect, useState } from "preact/hooks";
import { visible } from "../format";
import type { SourceLines } from "../schema";
import type { Source } from "../source";
import { useAnswer } from "./Ask";
import "./source.css";

const REST_MS = 120; // frames that the mouse only passes are not asked for

interface Place {
  path: string | null;
  line: number | null;
}

export function SourceText({ source, file, path, line }: Place & { source: Source; file: string | undefined }) {
  const [at, setAt] = useState<Place>({ path: null, line: null });
  const [around, setAround] = useState(false);
  useEffect(() => {
    const rest = setTimeout(() => setAt({ path, line }), REST_MS);
    return () => clearTimeout(rest);
  }, [path, line]);
  const asked = { file, ...at };
  const there = at.path?.endsWith(".py") && at.line && source.has("source", asked);
  const { data } = useAnswer<SourceLines>(source, "source", there ? asked : null);
  if (!data || data.path !== path || data.line !== line) return <div class="source" />;
  const rows = data.rows.filter((row) => around || row.line === line);
  return (
    <div class="source">
      {rows.length > 0 ? (
        <pre role="group" tabIndex={0} aria-label={`Source, line ${line}`}>
          {rows.map((row) => (
            <span key={row.line} class={row.line === line ? "here" : ""}>
              <i>{row.line}</i> {visible(around ? row.text.replaceAll("\t", "    ") : row.text.trim(), 600)}
              {"\n"}
            </span>
          ))}
        </pre>
      ) : (
        <p class="note">No source: {visible(data.why ?? "the file has no such line", 200)}.</p>
      )}
      {data.rows.length > 1 && rows.length > 0 && (
        <button type="button" aria-expanded={around} onClick={() => setAround(!around)}>
          {around ? "Only this line" : "Lines around it"}
        </button>
      )}
    </div>
  );
}
