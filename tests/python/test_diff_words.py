"""What is new and what survived, asked for: words of a selection, sets, and tables against an older snapshot."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import diff_support as support
import pytest
import tonnage
from capture_support import environment
from diff_support import DICT, FIRST, LIST, SESSION, STR, TUPLE, Facts, Heap, Thing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tonnage._sets import ObjectSet

Load = Callable[..., tonnage.Snapshot]
QUIET = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """A heap as an opened file."""
    files = []

    def opened(heap: Heap, facts: Facts | None = None) -> tonnage.Snapshot:
        path = tmp_path / f"{len(files)}.tonnage"
        path.write_bytes(support.write(heap, facts))
        files.append(tonnage.load(path))
        return files[-1]

    return opened


@pytest.fixture
def shop(load: Load) -> tuple[tonnage.Snapshot, tonnage.Snapshot]:
    """Before: lists 0 to 3. After: lists 2 to 5, a session that holds list 4, a dict that holds the session."""
    old = {FIRST + 64 * i: Thing(LIST) for i in range(4)}
    new = {FIRST + 64 * i: Thing(LIST, buffer=32 * i) for i in range(2, 6)}
    new |= {FIRST + 0x1000: Thing(SESSION, targets=(FIRST + 256,)), FIRST + 0x2000: Thing(DICT)}
    new[FIRST + 0x2000] = Thing(DICT, targets=(FIRST + 0x1000, FIRST + 0x1000))
    return load(old), load(new, Facts(at=5))


def addresses(objects: ObjectSet) -> set[int]:
    return {item.address for item in objects}


def of_kind(kind: int, found: set[int], heap: Heap) -> set[int]:
    return {address for address in found if heap[address].kind == kind}


@given(support.pairs())
@QUIET
def test_words_say_what_the_rules_say(load: Load, pair: tuple[Heap, Heap]) -> None:
    old, new = pair
    want = support.expected(old, new)
    with load(old) as before, load(new) as after:

        def found(words: str) -> set[int]:
            return addresses(after.where(words, against=before))

        assert found("is:new") == want.new
        assert found("is:survived") == found("is:certain or is:likely") == want.survived
        assert found("is:likely") == want.likely
        assert found("is:certain") == want.survived - want.likely
        assert found("type:list -is:new") & (want.new | want.survived) == of_kind(LIST, want.survived, new)
        assert found("is:new or type:str") >= of_kind(STR, want.survived, new) | want.new
        lists = after.where("type:list")
        assert addresses(lists.where("is:new", against=before)) == of_kind(LIST, want.new, new)


@given(support.pairs())
@QUIET
def test_words_on_the_page_of_two_hold_on_both_sides(load: Load, pair: tuple[Heap, Heap]) -> None:
    old, new = pair
    want = support.expected(old, new)
    with load(old) as before, load(new) as after:
        for word, kept in ("new", set[int]()), ("survived", want.survived), ("likely", want.likely):
            diff = after.diff(before, where=f"is:{word}")
            assert addresses(diff.new) == (want.new if word == "new" else set())
            assert addresses(diff.survived) == kept
            assert addresses(diff.gone) == set()
            assert diff.total["old"]["count"] == len(kept)


@given(support.pairs(), st.sets(st.integers(0, 40)), st.sets(st.integers(0, 40)))
@QUIET
def test_a_set_against_a_set(load: Load, pair: tuple[Heap, Heap], left: set[int], right: set[int]) -> None:
    old, new = pair
    want = support.expected(old, new)
    with load(old) as before, load(new) as after:

        def some(snapshot: tonnage.Snapshot, places: set[int]) -> ObjectSet:
            at = [item.address for item in snapshot]
            listed = ",".join(hex(at[place]) for place in places if place < len(at))
            return snapshot.where(f"address:{listed}" if listed else "size:0 size:1").filter(lambda _: True)

        mine, theirs = some(after, left), some(before, right)
        diff = mine.diff(theirs)
        assert addresses(diff.new) == want.new & addresses(mine)
        assert addresses(diff.survived) == want.survived & addresses(mine)
        assert addresses(diff.gone) == want.gone & addresses(theirs)
        assert sum(row["new"] for row in mine.diff(theirs, by="via", limit=0)) == len(diff.new)
        assert mine.diff(theirs, limit=0).total["old"]["count"] == len(
            addresses(theirs) & (want.gone | {a for a in old if a in want.survived})
        )


@given(support.pairs())
@QUIET
def test_a_selection_says_itself_what_it_was_before(load: Load, pair: tuple[Heap, Heap]) -> None:
    old, new = pair
    want = support.expected(old, new)
    with load(old) as before, load(new) as after:
        big = after.where("type:list").where("size:>=64")
        for diff in big.diff(before), big.summary(against=before):
            assert diff.total["new"]["count"] == sum(
                new[a].kind == LIST and new[a].own + new[a].buffer >= 64 for a in want.new
            )
            assert diff.total["gone"]["count"] == sum(
                old[a].kind == LIST and old[a].own + old[a].buffer >= 64 for a in want.gone
            )
        assert addresses(after.objects.diff(before).gone) == want.gone


def test_only_a_selection_says_what_it_was_before(shop: tuple[tonnage.Snapshot, tonnage.Snapshot]) -> None:
    before, after = shop
    lists = after.where("type:list")
    for made in lists | lists, after.by("type")[0], lists.where("is:new", against=before), lists.referrers():
        with pytest.raises(tonnage.ArgumentError, match="give a set of the older snapshot"):
            made.diff(before)
        assert len(made.diff(before.where("type:list")).gone) == 2
    with pytest.raises(tonnage.ArgumentError, match="of one snapshot"):
        lists.diff(after.objects)
    assert (len(lists.diff(after).new), len(lists.diff(after).survived)) == (0, 4)


VERBS = {
    "summary": {}, "largest": {}, "groups": {"by": "via"}, "dominators": {}, "treemap": {}, "retained": {}, "paths": {},
    "refs": {}, "referrers": {}, "suspects": {}, "why": {},
}  # fmt: skip


@pytest.mark.parametrize("words", ["", "type:list", "is:survived type:list"])
@pytest.mark.parametrize("verb", VERBS)
def test_against_is_that_of_the_command(
    shop: tuple[tonnage.Snapshot, tonnage.Snapshot], tmp_path: Path, verb: str, words: str
) -> None:
    before, after = shop
    options = VERBS[verb]
    if verb == "why":
        view = after.why(words or None, against=before)
    else:
        view = getattr(after, verb)(where=words or None, against=before, **options)
    called = [f"--{name}={value}" for name, value in options.items()] + (["--where", words] if words else [])
    done = subprocess.run(
        [sys.executable, "-m", "tonnage", verb, "1.tonnage", "--against", "0.tonnage", "--json", *called],
        capture_output=True, text=True, check=True, cwd=tmp_path, env=environment(),
    )  # fmt: skip
    assert json.loads(view.json().replace(f"{tmp_path}/", "")) == json.loads(done.stdout)


def test_tables_against_an_older_snapshot_are_of_what_is_new(
    shop: tuple[tonnage.Snapshot, tonnage.Snapshot],
) -> None:
    before, after = shop
    new = {FIRST + 256, FIRST + 320, FIRST + 0x1000, FIRST + 0x2000}
    for of in after, after.objects:
        assert {row["address"] for row in of.largest(against=before)} == new
        assert of.retained(against=before).data["selected"]["count"] == 4
        assert of.paths(against=before).total["count"] == 4
        assert of.groups(against=before).total["count"] == 4
        assert {row["address"] for row in of.dominators(against=before, where="type:list")} <= new
        assert {row["address"] for row in of.refs(against=before)} == {FIRST + 256, FIRST + 0x1000}
        assert "4 objects" in str(of.why(against=before))
        assert of.summary(against=before).total["new"]["count"] == 4
        assert of.suspects(against=before).data["against"] is not None
    assert after.referrers(against=before).total["count"] == 4  # of the dict two, of the session, of the root
    kept = after.largest(where="is:survived", against=before)
    assert {row["address"] for row in kept} == {FIRST + 128, FIRST + 192}
    lists = after.where("type:list")
    assert {row["address"] for row in lists.largest(against=before)} == {FIRST + 256, FIRST + 320}


def test_the_older_snapshot_may_be_forgotten(shop: tuple[tonnage.Snapshot, tonnage.Snapshot], tmp_path: Path) -> None:
    _, after = shop
    view = after.largest(against=tonnage.load(tmp_path / "0.tonnage"))
    assert len(view.rows) == 4
    diff = after.diff(tonnage.load(tmp_path / "0.tonnage"))
    assert (len(diff.gone), diff.gone[0].type) == (2, "list")


def test_words_that_compare_need_something_to_compare_with(
    shop: tuple[tonnage.Snapshot, tonnage.Snapshot],
) -> None:
    before, after = shop
    calls: list[Callable[[], object]] = [
        lambda: after.where("is:new"),
        lambda: after.objects.where("type:list is:survived"),
        lambda: after.largest(where="is:new"),
        lambda: after.by("type")[0].summary(where="is:likely"),
        lambda: after.paths("is:new"),
        lambda: after.suspects(where="is:new"),
        lambda: after[FIRST + 128].show(where="is:new"),
        lambda: after[FIRST + 128].path(avoid="is:new"),
    ]
    for call in calls:
        with pytest.raises(tonnage.ArgumentError, match="needs an older snapshot: --against OLD, in Python against="):
            call()
    with pytest.raises(tonnage.ArgumentError, match="what is gone is in the older snapshot alone") as refused:
        after.where("type:list is:gone", against=before)
    assert refused.value.offset == 10
    with pytest.raises(tonnage.ArgumentError, match=r"new or survived \(certain or likely\)"):
        after.where("is:old", against=before)
    with pytest.raises(tonnage.ArgumentError, match="is: compares two snapshots, and these are 3"):
        tonnage.diff([before, after, after], where="is:new")
    with pytest.raises(TypeError, match=r"against must be a Snapshot, not str: tonnage\.load"):
        after.largest(against="0.tonnage")  # type: ignore[arg-type]


def test_other_processes_have_nothing_in_common(load: Load) -> None:
    heap = {FIRST: Thing(LIST), FIRST + 64: Thing(TUPLE)}
    with load(heap) as before, load(heap, Facts(pid=1)) as after:
        for words in "is:new", "is:survived":
            with pytest.raises(tonnage.ArgumentError, match="no object of one is in the other"):
                after.where(words, against=before)
            with pytest.raises(tonnage.ArgumentError, match="no object of one is in the other"):
                after.diff(before, where=words)
