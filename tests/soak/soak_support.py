"""Runs a test suite without us, and under `tonnage run` or `tonnage sample`, and says what differs."""

from __future__ import annotations

import contextlib
import fnmatch
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "build-results" / "soak" / ".".join(map(str, sys.version_info[:3]))
PLAN = tomllib.loads((Path(__file__).parent / "soak.toml").read_text(encoding="utf-8"))
MODES = ("stop", "fork")  # of snapshots
TRACES = ("exact", "4096")  # of recording allocations
SAMPLES = ("prof",)  # clocks of sampling processor time, at 1 kHz

EVERY = os.environ.get("SOAK_EVERY", "1")
TIMEOUT_SECONDS = int(os.environ.get("SOAK_TIMEOUT", "600"))  # of one process
ONE_SIDE = " (ran on one side only)"
SHOWN = 20  # of the ids that differ
RUNS = 3  # at most, of each side, before a difference is one

_HEADER = re.compile(r"^={70}\n(?:FAIL|ERROR|UNEXPECTED SUCCESS): (.+)\n", re.M)
_SAMPLED = re.compile(r"^tonnage: wrote .* [1-9]\d* samples", re.M)
_COMPLAINT = re.compile(r"tonnage: (no snapshot.*|interrupted.*|cannot delete .*)$", re.M)


@dataclass(frozen=True)
class Outcome:
    """What one run of a suite came to. Ids in brackets are of the process, not of a test."""

    bad: frozenset[str] = frozenset()
    ran: frozenset[str] = frozenset()  # neither skipped nor in error
    fatal: frozenset[str] = frozenset()  # of the process: never due to chance


@dataclass
class Comparison:
    """Ids that differ in every run, and those that differ in some."""

    differing: set[str] = field(default_factory=set)
    unstable: set[str] = field(default_factory=set)
    is_final: bool = False  # no further run can change it


# ---- what a run came to ----


def _ended(code: int | None) -> frozenset[str]:
    """regrtest and pytest end with 1 to 5 where they have something to say of the tests; what it is, the ids tell."""
    if code is None:
        return frozenset([f"(not done in {TIMEOUT_SECONDS} s)"])
    if code < 0:
        return frozenset([f"(died: {signal.Signals(-code).name})"])
    return frozenset()


def read_outcome(code: int | None, output: str, report: Path) -> Outcome:
    """The ids come from the junit file, and from the output, where regrtest names subtests, classes and modules.

    Args:
        code: of the exit; None: it was killed for taking too long.
        output: of regrtest -v or of pytest.
        report: the junit file.
    """
    bad, ran, fatal = set(_HEADER.findall(output)), set(), set(_ended(code))
    names: set[str] = set()
    try:
        cases = list(ET.parse(report).getroot().iter("testcase"))
    except (OSError, ET.ParseError):
        cases = []
        fatal |= {"(no report)"} if not fatal else set()
    for case in cases:
        name = "::".join(filter(None, (case.get("classname"), case.get("name"))))
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            names.add(name)
        elif name and "skipped" not in kinds:
            ran.add(name)
    # regrtest's header names the same tests as its report, and more.
    bad |= {name for name in names if not any(f"({name})" in known for known in bad)}
    if code and not bad and not fatal:
        bad.add(f"(exit code {code})")
    return Outcome(frozenset(bad | fatal), frozenset(ran), frozenset(fatal))


def snapshot_faults(folder: Path, cli: Path) -> set[str]:
    """What `tonnage check` finds in the snapshots that were left, or that there is none."""
    faults, files = set(), sorted(folder.glob("*.tonnage"))
    for file in files:
        done = subprocess.run([cli, "check", "--json", file], capture_output=True, text=True, check=False)
        try:
            view = json.loads(done.stdout)
        except ValueError:
            faults.add(f"(snapshot: {done.stderr.strip()})")
            continue
        failed = [f"{name} = {count}" for name, count in view["checks"].items() if name.endswith(".failed") and count]
        if done.returncode or view["verdict"] != "whole" or failed:
            faults.add(f"(snapshot: {view['verdict']}; {', '.join(failed)})")
            shutil.copy(file, RESULTS / f"{folder.parent.name}-{file.name}")
    return faults or (set() if files else {"(no snapshot was left)"})


def sample_faults(output: str) -> set[str]:
    """A suite that was not sampled shows nothing."""
    return set() if _SAMPLED.search(output) else {"(no sample was taken)"}


# ---- running ----


def how(mode: str) -> list[str]:
    """The command of tonnage that a mode stands for."""
    if mode in TRACES:
        return ["run", f"--trace={mode}", "--no-at-exit"]
    if mode in SAMPLES:
        return ["sample", "--clock", mode, "--interval", "1ms"]
    return ["run", "--every", EVERY, "--mode", mode, "--keep", "2", "--quiet"]


@dataclass(frozen=True)
class Suite:
    """A test suite: the module that runs it, its arguments, and the options that name its report and its folder."""

    name: str
    words: Sequence[str]
    report_option: str

    def run(self, python: Path, folder: Path, mode: str | None) -> Outcome:
        """Once, in a process of its own; mode None: without us. What it wrote stays in RESULTS."""
        shutil.rmtree(folder, ignore_errors=True)
        snapshots, report = folder / "snapshots", folder / "report.xml"
        snapshots.mkdir(parents=True)
        RESULTS.mkdir(parents=True, exist_ok=True)
        output = RESULTS / f"{self.name}.{mode or 'control'}.txt"
        command = [str(python)]
        if mode is not None:
            command += ["-m", "tonnage", *how(mode)]
        if mode in MODES + SAMPLES:
            command += ["-o", str(snapshots / "{n}.tonnage")]
        command += [*self.words, self.report_option, str(report)]
        code = _run(command, folder, output)
        text = output.read_text(encoding="utf-8", errors="replace")
        outcome = read_outcome(code, text, report)
        if mode is None:
            return outcome
        faults = {f"({line})" for line in _COMPLAINT.findall(text)}
        if mode in MODES + SAMPLES:
            faults |= snapshot_faults(snapshots, python.parent / "tonnage")
        if mode in SAMPLES:
            faults |= sample_faults(text)
        return Outcome(outcome.bad | faults, outcome.ran, outcome.fatal | faults)


def _run(command: Sequence[str], folder: Path, output: Path) -> int | None:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PYTEST", "TONNAGE"))}
    env["TMPDIR"] = str(folder)
    with output.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=env,
            start_new_session=True,
        )
        try:
            return process.wait(TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            return None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


# ---- comparing ----


def excluded(suite: str, test: str, mode: str, minor: int) -> bool:
    """Whether a row of the plan allows this id to differ."""
    return any(
        row["in"] == suite
        and fnmatch.fnmatchcase(test, row["id"])
        and mode in row.get("modes", [mode])
        and minor in row.get("minors", [minor])
        for row in PLAN["excluded"]["rows"]
    )


def differing(control: Outcome, under: Outcome) -> set[str]:
    """Ids that failed on one side only, or that ran on one side only and failed on neither."""
    unrun = control.ran ^ under.ran
    both = control.bad | under.bad
    quiet = {name for name in unrun if not any(name in known for known in both)}
    return {*(control.bad ^ under.bad), *(name + ONE_SIDE for name in quiet)}


def compare(controls: Sequence[Outcome], unders: Sequence[Outcome]) -> Comparison:
    """Two runs may differ by chance: what counts is what differs in all of them, and deaths and bad snapshots.

    Args:
        controls, unders: as many of each, in the order they ran.
    """
    pairs = [differing(control, under) for control, under in zip(controls, unders, strict=True)]
    seen, always = set[str]().union(*pairs), set(pairs[0]).intersection(*pairs[1:])
    fatal = set[str]().union(*(under.fatal for under in unders)) - set[str]().union(*(one.fatal for one in controls))
    stands = always | (fatal & seen)
    return Comparison(stands, seen - stands, bool(fatal))


def _without_excluded(found: Comparison, suite: str, mode: str) -> Comparison:
    """After an excluded death, what it kept from running is no difference either."""
    minor = sys.version_info.minor
    dies = any(name.startswith("(died") and excluded(suite, name, mode, minor) for name in found.differing)

    def left(ids: set[str]) -> set[str]:
        stands = {name for name in ids if not excluded(suite, name, mode, minor)}
        return {name for name in stands if not (dies and name.endswith((ONE_SIDE, "(no snapshot was left)")))}

    return Comparison(left(found.differing), left(found.unstable), found.is_final and bool(left(found.differing)))


def run_both(suite: Suite, python: Path, folder: Path, modes: Sequence[str]) -> tuple[Outcome, list[str]]:
    """The first control, and for each mode in which the suite differs under us: how. What is excluded is left out."""
    controls, reports = [suite.run(python, folder / "control", None)], []
    if controls[0].fatal and not controls[0].ran:  # nothing to compare with
        return controls[0], []
    for mode in modes:
        unders: list[Outcome] = []
        while len(unders) < RUNS:
            unders.append(suite.run(python, folder / mode, mode))
            if len(controls) < len(unders):
                controls.append(suite.run(python, folder / "control", None))
            found = _without_excluded(compare(controls[: len(unders)], unders), suite.name, mode)
            if not found.differing or found.is_final:
                break
        if found.differing:
            reports.append(explain(found, suite, mode))
    return controls[0], reports


def explain(found: Comparison, suite: Suite, mode: str) -> str:
    """For a failed assertion: what differs, and where to read on."""
    lines = [f"{suite.name} is not the same under tonnage {' '.join(how(mode))}:"]
    names = [f"  {name}" for name in sorted(found.differing)]
    lines += names[:SHOWN] + [f"  and {len(names) - SHOWN} more"] * (len(names) > SHOWN)
    lines += [f"  now and then: {name}" for name in sorted(found.unstable)[:SHOWN]]
    lines += [f"read {RESULTS / suite.name}.control.txt and .{mode}.txt"]
    return "\n".join(lines)
