"""The soak can fail: what differs is seen, what is excluded is counted."""

from __future__ import annotations

from pathlib import Path

import pytest
from soak_support import (
    MODES,
    PLAN,
    SAMPLES,
    TRACES,
    Outcome,
    compare,
    differing,
    excluded,
    read_outcome,
    sample_faults,
    snapshot_faults,
)

TOOL = Path("/nonexistent/tonnage")


def outcome(*bad: str, fatal: tuple[str, ...] = ()) -> Outcome:
    return Outcome(frozenset((*bad, *fatal)), frozenset({"a", "b", "c"} - set(bad)), frozenset(fatal))


def test_the_same_failures_do_not_differ() -> None:
    assert not differing(outcome("a"), outcome("a"))


def test_as_many_failures_of_other_tests_differ() -> None:
    assert differing(outcome("a"), outcome("b")) == {"a", "b"}


def test_a_test_that_no_longer_runs_differs() -> None:
    under = Outcome(ran=frozenset({"a", "b"}))
    assert differing(outcome(), under) == {"c (ran on one side only)"}


def test_a_difference_of_every_run_stands() -> None:
    assert compare([outcome(), outcome()], [outcome("a"), outcome("a", "b")]).differing == {"a"}


def test_a_difference_of_one_run_is_called_unstable() -> None:
    found = compare([outcome(), outcome()], [outcome("a"), outcome()])
    assert (found.differing, found.unstable) == (set(), {"a"})


def test_a_death_stands_after_one_run() -> None:
    died = outcome(fatal=("(died: SIGSEGV)",))
    assert compare([outcome(), outcome()], [died, outcome()]).differing == {"(died: SIGSEGV)"}


@pytest.mark.parametrize(("code", "told"), [(-11, "(died: SIGSEGV)"), (None, "(not done in")])
def test_a_process_that_did_not_end_is_told(code: int | None, told: str, tmp_path: Path) -> None:
    read = read_outcome(code, "", tmp_path / "none.xml")
    assert len(read.fatal) == 1 and next(iter(read.fatal)).startswith(told)


def test_a_report_that_is_missing_is_told(tmp_path: Path) -> None:
    assert read_outcome(0, "", tmp_path / "none.xml").fatal == {"(no report)"}


def test_subtests_and_classes_come_from_the_output(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text('<testsuites><testsuite><testcase/><testcase name="m.T.test_b"/></testsuite></testsuites>')
    rule = "=" * 70
    output = f"{rule}\nFAIL: test_a (m.T.test_a) (i=1)\n----\n{rule}\nERROR: setUpClass (m.U)\n----\n"
    read = read_outcome(2, output, report)
    assert read.bad == {"test_a (m.T.test_a) (i=1)", "setUpClass (m.U)"}
    assert read.ran == {"m.T.test_b"}


def test_an_exit_code_that_no_test_explains_is_told(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text("<testsuites/>")
    assert read_outcome(3, "", report).bad == {"(exit code 3)"}


def test_a_run_that_leaves_no_snapshot_is_told(tmp_path: Path) -> None:
    assert snapshot_faults(tmp_path, TOOL) == {"(no snapshot was left)"}


@pytest.mark.parametrize(("samples", "told"), [("8572", False), ("0", True)])
def test_a_run_that_was_not_sampled_is_told(samples: str, told: bool) -> None:
    line = f"ok\ntonnage: wrote 1.tonnage (1.5 KiB; 4.3 s by prof each 1ms, {samples} samples, overhead 1 %)\n"
    assert bool(sample_faults(line)) == told


def test_exclusions_have_reasons_and_are_few() -> None:
    rows = PLAN["excluded"]["rows"]
    assert len(rows) <= PLAN["excluded"]["at_most"] <= 40
    for row in rows:
        assert set(row) <= {"in", "id", "reason", "modes", "minors"} and len(row["reason"]) > 20
        assert row["in"] in [*PLAN["cpython"]["quick"], *PLAN["cpython"]["whole"], *PLAN["packages"]]
        assert row["id"].strip("*"), "a pattern for everything"
        assert set(row.get("modes", MODES)) <= {*MODES, *TRACES, *SAMPLES}


def test_what_is_not_run_while_we_record_has_reasons_and_is_little() -> None:
    rows = PLAN["cpython"]["untraced"]
    assert len(rows) <= 2
    for row in rows:
        assert set(row) == {"in", "id", "reason"} and len(row["reason"]) > 20
        assert row["in"] in [*PLAN["cpython"]["quick"], *PLAN["cpython"]["whole"]]
        assert "*" not in row["id"]


def test_an_exclusion_holds_for_its_own_suite_only() -> None:
    row = PLAN["excluded"]["rows"][0]
    assert excluded(row["in"], row["id"], "stop", 13)
    assert not excluded("another", row["id"], "stop", 13)


def test_what_the_helper_thread_does_excuses_no_run_without_one() -> None:
    assert excluded("test_tracemalloc", "(died: SIGSEGV)", "fork", 11)
    assert not any(excluded("test_tracemalloc", "(died: SIGSEGV)", mode, 11) for mode in TRACES)
