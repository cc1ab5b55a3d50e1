"""Groups of a live process: what is planted is found, in the group it belongs to."""

from __future__ import annotations

import json
import threading
import types
from collections.abc import Iterator
from pathlib import Path

import graph_files
import pytest
import tonnage
from test_paths import opened
from tonnage._groups import Groups


class Thing:
    def __init__(self, number: int) -> None:
        self.number = number
        self.__dict__["name"] = f"thing {number}"  # makes the dict an object of its own


class Owner:
    __slots__ = ("mine", "ours")

    def __init__(self, ours: object) -> None:
        self.mine = [[None]]  # a bytearray holds a bytes object of its own on 3.15
        self.ours = ours


N = 57
things = [Thing(i) for i in range(N)]
twins = ["-".join(["twin", str(N)]) for _ in range(N)]
shared = [object()]
owners = [Owner(shared) for _ in range(3)]
shared_alone = owners[0].ours = owners[1].ours = [object()]
address_of_shared = id(shared_alone)
del shared_alone
DEEP: list[object] = []  # while the fixture lives
N_DEEP = 150_000


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tonnage.Snapshot]:
    global DEEP
    for _ in range(N_DEEP):
        DEEP = [DEEP]
    go, ready = threading.Event(), threading.Event()

    def work() -> None:
        only_here = types.SimpleNamespace(planted="by the thread")
        ready.set()
        go.wait()
        del only_here

    thread = threading.Thread(target=work, name="planter")
    thread.start()
    ready.wait()
    path: Path = tmp_path_factory.mktemp("groups") / "live.tonnage"
    try:
        with tonnage.snapshot(path, mode="stop") as taken:
            yield taken
    finally:
        go.set()
        thread.join()
        DEEP = []


def kinds(groups: Groups) -> dict[str, int]:
    return {row["kind"]: row["count"] for row in groups.rows}


def test_dicts_of_instances_are_told_from_others(snapshot: tonnage.Snapshot) -> None:
    found = kinds(snapshot.by("clodo"))
    name = f"{__name__}.Thing"
    assert found[name] == found[f"dict of {name}"] == N
    assert sum(count for kind, count in found.items() if kind.startswith("dict")) == len(snapshot.where("type:dict"))


def test_folding_moves_bytes_and_loses_none(snapshot: tonnage.Snapshot) -> None:
    both = snapshot.where(f"type:{__name__}.Thing") | snapshot.where("type:dict")
    plain, folded = both.by("clodo"), both.by("clodo", fold=True)
    name = f"{__name__}.Thing"
    sizes = {row["kind"]: row["size"] for row in plain.rows}
    row = next(row for row in folded.rows if row["kind"] == name)
    assert (row["count"], row["size"]) == (N, sizes[name] + sizes[f"dict of {name}"])
    assert f"dict of {name}" not in kinds(folded)
    assert folded.size == plain.size == both.size
    group = next(group for group in folded if group.kind == name)
    assert (group.count, len(group), group.size) == (N, 2 * N, row["size"])
    assert folded.of(id(vars(things[3]))).kind == name
    alone = snapshot.where("type:dict").by("clodo", fold=True)  # what is not selected takes nothing in
    assert kinds(alone)[f"dict of {name}"] == N


def test_equal_contents_are_one_group(snapshot: tonnage.Snapshot) -> None:
    group = snapshot.by("content").of(id(twins[0]))
    assert (group.kind, {item.address for item in group}) == (repr(twins[0]), {id(twin) for twin in twins})


def test_what_holds_an_object_is_named(snapshot: tonnage.Snapshot) -> None:
    assert snapshot.by("rcs").of(id(things[0])).kind == "list"
    assert snapshot.by("via").of(id(things)).kind == "dict of module['things']"
    assert snapshot.by("via").of(id(owners[0].mine)).kind == f"{__name__}.Owner.mine"
    assert snapshot.by("via").of(id(things[0])).kind == "list[…]"


def test_a_local_belongs_to_its_thread_and_frame(snapshot: tonnage.Snapshot) -> None:
    text = snapshot.where("text:'by the thread'")
    (planted,) = snapshot.where("type:types.SimpleNamespace") & text.referrers().referrers()
    assert snapshot.by("thread").of(planted).kind == "thread 'planter'"
    assert "work() " in snapshot.by("frame").of(planted).kind
    assert snapshot.by("root").of(planted).kind == "thread"
    assert planted in snapshot.where("root:thread")


def test_heads_hold_what_goes_with_them(snapshot: tonnage.Snapshot) -> None:
    groups = snapshot.group_by([snapshot[id(owner)] for owner in owners])
    for owner in owners:
        group = groups[id(owner)]
        assert group.head is not None and group.head.address == id(owner)
        assert {item.address for item in group} == {id(owner), id(owner.mine), id(owner.mine[0])}
    assert groups[address_of_shared].kind == "(shared)"
    assert groups[id(shared)].kind == "(other)"
    assert "(shared)" in {child.kind for child in groups[id(owners[0])].children}
    assert id(owners[0]) in {head.head.address for head in groups[address_of_shared].parents if head.head}


def test_a_module_and_its_dict_are_one_head(snapshot: tonnage.Snapshot) -> None:
    groups = snapshot.group_by("modules")
    group = groups[id(things)]
    assert group.kind == f"module: {__name__}"
    assert all(address in group for address in (id(twins), id(DEEP)))
    assert sum(len(one) for one in groups) == len(snapshot)


def test_groups_are_sets_and_pages(snapshot: tonnage.Snapshot) -> None:
    groups = snapshot.by("type")
    first = groups[0]
    assert first <= snapshot.objects and len(first) == first.count and first[0] in first
    assert repr(groups.more) != repr(groups) and " 10 " in repr(groups.more).splitlines()[2]
    assert repr(first.by("id")).startswith(f"Set of {len(first)} objects. Total size = ")
    assert groups[-1].size <= groups[1].size
    by_name = [row["kind"] for row in groups.sort("kind").rows]
    assert by_name == sorted(by_name, key=str.encode)
    assert first.index == by_name.index(first.kind)
    with pytest.raises(IndexError):
        groups[len(groups)]
    with pytest.raises(KeyError):
        first.by("type")[id(things) if first.kind != "list" else id(vars(things[0]))]
    with pytest.raises(tonnage.ArgumentError):
        snapshot.by("colour")
    with pytest.raises(tonnage.ArgumentError):
        snapshot.group_by("colours")


def test_sorting_and_columns(snapshot: tonnage.Snapshot) -> None:
    found = snapshot.where(f"type:{__name__}.Thing or type:{__name__}.Owner")
    sizes = list(found.column("size"))
    assert sizes == [item.size for item in found]
    assert list(found.column("address")) == [item.address for item in found]
    assert [item.size for item in found.sort("size")] == sorted(sizes, reverse=True)
    assert [item.size for item in found.sort("-size").top(3)] == sorted(sizes)[:3]
    assert {found.types()[row] for row in found.column("type")} == {f"{__name__}.Thing", f"{__name__}.Owner"}
    assert max(found.column("retained")) >= max(sizes)
    with pytest.raises(tonnage.ArgumentError):
        found.column("colour")


def test_steps_and_what_is_reached(snapshot: tonnage.Snapshot) -> None:
    start = snapshot.objects.filter(lambda item: item.address == id(things))
    assert {item.address for item in start.referents()} == {id(thing) for thing in things}
    assert id(things) in snapshot.where(f"type:{__name__}.Thing").referrers()
    reached = start.reachable(avoid=snapshot.where("type:type+"))
    assert id(vars(things[0])["name"]) in reached and id(owners) not in reached
    assert start.reachable(avoid=start).size == 0
    assert id(things[0].name) in start.dominated()
    assert {item.address for item in start.owned()} >= {id(thing) for thing in things}
    assert len(snapshot.where(f"address:{id(DEEP):#x}").reachable()) > N_DEEP
    with pytest.raises(tonnage.ArgumentError):
        start.referents("strong")


def test_each_of_20_000_frames_is_named_with_its_thread() -> None:
    """All frames of a deep recursion were read again for the name of each."""
    n = 20_000
    graph = graph_files.Graph([[] for _ in range(n)], frames=[[i] for i in range(n)])
    view = opened(graph_files.write(graph)).view("groups", by="frame", json=True, limit=0)
    rows = [row for row in json.loads(view)["rows"] if "() " in row["kind"]]
    assert len(rows) == n
    assert {row["count"] for row in rows} == {1}
    (kind,) = {row["kind"] for row in rows}
    assert kind.startswith("?() ?:0 in thread of node ")
