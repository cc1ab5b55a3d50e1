"""SQL over the tables of a snapshot, by DuckDB: `Snapshot.sql` and `tonnage sql`."""

from __future__ import annotations

from tonnage._columns import Table, extra
from tonnage._errors import ArgumentError, Error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tonnage._core import Set
    from tonnage._snapshot import Snapshot

# What lists tables or describes them: all of them are there then.
_LISTS = r"(?i)^\s*(show|pragma|describe)\b|\binformation_schema\b|\b(duckdb|sqlite|pg)_\w+"
_ALIASES = {"objects": "objects", "references": "references", "refs": "references", "types": "types", "roots": "roots"}

# ---- what a query needs ----


class _Needs:
    """Which tables and columns a query may touch: those of words that stand in it, and all where it says `*`.

    DuckDB reads a stream from end to end, so a column that is left out is a column that is never made.
    """

    def __init__(self, connection: Any, query: str) -> None:
        import json
        import re

        told = connection.execute("select json_serialize_sql(?)", [query]).fetchall()
        tree = json.loads(told[0][0])
        self.words: set[str] = set()
        self.everything = self.lists = re.search(_LISTS, query) is not None
        if tree["error"]:  # not a SELECT: whatever stands in its text
            self._split(query)
        else:
            self._walk(tree)

    def _split(self, query: str) -> None:
        import re

        self.words = set(re.findall(r"\w+", query.lower()))
        self.everything = True

    def _walk(self, tree: Any) -> None:
        todo = [tree]
        names: set[str] = set()
        while todo:
            node = todo.pop()
            if isinstance(node, list):
                todo += node
            elif isinstance(node, str):
                self.words.add(node.lower())
            elif isinstance(node, dict):
                kind = node.get("class") or node.get("type")
                self.everything |= kind in ("STAR", "POSITIONAL_REFERENCE") or node.get("ref_type") == "NATURAL"
                if "class" not in node:  # no expression: a table or what stands for one
                    names |= {str(node[key]).lower() for key in ("table_name", "alias") if node.get(key)}
                if kind == "COLUMN_REF" and len(node.get("column_names", ())) == 1:
                    self.words.add("row:" + node["column_names"][0].lower())
                todo += node.values()
        self.everything |= any("row:" + name in self.words for name in names)  # a row as a value

    def columns(self, name: str) -> list[str] | None:
        """Of a table; None: it is not touched at all."""
        from tonnage import _core

        if not self.lists and not {alias for alias, table in _ALIASES.items() if table == name} & self.words:
            return None
        known = _core.columns(name)
        chosen = [column for column, asked in known if column in self.words or (self.everything and not asked)]
        return chosen or [known[0][0]]


# ---- the answer ----


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return text if text.isprintable() else repr(text)[1:-1]


def _plain(value: object) -> object:
    """As JSON has it."""
    from decimal import Decimal

    if isinstance(value, float) and value - value != 0:
        return None
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _distinct(names: list[str]) -> list[str]:
    made: list[str] = []
    for name in names:
        number = 0
        one = name
        while one in made:
            number += 1
            one = f"{name}_{number}"
        made.append(one)
    return made


class Answer:
    """Rows of a query. `print` writes a table; iterating gives dicts.

    Attributes:
        columns: names of the columns; one that stands there twice gets a number.
        rows: a dict a row.
        more: whether there are rows behind those.
        query: the query.
    """

    __slots__ = ("columns", "more", "query", "rows")

    def __init__(self, query: str, described: list[tuple[Any, ...]], values: list[tuple[Any, ...]], more: bool) -> None:
        self.query = query
        self.columns = _distinct([str(column[0]) for column in described])
        self.rows = [dict(zip(self.columns, row, strict=True)) for row in values]
        self.more = more

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.rows[index]

    def __repr__(self) -> str:
        cells = [self.columns, *([_cell(value) for value in row.values()] for row in self.rows)]
        numbers = [
            all(isinstance(row[name], (int, float, type(None))) for row in self.rows) and bool(self.rows)
            for name in self.columns
        ]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        lines = [
            "  ".join(
                text.rjust(width) if number else text.ljust(width)
                for text, width, number in zip(row, widths, numbers, strict=True)
            ).rstrip()
            for row in cells
        ]
        if self.more:
            lines.append("<more rows; limit 0 shows all>")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from tonnage._html import table

        rows = [{name: _plain(value) for name, value in row.items()} for row in self.rows]
        return table(rows, self.columns, {}, "sql; there are more rows" if self.more else "sql")

    def json(self) -> str:
        """As `tonnage sql --json` writes it (docs/view-json.md)."""
        import json

        rows = [{name: _plain(value) for name, value in row.items()} for row in self.rows]
        head = {"schema": 1, "view": "sql", "query": self.query, "columns": self.columns, "rows": rows}
        return json.dumps({**head, "more": self.more}, ensure_ascii=False, separators=(",", ":"))


def _connect(duckdb: Any, memory: int) -> Any:
    """A database of its own in memory, which reads and writes no file, spills none, and loads no extension."""
    connection = duckdb.connect(":memory:")
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET temp_directory = ''")
    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute("SET autoload_known_extensions = false")
    if memory:
        connection.execute(f"SET memory_limit = '{memory}B'")
    return connection


def query(snapshot: Snapshot, members: Set | None, text: str, limit: int, memory: int = 0) -> Answer:
    """See `Snapshot.sql`."""
    if not isinstance(text, str):
        raise TypeError(f"query must be a str, not {type(text).__name__}")
    duckdb = extra("duckdb", "sql", "a query")
    with _connect(duckdb, memory) as connection:
        try:
            return _ask(connection, snapshot, members, text, limit)
        except duckdb.Error as error:
            raise ArgumentError(_told(str(error)), -8) from None


def _told(message: str) -> str:
    """One line, without what is of DuckDB's inside."""
    import re

    if "'pytz'" in message:
        return "times with a zone need the package pytz: pip install pytz, or cast them to timestamp"
    if missing := re.match(r"Catalog Error: Table with name (\S+) does not exist", message):
        return f"there is no table {missing[1]}: tables are objects, references (or refs), types and roots"
    return " ".join(message.strip().partition("Traceback")[0].split("\n\n")[0].split())


def _ask(connection: Any, snapshot: Snapshot, members: Set | None, text: str, limit: int) -> Answer:
    needs = _Needs(connection, text)
    for alias, name in _ALIASES.items():
        columns = needs.columns(name)
        if columns is not None:
            connection.register(alias, Table(snapshot, name, members, columns))
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    if connection.execute(text) is None:
        raise ArgumentError("there is no query", -8)
    values = connection.fetchmany(limit + 1) if limit else connection.fetchall()
    described = connection.description or []
    more = bool(limit) and len(values) > limit
    if more and hasattr(connection, "abort"):  # DuckDB 2: before it closes
        connection.abort()
    return Answer(text, described, values[:limit] if limit else values, more)


# ---- the command ----

USAGE = """\
usage: tonnage sql [--python PATH] FILE QUERY [options]

A query over the tables objects, references (or refs), types and roots of the snapshot, by DuckDB: the extra
tonnage[sql] of the Python beside this command, or of the one named. docs/export.md has the columns. Those that cost
more (retained, retained_count, dominator, hold, label) are there when they are named; * leaves them out.

  --limit N              rows shown (default 20, 0: all)
  --against OLD          only what is new since an older snapshot of the process, or what is: in --where says
  --where SELECTION      only these objects; conditions as everywhere (docs/selection.md)
  --json                 for programs; schema version 1
  --max-memory SIZE      give up beyond SIZE (default half of the machine's memory)
  --help                 this page

examples:
  tonnage sql app.tonnage "select type, count(*), sum(size) from objects group by all order by 3 desc limit 5"
  tonnage sql app.tonnage "select kind, count(*) from refs group by all" --json --max-memory 2G
  tonnage sql app.tonnage "select address, retained from objects order by retained desc" --limit 3 --where type:dict
  tonnage sql app.tonnage "select type, count(*) from objects group by all" --against old.tonnage
"""


def _parse(words: list[str]) -> Any:
    from tonnage._python_verbs import parser_of

    parser = parser_of("sql")
    for name in ("--where", "--against", "--max-memory"):
        parser.add_argument(name)
    parser.add_argument("--limit", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("query", metavar="QUERY")
    asked = parser.parse_args(words)
    if asked.limit < 0:
        parser.error("--limit takes a number of rows (0: all)")
    return asked


def main(words: list[str]) -> None:
    """Entry of the verb."""
    from tonnage._export import fail, open_both
    from tonnage._options import print_out
    from tonnage._python_verbs import memory_of

    if {"-h", "--help"} & set(words):
        print_out(USAGE)
        return
    asked = _parse(words)
    try:
        memory = memory_of(asked.max_memory)
        snapshot, older = open_both("sql", asked.file, asked.against, str(memory))
        chosen = snapshot._chosen(asked.where, older)
        answer = query(snapshot, chosen, asked.query, asked.limit, memory)
    except (Error, OSError) as error:
        fail("sql", error)
    text = answer.json() if asked.json else repr(answer).replace("<more rows; limit 0", "<more rows; --limit 0")
    print_out(text + "\n")
