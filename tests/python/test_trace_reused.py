"""Objects in memory of others that died: which may be, how many have their stack, and why others have none."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pure_reader
import pytest
import tonnage
from capture_support import Shot
from trace_support import answer

STALE = """
    import contextvars, gc, json, sys, tonnage
    from tonnage import trace

    class Plain:
        def method(self): pass
    class Slots:
        __slots__ = ("a",)
    plain = Plain()
    WORDS = ("{}", "[]", "(plain, plain)", "plain.x * 1.5", "slice(plain)", "2 ** 70 + plain.x", "plain.x * 1j",
             "range(plain.x)", "iter(range(plain.x))", "iter([plain])", "iter((plain,))", "plain.method", "[].append",
             "MemoryError(plain)", "contextvars.Context()", "{plain}", "bytes(plain.x)", "str(plain.x)", "object()",
             "bytearray(plain.x)", "(x for x in (plain,))", "lambda: plain", "Plain()", "Slots()",
             "frozenset((plain,))", "memoryview(b'abc')")
    plain.x = 12345
    makers = [tuple(eval(compile("lambda: " + word, file, "eval")) for file in ("one", "two")) for word in WORDS]
    old = {id(x): x for x in gc.get_objects()}  # none of them dies, so that no block of theirs is used again
    for x in (todo := list(old.values())):
        for y in gc.get_referents(x):
            if id(y) not in old:
                old[id(y)] = y
                todo.append(y)
    trace.start()
    said = {}
    for one, two in makers:
        first = one()
        name = type(first).__name__
        del first
        second = two()
        site = trace.site_of(second)
        said[name] = [any(f.file == "one" for f in site.frames), site.maybe_stale] if site else None
        del second
    kept = [(str(i), i * 1000003, i * 0.5, [i], {i: i}, (i, i), {i}, Plain(), Slots(), bytes(i % 99 + 2), slice(i),
             iter([])) for i in range(3000)]
    tonnage.snapshot(sys.argv[1])
    print(json.dumps([said, [id(x) for row in kept for x in (row, *row)]]))
"""


@pytest.fixture(scope="module")
def stale(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    folder = tmp_path_factory.mktemp("stale")
    return answer(STALE, folder, str(folder / "a.tonnage")), folder / "a.tonnage"


def test_types_whose_dead_objects_are_kept_are_known(stale: tuple[Any, Path]) -> None:
    """The oracle is the interpreter: an object of another line that has the block of the one before."""
    said = {name: pair for name, pair in stale[0][0].items() if pair}  # some are static, or in another's memory
    assert len(said) >= 20
    assert said["dict"] == said["list"] == [True, True] and said["float"][1] and said["tuple"][1]
    for name, (is_stale, may_be) in said.items():
        assert may_be or not is_stale, name
    assert not any(said[name][1] for name in ("str", "bytes", "set", "Plain", "Slots", "function", "bytearray"))


def test_of_what_is_made_after_the_start_999_of_1000_have_their_stack(stale: tuple[Any, Path]) -> None:
    (_, made), path = stale
    file = Shot(path).file
    own = {trace.node for trace in file.traces if trace.kind == "own"}
    nodes = [file.node_at(address) for address in made]
    assert len(nodes) > 35_000
    assert sum(node in own for node in nodes) >= 0.999 * len(nodes)


def test_objects_with_a_stack_are_counted_and_those_without_by_cause(stale: tuple[Any, Path]) -> None:
    file = Shot(stale[1]).file
    own = {trace.node for trace in file.traces if trace.kind == "own"}
    nodes = [n for n in range(file.n_objects) if file.flags[n] >> 10 & 3 and not file.flags[n] & pure_reader.FLAG_OWN]
    without = Counter(file.type_of(n).full_name for n in nodes if n not in own)
    with tonnage.load(stale[1]) as snapshot:
        found = json.loads(snapshot.info().json())["recorded"]["objects"]
        page = str(snapshot.sites(limit=1))
        typed = {row["name"].split()[-1]: row["maybe_stale"] for row in snapshot.sites(by="type", limit=0).rows}
        made = [next(iter(snapshot.where(f"type:{name} site:program.py"))) for name in ("dict", "set")]
        sites = [item.site for item in made]
        told = ["an older object may have been" in str(item.show()) for item in made]
    assert found["joined"] == sum(n in own for n in nodes)
    assert found["reused_types"] == {name: n for name, n in without.items() if name in found["reused_types"]}
    assert {"dict", "tuple"} <= set(found["reused_types"]) and not {"str", "bytes", "set"} & set(found["reused_types"])
    assert found["older_or_reused"] == sum(found["reused_types"].values())
    assert found["older"] == sum(without.values()) - found["older_or_reused"]
    assert found["maybe_stale"] >= 6 * 3000  # of types that are known above, and rows
    assert f"{found['joined']} objects have the stack" in page
    assert [site and site.maybe_stale for site in sites] == [True, False]
    assert typed["dict"] and not typed["set"] and not typed["object)"]
    assert told == [True, False]


def test_a_class_with_the_name_of_a_type_that_is_kept_is_none(tmp_path: Path) -> None:
    code = """
        import json, sys, tonnage
        from tonnage import trace

        class slice: pass
        class method: pass
        trace.start()
        mine = [slice(), method(), [{} for _ in range(300)][-1]]  # more than any free list has
        tonnage.snapshot(sys.argv[1])
        print(json.dumps([[id(x), trace.site_of(x).maybe_stale] for x in mine]))
    """
    said = answer(code, tmp_path, str(tmp_path / "a.tonnage"))
    with tonnage.load(tmp_path / "a.tonnage") as snapshot:
        written = [(site := snapshot[address].site) and site.maybe_stale for address, _ in said]
    assert [stale for _, stale in said] == written == [False, False, True]
