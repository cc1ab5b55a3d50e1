"""Names of references: what Python finds under the label is what the reference leads to.

`tests/programs/labels.py` notes ids of live attributes; no table of ours takes part in that.
"""

from __future__ import annotations

import gc
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tonnage
from capture_support import Run, Shot

Started = Callable[..., Run]
WAITS = {"gi_yieldfrom", "cr_await", "ag_await"}
STATES = ("none", "pending", "cancelled", "finished")


def test_a_label_leads_to_what_python_finds_there(shared_run: Started) -> None:
    result = shared_run("labels")
    shot = result.shot
    assert len(result.side["labels"]) > 120
    wrong = []
    for case, holder, label, held in result.side["labels"]:
        found = [r.label for r in shot.references(shot.at(holder)) if shot.address(r.target or 0) == held]
        if label not in found:
            wrong.append((case, label, found))
    assert not wrong, f"{len(wrong)} labels: (case, label, labels found) {wrong}"


def test_no_reference_of_a_common_builtin_is_without_a_name(shared_run: Started) -> None:
    result = shared_run("labels")
    shot = result.shot
    assert len(result.side["whole"]) > 90
    nameless = {
        (case, shot.type(shot.at(holder)), shot.type(reference.target))
        for case, holder in result.side["whole"]
        for reference in shot.references(shot.at(holder))
        if reference.style == "unlabelled" and reference.target is not None
    }
    assert nameless == set()


def leaves_of(shot: Shot, node: int) -> dict[int, int]:
    """Keys and values below a mapping's nodes."""
    found: dict[int, int] = {}
    key = None
    for reference in shot.references(node):
        assert reference.target is not None
        if reference.style == "key":
            key = shot.address(reference.target)
        elif reference.style == "value" and key is not None:
            found[key] = shot.address(reference.target)
        else:
            assert (reference.style, reference.label) == ("field", "node")
            found |= leaves_of(shot, reference.target)
    return found


def test_the_variables_of_a_context_are_keys_of_their_values(shared_run: Started) -> None:
    result = shared_run("labels")
    shot = result.shot
    assert [len(pairs) for _, pairs in result.side["mappings"]] == [3, 40]
    for context, pairs in result.side["mappings"]:
        (mapping,) = (r.target for r in shot.references(shot.at(context)) if r.label == "vars")
        assert mapping is not None
        (root,) = (r.target for r in shot.references(mapping) if r.label == "root")
        assert root is not None
        assert leaves_of(shot, root) == {key: value for key, value in pairs}


def test_an_entry_of_a_bounded_lru_cache_owns_key_and_result(shared_run: Started) -> None:
    result = shared_run("labels")
    shot = result.shot
    links = [node for node in shot.of_type("functools._lru_list_elem")]
    assert links
    for link in links:
        held = {r.label: r.kind for r in shot.references(link)}
        assert held == {"__class__": "owning", "key": "owning", "result": "owning"}


def test_a_generator_that_waits_for_nothing_has_no_such_label(shared_run: Started) -> None:
    result = shared_run("labels")
    assert len(result.side["not_waiting"]) == 3
    for holder in result.side["not_waiting"]:
        labels = {reference.label for reference in result.shot.references(result.shot.at(holder))}
        assert not labels & WAITS


@pytest.mark.parametrize("state", STATES[1:])
def test_the_state_of_tasks_and_futures_is_recorded(shared_run: Started, state: str) -> None:
    result = shared_run("labels")
    shot = result.shot
    assert len(result.side["states"][state]) >= 2
    for holder in result.side["states"][state]:
        assert STATES[shot.file.flags[shot.at(holder)] >> 13 & 3] == state


def test_a_selection_knows_the_state(shared_run: Started) -> None:
    result = shared_run("labels")
    with tonnage.load(result.path) as snapshot:
        found = {state: {item.address for item in snapshot.where(f"flag:{state}")} for state in STATES[1:]}
    for state, holders in result.side["states"].items():
        assert set(holders) <= found[state]
        assert not any(set(holders) & found[other] for other in found if other != state)


def test_nothing_else_has_such_a_state(shared_run: Started) -> None:
    shot = shared_run("labels").shot
    having = {shot.bases(node)[-2] for node in range(shot.file.n_nodes) if shot.file.flags[node] >> 13 & 3}
    assert having == {"_asyncio.Future"}


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_functions_of_a_module_are_one_referrer_of_its_namespace(tmp_path: Path, limit: int) -> None:
    names: dict[str, Any] = {"__builtins__": {}}
    exec("\n".join(f"def function_{n}(): pass" for n in range(300)), names)
    holder = [names]
    functions = [one for one in gc.get_referrers(names) if isinstance(one, types.FunctionType)]
    assert len(functions) == 300
    with tonnage.snapshot(tmp_path / "functions.tonnage") as snapshot:
        for depth in (1, 3):
            data = snapshot[id(names)].referrers(depth=depth, limit=limit).data
            own = [row for row in data["rows"] if row["depth"] == 1]
            (fold,) = [row for row in own if row["count"] > 1] or [None]
            if fold is not None:
                assert (fold["label"], fold["type"], fold["count"]) == (".__globals__", "function", 300)
                assert fold["size"] == sum(snapshot[id(one)].size for one in functions)
                assert fold["address"] in {f"{id(one):#x}" for one in functions}
                after = data["rows"][data["rows"].index(fold) + 1 :]
                assert not after or after[0]["depth"] == 1
            assert len(own) == limit or not limit
            assert limit == 1 or fold is not None
            assert sum(row["count"] for row in own) + data["more"] == data["count"] >= 302
        text = str(snapshot[id(names)].referrers(depth=2, limit=0))
        assert "  300 functions by .__globals__, " in text
        (below,) = [row for row in snapshot[id(holder)].refs(depth=2, limit=0).data["rows"] if row["depth"] == 1]
        assert below["count"] == 1
