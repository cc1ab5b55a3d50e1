"""tonnage.Top: its pages, to the letter, of sums that are told and by a clock that is told."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import tonnage
from tonnage import ArgumentError, _capture, _live_text

MIB = 1 << 20
FIRST, SECOND = "2026-01-31 12:00:00 UTC", "2026-01-31 12:01:00 UTC"


class Recorder:
    """What the recorder says, and what time it is."""

    def __init__(self) -> None:
        self.time = 1769860800.0
        self.mode, self.interval = "exact", 0
        self.process, self.resident, self.own = 30 * MIB, MIB, MIB // 2
        self.files: Mapping[str, tuple[int, float]] = {}
        self.rows: list[tuple[str, int, str, int, float]] = []
        self.asked: list[tuple[str, bool]] = []

    def trace_live(
        self, by: str, cumulative: bool
    ) -> tuple[list[tuple[str, int, str, int, float, float, float]], int, float, int, float]:
        self.asked.append((by, cumulative))
        rows = self.rows or [(file, 0, "", *sums) for file, sums in self.files.items()]
        sums = sum(row[3] for row in rows), sum(row[4] for row in rows)
        return [(*row, row[3] / 2, row[3] * 2) for row in rows], *sums, self.own, 9.0


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    recorder = Recorder()
    monkeypatch.setattr(_live_text, "now", lambda: recorder.time)
    monkeypatch.setattr(
        _capture,
        "trace_now",
        lambda: {"mode": recorder.mode, "interval": recorder.interval, "process": recorder.process},
    )
    monkeypatch.setattr(_capture, "trace_cost", lambda: {"resident": recorder.resident})
    monkeypatch.setattr(_capture, "trace_live", recorder.trace_live)
    yield recorder


class Pages:
    """A Top, and what it wrote."""

    def __init__(self, recorder: Recorder, count: int = 2, **options: Any) -> None:
        self.recorder = recorder
        self.file = io.StringIO()
        self.top = tonnage.Top(count, self.file, **options)

    def next(self) -> list[str]:
        """The next page, a minute later."""
        self.file.seek(0)
        self.file.truncate()
        self.top.display()
        self.recorder.time += 60
        return self.file.getvalue().splitlines()


FILES = {"/srv/app/web/pages.py": (300 * 1024, 3), "/lib/a.py": (2048, 4), "x.py": (100, 1), "y.py": (50, 1)}


def test_the_compact_page_has_files_with_sizes_the_others_and_totals(recorder: Recorder) -> None:
    recorder.files = FILES
    assert Pages(recorder).next() == [
        f"{FIRST}: Top 2 allocations per file",
        "#1: .../app/web/pages.py: 300.0 KiB",
        "#2: /lib/a.py: 2.0 KiB",
        "2 more: 150 B",
        "Total traced: 302.1 KiB",
        "Total process memory: 28.5 MiB, without 1.5 MiB of tonnage's own",
    ]


def test_the_full_page_has_lines_counts_and_averages(recorder: Recorder) -> None:
    recorder.rows = [("/srv/app/web/pages.py", 7, "", 3000, 3), ("x.py", 0, "", 99, 1), ("", 0, "<native>", 8, 1)]
    assert Pages(recorder, 3, full=True).next()[:5] == [
        f"{FIRST}: Top 3 allocations per line",
        "#1: .../app/web/pages.py:7: size=2.9 KiB, count=3, average=1000 B",
        "#2: x.py:?: size=99 B, count=1, average=99 B",
        "#3: <native>: size=8 B, count=1, average=8 B",
        "Total traced: size=3.0 KiB, count=5, average=621 B",
    ]
    assert recorder.asked == [("line", False)]


@pytest.mark.parametrize(
    ("options", "row"),
    [
        ({"full": True, "show_lineno": False}, "#1: x.py: size=3.0 KiB, count=3, average=1.0 KiB"),
        ({"full": True, "show_size": False}, "#1: x.py:7: count=3, average=1.0 KiB"),
        ({"full": True, "show_count": False}, "#1: x.py:7: size=3.0 KiB, average=1.0 KiB"),
        ({"full": True, "show_average": False}, "#1: x.py:7: size=3.0 KiB, count=3"),
        ({"show_lineno": True}, "#1: x.py:7: 3.0 KiB"),
        ({"show_count": True}, "#1: x.py: size=3.0 KiB, count=3"),
        ({"show_size": False}, "#1: x.py"),
        ({"by": "function"}, "#1: x.py <module>(): 3.0 KiB"),
    ],
)
def test_each_column_switches_off(recorder: Recorder, options: dict[str, Any], row: str) -> None:
    recorder.rows = [("x.py", 7, "<module>", 3072, 3)]
    assert Pages(recorder, **options).next()[1] == row


def test_the_total_is_told_without_any_column(recorder: Recorder) -> None:
    recorder.files = {"x.py": (2048, 3), "y.py": (1, 1), "z.py": (1, 1)}
    page = Pages(recorder, show_size=False).next()
    assert page[1:5] == ["#1: x.py", "#2: y.py", "1 more", "Total traced: 2.0 KiB"]


def test_the_largest_difference_comes_first_whichever_its_sign(recorder: Recorder) -> None:
    pages = Pages(recorder, 4, show_count=True)
    recorder.files = {"big.py": (9 * MIB, 9), "gone.py": (5000, 5), "less.py": (4096, 2), "same.py": (70, 1)}
    pages.next()
    recorder.files = {"big.py": (9 * MIB + 1, 9), "less.py": (1024, 1), "same.py": (70, 1), "new.py": (2048, 1)}
    recorder.process += MIB
    assert pages.next() == [
        f"{SECOND}: Top 4 allocations per file; changes since {FIRST}",
        "#1: gone.py: size=0 B (-4.9 KiB), count=0 (-5)",
        "#2: less.py: size=1.0 KiB (-3.0 KiB), count=1 (-1)",
        "#3: new.py: size=2.0 KiB (+2.0 KiB), count=1 (+1)",
        "#4: big.py: size=9.0 MiB (+1 B), count=9 (+0)",
        "1 more: size=70 B (+0 B), count=1 (+0)",
        "Total traced: size=9.0 MiB (-5.9 KiB), count=12 (-5)",
        "Total process memory: 29.5 MiB (+1.0 MiB), without 1.5 MiB of tonnage's own",
    ]


@pytest.mark.parametrize(("previous", "change", "since"), [(True, "+30 B", SECOND), (False, "+40 B", FIRST)])
def test_changes_are_those_since_the_page_before_or_the_first(
    recorder: Recorder, previous: bool, change: str, since: str
) -> None:
    pages = Pages(recorder, compare_with_previous=previous)
    for size in 10, 20:
        recorder.files = {"x.py": (size, 1)}
        pages.next()
    recorder.files = {"x.py": (50, 1)}
    title, row, *_ = pages.next()
    assert (title.endswith(f"since {since}"), row) == (True, f"#1: x.py: 50 B ({change})")


def test_pages_of_other_rows_are_not_compared(recorder: Recorder) -> None:
    pages = Pages(recorder)
    recorder.files = {"x.py": (10, 1)}
    pages.next()
    pages.top.by = "function"
    recorder.rows = [("x.py", 0, "f", 10, 1)]
    assert pages.next()[1] == "#1: x.py f(): 10 B"
    recorder.mode = "off"
    assert "since" not in pages.next()[0]


def test_of_what_was_called_no_sum_of_the_others_is_told(recorder: Recorder) -> None:
    recorder.files = FILES
    page = Pages(recorder, cumulative=True).next()
    assert page[0] == f"{FIRST}: Top 2 allocations per file, with what is called from there"
    assert page[3] == "2 more"
    assert recorder.asked == [("file", True)]


def test_estimates_are_marked(recorder: Recorder) -> None:
    recorder.mode, recorder.interval, recorder.files = "sampled", 1 << 19, {"x.py": (3 * MIB, 5.8)}
    page = Pages(recorder, full=True, show_lineno=False).next()
    assert page[0] == f"{FIRST}: Top 2 allocations per file, estimated from a sample each 512.0 KiB"
    assert page[1] == "#1: x.py: size=≈3.0 MiB, count=≈6, average=≈529.7 KiB, 95 %: 1.5 MiB to 6.0 MiB"
    assert page[2] == "Total traced: size=≈3.0 MiB, count=≈6, average=≈529.7 KiB"


def test_intervals_stand_where_they_are_asked_for_and_only_beside_estimates(recorder: Recorder) -> None:
    recorder.files = {"x.py": (2048, 1)}
    assert Pages(recorder, show_interval=True).next()[1] == "#1: x.py: 2.0 KiB"
    recorder.mode = "sampled"
    assert Pages(recorder).next()[1] == "#1: x.py: ≈2.0 KiB"
    assert "95 %" not in Pages(recorder, full=True, show_interval=False).next()[1]
    pages = Pages(recorder, show_interval=True)
    pages.next()
    recorder.files = {"x.py": (4096, 1)}
    assert pages.next()[1] == "#1: x.py: ≈4.0 KiB (+2.0 KiB), 95 %: 2.0 KiB to 8.0 KiB"


PAGES, A = "#1: .../app/web/pages.py: 300.0 KiB", "#1: /lib/a.py: 2.0 KiB"


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({"include": "a.py"}, [A, "3 left out: 300.1 KiB"]),
        ({"include": ["web/*.py", "x.py"]}, [PAGES, "#2: x.py: 100 B", "2 left out: 2.0 KiB"]),
        ({"exclude": "=/lib/a.py"}, [PAGES, "#2: x.py: 100 B", "1 more: 50 B", "1 left out: 2.0 KiB"]),
        ({"include": "*.py", "exclude": ("?.py",)}, [PAGES, "3 left out: 2.1 KiB"]),
        ({"include": "nothing"}, ["4 left out: 302.1 KiB"]),
        ({"include": "ges.py"}, ["4 left out: 302.1 KiB"]),
        ({"exclude": "app", "cumulative": True}, [PAGES, A.replace("1", "2"), "2 more"]),
        ({"exclude": "x.py", "cumulative": True}, [PAGES, A.replace("1", "2"), "1 more", "1 left out"]),
    ],
)
def test_places_that_are_left_out_are_one_row(recorder: Recorder, options: dict[str, Any], shown: list[str]) -> None:
    recorder.files = FILES
    assert Pages(recorder, **options).next()[1:-2] == shown


def test_what_has_no_file_is_named_by_its_name_and_lines_by_their_number(recorder: Recorder) -> None:
    recorder.rows = [("x.py", 7, "", 3000, 3), ("x.py", 8, "", 99, 1), ("", 0, "<native>", 8, 1)]
    page = Pages(recorder, by="line", include=["<native>", "x.py:8"]).next()
    assert page[1:4] == ["#1: x.py:8: 99 B", "#2: <native>: 8 B", "1 left out: 2.9 KiB"]


def test_differences_are_those_of_chosen_places(recorder: Recorder) -> None:
    pages = Pages(recorder, include="x.py")
    recorder.files = {"x.py": (10, 1), "y.py": (10, 1)}
    pages.next()
    recorder.files = {"x.py": (30, 1), "y.py": (15, 1)}
    assert pages.next()[1:3] == ["#1: x.py: 30 B (+20 B)", "1 left out: 15 B (+5 B)"]


def test_what_is_not_known_is_said(recorder: Recorder) -> None:
    recorder.mode, recorder.process = "off", 0
    assert Pages(recorder).next()[1:] == [
        "no allocations are recorded: tonnage.trace.start() begins",
        "Total process memory: unknown",
    ]


@pytest.mark.parametrize(("parts", "shown"), [(1, ".../pages.py"), (3, "/app/web/pages.py"), (0, "/app/web/pages.py")])
def test_so_many_parts_of_a_path_are_shown(recorder: Recorder, parts: int, shown: str) -> None:
    recorder.files = {"/app/web/pages.py": (10, 1)}
    assert Pages(recorder, filename_parts=parts).next()[1] == f"#1: {shown}: 10 B"


def test_colours_are_for_terminals(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def colours(file: io.StringIO, **options: Any) -> list[str]:
        top = tonnage.Top(2, file, **options)
        recorder.files = {"x.py": (10, 1), "y.py": (10, 1)}
        top.display()
        recorder.files = {"x.py": (20, 1), "y.py": (9, 1)}
        top.display()
        return re.findall("\033\\[[1-9]+m[^\033]{2}", file.getvalue())

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert colours(Terminal()) == ["\033[1m20", "\033[1m20", "\033[31m+1", "\033[32m-1", "\033[31m+9"]
    assert colours(Terminal(), color=False) == []
    assert colours(io.StringIO()) == []
    assert len(colours(io.StringIO(), color=True)) == 5
    monkeypatch.setenv("NO_COLOR", "1")
    assert colours(Terminal()) == []


def test_a_page_goes_to_a_function_a_file_or_the_standard_output(
    recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder.files = {"x.py": (10, 1)}
    texts: list[str] = []
    tonnage.Top(2, texts.append).display()
    tonnage.Top(2).display()
    assert capsys.readouterr().out == texts[0] + "\n"
    with pytest.raises(TypeError, match=re.escape("file must have write(), or be callable, not int")):
        tonnage.Top(2, 3)  # type: ignore[arg-type]


def test_what_a_file_cannot_encode_is_escaped(recorder: Recorder) -> None:
    recorder.mode, recorder.files = "sampled", {"ä\udcff.py": (10, 1)}
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, "ascii")
    tonnage.Top(2, file).display()
    assert b"#1: \\xe4\\udcff.py: \\u224810 B\n" in raw.getvalue()


# ---- figures of the program ----


def test_figures_of_the_program_stand_below_with_their_differences(recorder: Recorder) -> None:
    rows = [("Video memory", "size", 2048), ("Jobs", "count", 3), ("Load", "number", 0.5)]
    pages = Pages(recorder, user_data_callback=lambda: rows)
    assert pages.next()[-3:] == ["Video memory: 2.0 KiB", "Jobs: 3", "Load: 0.5"]
    rows = [("Video memory", "size", 1024), ("Jobs", "count", 5), ("Load", "number", 0.75)]
    assert pages.next()[-3:] == ["Video memory: 1.0 KiB (-1.0 KiB)", "Jobs: 5 (+2)", "Load: 0.75 (+0.25)"]


@pytest.mark.parametrize(
    "second",
    [
        [("a", "size", 1)],
        [("b", "count", 1), ("a", "size", 1)],
        [("a", "count", 1), ("b", "count", 1)],
        [("a", "size", 1), ("b", "count", 1), ("c", "count", 1)],
    ],
)
def test_rows_that_changed_length_or_order_are_an_error(recorder: Recorder, second: list[Any]) -> None:
    answers = [[("a", "size", 1), ("b", "count", 1)], second, [("a", "size", 3), ("b", "count", 1)]]
    pages = Pages(recorder, user_data_callback=lambda: answers.pop(0))
    pages.next()
    with pytest.raises(
        ArgumentError, match="rows must stay the same, in the same order: they were 'a' \\(size\\), 'b'"
    ):
        pages.next()
    assert pages.file.getvalue() == ""
    assert pages.next()[-2] == "a: 3 B (+2 B)"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("a", "size"), "a row is (title, format, number), not ('a', 'size')"),
        ("abc", "a row is (title, format, number), not 'abc'"),
        ((1, "size", 1), "a row is (title, format, number)"),
        (
            ("a", "bytes", 1),
            "unknown format 'bytes' of 'a': there are 'size' (bytes), 'count' (a whole number), 'number'",
        ),
        (("a", "size", 1.5), "'a' must be bytes, not 1.5"),
        (("a", "count", True), "'a' must be a whole number, not True"),
        (("a", "number", "1"), "'a' must be any number, not '1'"),
        (("a", "count", 1 << 63), "'a' is out of range"),
        (("\udc80", "count", 1), "the title '\\udc80' is no text that can be written"),
    ],
)
def test_a_wrong_row_is_named(recorder: Recorder, row: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(message)):
        tonnage.Top(2, io.StringIO(), user_data_callback=lambda: [row]).display()


def test_there_are_not_too_many_rows(recorder: Recorder) -> None:
    rows = [("a", "size", 1)] * 100
    assert Pages(recorder, user_data_callback=lambda: rows).next()[-1] == "a: 1 B"
    with pytest.raises(ArgumentError, match="101 rows are too many: at most 100"):
        Pages(recorder, user_data_callback=lambda: [*rows, rows[0]]).next()


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        ((0,), {}, "count must be at least 1 row, not 0"),
        ((5,), {"by": "module"}, "unknown rows 'module': by is file, line or function"),
        ((5,), {"include": ["app.py", ""]}, "a place looks like app.py or app.py:88, not ''"),
        ((5,), {"exclude": "any:app.py"}, "a place looks like app.py or app.py:88, not 'any:app.py'"),
        ((5,), {"include": "app.py:8"}, "places with a line need rows that are lines: by='line'"),
    ],
)
def test_a_wrong_argument_is_named(words: tuple[Any, ...], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        tonnage.Top(*words, **options)


@pytest.mark.parametrize("n", [0, 1, 1023, 1024, 1535, 1048524, 1048525, 1048526, 1 << 30, (1 << 53) + 7, 1 << 60])
def test_sizes_are_written_as_the_library_writes_them(n: int) -> None:
    from tonnage._core import format_bytes

    assert (_live_text.size(n), _live_text.size(-n)) == (format_bytes(n), ("-" if n else "") + format_bytes(n))
