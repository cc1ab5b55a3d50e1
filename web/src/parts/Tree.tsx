// A table whose rows have rows below them, which are asked for when one opens it.
import { useMemo, useState } from "preact/hooks";
import { Table, type Column } from "./Table";

interface Item<Row> {
  row: Row;
  id: string;
  level: number;
}

interface Props<Row> {
  label: string;
  columns: Column<Row>[];
  roots: Row[];
  /** Of all rows with one parent, each another. */
  id: (row: Row) => string;
  /** null: there is nothing below it. */
  children: (row: Row) => null | Row[] | (() => Promise<Row[]>);
  open?: (row: Row) => void;
  onActive?: (row: Row) => void;
  most?: number;
  empty?: string;
}

export function Tree<Row>({ columns, roots, children, ...props }: Props<Row>) {
  const [opened, setOpened] = useState<ReadonlyMap<string, Row[]>>(new Map());
  const [failed, setFailed] = useState("");
  const items = useMemo(() => {
    const list: Item<Row>[] = [];
    const stack = roots.map((row) => ({ row, id: props.id(row), level: 0 })).reverse();
    for (let item = stack.pop(); item; item = stack.pop()) {
      const { id, level } = item;
      list.push(item);
      const below = opened.get(id) ?? [];
      for (let i = below.length - 1; i >= 0; i--)
        stack.push({ row: below[i]!, id: `${id}/${props.id(below[i]!)}`, level: level + 1 });
    }
    return list;
  }, [roots, opened]);

  const set = (id: string, rows: Row[] | null) =>
    setOpened((before) => {
      const after = new Map(before);
      if (rows) after.set(id, rows);
      else after.delete(id);
      return after;
    });
  const toggle = (item: Item<Row>) => {
    if (opened.has(item.id)) return set(item.id, null);
    const below = children(item.row);
    setFailed("");
    if (typeof below === "function")
      below().then(
        (rows) => set(item.id, rows),
        (error: Error) => setFailed(error.message),
      );
    else if (below) set(item.id, below);
  };
  const wrapped = useMemo(
    () =>
      columns.map((column): Column<Item<Row>> => {
        const { text, cell, bar } = column;
        const plain = { id: column.id, title: column.title, text: (item: Item<Row>) => text(item.row) };
        return {
          ...plain,
          ...(column.right === undefined ? {} : { right: column.right }),
          ...(column.spare === undefined ? {} : { spare: column.spare }),
          ...(cell ? { cell: (item: Item<Row>) => cell(item.row) } : {}),
          ...(bar ? { bar: (item: Item<Row>) => bar(item.row) } : {}),
        };
      }),
    [columns],
  );
  return (
    <>
      {failed && (
        <p class="failed" role="alert">
          {failed}
        </p>
      )}
      <Table
        {...props}
        columns={wrapped}
        rows={items}
        id={(item) => item.id}
        open={props.open && ((item) => props.open!(item.row))}
        onActive={props.onActive && ((item) => props.onActive!(item.row))}
        levels={{
          level: (item) => item.level,
          expanded: (item) => (opened.has(item.id) ? true : children(item.row) === null ? null : false),
          toggle,
        }}
      />
    </>
  );
}
