"""Go's own pprof reads what tonnage exports, and finds the same sums."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pure_reader as reader
import pytest
import sample_files
import stack_files
from cli_support import CLI
from pure_writer import Code, Site
from stack_files import file_of

pytestmark = pytest.mark.skipif(shutil.which("go") is None, reason="tools/bootstrap.sh interop gets Go and pprof")

CODES = [Code("<module>", "<module>", "/srv/app.py", 1), Code("work", "Worker.work", "/srv/app.py", 10),
         Code("thread pool", "thread pool", "", 0), Code("<native>", "<native>", "", 0),
         Code("_Z3foov", "_Z3foov", "/srv/odd.py", 2), Code("less<", "Odd.less<", "/srv/odd.py", 3)]  # fmt: skip
STACK = [(0, 0, 0, 4), (1, 1, 0, 12), (0, 2, 0, 0), (3, 1, 0, 14), (0, 3, 0, 0), (1, 4, 0, 2), (6, 5, 0, 3)]
SITES = [
    Site(2, 1, 4096, 9000, 100, 5000, 4500, 2, 9, 1, 3), Site(4, 0, 512, 512, 0, 512, 0, 1, 1, 0, 0),
    Site(5, 2, 0, 64, 64, 64, 64, 0, 1, 1, 1), Site(7, 2**31 + 389047, 1, 7, 0, 7, 1, 1, 3, 0, 1),
    Site(0, 1, 9, 9, 0, 9, 9),
]  # fmt: skip


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pprof") / "a.tonnage"
    path.write_bytes(file_of(CODES, STACK, SITES, **{"trace.interval_bytes": 524288}))
    return path


def asked(file: Path, what: str, *words: str) -> str:
    out = file.with_name(f"{what}.pb.gz")
    subprocess.run([CLI, "export", str(file), "--to", "pprof", "--what", what, "-o", str(out), "--force"], check=True)
    done = subprocess.run(
        ["go", "tool", "pprof", *words, str(out)], capture_output=True, text=True, timeout=600, check=True
    )
    assert "rror" not in done.stderr
    return done.stdout


@pytest.mark.parametrize("what", stack_files.WHATS)
def test_its_raw_samples_are_those_of_the_file(file: Path, what: str) -> None:
    text = asked(file, what, "-raw")
    assert "PeriodType: space bytes\nPeriod: 524288\n" in text
    default = "alloc_space" if what == "allocated" else "inuse_space"
    types = "alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes"
    assert types.replace(f"{default}/bytes", f"{default}/bytes[dflt]") in text
    rows = [tuple(map(int, row.split())) for row in re.findall(r"^((?: *\d+){4}): \d", text, re.M)]
    expected = stack_files.samples(reader.Snapshot.open(file), what)
    assert sorted(rows) == sorted(expected.values())
    assert set(re.findall(r"domain:\[([^\]]*)\]", text)) == {"mem", "obj", "raw", "tracked 389047"}
    assert re.findall(r"thread:\[([^\]]*)\]", text) == ["thread pool"]
    assert re.search(r"Worker\.work /srv/app\.py:12(?::0)? s=10", text)


@pytest.mark.parametrize("what", stack_files.WHATS)
def test_its_top_has_the_bytes_of_each_function_under_its_own_name(file: Path, what: str) -> None:
    text = asked(file, what, "-top", "-unit=B", "-nodefraction=0", "-nodecount=100")
    flat: Counter[str] = Counter()
    for stack, weight in stack_files.weights(reader.Snapshot.open(file), what).items():
        flat[stack[-1].name] += weight
    found = {name: int(size) for size, name in re.findall(r"^ *(\d+)B? +\S+% +\S+% +\d+B? +\S+% +(.*)$", text, re.M)}
    assert {name: size for name, size in found.items() if size} == flat
    assert "<module>" in found


def test_a_profile_can_be_subtracted_from_another(file: Path) -> None:
    asked(file, "live", "-raw")
    text = asked(file, "peak", "-top", "-unit=B", "-diff_base", str(file.with_name("live.pb.gz")))
    assert re.search(rf"^ *{4500 - 4096 - 512}B .* Worker\.work$", text, re.M)


@pytest.mark.parametrize("clock", sample_files.CLOCKS)
def test_samples_of_time_have_their_threads_tasks_and_states(tmp_path: Path, clock: str) -> None:
    path = sample_files.shop(clock).write(tmp_path / "a.tonnage")
    text = asked(path, "cpu", "-raw")
    name = {"real": "wall", "prof": "cpu", "virtual": "user", "gil": "gil"}[clock]
    types = f"samples/count {name}/nanoseconds[dflt]" + ("" if clock == "prof" else " cpu/nanoseconds")
    assert f"PeriodType: {name} nanoseconds\nPeriod: 10000000\n" in text and f"\n{types}\n" in text
    file = reader.Snapshot.open(path)
    rows = [tuple(map(int, row.split())) for row in re.findall(r"^ *(\d+(?: +\d+){1,2}): \d", text, re.M)]
    assert [sum(column) for column in zip(*rows, strict=True)][:2] == [100, 10**9] == [
        sum(sample.samples for sample in file.samples or ()), sum(sample.ns for sample in file.samples or ())
    ]  # fmt: skip
    assert set(re.findall(r"task:\[([^\]]*)\]", text)) == {sample.task for sample in file.samples or () if sample.task}
    assert set(re.findall(r"thread:\[([^\]]*)\]", text)) == {sample.thread for sample in file.samples or ()}
    assert {"waiting", "running with the lock"} <= set(re.findall(r"state:\[([^\]]*)\]", text))


def test_its_top_has_the_time_of_each_function(tmp_path: Path) -> None:
    path = sample_files.shop().write(tmp_path / "a.tonnage")
    top = asked(path, "cpu", "-top", "-unit=ms", "-nodefraction=0", "-nodecount=100")
    assert re.search(r"^ *400ms +40\.00% .* 600ms +60\.00% +load$", top, re.M)
