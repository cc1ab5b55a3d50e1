"""`tonnage report` and `Snapshot.report`: one page that holds the answers to what its viewer asks.

    snapshots -> questions, by rows of QUESTIONS and by what first answers name -> _queries.ask -> the page (_viewer.py)

What is asked is bounded, and depends on nothing but the files; the page says where it was cut off.
"""

from __future__ import annotations

import os
import re

from tonnage import _queries
from tonnage._errors import ArgumentError, Error, NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from tonnage._snapshot import Snapshot

MOST_BYTES = 5 << 20  # of the page
_PACKED_FROM = 1 << 20  # bytes of data
_ANSWER_BYTES = 1 << 20  # of one answer
_ALL_BYTES = 24 << 20  # of all, before they are packed
_LEAST = 8  # answers that stay, however large
_TYPES = 40  # whose objects are listed
_OBJECTS = 150  # that have a page of their own
_OBJECT_BYTES = 64 << 10  # of one answer about one of them
_ROWS = 1000
_NODES = 2000  # of a flame graph

_KINDS = "clodo size sizeclass module dist generation content site rcs via root thread frame".split()
_SUMS = "live count allocated temporary peak retained".split()
_PLACES = "line file function module distribution traceback thread type".split()
_PROFILES = "function line file module distribution traceback thread task state".split()

# What of a file is needed, and what is asked of it then, the most important first.
QUESTIONS: tuple[tuple[str, str], ...] = (
    ("", "info"),
    ("", "check"),
    ("objects", "summary"),
    ("objects", "suspects?limit=0"),
    ("objects", f"groups?limit={_ROWS}"),
    ("objects", f"largest?limit={_ROWS}"),
    ("objects", f"treemap?limit={_ROWS}"),
    *(("objects", f"dominators?by={kind}&limit=200") for kind in ("module", "type")),
    ("sites", "sites?limit=200"),
    ("samples", "profile?limit=200"),
    ("samples", "profile?graph=1&limit=60"),
    ("samples", f"flame?by=function&limit={_NODES}&what=cpu"),
    *(("sites", f"flame?limit={_NODES}&what={what}") for what in _SUMS),
    *(("sites", f"flame?by=function&limit={_NODES}&what={what}") for what in ("allocated", "live")),
    ("", "timeline"),
    ("samples", "profile?cumulative=1&limit=200"),
    *(("sites", f"flame?invert=1&limit={_NODES}&what={what}") for what in _SUMS),
    ("samples", f"flame?by=function&invert=1&limit={_NODES}&what=cpu"),
    *(("objects", f"groups?by={kind}&limit={_ROWS}") for kind in _KINDS),
    ("objects", "waste?limit=0"),
    ("objects", "cycles?limit=100"),
    ("objects", "audit?limit=100"),
    *(("sites", f"sites?by={kind}&limit=200") for kind in _PLACES if kind != "line"),
    ("sites", "peak?limit=200"),
    ("sites", "temporary?limit=200"),
    ("sites", "survivors?limit=200"),
    ("sites", "creators?depth=6"),
    *(("samples", f"profile?by={kind}&limit=200") for kind in _PROFILES if kind != "function"),
)
# Of two files, the second against the first.
PAIRS: tuple[tuple[str, str], ...] = (
    ("objects", "suspects?limit=0"),
    ("objects", f"diff?limit={_ROWS}"),
    ("objects", f"groups?limit={_ROWS}"),
    ("objects", f"treemap?limit={_ROWS}"),
    ("sites", "sites?limit=200"),
    ("samples", "profile?limit=200"),
    *(("objects", f"diff?by={kind}&limit={_ROWS}") for kind in ("module", "clodo")),
)
# Of an object that answers name.
OBJECT_QUESTIONS = (
    "show?limit=50", "paths?limit=5", "why", "treemap?limit=50", "retained", "refs?limit=50", "referrers?limit=50",
)  # fmt: skip
# Where those are found, the most important first.
_NAMED_BY = ("suspects?limit=0", f"treemap?limit={_ROWS}", f"largest?limit={_ROWS}", "cycles?limit=100", "audit?limit=100")

_ADDRESS = re.compile(r'"(?:address|example|head_address)":"(0x[0-9a-f]+)"')


def _split(question: str) -> tuple[str, list[tuple[str, str]]]:
    from urllib.parse import parse_qsl

    view, _, query = question.partition("?")
    return view, parse_qsl(query)


def _without_info(text: str) -> str:
    """An answer that does not say again what `info` says; it is the last key of all that have it."""
    head, mark, _ = text.rpartition('"info":{')
    return head.rstrip().rstrip(",") + "}" if mark else text


def _quoted(value: str) -> str | None:
    """A value of a selection; None: there is no way to write it."""
    if value and not re.search(r"[\s'\"()]", value):
        return value
    return next((f"{quote}{value}{quote}" for quote in "'\"" if quote not in value), None)


class _Answers:
    """Asks, and keeps what there is room for."""

    __slots__ = ("_files", "bytes", "texts", "too_large")

    def __init__(self, files: Sequence[Snapshot]) -> None:
        self._files = files
        self.texts: dict[str, str] = {}
        self.bytes = 0
        self.too_large: list[str] = []

    def ask(self, question: str, most: int = _ANSWER_BYTES, **more: object) -> str:
        """The answer; empty where there is none, or no room for it."""
        view, pairs = _split(question)
        pairs += [(name, str(value)) for name, value in more.items() if (name, value) != ("file", 0)]
        key = _queries.key(view, pairs)
        if key in self.texts:
            return self.texts[key]
        try:
            text = _queries.ask(self._files, view, pairs)
        except (ArgumentError, NotFoundError) as error:
            import json

            self.texts[key] = json.dumps({"error": str(error)})
            return ""
        if view not in ("info", "summary"):
            text = _without_info(text)
        if len(text) > most or self.bytes + len(text) > _ALL_BYTES:
            self.too_large.append(key)
            return ""
        self.bytes += len(text)
        self.texts[key] = text
        return text


def _types(text: str) -> Iterator[str]:
    """Words that select the objects of each row of a table by type, the first ones."""
    from tonnage._json_text import loads

    for row in loads(text)["rows"][:_TYPES] if text else ():
        quoted = _quoted(row["kind"])
        if quoted is not None:
            yield f"type:{quoted}"


def _pairs(n: int) -> list[tuple[int, int]]:
    """Each file with the one before it, and the last with the first."""
    pairs = [(index, index + 1) for index in range(n - 1)]
    return pairs if n < 3 else [*pairs, (0, n - 1)]


def _gather(files: Sequence[Snapshot], has: list[list[str]]) -> tuple[dict[str, str], list[str]]:
    """Answers, and sentences that say where they end."""
    answers = _Answers(files)
    for need, question in QUESTIONS:
        for index in range(len(files)):
            if not need or need in has[index]:
                answers.ask(question, file=index)
    for old, new in _pairs(len(files)):
        for need, question in PAIRS:
            if need in has[old] and need in has[new]:
                answers.ask(question, file=new, against=old)
    if len(files) > 2:
        answers.ask(f"growth?limit={_ROWS}")
    with_objects = [index for index in range(len(files)) if "objects" in has[index]]
    n_objects = n_types = 0
    for index in with_objects:
        for words in _types(answers.ask(f"groups?limit={_ROWS}", file=index)):
            n_types += bool(answers.ask("largest?limit=100", file=index, where=words))
        named = dict.fromkeys(
            address for question in _NAMED_BY for address in _ADDRESS.findall(answers.ask(question, file=index))
        )
        for address in list(named)[: _OBJECTS // len(with_objects)]:
            n_objects += 1
            for question in OBJECT_QUESTIONS:
                answers.ask(question, _OBJECT_BYTES, file=index, object=address)
    bounds = [f"tables have at most {_ROWS} rows, those of who allocated and where time goes 200"]
    if with_objects:
        bounds.append(
            f"{n_objects} objects have a page: those that suspects name, that retain most, and the largest;"
            f" the largest 100 are listed of each of {n_types} types"
        )
    if answers.too_large:
        shown = ", ".join(answers.too_large[:5])
        more = f" and {len(answers.too_large) - 5} more" if len(answers.too_large) > 5 else ""
        bounds.append(f"there was no room for {shown}{more}")
    return answers.texts, bounds


def _data(head: dict[str, Any], answers: dict[str, str], bounds: list[str]) -> str:
    """JSON of all, packed where it is large."""
    import json

    rows = ",\n".join(f"{json.dumps(key)}:{text.strip()}" for key, text in answers.items())
    start = json.dumps({**head, "bounds": bounds}, separators=(",", ":"))
    text = f'{start[:-1]},"answers":{{\n{rows}\n}}}}'
    if len(text) < _PACKED_FROM:
        return text
    import base64
    import gzip

    packed = base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode()
    return f'{{"schema":1,"mode":"report","gzip":"{packed}"}}'


def html(files: Sequence[Snapshot]) -> str:
    """The page about these snapshots, oldest first."""
    from tonnage import __version__
    from tonnage._viewer import described, page

    names = _names([snapshot.path or "snapshot" for snapshot in files])
    rows = [described(snapshot, name, index) for index, (snapshot, name) in enumerate(zip(files, names, strict=True))]
    answers, bounds = _gather(files, [row["has"] for row in rows])
    head = {"schema": 1, "mode": "report", "tool_version": __version__, "files": rows}
    while True:
        made = page(_data(head, answers, bounds))
        if len(made) <= MOST_BYTES or len(answers) <= _LEAST:
            return made
        last = list(answers)[len(answers) * 3 // 4 :]
        for key in last:
            del answers[key]
        bounds.append(f"there was no room for {last[0]} and {len(last) - 1} answers behind it")


def _names(paths: list[str]) -> list[str]:
    """Of files, as short as they differ."""
    short = [os.path.basename(path) for path in paths]
    return short if len(set(short)) == len(short) else paths


def write(files: Sequence[Snapshot], path: str, force: bool) -> None:
    """Makes the page and writes it, whole or not at all, for its owner only."""
    from tonnage._export import cannot, remove, take_name

    temp = f"{path}.{os.getpid()}.part"
    try:
        for snapshot in files:
            if os.path.exists(path) and os.path.samestat(os.stat(path), os.fstat(snapshot._fd)):
                raise ArgumentError(f"{path} is the file that is read: choose another name", -8)
        if not force and os.path.lexists(path):
            raise FileExistsError
        if os.path.isdir(path):
            raise IsADirectoryError(21, "it is a folder")
        fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(fd, "w", encoding="utf-8") as file:
            file.write(html(files))
            file.flush()
            os.fsync(fd)
        take_name(temp, path, force)
    except OSError as error:
        if isinstance(error, Error):
            raise
        raise cannot(path, error) from None
    finally:
        remove(temp)


# ---- the command ----

USAGE = """\
usage: tonnage report [--python PATH] FILE… -o report.html [options]

One page with pictures and tables, to be opened in a browser or mailed: it asks nobody for anything. Several files are
compared, in order of time. What is in it is bounded, to 5 MiB, and the page says where; tonnage serve answers all else.

  -o OUT                 the page to write
  --force                replace what is there
  --max-memory SIZE      give up beyond SIZE (default half of the machine's memory)
  --help                 this page

examples:
  tonnage report app.tonnage -o report.html
  tonnage report app-1.tonnage app-2.tonnage -o change.html --force --max-memory 2G
"""


def main(words: list[str]) -> None:
    """Entry of the verb."""
    from tonnage._core import format_bytes
    from tonnage._export import fail
    from tonnage._options import print_out
    from tonnage._python_verbs import memory_of, open_all, parser_of
    from tonnage._recorder import say, shown

    if {"-h", "--help"} & set(words):
        print_out(USAGE)
        return
    parser = parser_of("report")
    parser.add_argument("-o", required=True)
    parser.add_argument("--force", action="store_true")
    parser.add_argument("--max-memory")
    parser.add_argument("files", metavar="FILE", nargs="+")
    asked = parser.parse_intermixed_args(words)
    try:
        files = open_all("report", asked.files, memory_of(asked.max_memory))
        write(files, asked.o, asked.force)
    except (Error, OSError) as error:
        fail("report", error)
    say(f"wrote {shown(asked.o)} ({format_bytes(os.stat(asked.o).st_size)}); open it in a browser")
