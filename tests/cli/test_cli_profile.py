"""What `tonnage profile` prints of a program whose samples are known, and what it refuses."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import sample_files
from cli_support import Cli
from pure_writer import Sample
from stack_files import file_of
from test_cli_sites import content

GOLDEN = Path(__file__).with_name("golden")
IN_C = Path(__file__).parents[1] / "c"


def words(verb: str, file: Path, *rest: str) -> list[str]:
    """Of files in the current folder, which are made where there are none."""
    made = {
        "time": sample_files.shop(),
        "both": sample_files.shop(recorded=True),
        "recorded": sample_files.shop("alloc", recorded=True),
        "before": sample_files.any_profile(5),
    }
    for name, profile in made.items():
        if not file.with_name(f"{name}.tonnage").exists():
            profile.write(file.with_name(f"{name}.tonnage"))
    named = [f"{word}.tonnage" if word in made else word for word in rest]
    return [verb, *(named if named and named[0].endswith(".tonnage") else ["time.tonnage", *named])]


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("profile", ()),
        ("profile", ("--cumulative", "--limit", "3")),
        ("profile", ("--by", "line", "--include", "shop.py", "--sort", "name")),
        ("profile", ("--by", "traceback", "--limit", "2")),
        ("profile", ("--by", "state")),
        ("profile", ("--tree",)),
        ("profile", ("--tree", "--limit", "1", "--depth", "3")),
        ("profile", ("--graph", "--limit", "4")),
        ("profile", ("--callers", "load")),
        ("profile", ("--callees", "shop.py")),
        ("profile", ("--against", "before", "--limit", "3")),
        ("profile", ("both", "--sort", "bytes")),
        ("profile", ("both", "--clock", "alloc", "--tree")),
        ("profile", ("recorded",)),
        ("flame", ("--limit", "8")),
        ("flame", ("both", "--invert", "--by", "function")),
        ("flame", ("both", "--what", "count", "--limit", "3")),
        ("timeline", ("both",)),
    ],
)
def test_text_is_the_golden_one(cli: Cli, shop: Path, name: str, rest: tuple[str, ...]) -> None:
    got = cli(*words(name, shop, *rest), cwd=shop.parent)
    slug = "-".join([name, *rest]).replace("--", "").translate(str.maketrans(":*./", "____"))
    assert (got.returncode, got.stderr) == (0, "")
    assert got.stdout == (GOLDEN / f"{slug}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "rest",
    [
        (), ("--cumulative",), ("--by", "traceback"), ("--by", "task"), ("--tree",), ("--against", "before"), ("both",),
        ("recorded",),
    ],
)  # fmt: skip
def test_rows_of_json_have_the_columns_that_are_told(cli: Cli, shop: Path, rest: tuple[str, ...]) -> None:
    got = cli(*words("profile", shop, *rest), "--limit", "0", "--json", cwd=shop.parent)
    view = json.loads(got.stdout)
    assert (got.returncode, view["schema"], view["view"]) == (0, 1, "profile")
    assert view["rows"]
    assert all(list(row) == view["columns"] for row in view["rows"])
    assert set(view["units"]) <= set(view["columns"])


@pytest.mark.skipif(sys.version_info >= (3, 15), reason="compressed by another zstd")
def test_the_file_of_the_tests_in_c_is_this_one(tmp_path: Path) -> None:
    made = sample_files.shop(recorded=True).write(tmp_path / "samples.tonnage")
    assert content((IN_C / "samples.tonnage").read_bytes()) == content(made.read_bytes())


@pytest.mark.parametrize(
    ("rest", "code", "message"),
    [
        (("--by", "type"), 2, "--by takes function, line"),
        (("--where", "type:dict"), 2, "samples are of stacks, not of objects"),
        (("--threshold", "1k"), 2, "its rows are time"),
        (("--tree", "--callers", "load"), 2, "one page at a time"),
        (("--clock", "alloc"), 2, "has no allocations: nothing was traced"),
        (("--clock", "gil"), 2, "no samples of the clock gil, but of prof"),
        (("--callers", "nobody"), 3, 'no stack has a function "nobody"'),
        (("--thread", "nosuch"), 3, 'no sample is of a thread "nosuch": by thread all names are shown'),
        (("--task", "nosuch", "--tree"), 3, 'no sample is of a task "nosuch": by task all names are shown'),
        (("--thread", "<main thread>", "--include", "nosuch.py"), 3, "no sample meets all conditions: leave one out"),
        (("--include", "nosuch.py", "--against", "both"), 3, "no sample meets all conditions"),
        (("recorded", "--include", "nosuch.py"), 3, "no allocation meets all conditions: leave one out"),
        (("--tree", "--against", "both"), 2, "told in a table"),
        (("--against", "recorded"), 2, "one profile is of the clock prof, the other of alloc"),
        (("--sort", "bytes"), 2, "columns here: own, total, samples, name"),
    ],
)
def test_what_cannot_be_told_is_refused_in_one_line(
    cli: Cli, shop: Path, rest: tuple[str, ...], code: int, message: str
) -> None:
    got = cli(*words("profile", shop, *rest), cwd=shop.parent)
    assert (got.returncode, got.stdout) == (code, "")
    assert message in got.stderr
    assert got.stderr.count("\n") == 1


def test_a_file_without_samples_is_refused_in_one_line(cli: Cli, shop: Path) -> None:
    got = cli("profile", shop)
    assert (got.returncode, got.stdout) == (2, "")
    assert "run the program with --sample" in got.stderr
    assert got.stderr.count("\n") == 1


def test_what_the_sampler_missed_and_took_is_told(cli: Cli, shop: Path) -> None:
    made = sample_files.shop("real")
    made.facts.update({"sample.missed": 7, "sample.rejected.unmapped": 2, "sample.rejected.torn": 3,
                       "sample.lost_stacks": 1, "sample.own.cpu_ns": 20_000_000})  # fmt: skip
    page = cli("profile", made.write(shop.with_name("missed.tonnage"))).stdout
    assert "missed: 7 of 107 ticks; rejected: 5; without a stack: 1; the sampler itself took 2.00 % of" in page
    assert "0.950 s of processor time measured meanwhile" in page
    bare = made.description()
    bare.facts = {key: value for key, value in bare.facts.items() if not key.startswith("sample.")}
    shop.with_name("bare.tonnage").write_bytes(sample_files.writer.write(bare))
    page = cli("profile", shop.with_name("bare.tonnage")).stdout
    assert "clock unknown" in page
    assert "missed: unknown ticks; rejected: unknown; without a stack: unknown" in page


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    """A file of samples alone."""
    (tmp_path / "alone.tonnage").write_bytes(file_of([], [], None, [Sample()], **{"sample.clock": "prof"}))
    return tmp_path


@pytest.mark.parametrize(
    "verb",
    [
        "summary", "largest", "groups", "suspects", "audit", "waste", "cycles", "patterns", "dominators",
        "diff", "retained 0x10", "show 0x10", "why 0x10", "paths 0x10", "refs 0x10", "referrers 0x10",
    ],
)  # fmt: skip
def test_verbs_about_objects_say_that_a_file_has_samples_alone(cli: Cli, alone: Path, verb: str) -> None:
    name, *rest = verb.split()
    files = ["alone.tonnage"] * (2 if verb == "diff" else 1)
    got = cli(name, *files, *rest, cwd=alone)
    said = "tonnage: alone.tonnage has samples and no objects: tonnage profile alone.tonnage shows where time goes\n"
    assert got.stderr.startswith(said)
    assert got.returncode == (3 if rest else 0)


@pytest.mark.parametrize("verb", ["profile", "info", "check"])
def test_other_verbs_say_nothing_of_it(cli: Cli, alone: Path, verb: str) -> None:
    got = cli(verb, "alone.tonnage", cwd=alone)
    assert (got.returncode, got.stderr) == (0, "")


def test_info_sums_the_samples_up(cli: Cli, shop: Path) -> None:
    made = sample_files.shop("real")
    made.facts.update({"sample.missed": 7, "sample.rejected.torn": 3, "sample.lost_stacks": 1})
    file = made.write(shop.with_name("real.tonnage"))
    told = (
        "  clock real: time that passed, of each thread; 100 samples, every 10.0 ms for 1.0 s\n"
        "  missed: 7 of 107 ticks; rejected: 3; without a stack: 1; the sampler itself took"
    )
    assert told in cli("info", file).stdout
    sampled = json.loads(cli("info", file, "--json").stdout)["sampled"]
    assert sampled["rejected"]["torn"] == 3
    known = {name: sampled[name] for name in ("clock", "interval_ns", "duration_ns", "ticks", "missed", "samples")}
    assert known == {
        "clock": "real", "interval_ns": 10_000_000, "duration_ns": 1_000_000_000, "ticks": 100, "missed": 7,
        "samples": 100,
    }  # fmt: skip
    assert json.loads(cli("info", shop, "--json").stdout)["sampled"] is None
