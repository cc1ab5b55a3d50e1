"""The layout tables: what CPython's headers say, and what the probes at import make of a wrong one.

`capture/cpython/probe.c` is compiled against the internal headers of the interpreter that runs the tests, and its
output is compared with the table line by line; the first line names the patch release and may differ. `shifted.c` links
the probes as they are to a table that a test may corrupt.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
CPYTHON = ROOT / "capture" / "cpython"
HEADERS = Path(sysconfig.get_path("include"))
COMPILER = shutil.which("cc") or shutil.which("gcc")
SOURCES = (
    "tests/python/shifted.c",
    "capture/inside/interpreter.c",
    "capture/inside/planted.c",
    "capture/inside/planted_objects.c",
    "capture/inside/planted_state.c",
    "capture/inside/process.c",
    "capture/engine/map.c",
    *(f"lib/base/{path.name}" for path in sorted((ROOT / "lib" / "base").glob("*.c"))),
)
# What no probe covers, and why. Not to grow: a field that is read must be checked.
NOT_PROBED = {
    "audit_hooks": "empty unless the program adds a hook, and a hook cannot be taken away again",
    "static_types_max": "3.12: a bound of an array that nothing known follows",
    "static_ext_max": "a bound of an array that nothing known follows",
}
MOST_NOT_PROBED = 3
pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler")


def table_of(name: str) -> str:
    return (CPYTHON / f"layout_{name.replace('.', '_')}.h").read_text()


@pytest.fixture(scope="module")
def shifted(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    path = tmp_path_factory.mktemp("shifted") / "shifted.so"
    include = [f"-I{place}" for place in (HEADERS, *(ROOT / name for name in ("capture", "lib", "include")))]
    flags = ("-w", "-O1", "-std=gnu11", "-D_GNU_SOURCE", "-fPIC", "-shared", "-pthread")
    command = [str(COMPILER), *flags, *include, "-o", path, *(ROOT / source for source in SOURCES)]
    subprocess.run(command, check=True, timeout=200)
    spec = importlib.util.spec_from_file_location("shifted", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def probes(shifted: ModuleType) -> Iterator[ModuleType]:
    """With the table that this interpreter is accepted with."""
    candidates = iter(range(8))
    while shifted.use(sys.hexversion, next(candidates)) is not None:
        if shifted.probe("", 0) is None:
            break
    yield shifted
    gc.collect()


def candidates_of(shifted: ModuleType, hexversion: int) -> list[tuple[str, bool]]:
    found = []
    while (one := shifted.use(hexversion, len(found))) is not None:
        found.append(one)
    return found


@pytest.mark.skipif(not (HEADERS / "internal").is_dir(), reason="this interpreter came without internal headers")
def test_the_table_is_what_the_headers_say(tmp_path: Path, shifted: ModuleType) -> None:
    probe = tmp_path / "probe"
    command = [str(COMPILER), "-w", f"-I{HEADERS}", f"-I{HEADERS / 'internal'}", "-o", probe, CPYTHON / "probe.c"]
    subprocess.run(command, check=True, timeout=100)
    printed, tables = [], []
    for name, _ in candidates_of(shifted, sys.hexversion):
        suffix = name.replace(".", "_")
        done = subprocess.run([probe, suffix], capture_output=True, text=True, check=True, timeout=20)
        printed.append(done.stdout.splitlines())
        tables.append(table_of(name).splitlines())
    assert min(len(lines) for lines in printed) > 100
    assert any(one[1:] == other[1:] for one, other in zip(printed, tables, strict=True))


def test_this_interpreter_passes_every_probe(probes: ModuleType) -> None:
    assert probes.probe("", 0) is None


def test_a_field_that_moved_by_a_word_is_refused_by_name(probes: ModuleType) -> None:
    name = next(name for name, _ in candidates_of(probes, sys.hexversion))
    probes.use(sys.hexversion, 0)
    there = set(re.findall(r'^    (?:\.(\w+) = \d|\{"([\w.]+)")', table_of(name), re.MULTILINE))
    fields = [field for field, _ in probes.fields() if (field, "") in there or ("", field) in there]
    assert len(fields) > 120
    accepted = [field for field in fields if probes.probe(field, 8) is None]
    assert set(accepted) <= set(NOT_PROBED)
    assert len(NOT_PROBED) <= MOST_NOT_PROBED
    version = ".".join(map(str, sys.version_info[:3]))
    message = probes.probe("code_consts", 8)
    assert f"CPython {version} is not supported" in message
    assert "code_consts" in message
    assert probes.probe("", 0) is None


def test_the_table_of_another_range_of_this_minor_is_refused(probes: ModuleType) -> None:
    """Where a minor has several tables, exactly one is that of the interpreter."""
    some = sys.hexversion & 0xFFFF0000 | 0xFEF0  # no release: all tables of the minor
    tables = candidates_of(probes, some)
    passed = []
    for index, (name, listed) in enumerate(tables):
        assert not listed
        probes.use(some, index)
        if probes.probe("", 0) is None:
            passed.append(name)
    assert len(passed) == 1


def test_releases_between_the_ranges_try_every_table_of_their_minor(shifted: ModuleType) -> None:
    assert candidates_of(shifted, 0x030D00F0) == [("3.13.0", True)]
    assert candidates_of(shifted, 0x030D12F0) == [("3.13", True)]
    assert candidates_of(shifted, 0x030D02F0) == [("3.13", False), ("3.13.0", False)]
    assert candidates_of(shifted, 0x030E03F0) == [("3.14.3", True)]
    assert candidates_of(shifted, 0x030E04F0) == [("3.14", False), ("3.14.3", False)]
    assert candidates_of(shifted, 0x030F00A1) == [("3.15", False)]  # 3.15.0a1
    assert candidates_of(shifted, 0x030AFFF0) == candidates_of(shifted, 0x031000F0) == []


@pytest.mark.timeout(600)  # the limit of others interrupts a probe, which says then that its findings differ
def test_the_probes_leave_nothing(probes: ModuleType) -> None:
    """A leak would be a block a run at least, in each round; free lists and caches fill up in some."""
    times, rounds = 200, []
    for _ in range(6):
        gc.collect()
        before = sys.getallocatedblocks(), len(gc.get_objects()), gc.isenabled(), sys.getrefcount(sys.modules)
        for _ in range(times):
            assert probes.probe("", 0) is None
        gc.collect()
        after = sys.getallocatedblocks(), len(gc.get_objects()), gc.isenabled(), sys.getrefcount(sys.modules)
        rounds.append(after[0] - before[0])
        if rounds[-1] < times / 2 and abs(after[1] - before[1]) < 8:
            break
    assert min(rounds) < times / 2
    assert abs(after[1] - before[1]) < 8
    assert after[2:] == before[2:]


def test_the_probes_run_no_code_of_the_program(probes: ModuleType) -> None:
    """Tracers, profilers and callbacks of the collector see nothing; audit hooks, that source was compiled."""
    done = subprocess.run([sys.executable, "-c", WATCHED.format(path=probes.__file__)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert set(seen["audited"]) <= {"compile"}
    # The call of probe itself, which a profiler sees.
    assert [what for what in seen["traced"] if what[0] != "<module>" or not what[1].startswith("c_")] == []
    assert seen["collected"] == []
    assert seen["enabled"] is False


def test_what_a_handler_of_a_signal_raises_is_no_answer(probes: ModuleType) -> None:
    class Mine(Exception):
        pass

    def handler(*_: object) -> None:
        raise Mine

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored
    try:
        with pytest.raises(KeyboardInterrupt):
            probes.probe_interrupted()
        assert probes.probe("", 0) is None
        signal.signal(signal.SIGINT, handler)
        with pytest.raises(Mine):
            probes.probe_interrupted()
    finally:
        signal.signal(signal.SIGINT, before)
    assert probes.probe("", 0) is None


def test_a_lack_of_memory_is_no_answer(probes: ModuleType) -> None:
    pytest.importorskip("_testcapi")
    words = [sys.executable, "-c", NO_MEMORY.format(path=probes.__file__)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said[:2] == ["no memory"] * 2
    assert set(said) <= {None, "no memory"}


NO_MEMORY = """
import _testcapi, importlib.util, json, sys
spec = importlib.util.spec_from_file_location("shifted", {path!r})
shifted = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shifted)
index = 0
while shifted.use(sys.hexversion, index) and shifted.probe("", 0) is not None:
    index += 1
def probe(first, last):  # the allocations that fail; last 0: all from there on
    _testcapi.set_nomemory(first, last)
    try:
        answer = shifted.probe("", 0)
    except MemoryError:
        answer = "no memory"
    finally:
        _testcapi.remove_mem_hooks()
    return answer
# The first ones: further on is CPython's compiler, which may crash without memory (3.11.7, 3.14.10).
said = [probe(n, end) for n in range(2) for end in (0, n + 1)]
print(json.dumps(said))
"""


def test_one_allocation_that_fails_is_a_lack_of_memory_and_nothing_else(probes: ModuleType) -> None:
    """Each in a child: CPython itself crashes at some of them."""
    pytest.importorskip("_testcapi")
    code = NO_MEMORY.partition("# The first ones")[0] + ONE_FAILS
    words = [sys.executable, "-c", code.format(path=probes.__file__)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert set(said) <= {"None", "no memory", "crashed"} and {"None", "no memory"} <= set(said)


ONE_FAILS = """
import os
said = []
for n in range(1800, 2700, 5):  # behind what the compiler allocates, and on
    reading, writing = os.pipe()
    if not os.fork():
        try:
            answer = str(probe(n, n + 1))
        except BaseException as error:
            answer = repr(error)
        os.write(writing, answer.encode())
        os._exit(0)
    os.close(writing)
    said.append(os.read(reading, 1000).decode() or "crashed")
    os.close(reading)
    os.wait()
print(json.dumps(said))
"""


WATCHED = """
import gc, importlib.util, json, sys
spec = importlib.util.spec_from_file_location("shifted", {path!r})
shifted = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shifted)
index = 0
while shifted.use(sys.hexversion, index) and shifted.probe("", 0) is not None:
    index += 1
gc.disable()
on, audited, traced, collected = False, [], [], []
def audit(name, args):
    if on:
        audited.append(name)
def trace(frame, what, argument):
    global on
    if on:
        on = False  # asking for f_code is an audited event itself
        traced.append([frame.f_code.co_name, what])
        on = True
    return trace
def collect(phase, info):
    collected.append(phase)
sys.addaudithook(audit)
gc.callbacks.append(collect)
sys.settrace(trace)
sys.setprofile(trace)
on = True
answer = shifted.probe("", 0)
on = False
sys.settrace(None)
sys.setprofile(None)
assert answer is None, answer
print(json.dumps(dict(audited=audited, traced=traced, collected=collected, enabled=gc.isenabled())))
"""


@pytest.mark.skipif(not hasattr(sys, "activate_stack_trampoline"), reason="no perf trampolines before 3.12")
def test_the_probes_pass_under_another_evaluator(probes: ModuleType) -> None:
    script = "import sys, tonnage; print(tonnage.size_of([1, 2]))"
    done = subprocess.run([sys.executable, "-X", "perf", "-c", script], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
