"""Every object that a workload made is in the snapshot, with its type."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import tonnage
from capture_support import Run

WORKLOADS = [("graph_heap", 20_000), ("json_like", 10_000), ("slots_tree", 33_000)]


@pytest.mark.parametrize(("workload", "n"), WORKLOADS)
def test_every_planted_object_is_found_with_its_type(shared_run: Callable[..., Run], workload: str, n: int) -> None:
    result = shared_run("census", workload, str(n))
    shot = result.shot
    ids = result.numbers(".ids")
    position = 0
    assert sum(count for _, count in result.side["ids"]) == len(ids)
    for name, count in result.side["ids"]:
        wanted = {address: name for address in ids[position : position + count]}
        position += count
        nodes = [(address, shot.find(address)) for address in wanted]
        missing = [hex(address) for address, node in nodes if node is None]
        assert not missing, f"{len(missing)} of {count} {name} missing, the first at {missing[0]}"
        wrong = {shot.type(node) for _, node in nodes if node is not None} - {name}
        assert not wrong, f"{name} is shown as {wrong}"


@pytest.mark.parametrize(("workload", "n"), WORKLOADS)
def test_the_planted_ids_are_the_whole_census(shared_run: Callable[..., Run], workload: str, n: int) -> None:
    """The oracle itself: the program noted as many objects of each type as the workload says it made."""
    side = shared_run("census", workload, str(n)).side
    noted = {name.rpartition(".")[2]: count for name, count in side["ids"]}
    for name, count in side["census"].items():
        assert noted[name] == count


@pytest.mark.parametrize(("workload", "n"), WORKLOADS)
def test_the_summary_counts_at_least_the_census(shared_run: Callable[..., Run], workload: str, n: int) -> None:
    result = shared_run("census", workload, str(n))
    with tonnage.load(result.path) as snapshot:
        rows = snapshot.summary(limit=0).rows
        counts: dict[str, int] = {}
        for row in rows:
            short = str(row["type"]).rpartition(".")[2]
            counts[short] = counts.get(short, 0) + int(row["count"])
        for name, count in result.side["census"].items():
            assert counts[name] >= count, f"{counts[name]} {name} instead of {count}"
        assert sum(int(row["count"]) for row in rows) == len(snapshot)


def test_the_file_keeps_every_rule_of_the_format(shared_run: Callable[..., Run]) -> None:
    result = shared_run("census", "graph_heap", "2000")
    assert result.shot.file.check() == []
    with tonnage.load(result.path) as snapshot:
        assert snapshot.check() == []


@pytest.mark.parametrize(("workload", "n"), WORKLOADS)
def test_the_self_checks_find_nothing(shared_run: Callable[..., Run], workload: str, n: int) -> None:
    facts = shared_run("census", workload, str(n)).shot.facts
    failed = {key: value for key, value in facts.items() if key.startswith("check.") and key.endswith(".failed")}
    assert failed, "no self-check was made"
    assert not any(failed.values()), failed
