"""tonnage export --to pprof|speedscope|collapsed as commands, and tonnage import of a dump of tracemalloc."""

from __future__ import annotations

import gzip
import json
import os
import pstats
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sample_files
from cli_support import Cli
from pure_writer import Code, Site
from stack_files import file_of

CODES = [Code("<module>", "<module>", "/srv/app.py", 1), Code("work", "Worker.work", "/srv/app.py", 10),
         Code("thread pool", "thread pool", "", 0), Code("<native>", "<native>", "", 0)]  # fmt: skip
SITES = [
    Site(2, 1, 4096, 9000, 100, 5000, 4500, 2, 9, 1, 3),
    Site(4, 0, 512, 512, 0, 512, 0, 1, 1, 0, 0),
    Site(5, 2, 0, 64, 64, 64, 64, 0, 1, 1, 1),
    Site(0, 2**31 + 389047, 1, 1, 0, 1, 1, 1, 1, 0, 1),
]
PLOP = "(('/srv/app.py', 10, 'work'), ('/srv/app.py', 1, '<module>'))"
NOTHING = "the snapshot has no allocations and no samples: nothing was traced or sampled"
GOLDEN = Path(__file__).with_name("golden")
DUMP = """
import sys, tracemalloc
tracemalloc.start(5)
def make():
    return [bytearray(1000) for _ in range(20)]
kept = make()
tracemalloc.take_snapshot().dump(sys.argv[1])
"""


def data() -> bytes:
    """Five stacks, four of which allocated, of two threads and none."""
    return file_of(CODES, [(0, 0, 0, 4), (1, 1, 0, 12), (0, 2, 0, 0), (3, 1, 0, 14), (0, 3, 0, 0)], SITES)


@pytest.fixture
def traced(tmp_path: Path) -> Path:
    path = tmp_path / "traced.tonnage"
    path.write_bytes(data())
    return path


def words(verb: str, file: Path, *rest: str) -> list[str]:
    """Of the file in the current folder."""
    return [verb, file.with_name("traced.tonnage").name, *rest]


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("export", ("--to", "collapsed")),
        ("export", ("--to", "collapsed", "--what", "allocated")),
        ("export", ("--to", "speedscope", "--what", "peak")),
    ],
)
def test_text_is_the_golden_one(cli: Cli, traced: Path, name: str, rest: tuple[str, ...]) -> None:
    got = cli(*words(name, traced, *rest), cwd=traced.parent)
    slug = "-".join([name, *rest]).replace("--", "").translate(str.maketrans(":*.", "___"))
    assert (got.returncode, got.stderr) == (0, "")
    assert got.stdout == (GOLDEN / f"{slug}.txt").read_text(encoding="utf-8")


def test_the_end_of_the_name_says_which(cli: Cli, traced: Path, tmp_path: Path) -> None:
    for name in ("a.pprof", "a.speedscope", "a.collapsed"):
        assert cli("export", traced, "-o", tmp_path / name).returncode == 0
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    gzip.decompress((tmp_path / "a.pprof").read_bytes())
    json.loads((tmp_path / "a.speedscope").read_text(encoding="utf-8"))
    assert (tmp_path / "a.collapsed").read_text(encoding="utf-8") == cli("export", traced, "--to", "collapsed").stdout


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--what", "cpu"), 2, "the snapshot has no samples of the processor's time: nothing was sampled"),
        (("--what", "roots"), 2, 'export: of stacks --what takes live, allocated, peak or cpu, not "roots"'),
        (("--where", "type:dict"), 2, "pprof is of stacks: it takes no selection of objects"),
        (("--against", "traced.tonnage"), 2, "pprof is of stacks: it takes no selection of objects"),
        (("--columns", "size"), 2, "pprof is of stacks as they are: it has no choice of tables or columns"),
        (("--max-nodes", "5"), 2, "pprof folds nothing"),
        (("--max-memory", "1k"), 5, ""),
    ],
)
def test_what_makes_no_sense_is_one_line(
    cli: Cli, traced: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    got = cli("export", traced, "--to", "pprof", *words, cwd=traced.parent)
    assert (got.returncode, got.stdout, got.stderr.count("\n")) == (code, "", 1)
    assert message in got.stderr


def test_a_snapshot_that_was_not_traced_has_no_profile(cli: Cli, shop: Path) -> None:
    got = cli("export", shop, "--to", "pprof")
    assert (got.returncode, got.stdout) == (2, "")
    assert got.stderr == f"tonnage: {NOTHING}\n"


def test_a_full_disk_is_one_line(cli: Cli, traced: Path) -> None:
    with open("/dev/full", "wb") as nowhere:
        got = cli("export", traced, "--to", "pprof", capture_output=False, stdout=nowhere, stderr=-1)
    assert got.returncode == 5 and "No space left on device" in got.stderr


# ---- dumps of tracemalloc ----


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    path = tmp_path / "dump.pickle"
    subprocess.run([sys.executable, "-c", DUMP, str(path)], check=True)
    return path


def test_a_dump_of_tracemalloc_is_a_snapshot_with_stacks(cli: Cli, dump: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.tonnage"
    got = cli("import", dump, "-o", out)
    assert (got.returncode, got.stderr) == (0, "")
    assert "traced blocks, " in got.stdout and got.stdout.endswith("; objects are not in such a dump\n")
    assert cli("check", out).returncode == 0
    stacks = cli("export", out, "--to", "collapsed").stdout.splitlines()
    assert any(line.startswith("<string> (<string>:6);<string> (<string>:5)") for line in stacks)


def test_a_pickle_that_would_run_something_runs_nothing(cli: Cli, tmp_path: Path) -> None:
    there, path, out = tmp_path / "there", tmp_path / "evil.pickle", tmp_path / "out.tonnage"
    path.write_bytes(b"\x80\x04cos\nmkdir\n(X%c\x00\x00\x00%stR." % (len(str(there)), str(there).encode()))
    got = cli("import", path, "-o", out)
    assert (got.returncode, got.stdout, got.stderr.count("\n")) == (5, "", 1)
    assert "byte 2: it asks for os.mkdir, and a dump of tracemalloc for its Snapshot and _Traces only" in got.stderr
    assert os.listdir(tmp_path) == ["evil.pickle"]


def test_a_dump_within_a_limit_of_memory(cli: Cli, dump: Path, tmp_path: Path) -> None:
    got = cli("import", dump, "-o", tmp_path / "out.tonnage", "--max-memory", "20k")
    assert (got.returncode, got.stderr.count("\n")) == (5, 1)
    assert "the dump needs more memory than the limit of 20480 bytes" in got.stderr
    assert os.listdir(tmp_path) == ["dump.pickle"]


def test_a_dump_through_a_pipe_is_refused_as_what_it_is(cli: Cli, dump: Path, tmp_path: Path) -> None:
    with subprocess.Popen(["cat", dump], stdout=subprocess.PIPE) as pipe:
        got = cli("import", "-", "-o", tmp_path / "out.tonnage", stdin=pipe.stdout)
    assert (got.returncode, os.listdir(tmp_path)) == (5, ["dump.pickle"])
    assert "must be a file, not a pipe" in got.stderr


def test_what_a_dump_does_not_know_is_refused_and_not_made_up(cli: Cli, dump: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "z.tonnage", tmp_path / "a.tonnage"
    assert all(cli("import", dump, "-o", out).returncode == 0 for out in (one, two))
    alive = "is not known in a dump of tracemalloc, which has what is alive alone"
    for verb, what in (("peak", "the peak"), ("temporary", "what was freed"), ("survivors", "how old blocks are")):
        got = cli(verb, one)
        assert (got.returncode, got.stdout, got.stderr) == (2, "", f"tonnage: {what} {alive}\n")
    assert "Allocated" not in cli("sites", one).stdout and cli("sites", one, "--sort", "allocated").returncode == 2
    for what in ("allocated", "peak"):
        got = cli("export", one, "--to", "pprof", "--what", what, "-o", tmp_path / "out")
        assert got.returncode == 2 and alive in got.stderr and not (tmp_path / "out").exists()
    subprocess.run([sys.executable, "-c", DUMP.replace("start(5)", "start(1)"), str(dump)], check=True)
    assert cli("import", dump, "-o", two, "--force").returncode == 0
    threads = {row["name"] for row in json.loads(cli("sites", two, "--by", "thread", "--json").stdout)["rows"]}
    assert "<lost>" in threads <= {"<lost>", "<native>"}, "threads are not in a dump"
    page = cli("sites", one, two).stdout
    assert "note: one of the snapshots does not say when it was taken; they are in the order given\n" in page
    assert f"compared with {one}; of which process is not told\n" in page
    assert json.loads(cli("sites", one, two, "--json").stdout)["same_process"] is None


def test_a_dump_without_traces_is_told_as_one(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "none.pickle"
    code = "import sys, tracemalloc; tracemalloc.Snapshot([], 1).dump(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    got = cli("import", path, "-o", tmp_path / "out.tonnage")
    assert (got.returncode, got.stdout) == (0, "0 traced blocks, 0 B; objects are not in such a dump\n")
    got = cli("export", tmp_path / "out.tonnage", "--to", "collapsed")
    assert (got.returncode, got.stderr) == (2, f"tonnage: {NOTHING}\n")


# ---- where threads were, and dumps of plop ----


def test_a_file_of_samples_goes_out_without_a_word(cli: Cli, tmp_path: Path) -> None:
    path = sample_files.shop("real").write(tmp_path / "a.tonnage")
    got = cli("export", path, "--to", "collapsed")
    assert got.stdout == cli("export", path, "--to", "collapsed", "--what", "cpu").stdout
    assert sum(int(line.rpartition(" ")[2]) for line in got.stdout.splitlines()) == 100 * sample_files.TICK_NS
    assert cli("export", path, "-o", tmp_path / "a.pstats").returncode == 0
    stats: Any = pstats.Stats(str(tmp_path / "a.pstats"))
    assert stats.prim_calls == 100
    for to in ("pstats", "plop"):
        got = cli("export", path, "--to", to, "--what", "live")
        assert (got.returncode, got.stderr) == (2, f"tonnage: {to} is of the processor's time, and not of memory\n")
    got = cli("export", path, "--to", "pprof", "--what", "live")
    assert (got.returncode, got.stderr) == (2, "tonnage: the snapshot has no allocations: nothing was traced\n")


def test_a_dump_of_plop_goes_in_and_out(cli: Cli, tmp_path: Path) -> None:
    path, out = tmp_path / "a.plop", tmp_path / "a.tonnage"
    path.write_text(f"{{{PLOP}: 42}}", encoding="utf-8")
    got = cli("import", path, "-o", out)
    assert (got.returncode, got.stdout) == (0, "42 samples; threads, clock and times are not in such a dump\n")
    assert cli("check", out).returncode == 0
    assert cli("export", out, "--to", "plop").stdout == f"{{{PLOP}: 42}}"
    got = cli("export", out, "-o", tmp_path / "a.pstats")
    assert got.returncode == 2 and "how long its samples stand for is not known" in got.stderr
    page = cli("profile", out).stdout
    assert "clock unknown: samples, and no time; 42 samples\n" in page and " s in all" not in page
    assert re.search(r"^1 +42 +100\.0 +91\.6 to 100\.0 +42 +100\.0 +42  /srv/app.py work\(\)$", page, re.M)
    found = json.loads(cli("profile", out, "--json").stdout)
    assert found["profile"]["unit"] == found["units"]["own"] == "samples" and "cpu_ns" not in found["rows"][0]
    packed = tmp_path / "a.plop.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert cli("import", packed, "-o", tmp_path / "b.tonnage").returncode == 0
    with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as pipe:
        got = cli("import", "-", "-o", tmp_path / "c.tonnage", stdin=pipe.stdout)
    assert got.returncode == 5 and "a dump of plop must be a file, not a pipe" in got.stderr
    path.write_text(f"{{{PLOP}: open('x')}}", encoding="utf-8")
    got = cli("import", path, "-o", tmp_path / "c.tonnage")
    assert (got.returncode, got.stderr.count("\n")) == (5, 1) and "byte 64: a number that is none" in got.stderr
    assert not (tmp_path / "c.tonnage").exists()
