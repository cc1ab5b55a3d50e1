// An answer while it is waited for, when it is there, and when there is none.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { NotInReport, type Asked, type Source, keyOf } from "../source";
import { change, present } from "../route";
import { Copy } from "./Copy";

export interface Answer<T> {
  data: T | null;
  error: Error | null;
  busy: boolean;
}

/** The answer to a question; while a new one is awaited the last one stays. Null asks nothing. */
export function useAnswer<T>(source: Source, view: string, asked: Asked | null): Answer<T> {
  const key = asked && keyOf(view, asked);
  const [state, setState] = useState<Answer<T> & { key: string | null }>({
    data: null,
    error: null,
    busy: true,
    key: null,
  });
  useEffect(() => {
    if (asked === null) return;
    let wanted = true;
    const settle = (next: Partial<Answer<T>>) =>
      wanted && setState({ data: null, error: null, busy: false, key, ...next });
    setState((before) => ({ ...before, busy: true }));
    source.ask<T>(view, asked).then(
      (data) => settle({ data }),
      (error: Error) => settle({ error }),
    );
    return () => {
      wanted = false;
    };
  }, [source, key]);
  if (asked === null) return { data: null, error: null, busy: false };
  return { data: state.data, error: state.error, busy: state.busy || state.key !== key };
}

/** What is drawn of an answer, or in its place. */
export function Shown<T>({ answer, children }: { answer: Answer<T>; children: (data: T) => ComponentChildren }) {
  if (answer.error && !answer.busy) return <Failed error={answer.error} />;
  if (!answer.data) return <Busy />;
  return (
    <div class={answer.busy ? "stale" : ""} aria-busy={answer.busy}>
      {children(answer.data)}
    </div>
  );
}

export function Busy() {
  return (
    <p class="busy" role="status">
      Reading …
    </p>
  );
}

export function Failed({ error }: { error: Error }) {
  if (!(error instanceof NotInReport))
    return (
      <p class="failed" role="alert">
        {error.message}
      </p>
    );
  const { where, against } = present().params;
  return (
    <div class="failed" role="alert">
      <p>This report does not hold the answer to that: it keeps a bounded part of what the file tells.</p>
      <p>
        {error.params.where
          ? "Whether the selection makes sense is not known here. The file itself answers it, or tells what is wrong with it: "
          : "Asked of the file itself, everything is answered: "}
        <Copy text="tonnage serve FILE" />
      </p>
      {where && (
        <p>
          <button type="button" onClick={() => change({ where: null })}>
            Show it without the selection
          </button>
        </p>
      )}
      {against && (
        <p>
          <button type="button" onClick={() => change({ against: null })}>
            Show it without the comparison
          </button>
        </p>
      )}
    </div>
  );
}
