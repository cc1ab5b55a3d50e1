"""`tonnage report` and `Snapshot.report`: one page that holds the answers to what its viewer asks.

    snapshots -> questions, by rows of QUESTIONS and by what first answers name -> _queries.ask -> the page (_viewer.py)

What is asked is bounded, and depends on nothing but the files; the page says where it was cut off. Each file is open
twice: what needs dominators is asked of one, all else of the other, at the same time.
"""

from __future__ import annotations

import os
import re
import sys
from types import MappingProxyType

from tonnage import _queries, _report_ranges
from tonnage._errors import ArgumentError, Error, NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from concurrent.futures import Future
    from typing import Any

    from tonnage._snapshot import Snapshot

MOST_BYTES = 5 << 20  # of the page
_PACKED_FROM = 1 << 20  # bytes of data
_ANSWER_BYTES = 1 << 20  # of one answer
_ALL_BYTES = 24 << 20  # of all, before they are packed
_LEAST = 8  # answers that stay, however large
_NO_RANGES = "there was no room for flame graphs of ranges of allocations"
_TYPES = 40  # whose objects are listed
_OBJECTS = 150  # that have a page of their own
_REASONS = 25_000_000  # such objects have an answer to `why` until they and all objects of the file multiply to this
_FEW = 2_000_000  # nodes of a file: of more there is neither `why` nor what takes as long
_OBJECT_BYTES = 64 << 10  # of one answer about one of them
_ROWS = 1000
_NODES = 2000  # of a flame graph
_RANGES = 300  # of allocations, of all files
_RANGE_NODES = 500  # of a flame graph of such a range

_KINDS = "clodo size sizeclass module dist generation content site rcs via".split()
_HELD = "root thread frame".split()  # what alone leads to an object
_SUMS = "live count allocated temporary peak retained".split()
_PLACES = "line file function module distribution traceback thread type".split()
_PROFILES = "function line file module distribution traceback thread task state".split()

# What of a file is needed, and what is asked of it then, the most important first. `few`: objects, and not too many.
QUESTIONS: tuple[tuple[str, str], ...] = (
    ("", "info"),
    ("", "check"),
    ("objects", "summary"),
    ("objects", "suspects?limit=0"),
    ("objects", f"groups?limit={_ROWS}"),
    ("objects", f"largest?limit={_ROWS}"),
    ("objects", "largest?limit=100"),  # where stacks make the other one too large
    ("objects", f"treemap?limit={_ROWS}"),
    ("sites", "sites?limit=200"),
    ("samples", "profile?limit=200"),
    ("samples", "profile?graph=1&limit=60"),
    ("samples", f"flame?by=function&limit={_NODES}&what=cpu"),
    *(("sites", f"flame?limit={_NODES}&what={what}") for what in _SUMS),
    *(("sites", f"flame?by=function&limit={_NODES}&what={what}") for what in ("allocated", "live")),
    ("", "timeline"),
    ("tracked", "tracked?limit=100"),
    ("tracked", "tracked?limit=5"),  # where the other one is too large
    ("samples", "profile?cumulative=1&limit=200"),
    *(("sites", f"flame?invert=1&limit={_NODES}&what={what}") for what in _SUMS),
    ("samples", f"flame?by=function&invert=1&limit={_NODES}&what=cpu"),
    *(("objects", f"groups?by={kind}&limit={_ROWS}") for kind in _KINDS),
    *(("few", f"groups?by={kind}&limit={_ROWS}") for kind in _HELD),
    ("objects", "dominators?by=module&limit=200"),
    ("objects", "waste?limit=0"),
    *(("sites", f"sites?by={kind}&limit=200") for kind in _PLACES if kind != "line"),
    ("sites", "peak?limit=200"),
    ("sites", "temporary?limit=200"),
    ("sites", "survivors?limit=200"),
    ("sites", "creators?depth=6"),
    *(("samples", f"profile?by={kind}&limit=200") for kind in _PROFILES if kind != "function"),
)
# Of whose rows and frames the text is there, where that is asked for.
SOURCES: tuple[tuple[str, str], ...] = (
    ("sites", "sites?limit=200"),
    ("sites", f"flame?limit={_NODES}&what=live"),
    ("samples", "profile?by=line&limit=200"),
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
# Where those objects are found that have a page, the most important first.
_NAMED_BY = ("suspects?limit=0", f"treemap?limit={_ROWS}", f"largest?limit={_ROWS}")
# Of each of these. And `why` and `paths`, which take longer.
OBJECT_QUESTIONS = ("show?limit=50", "treemap?limit=50", "refs?limit=50", "referrers?limit=50")
# What needs dominators, or goes well with what does.
_DOMINATED = ("suspects", "dominators", "waste", "why", "paths", "treemap")

_ADDRESS = re.compile(r'"(?:address|example|head_address)":"(0x[0-9a-f]+)"')


def _split(question: str, more: Mapping[str, object] = MappingProxyType({})) -> tuple[str, list[tuple[str, str]]]:
    """The view and all parameters; the first file goes without saying."""
    from urllib.parse import parse_qsl

    view, _, query = question.partition("?")
    said = [(name, str(value)) for name, value in more.items() if (name, value) != ("file", 0)]
    return view, parse_qsl(query) + said


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
    """Asks, and keeps what there is room for, in the order of asking.

    Args:
        files: what is asked.
    """

    __slots__ = ("_asked", "_sides")

    def __init__(self, files: Sequence[Snapshot]) -> None:
        from concurrent.futures import ThreadPoolExecutor

        again = [snapshot._again() for snapshot in files]
        self._sides = [(ThreadPoolExecutor(1), opened) for opened in (files, again)]
        self._asked: dict[str, tuple[int, Future[str]]] = {}

    def __enter__(self) -> _Answers:
        return self

    def __exit__(self, *error: object) -> None:
        for threads, _ in self._sides:
            threads.shutdown(cancel_futures=True)
        for snapshot in self._sides[1][1]:
            snapshot.close()

    def ask(self, question: str, most: int = _ANSWER_BYTES, **more: object) -> str:
        """The key of the answer, which comes later.

        Args:
            question: a view, with parameters.
            most: bytes that it may have.
            more: further parameters.
        """
        view, pairs = _split(question, more)
        key = _queries.key(view, pairs)
        if key not in self._asked:
            threads, opened = self._sides[view in _DOMINATED or ("what", "retained") in pairs]
            self._asked[key] = most, threads.submit(_answer, opened, view, pairs)
        return key

    def put(self, question: str, answer: object, **more: object) -> None:
        """An answer that is known, in place of a question."""
        import json
        from concurrent.futures import Future

        done: Future[str] = Future()
        done.set_result(json.dumps(answer))
        self._asked[_queries.key(*_split(question, more))] = _OBJECT_BYTES, done

    def take(self, key: str) -> str:
        """An answer that is not kept."""
        return self._asked.pop(key)[1].result()

    def put_last(self, keys: Sequence[str]) -> None:
        """Answers that give way to all others where there is little room."""
        for key in keys:
            self._asked[key] = self._asked.pop(key)

    def text(self, key: str) -> str:
        """An answer, waited for; one that has none says why."""
        return self._asked[key][1].result()

    def kept(self) -> tuple[dict[str, str], list[str]]:
        """Answers by key, and the keys of those that are too large."""
        texts: dict[str, str] = {}
        too_large: list[str] = []
        room = _ALL_BYTES
        for key, (most, _) in self._asked.items():
            text = self.text(key)
            if len(text) > min(most, room):
                too_large.append(key)
            else:
                room -= len(text)
                texts[key] = text
        return texts, too_large


def _answer(files: Sequence[Snapshot], view: str, pairs: list[tuple[str, str]]) -> str:
    try:
        text = _queries.ask(files, view, pairs)
    except (ArgumentError, NotFoundError) as error:
        import json

        return json.dumps({"error": str(error)})
    return text if view in ("info", "summary") else _without_info(text)


def _types(text: str) -> Iterator[str]:
    """Words that select the objects of each row of a table by type, the first ones."""
    from tonnage._json_text import loads

    for row in loads(text).get("rows", ())[:_TYPES]:
        quoted = _quoted(row["kind"])
        if quoted is not None:
            yield f"type:{quoted}"


def _pairs(n: int) -> list[tuple[int, int]]:
    """Each file with the one before it, and the last with the first."""
    pairs = [(index, index + 1) for index in range(n - 1)]
    return pairs if n < 3 else [*pairs, (0, n - 1)]


def _ask_pairs(answers: _Answers, has: list[list[str]]) -> None:
    for old, new in _pairs(len(has)):
        for need, question in PAIRS:
            if need in has[old] and need in has[new]:
                answers.ask(question, file=new, against=old)
    if len(has) > 2:
        answers.ask(f"growth?limit={_ROWS}")


def _ask_objects(answers: _Answers, index: int, older: list[int], n_nodes: int, most: int) -> int:
    """Of a file, compared with older ones, what object pages show; how many of them there are."""
    keys = [answers.ask(_NAMED_BY[0], file=index, against=old) for old in older]
    keys += [answers.ask(question, file=index) for question in _NAMED_BY]
    named = list(dict.fromkeys(address for key in keys for address in _ADDRESS.findall(answers.text(key))))[:most]
    for address in named:
        for question in OBJECT_QUESTIONS:
            answers.ask(question, _OBJECT_BYTES, file=index, object=address)
    for address in named[: _REASONS // n_nodes if n_nodes <= _FEW else 0]:
        answers.ask("why", _OBJECT_BYTES, file=index, object=address)
    if named:
        _ask_paths(answers, index, named)
    return len(named)


def _ask_paths(answers: _Answers, index: int, addresses: list[str]) -> None:
    """The shortest path to each object, all found in one search, as answers about one each."""
    from tonnage._json_text import loads

    key = answers.ask(f"paths?limit={len(addresses)}&where=address:{','.join(addresses)}", file=index)
    found = loads(answers.take(key))
    for row in found.get("rows", ()):
        answer = {**found, "where": None, "rows": [row], "more": None}
        del answer["total"]
        answers.put("paths?limit=1", answer, file=index, object=row["address"])


def _ask_ranges(answers: _Answers, rows: list[dict[str, Any]]) -> tuple[list[str], bool]:
    """Who made what is alive of ranges of allocations; and whether these are all ranges."""
    from tonnage._json_text import loads

    traced = [row for row in rows if "sites" in row["has"]]
    pasts = {row["index"]: loads(answers.text(answers.ask("timeline", file=row["index"]))) for row in traced}
    found = _report_ranges.of(traced, pasts)
    keys = [
        answers.ask(f"flame?born={first}-{last}&limit={_RANGE_NODES}&what=live", file=index)
        for index, first, last in found[:_RANGES]
    ]
    return keys, len(found) <= _RANGES


def _put_sources(answers: _Answers, index: int, snapshot: Snapshot, has: list[str]) -> tuple[int, int]:
    """The text of each line that pages of a file name; how many lines there are, and how many are named."""
    from tonnage import _source
    from tonnage._json_text import loads

    named: dict[str, set[int]] = {}
    n_found = n_named = 0
    for question in [question for need, question in SOURCES if need in has]:
        table = loads(answers.text(answers.ask(question, file=index)))
        for row in table.get("rows") or table.get("frames") or ():
            if row["line"] and row["file"].endswith(_source.SUFFIX):
                named.setdefault(row["file"], set()).add(row["line"])
    for path, numbers in named.items():
        lines, why = _source.lines(snapshot, path)
        n_named += len(numbers)
        for line in sorted(number for number in numbers if number <= len(lines)):
            n_found += 1
            answers.put("source?limit=1", _source.answer(path, line, 1, lines, why), file=index, path=path, line=line)
    return n_found, n_named


def _gather(
    files: Sequence[Snapshot], rows: list[dict[str, Any]], sources: bool
) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Answers; those to what is asked of ranges of allocations; sentences that say where they end."""
    has = [row["has"] for row in rows]
    with_objects = [index for index in range(len(files)) if "objects" in has[index]]
    many = [index for index in with_objects if files[index]._core.n_nodes > _FEW]
    has = [[*what, *(["few"] if index in with_objects and index not in many else [])] for index, what in enumerate(has)]
    n_objects = 0
    by_type = []
    with _Answers(files) as answers:
        for need, question in QUESTIONS:
            for index in range(len(files)):
                if not need or need in has[index]:
                    answers.ask(question, file=index)
        _ask_pairs(answers, has)
        for index in with_objects:
            for words in _types(answers.text(answers.ask(f"groups?limit={_ROWS}", file=index))):
                by_type.append(answers.ask("largest?limit=100", file=index, where=words))
        for index in with_objects:
            n_nodes = files[index]._core.n_nodes
            older = [old for old, new in _pairs(len(files)) if new == index and old in with_objects]
            n_objects += _ask_objects(answers, index, older, n_nodes, _OBJECTS // len(with_objects))
        found = [_put_sources(answers, index, snapshot, has[index]) for index, snapshot in enumerate(files) if sources]
        of_ranges, all_ranges = _ask_ranges(answers, rows)
        answers.put_last(by_type)  # suspects link to objects: those first
        answers.put_last(of_ranges)
        texts, too_large = answers.kept()
    bounds = [f"tables have at most {_ROWS} rows, those of who allocated and where time goes 200"]
    if with_objects:
        bounds.append(
            f"{n_objects} objects have a page: those that suspects name, that retain most, and the largest;"
            f" the largest 100 are listed of each of {len(by_type)} types"
        )
    if many:
        bounds.append(
            f"of a file of more than {_FEW:,} objects there are no groups by {', '.join(_HELD)}, and no page says why"
        )
    if sources:
        n_found, n_named = map(sum, zip(*found, strict=True))
        bounds.append(f"{n_found} of {n_named} lines of code have their text")
    ranges = {key: texts.pop(key) for key in of_ranges if key in texts}
    too_large = [key for key in too_large if key not in of_ranges]
    if too_large:
        more = f" and {len(too_large) - 5} more" if len(too_large) > 5 else ""
        bounds.append(f"there was no room for {', '.join(too_large[:5])}{more}")
    if ranges:
        some = "" if all_ranges and len(ranges) == len(of_ranges) else f"; there was room for {len(ranges)}"
        bounds.append(
            "flame graphs of ranges of allocations are of whole tenths of them, and of those between the last"
            f" {_report_ranges.MARKS} snapshots of a process, {_RANGE_NODES} nodes each{some}"
        )
    elif of_ranges:
        bounds.append(_NO_RANGES)
    return texts, ranges, bounds


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


def html(files: Sequence[Snapshot], sources: bool) -> str:
    """The page about these snapshots, oldest first; with lines of source where sources is true."""
    from tonnage import __version__
    from tonnage._viewer import described, page

    names = _names([snapshot.path or "snapshot" for snapshot in files])
    rows = [described(snapshot, name, index) for index, (snapshot, name) in enumerate(zip(files, names, strict=True))]
    answers, ranges, bounds = _gather(files, rows, sources)
    head = {"schema": 1, "mode": "report", "tool_version": __version__, "files": rows}
    while True:
        made = page(_data(head, {**answers, **ranges}, bounds))
        if len(made) <= MOST_BYTES or (len(answers) <= _LEAST and not ranges):
            return made
        if ranges:
            ranges = {}
            bounds[-1] = _NO_RANGES
            continue
        last = list(answers)[len(answers) * 3 // 4 :]
        for key in last:
            del answers[key]
        bounds.append(f"there was no room for {last[0]} and {len(last) - 1} answers behind it")


def _names(paths: list[str]) -> list[str]:
    """Of files, as short as they differ."""
    short = [os.path.basename(path) for path in paths]
    return short if len(set(short)) == len(short) else paths


def write(files: Sequence[Snapshot], path: str, force: bool, sources: bool = False) -> None:
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
            file.write(html(files, sources))
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
  --sources              with the text of lines of code, from their files on this machine where they are as they were
  --force                replace what is there
  --max-memory SIZE      give up beyond SIZE (default half of the machine's memory)
  --help                 this page

examples:
  tonnage report app.tonnage -o report.html --sources
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
    parser.add_argument("--sources", action="store_true")
    parser.add_argument("--force", action="store_true")
    parser.add_argument("--max-memory")
    parser.add_argument("files", metavar="FILE", nargs="+")
    asked = parser.parse_intermixed_args(words)
    try:
        files = open_all("report", asked.files, memory_of(asked.max_memory))
        write(files, asked.o, asked.force, asked.sources)
    except (Error, OSError) as error:
        fail("report", error)
    except KeyboardInterrupt:
        say("interrupted: no report")
        sys.exit(130)
    say(f"wrote {shown(asked.o)} ({format_bytes(os.stat(asked.o).st_size)}); open it in a browser")
