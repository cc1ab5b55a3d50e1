#!/usr/bin/env python3
"""Runs the test suites and sums them up: what `make test` does.

    tools/run_tests.py [--list] [SUITE…]        default: all

Each suite ends with one line, `suite: N passed, N failed, N skipped`, in build-results/summary.txt too, where .ci/run
finds them. A skip is never a pass; a suite that yields no test at all counts as one failure, and so does a suite that
cannot be built. Standard library only.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import layout_ranges

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "build-results"
BIN = ROOT / ".venv" / "bin"
MINORS = (11, 12, 13, 14, 15)


@dataclass
class Result:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    note: str = ""
    failures: list[str] = field(default_factory=list)
    unsteady: list[str] = field(default_factory=list)  # failed among all, passed alone: among the passed

    def add(self, other: Result) -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += other.failures
        self.unsteady += other.unsteady

    def fail(self, what: str) -> Result:
        self.failed += 1
        self.failures.append(what)
        return self


def run(*command: str | Path, env: dict[str, str] | None = None, quiet: bool = False) -> int:
    """Runs in the root; the suite's output goes where ours goes, or nowhere unless it fails."""
    words = [str(word) for word in command]
    merged = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"} | (env or {})
    if not quiet:
        return subprocess.run(words, cwd=ROOT, env=merged, stdin=subprocess.DEVNULL, check=False).returncode
    pipe, out = subprocess.PIPE, subprocess.STDOUT
    done = subprocess.run(words, cwd=ROOT, env=merged, stdin=subprocess.DEVNULL, stdout=pipe, stderr=out, check=False)
    if done.returncode != 0:
        sys.stdout.buffer.write(done.stdout)
        sys.stdout.flush()
    return done.returncode


# ---- what the tools wrote ----


def _cases(path: Path) -> list[tuple[str, set[str]]]:
    """The tests of a junit file, each with the kinds of what was told of it."""
    cases = ET.parse(path).getroot().iter("testcase") if path.exists() else []
    return [(f"{case.get('classname')}::{case.get('name')}", {child.tag for child in case}) for case in cases]


def junit(path: Path) -> Result:
    """A junit file of pytest. No file, or no test in it, is a failure. Of two runs of a test the later counts."""
    if not path.exists():
        return Result().fail(f"{path.name}: not written")
    result = Result()
    again = {name for name, kinds in _cases(path.with_suffix(".again.xml")) if not kinds}
    for name, kinds in _cases(path):
        if kinds & {"failure", "error"} and name in again:
            result.passed += 1
            result.unsteady.append(name)
        elif kinds & {"failure", "error"}:
            result.fail(name)
        elif "skipped" in kinds:
            result.skipped += 1
        else:
            result.passed += 1
    if result.passed + result.failed == 0:
        result.fail(f"{path.name}: no test ran")
    return result


def meson_log(path: Path) -> Result:
    """Meson's testlog.json: cmocka's or TAP's own counts where a program prints them, else one a program."""
    if not path.exists():
        return Result().fail(f"{path}: not written")
    result = Result()
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        entry = json.loads(text)
        output = str(entry.get("stdout") or "") + str(entry.get("stderr") or "")

        def cmocka(word: str, output: str = output) -> int:
            return sum(int(n) for n in re.findall(rf"^\[  {word}  \] (\d+) test\(s\)", output, re.M))

        one = Result(cmocka("PASSED"), cmocka("FAILED"), cmocka("SKIPPED"))
        if one == Result():
            one.skipped = len(re.findall(r"^ok\b.*# skip", output, re.M | re.I))
            one.passed = len(re.findall(r"^ok\b", output, re.M)) - one.skipped
            one.failed = len(re.findall(r"^not ok\b", output, re.M))
        name = str(entry["name"])
        if one.failed:
            one.failures.append(name)
        if entry["result"] == "SKIP":
            one.skipped = max(one.skipped, 1)
        elif entry["result"] not in ("OK", "EXPECTEDFAIL"):
            if not one.failed:
                one.fail(f"{name}: {entry['result']}")
        elif one.passed + one.failed + one.skipped == 0:
            one.passed = 1
        result.add(one)
    if result.passed + result.failed == 0:
        result.fail("no C test ran")
    return result


# ---- suites ----

CHECKED = ("-Dtests=true", "-Dpython=false", "-Dwerror_ci=true", "--buildtype=debugoptimized", "-Db_ndebug=false")


def _meson(folder: str, *options: str, env: dict[str, str] | None = None, only: str = "") -> Result:
    left_over = (ROOT / folder / "build.ninja").exists()
    # What another Meson, compiler or place has left may not build: then all of it is built again.
    if not left_over or run("meson", "compile", "-C", folder, quiet=True):
        shutil.rmtree(ROOT / folder, ignore_errors=True)
        if run("meson", "setup", folder, *CHECKED, *options, quiet=True):
            return Result().fail(f"meson setup {folder}")
        if run("meson", "compile", "-C", folder, quiet=True):
            return Result().fail(f"meson compile -C {folder}")
    log = ROOT / folder / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    run("meson", "test", "-C", folder, "--print-errorlogs", *(("--suite", only) if only else ()), env=env)
    return meson_log(log)


def suite_c() -> Result:
    return _meson("build-c")


def suite_asan() -> Result:
    env = {
        "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    }
    # -O1 compiles in half the time, and leaves no less to be found.
    return _meson("build-asan", "-Db_sanitize=address,undefined", "-Db_lundef=false", "-Doptimization=1", env=env)


def suite_tsan() -> Result:
    """Where threads meet: the engine, walking this process with several."""
    env = {"TSAN_OPTIONS": "halt_on_error=0:exitcode=66"}
    return _meson("build-tsan", "-Db_sanitize=thread", "-Db_lundef=false", env=env, only="engine")


# A third of a test is waiting for other processes. Who has nothing left to do takes from the end of another's files: so
# what a file prepares is prepared once. tools/test_versions.sh does the same.
CORES = len(os.sched_getaffinity(0))
SHARED = ("-n", str((3 * CORES + 1) // 2), "--dist=worksteal")


def suite_python() -> Result:
    out = RESULTS / "python.xml"
    run(BIN / "python", "tools/run_pytest.py", out, *SHARED, "tests/python", "tests/cli")
    return junit(out)


def suite_interop() -> Result:
    """Chromium and Meliae read what was exported; tests of what cannot be had are skipped."""
    run(ROOT / "tools" / "bootstrap.sh", "interop")
    out = RESULTS / "interop.xml"
    run(BIN / "python", "tools/run_pytest.py", out, "tests/interop")
    return junit(out)


def suite_web() -> Result:
    """The viewer: it is what web/ builds, its parts hold, Chromium drives its pages. Without npm: one skip."""
    failed = run(ROOT / "tools" / "bootstrap.sh", "web")
    web, result = ROOT / "web", Result()
    if failed or not (web / "node_modules").is_dir():
        return Result(skipped=1, note="the viewer was not built again: no npm with Node 20.19, or no registry")
    npm = ("npm", "--prefix", web, "run", "--silent")
    if run(*npm, "check"):
        result.fail("tsc")
    else:
        result.passed += 1
    with tempfile.TemporaryDirectory() as out:
        run(*npm, "build", env={"TONNAGE_WEB_OUT": out}, quiet=True)
        built, kept = Path(out) / "viewer.html", ROOT / "python" / "tonnage" / "viewer.html"
        if not built.exists() or built.read_bytes() != kept.read_bytes():
            result.fail("python/tonnage/viewer.html is not what web/ builds: make web")
        else:
            result.passed += 1
    parts, pages = RESULTS / "web-parts.xml", RESULTS / "web-pages.xml"
    run(*npm, "test", "--", "--reporter=default", "--reporter=junit", f"--outputFile.junit={parts}")
    report = ("--test-reporter=spec", "--test-reporter-destination=stdout", "--test-reporter=junit")
    run("node", "--test", *report, f"--test-reporter-destination={pages}", *sorted((web / "e2e").glob("*.test.mjs")))
    result.add(junit(parts))
    result.add(junit(pages))
    return result


def _other_versions(folder: Path, env: dict[str, str] | None = None) -> tuple[Result, dict[str, str], dict[int, str]]:
    """Runs tools/test_versions.sh: its result, what was tested of each version, and why minors were not."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    broken = run("bash", "tools/test_versions.sh", folder, env=env)
    result = Result()
    tested, reasons = dict[str, str](), dict[int, str]()
    for line in (folder / "tested").read_text().splitlines() if (folder / "tested").exists() else []:
        version, outcome, rest = (*line.split(maxsplit=2), "")[:3]
        if outcome == "built":
            one = junit(folder / f"{version}.xml")
            one.failures = [f"{version} {name}" for name in one.failures]
            one.unsteady = [f"{version} {name}" for name in one.unsteady]
            result.add(one)
            tested[version] = rest
        else:
            reasons[int(version.split(".")[1])] = rest
            if outcome != "untested":
                result.fail(f"{version}: {rest}")
    if broken or not (folder / "tested").exists():
        result.fail("tools/test_versions.sh")
    return result, tested, reasons


VERSION = ".".join(map(str, sys.version_info[:3]))


def suite_versions() -> Result:
    """The Python tests on every other CPython of 3.11 to 3.15; names versions and layouts not tested here, and why."""
    result, tested, reasons = _other_versions(RESULTS / "versions")
    result.note = _untested({VERSION: "all"} | tested, reasons)
    return result


def _has_run_cpython(report: Path) -> bool:
    """Whether a module of CPython's own tests was compared, not only how the comparing is done."""
    cases = ET.parse(report).getroot().iter("testcase") if report.exists() else []
    return any("cpython" in (case.get("classname") or "") and case.find("skipped") is None for case in cases)


def suite_regress() -> Result:
    """CPython's own tests, without us and under us. SOAK=whole: more, packages' too, on all interpreters here."""
    # The longest of them sleep nearly all the time.
    out, words = RESULTS / "regress.xml", ["tests/soak", "-n", str(2 * CORES), "--dist=load", "--maxschedchunk=1"]
    run(BIN / "python", "tools/run_pytest.py", out, *words)
    result, reports = junit(out), {VERSION: out}
    if os.environ.get("SOAK") == "whole":
        folder = RESULTS / "regress"
        others, tested, _ = _other_versions(folder, {"TONNAGE_TESTS": " ".join(words)})
        result.add(others)
        reports |= {version: folder / f"{version}.xml" for version in tested}
    done = sorted(version for version, report in reports.items() if _has_run_cpython(report))
    minors = {int(version.split(".")[1]) for version in done}
    missing = " ".join(f"3.{minor}" for minor in MINORS if minor not in minors)
    result.note = f"CPython whose own tests ran: {', '.join(done) or 'none'}; not: {missing or 'none'}"
    return result


def _untested(tested: dict[str, str], reasons: dict[int, str]) -> str:
    """What the closing line of the versions says: those tested, all or in part, and what was not."""
    order = sorted(tested, key=lambda version: [int(part) for part in re.findall(r"\d+", version)])
    shares = {"all": "", "most": " (capture and Python)", "few": " (layout and capture)"}
    names = [version + shares[tested[version]] for version in order]
    missing: dict[str, str] = {}
    for minor in set(MINORS) - {int(version.split(".")[1]) for version in tested}:
        why = reasons.get(minor, "never came to it")
        missing[why] = f"{missing.get(why, '')} 3.{minor}".strip()
    layouts = set(layout_ranges.tables()) - {layout_ranges.table_of(version) for version in tested}
    gaps = [f"{names} ({why})" for why, names in missing.items()]
    gaps += [f"layout {name}" for name in sorted(layouts)]
    gaps.append("free-threaded, debug and trace-refs builds, PyPy, GraalPy (refused by name)")
    return f"CPython tested: {', '.join(names)}; not tested: {', '.join(gaps)}"


def suite_lint() -> Result:
    listing = ["git", "ls-files", "-co", "--exclude-standard", "*.c", "*.h"]
    tracked = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    checks: list[tuple[str, list[str | Path]]] = [
        ("ruff", [BIN / "ruff", "check", "-q", "."]),
        ("mypy", [BIN / "mypy", "--strict", "--no-error-summary", "python/tonnage", "examples", "tools"]),
        ("stubtest", [BIN / "python", "-m", "mypy.stubtest", "tonnage._core", "tonnage._capture"]),
        ("check_layers", [BIN / "python", "tools/check_layers.py"]),
    ]
    result = Result()
    for name, command in checks:
        if run(*command):
            result.fail(name)
        else:
            result.passed += 1
    # Its own messages show a line for each blank: names are enough, `make fmt` does the rest.
    check = [str(BIN / "clang-format"), "--dry-run", "-Werror"]
    quiet = subprocess.DEVNULL
    unformatted = [name for name in tracked if subprocess.run([*check, name], cwd=ROOT, stderr=quiet).returncode]
    if unformatted:
        print("not laid out as .clang-format says:", *unformatted)
        result.fail("clang-format")
    else:
        result.passed += 1
    return result


SUITES: dict[str, Callable[[], Result]] = {
    "c": suite_c,
    "asan": suite_asan,
    "tsan": suite_tsan,
    "python": suite_python,
    "interop": suite_interop,
    "web": suite_web,
    "versions": suite_versions,
    "regress": suite_regress,
    "lint": suite_lint,
}


def main(argv: list[str]) -> int:
    if argv == ["--list"]:
        print("\n".join(SUITES))
        return 0
    unknown = [name for name in argv if name not in SUITES]
    if unknown:
        print(f"no suite {', '.join(unknown)}; there are {', '.join(SUITES)}", file=sys.stderr)
        return 2
    # A shell starts background jobs with interrupts ignored, and so would every process of a test be.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    RESULTS.mkdir(exist_ok=True)
    lines, total = [], Result()
    for name in argv or SUITES:
        print(f"== {name}", flush=True)
        start = time.monotonic()
        result = SUITES[name]()
        total.add(result)
        counts = f"{result.passed} passed, {result.failed} failed, {result.skipped} skipped"
        line = f"{name}: {counts} ({time.monotonic() - start:.0f} s)" + (f"; {result.note}" if result.note else "")
        if result.unsteady:
            line += f"; failed at first and passed alone: {', '.join(result.unsteady)}"
        for failure in result.failures[:40]:
            print(f"   failed: {failure}")
        print(line, flush=True)
        lines.append(line)
    (RESULTS / "summary.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
