"""References: all that the collector sees, and of what it does not see only what is named here."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from capture_support import Run, Shot, python, shown_by_links

# What a snapshot knows beyond gc.get_referents: (kind of holder, style, label, kind of reference); None: any label.
ALLOWED = {
    # The collector passes over strings: names, keys, and all that code holds.
    ("dict", "key", None, "owning"),
    ("frozendict", "key", None, "owning"),  # 3.15
    ("dict", "value", None, "owning"),  # {x: x}: told apart from the key by position only
    *{
        ("code", "attribute", label, "owning")
        for label in """co_consts co_names co_exceptiontable co_filename co_name co_qualname co_linetable co_code
        co_varnames co_freevars co_cellvars""".split()
    },
    ("code", "field", "co_localsplusnames", "owning"),
    ("code", "field", "co_localspluskinds", "owning"),
    *{
        (f"{kind}_descriptor", "attribute", "__name__", "owning")
        for kind in ("wrapper", "method", "getset", "member", "classmethod")
    },
    ("module", "field", "md_name", "owning"),
    ("datetime.timezone", "field", "offset", "owning"),
    ("bytearray", "field", "ob_bytes_object", "owning"),  # 3.15+: a bytearray keeps its data in bytes
    # Of a heap type the collector sees some, of a static one nothing.
    *{("type", "attribute", f"__{label}__", "owning") for label in "name qualname dict bases mro".split()},
    ("type", "attribute", "__base__", "borrowed"),
    ("type", "attribute", "__base__", "owning"),
    ("type", "field", "tp_subclasses", "owning"),
    ("type", "field", "__slots__", "owning"),
    ("type", "field", "tp_cache", "owning"),
    # An entry of a bounded lru_cache: the collector sees what it refers to through the cache.
    ("functools._lru_cache_wrapper", "field", "link", "owning"),
    ("functools._lru_list_elem", "field", "key", "owning"),
    ("functools._lru_list_elem", "field", "result", "owning"),
    # An instance of a heap type that has no tp_traverse.
    ("functools._lru_list_elem", "attribute", "__class__", "owning"),
    ("_thread._localdummy", "attribute", "__class__", "owning"),
    # A __dict__ whose values lie in its instance: both show them, one owns them.
    ("dict", "item", None, "borrowed"),
    (None, "attribute", "__dict__", "owning"),
    # Not references that keep anything alive.
    (None, "field", "referent", "weak"),
}


def parse(rows: array[int]) -> dict[int, tuple[int, ...]]:
    found: dict[int, tuple[int, ...]] = {}
    at = 0
    while at < len(rows):
        count = rows[at + 1]
        found[rows[at]] = tuple(rows[at + 2 : at + 2 + count])
        at += 2 + count
    return found


def stable(result: Run) -> dict[int, tuple[int, ...]]:
    """Objects whose referents were the same before and after the snapshot."""
    before, after = parse(result.numbers(".before")), parse(result.numbers(".after"))
    same = {address: referents for address, referents in before.items() if after.get(address) == referents}
    assert len(same) >= 0.999 * len(before), f"the oracle changed under itself: {len(same)} of {len(before)}"
    return same


def test_every_referent_that_the_collector_sees_is_recorded(shared_run: Callable[..., Run]) -> None:
    result = shared_run("references")
    shot = result.shot
    missing_objects: Counter[str] = Counter()
    missing: Counter[tuple[str, str]] = Counter()
    for address, referents in stable(result).items():
        node = shot.find(address)
        if node is None:
            missing_objects["?"] += 1
            continue
        recorded = Counter(shot.address(child) for child in shot.children(node)) + shown_by_links(shot, node)
        for lacking in (Counter(referents) - recorded).elements():
            target = shot.find(lacking)
            missing[shot.type(node), "not an object" if target is None else shot.type(target)] += 1
    assert not missing_objects, f"{missing_objects.total()} objects are missing"
    assert not missing, f"{missing.total()} references are missing: (holder, held) {missing.most_common(25)}"


def holder_kind(bases: list[str]) -> str:
    return next((base for base in bases if base in ("dict", "type")), bases[0])


def values_shown_by_the_dict(shot: Shot, node: int) -> Counter[int]:
    """What an instance owns and the collector sees through its `__dict__` alone, once it has one.

    From late 3.13 on: PyObject_VisitManagedDict, python/cpython gh-130327.
    """
    shown: Counter[int] = Counter()
    for held in shot.references(node):
        if held.label == "__dict__" and held.target is not None and shot.type(held.target) == "dict":
            items = [item for item in shot.references(held.target) if (item.style, item.kind) == ("item", "borrowed")]
            shown.update(shot.address(item.target) for item in items if item.target is not None)
    return shown


def test_every_further_reference_is_of_a_named_kind(shared_run: Callable[..., Run]) -> None:
    """What is recorded beyond gc.get_referents is on the list above."""
    result = shared_run("references")
    shot = result.shot
    unnamed: Counter[tuple[str, str, str | int | None, str | None]] = Counter()
    for address, referents in stable(result).items():
        node = shot.find(address)
        if node is None:
            continue
        left = Counter(referents)
        shown = values_shown_by_the_dict(shot, node)
        for reference in shot.references(node):
            assert reference.target is not None
            target = shot.address(reference.target)
            if left[target]:
                left[target] -= 1
            elif reference.style == "attribute" and reference.kind == "owning" and shown[target]:
                shown[target] -= 1
            elif reference.target < len(shot):  # else a synthetic node: keys shared by the instances of a class
                kind = holder_kind(shot.bases(node))
                if not is_allowed(kind, reference.style, reference.label, reference.kind):
                    unnamed[kind, reference.style, reference.label, reference.kind] += 1
    assert not unnamed, f"{unnamed.total()}: (holder, style, label, kind) {unnamed.most_common(25)}"


def is_allowed(holder: str, style: str, label: str | int | None, kind: str | None) -> bool:
    return any(
        (who, style, what, kind) in ALLOWED
        for who in (holder, None)
        for what in (label, None)
        if who or what is not None
    )


def test_no_reference_leads_to_something_that_is_no_object(shared_run: Callable[..., Run]) -> None:
    assert shared_run("references").shot.facts.get("check.findings.failed", 0) == 0


def test_references_are_not_counted_more_often_than_the_reference_count(shared_run: Callable[..., Run]) -> None:
    """Owning references found are at most the reference count, for every mortal object.

    Objects in the program's image (frozen modules' code) refer without counting.
    """
    shot = shared_run("references").shot
    owning: Counter[int] = Counter()
    for node in range(shot.file.n_nodes):
        if shot.has(node, 1 << 4):
            continue
        for reference in shot.references(node):
            if reference.kind == "owning" and reference.target is not None and reference.target < len(shot):
                owning[reference.target] += 1
    more: Counter[tuple[str, int]] = Counter()
    for node, count in owning.items():
        if not shot.has(node, 1 << 3) and count > shot.file.refcounts[node]:
            more[shot.type(node), count - shot.file.refcounts[node]] += 1
    assert not more, f"{more.total()} objects have more owners than references: (type, surplus) {more.most_common(20)}"


def test_a_variable_owns_what_it_counts_and_borrows_the_rest(tmp_path: Path) -> None:
    """Since 3.14 the argument is not counted while the caller's variable holds the object."""
    code = """
import tonnage
def callee(argument):
    tonnage.snapshot("call.tonnage").close()
def caller():
    variable = ["held by two variables"]
    callee(variable)
    return id(variable)
print(caller())
"""
    done = python(["-c", code], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    shot = Shot(tmp_path / "call.tonnage")
    node = shot.at(int(done.stdout))
    found = {label: kind for holder in set(shot.parents(node)) for _, label, kind in shot.label(holder, node)}
    assert set(found) == {"variable", "argument"}
    assert found["variable"] == "owning"
    assert list(found.values()).count("owning") == shot.file.refcounts[node]
    assert set(found.values()) <= {"owning", "borrowed"}
