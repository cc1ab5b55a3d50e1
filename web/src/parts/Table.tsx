// Rows in columns: sorted by a click on a heading, walked with the arrow keys, and only those in sight are in the document,
// so that a table may have 100,000 of them. Columns that are spare are left out where it is narrow, as lib/view/table.c does.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { visible } from "../format";

export interface Column<Row> {
  id: string;
  title: string;
  /** What the cell says, and what its width goes by. */
  text: (row: Row) => string;
  /** What stands there in place of the text: a link around it, say. */
  cell?: (row: Row) => ComponentChildren;
  /** To sort by; without it the column is not sorted by. Numbers descend at first, texts ascend. */
  value?: (row: Row) => number | string | null;
  right?: boolean;
  /** Left out where it is narrow, the highest number first; 0 never. */
  spare?: number;
  /** A share from 0 to 1, drawn behind the text. */
  bar?: (row: Row) => number;
}

export interface Sort {
  by: string;
  down: boolean;
}

export interface Levels<Row> {
  level: (row: Row) => number;
  /** null: nothing below it */
  expanded: (row: Row) => boolean | null;
  toggle: (row: Row) => void;
}

interface Props<Row> {
  label: string;
  columns: Column<Row>[];
  rows: Row[];
  id: (row: Row) => string;
  /** Sorted by whoever gives the rows; without onSort the table sorts them. */
  sort?: Sort;
  onSort?: (sort: Sort) => void;
  /** Enter, or a double click. */
  open?: (row: Row) => void;
  /** A tree: arrows to the right and to the left open and close. The first column has the levels. */
  levels?: Levels<Row>;
  /** The row that arrows are at, for what is shown beside the table. */
  onActive?: (row: Row) => void;
  /** Rows in sight at most. */
  most?: number;
  /** What stands in place of no rows. */
  empty?: string;
}

const HEIGHT = 26;
const SPARE_ROWS = 8;
const WIDEST = 44;
const LEAST_LAST = 18;

export function sorted<Row>(rows: Row[], columns: Column<Row>[], sort: Sort | null): Row[] {
  const value = sort && columns.find((column) => column.id === sort.by)?.value;
  if (!value) return rows;
  const sign = sort.down ? -1 : 1;
  const compare = (a: Row, b: Row) => {
    const [x, y] = [value(a), value(b)];
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    return x < y ? -sign : x > y ? sign : 0;
  };
  return [...rows].sort(compare);
}

/** Widths in characters; -1: left out. The last column takes what is left. */
export function layout<Row>(columns: Column<Row>[], rows: Row[], room: number, levels?: Levels<Row>): number[] {
  const looked = rows.length > 500 ? rows.slice(0, 500) : rows;
  const widths = columns.map((column, i) => {
    let width = column.title.length + (column.value ? 2 : 0);
    for (const row of looked) {
      const indent = i === 0 && levels ? 2 + 2 * levels.level(row) : 0;
      width = Math.max(width, column.text(row).length + indent);
    }
    return Math.min(width, WIDEST);
  });
  for (;;) {
    const shown = widths.flatMap((width, i) => (width < 0 ? [] : [i]));
    const last = columns.length - 1;
    const sum = shown.reduce((total, i) => total + 2 + (i === last ? Math.min(widths[i]!, LEAST_LAST) : widths[i]!), 0);
    const spare = Math.max(0, ...shown.map((i) => columns[i]!.spare ?? 0));
    if (sum <= room || spare === 0) return widths;
    columns.forEach((column, i) => {
      if (column.spare === spare) widths[i] = -1;
    });
  }
}

export function Table<Row>(props: Props<Row>) {
  const { columns, rows, levels, most = 24 } = props;
  const [own, setOwn] = useState<Sort | null>(props.sort ?? null);
  const [at, setAt] = useState(-1);
  const [scroll, setScroll] = useState({ top: 0, room: 120 });
  const box = useRef<HTMLDivElement>(null);
  const name = useId();
  const sort = props.onSort ? (props.sort ?? null) : own;
  const shown = useMemo(() => (props.onSort ? rows : sorted(rows, columns, sort)), [rows, sort, columns]);
  const widths = useMemo(() => layout(columns, shown, scroll.room, levels), [columns, shown, scroll.room]);

  useEffect(() => {
    const element = box.current!;
    const probe = element.querySelector<HTMLElement>(".ch")!;
    const measure = () => {
      const room = Math.floor(element.clientWidth / (probe.offsetWidth / 10 || 8));
      setScroll((before) => (before.room === room ? before : { ...before, room }));
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const [first, end] = [
    Math.max(0, Math.floor(scroll.top / HEIGHT) - SPARE_ROWS),
    Math.min(shown.length, Math.ceil(scroll.top / HEIGHT) + most + SPARE_ROWS),
  ];
  const kept = columns.flatMap((column, i) => (widths[i]! < 0 ? [] : [{ column, width: widths[i]!, i }]));
  const template = kept
    .map(({ width, i }) => (i === columns.length - 1 ? `minmax(${Math.min(width, LEAST_LAST)}ch, 1fr)` : `${width}ch`))
    .join(" ");

  const move = (to: number) => {
    const row = Math.max(0, Math.min(shown.length - 1, to));
    if (shown.length === 0) return;
    setAt(row);
    const element = box.current!;
    if (row * HEIGHT < element.scrollTop) element.scrollTop = row * HEIGHT;
    const bottom = (row + 2) * HEIGHT - element.clientHeight;
    if (bottom > element.scrollTop) element.scrollTop = bottom;
    props.onActive?.(shown[row]!);
  };
  const press = (event: KeyboardEvent) => {
    if (event.target !== box.current) return; // a link or a button in a row
    const row = shown[at];
    const steps: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: Math.max(0, at - 1),
      PageDown: at + most - 1,
      PageUp: at - most + 1,
      Home: 0,
      End: shown.length - 1,
    };
    const step = steps[event.key];
    const expanded = row && levels ? levels.expanded(row) : null;
    if (step !== undefined) move(step);
    else if (event.key === "Enter" && row && props.open) props.open(row);
    else if (
      row &&
      ((event.key === "ArrowRight" && expanded === false) || (event.key === "ArrowLeft" && expanded === true))
    )
      levels!.toggle(row);
    else if (row && levels && event.key === "ArrowLeft") move(parentOf(shown, at, levels));
    else return;
    event.preventDefault();
  };
  const choose = (column: Column<Row>) => {
    if (!column.value) return;
    const down = sort?.by === column.id ? !sort.down : Boolean(column.right);
    (props.onSort ?? setOwn)({ by: column.id, down });
  };

  return (
    <div
      class="table"
      ref={box}
      role={levels ? "treegrid" : "grid"}
      tabIndex={0}
      aria-label={props.label}
      aria-rowcount={shown.length + 1}
      aria-activedescendant={at >= first && at < end ? `${name}-${at}` : undefined}
      style={{ maxHeight: `${(most + 1) * HEIGHT}px`, "--columns": template }}
      onScroll={(event) => setScroll({ ...scroll, top: event.currentTarget.scrollTop })}
      onKeyDown={press}
    >
      <span class="ch" aria-hidden="true">
        0000000000
      </span>
      <div role="row" class="row head" aria-rowindex={1}>
        {kept.map(({ column }) => {
          const by = sort?.by === column.id;
          return (
            <div
              key={column.id}
              role="columnheader"
              class={column.right ? "right" : ""}
              aria-sort={by ? (sort.down ? "descending" : "ascending") : undefined}
            >
              {column.value ? (
                <button type="button" tabIndex={-1} onClick={() => choose(column)}>
                  {column.title}
                  {by ? (sort.down ? " ▾" : " ▴") : ""}
                </button>
              ) : (
                column.title
              )}
            </div>
          );
        })}
      </div>
      <div role="presentation" style={{ height: `${first * HEIGHT}px` }} />
      {shown.slice(first, end).map((row, i) => (
        <div
          key={props.id(row)}
          id={`${name}-${first + i}`}
          role="row"
          class={`row${first + i === at ? " at" : ""}`}
          aria-rowindex={first + i + 2}
          aria-level={levels ? levels.level(row) + 1 : undefined}
          aria-expanded={levels?.expanded(row) ?? undefined}
          aria-selected={first + i === at}
          onClick={() => move(first + i)}
          onDblClick={() => props.open?.(row)}
        >
          {kept.map(({ column, i: place }) => (
            <Cell key={column.id} column={column} row={row} levels={place === 0 ? levels : undefined} />
          ))}
        </div>
      ))}
      <div role="presentation" style={{ height: `${(shown.length - end) * HEIGHT}px` }} />
      {shown.length === 0 && (
        <p class="empty" role="row">
          <span role="gridcell">{props.empty ?? "No rows"}</span>
        </p>
      )}
    </div>
  );
}

function parentOf<Row>(rows: Row[], at: number, levels: Levels<Row>): number {
  const level = levels.level(rows[at]!);
  let to = at;
  while (to > 0 && levels.level(rows[to]!) >= level) to--;
  return level ? to : at;
}

function Cell<Row>({ column, row, levels }: { column: Column<Row>; row: Row; levels?: Levels<Row> | undefined }) {
  const text = visible(column.text(row), 400);
  const expanded = levels?.expanded(row);
  const share = column.bar?.(row);
  return (
    <div
      role="gridcell"
      class={`${column.right ? "right" : ""}${share === undefined ? "" : " barred"}`}
      title={text}
      style={{
        ...(share === undefined ? {} : { "--share": `${Math.max(0, Math.min(100, 100 * share))}%` }),
        ...(levels ? { paddingLeft: `${2 * levels.level(row)}ch` } : {}),
      }}
    >
      {levels &&
        (expanded === null || expanded === undefined ? (
          <span class="twist" />
        ) : (
          <button
            type="button"
            class="twist"
            tabIndex={-1}
            aria-label={expanded ? "Close" : "Open"}
            onClick={() => levels.toggle(row)}
          >
            {expanded ? "▾" : "▸"}
          </button>
        ))}
      {column.cell ? column.cell(row) : text}
    </div>
  );
}
