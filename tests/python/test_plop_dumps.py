"""Dumps of plop: what is read of them is what literal_eval reads, and nothing else is."""

from __future__ import annotations

import ast
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pure_reader as reader
import pytest
import tonnage
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_cpu_profiles import plop_of

Stacks = dict[tuple[tuple[str, int, str], ...], int]  # innermost frame first

# What plop 0.4.0's Collector.handler and PlopFormatter do, in a timer's place.
COLLECTOR = """
import collections, sys
stacks = collections.defaultdict(int)
def handler(frame):
    frames = []
    while frame is not None:
        code = frame.f_code
        frames.append((code.co_filename, code.co_firstlineno, code.co_name))
        frame = frame.f_back
    stacks[tuple(frames)] += 1
def work(n):
    handler(sys._getframe())
    return [handler(f) for f in [sys._getframe()]] and n and work(n - 1)
for _ in range(3): work(5)
(lambda: [handler(sys._getframe())])()
with open(sys.argv[1], "wb") as f:
    f.write(repr(dict(sorted(stacks.items(), key=lambda kv: -kv[1]))).encode("utf-8"))
"""


def imported(data: bytes) -> reader.Snapshot:
    with tempfile.TemporaryDirectory() as folder:
        dump, out = Path(folder) / "dump", Path(folder) / "out.tonnage"
        dump.write_bytes(data)
        try:
            with tonnage.import_dump(dump, out) as snapshot:
                assert len(snapshot.objects) == 0
                snapshot.export(Path(folder) / "again", to="plop")
                again = (Path(folder) / "again").read_bytes()
        except tonnage.Error:
            assert os.listdir(folder) == ["dump"], "nothing is written of what is refused"
            raise
        file = reader.Snapshot.open(out)
    assert file.check() == []
    assert ast.literal_eval(again.decode()) == plop_of(file), "out again as it came in"
    return file


# ---- what is read ----


def test_a_dump_says_what_its_collector_saw(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", COLLECTOR, str(tmp_path / "dump")], check=True)
    data = (tmp_path / "dump").read_bytes()
    stacks: Stacks = ast.literal_eval(data.decode())
    file = imported(data)
    assert len(stacks) > 5 and plop_of(file) == stacks
    assert file.facts["import.format"] == "plop" and file.facts["sample.samples"] == sum(stacks.values())
    assert "sample.clock" not in file.facts and "sample.interval_ns" not in file.facts, "unknown"
    for sample in file.samples or ():
        assert sample[1:5] == ("", None, False, False) and sample[6:] == (0, 0)
    with tonnage.import_dump(tmp_path / "dump", tmp_path / "a.tonnage") as snapshot:
        snapshot.export(tmp_path / "again.plop")
        assert (tmp_path / "again.plop").read_bytes() == data, "to the byte, as it is sorted by samples"
        snapshot.export(tmp_path / "a.collapsed")
    lines = (tmp_path / "a.collapsed").read_text(encoding="utf-8").splitlines()
    assert sum(int(line.rpartition(" ")[2]) for line in lines) == sum(stacks.values())


names = st.text(st.characters(exclude_characters="\0", exclude_categories=()), max_size=8) | st.sampled_from(
    [
        "<module>",
        "/srv/app.py",
        "it's",
        'a"b',
        'it\'s "both"',
        "\\",
        "\n\t\r",
        "\ud800",
        "\ud83d\ude00",
        "\U0001f600",
        "",
    ]
)
dumps = st.dictionaries(
    st.lists(st.tuples(names, st.sampled_from([0, 1, 2**31, 2**32 - 1]), names), min_size=1, max_size=5).map(tuple),
    st.integers(1, 2**40) | st.integers(1, 3),
    min_size=1,
    max_size=8,
)


@settings(max_examples=100, deadline=None)
@given(dumps)
@example({(("a.py", row, "f"),): 1 for row in range(3000)})
@example({tuple(("a.py", row, "f") for row in range(2000)): 2**62})
def test_any_dict_of_stacks_is_read_as_it_is(stacks: Stacks) -> None:
    written = repr(stacks).encode("utf-8", "surrogatepass")
    assert plop_of(imported(written)) == stacks


def test_blanks_and_commas_may_stand_where_python_takes_them() -> None:
    text = "\n{ ( ( 'a' ,1,\t\"b\" ) , ) :\r\n 3 , (('a',0,'c'),('a',1,'b'),) : 4 , }\n"
    assert plop_of(imported(text.encode())) == ast.literal_eval(text.strip())


# ---- what is refused ----

FRAME = "('a.py', 1, 'f')"
STACK = f"({FRAME},)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{(", "byte 2: it ends in the middle"),
        (f"{{{STACK}: 1", "ends in the middle"),
        (f"{{{STACK}: 1}} x", "byte 25: more follows behind its end"),
        (f"{{{STACK}: 1}}\0", "more follows behind its end"),
        (f"{{{STACK}: 1 {STACK}: 1}}", "a dict that does not end"),
        (f"{{{STACK}: 1, 2}}", "a stack that is no tuple"),
        (f"{{{STACK} 1}}", "without a number of samples"),
        (f"{{{STACK}: 0}}", "a stack without samples"),
        (f"{{{STACK}: -1}}", "a number that is none"),
        (f"{{{STACK}: 1.5}}", "a dict that does not end"),
        (f"{{{STACK}: 1L}}", "a dict that does not end"),
        (f"{{{STACK}: 01}}", "too large, or begins with 0"),
        (f"{{{STACK}: {2**63}}}", "too large"),
        (f"{{{STACK}: {10**40}}}", "too large"),
        (f"{{{STACK}: {2**62}, ({FRAME}, {FRAME}): {2**62}}}", "more samples, names or stacks"),
        (f"{{{STACK}: 1, {STACK}: 1}}", "a stack that is there already"),
        (f"{{{STACK}: __import__('os')}}", "a number that is none"),
        ("{(): 1}", "no tuple of frames"),
        (f"{{({FRAME}): 1}}", "no tuple of frames"),
        (f"{{({FRAME},,): 1}}", "a frame that is no file, line and name"),
        ("{(('a.py', 1),): 1}", "a frame that is no file, line and name"),
        ("{(('a.py', 1, 'f', 2),): 1}", "a frame that is no file, line and name"),
        ("{(('a.py', 4294967296, 'f'),): 1}", "too large"),
        ("{(('a.py', 'f', 1),): 1}", "a number that is none"),
        ("{((b'a.py', 1, 'f'),): 1}", "a name that is no text"),
        ("{((open('a'), 1, 'f'),): 1}", "a name that is no text"),
        ("{(('a' 'b', 1, 'f'),): 1}", "a frame that is no file"),
        ("{(('''a''', 1, 'f'),): 1}", "a frame that is no file"),
        ("{(('a\nb', 1, 'f'),): 1}", "a control character"),
        ("{(('a\0b', 1, 'f'),): 1}", "a control character"),
        ("{(('a\\0b', 1, 'f'),): 1}", "an escape that repr does not write"),
        ("{(('a\\N{DASH}b', 1, 'f'),): 1}", "an escape that repr does not write"),
        ("{(('a\\x00b', 1, 'f'),): 1}", "a zero in it"),
        ("{(('a\\U00110000b', 1, 'f'),): 1}", "no character"),
        ("{(('a\\xg0', 1, 'f'),): 1}", "an escape that is none"),
        ("{(('a\udcff', 1, 'f'),): 1}", "no UTF-8"),
        ("{(('a", "ends in the middle"),
        ("{(('a\\", "ends in the middle"),
        ("{(('a\\u00", "ends in the middle"),
    ],
)  # fmt: skip
def test_what_no_dump_has_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(tonnage.FormatError, match=message):
        imported(text.encode("utf-8", "surrogateescape"))


SMALL: Stacks = {(("a.py", 3, "f"), ("it's", 0, "<module>")): 2**33, (("é\n", 4, ""),): 7, (("a.py", 3, "f"),): 1}


def test_a_dump_that_is_cut_anywhere_is_refused() -> None:
    whole = repr(SMALL).encode()
    imported(whole)
    for n in range(2, len(whole)):
        with pytest.raises(tonnage.FormatError):
            imported(whole[:n])


@pytest.mark.parametrize("seed", range(3))
def test_a_dump_with_changed_bytes_is_read_as_python_reads_it_or_refused(seed: int) -> None:
    rng = random.Random(seed)
    whole = repr(SMALL).encode()
    read = 0
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 3)):
            data[rng.randrange(2, len(data))] = rng.choice((rng.randrange(256), *whole))
        try:
            file = imported(bytes(data))
        except tonnage.FormatError:
            continue
        read += 1
        assert plop_of(file) == ast.literal_eval(data.decode())
    assert read


def test_samples_have_no_allocations_and_no_threads(tmp_path: Path) -> None:
    (tmp_path / "dump").write_text(repr(SMALL), encoding="utf-8")
    with tonnage.import_dump(tmp_path / "dump", tmp_path / "a.tonnage") as snapshot:
        with pytest.raises(tonnage.ArgumentError, match="nothing was traced"):
            snapshot.export(tmp_path / "out", to="pprof", what="live")
        with pytest.raises(tonnage.ArgumentError, match="samples stand for is not known"):
            snapshot.export(tmp_path / "out", to="pstats")
        snapshot.export(tmp_path / "a.speedscope")
    assert '"name":"unknown thread","unit":"none"' in (tmp_path / "a.speedscope").read_text(encoding="utf-8")


def test_equal_names_of_two_files_are_two_functions() -> None:
    stacks: Stacks = {(("a.py", 1, "f"),): 1, (("b.py", 1, "f"),): 2, (("a.py", 2, "f"),): 3}
    file = imported(repr(stacks).encode())
    assert Counter(code.name for code in file.codes) == {"f": 3}
