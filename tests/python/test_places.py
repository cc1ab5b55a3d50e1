"""Places: paths without indices and keys, against a search and a folding of their own, and in a live process."""

from __future__ import annotations

import heapq
import itertools
import json
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from random import Random

import networkx
import pure_writer as writer
import pytest
import tonnage
from hypothesis import given, settings
from hypothesis import strategies as st
from pure_writer import Description, Node, Shape, Type
from random_heaps import opened
from test_paths import opened as opened_core

OWNING, BORROWED, WEAK, INTERNED, GUESSED = range(5)
ATTRIBUTE, ITEM, LOCAL, FIELD, ROOT = range(5)
ITEMS, PAIRS, MEMBERS, UNLABELLED = 1, 2, 3, 4
SYNTHETIC, OWN, IMMORTAL, STATIC = 4, 64, 8, 16
FAR = 1 << 32
Step = tuple[Node, int | None, Node]  # holder, place among its references (None: held without one), target

# ---- heaps ----

NAMES = ("a", "b", "next", "not a name", "__dict__")
KINDS = ("list", "dict", "set", "thing", "other", "str", "cell", "generator", "mappingproxy", "opaque")


class Heap:
    """A description with modules, a thread and frames, and what refers to what."""

    def __init__(self) -> None:
        base = Type("object")
        self.types = {"object": base, "module": Type("module", base=base)}
        for name in KINDS:
            self.types[name] = Type(name.title() if name in ("thing", "other") else name, base=base)
            if name in ("thing", "other"):
                self.types[name].module = "app"
        for name in ("root", "interpreter", "static types", "thread", "frame"):
            self.types[name] = Type(name, None, flags=SYNTHETIC, mro=())
        self.shapes: list[Shape] = []
        self.nodes: list[Node] = []
        self.facts: dict[str, writer.Fact] = {}

    def shape(self, type_: str, *fixed: tuple[str, int, int], **options: int) -> Shape:
        self.shapes.append(Shape(self.types[type_], list(fixed), **options))  # type: ignore[arg-type]
        return self.shapes[-1]

    def node(self, shape: Shape, flags: int = 0, text: str | None = None) -> Node:
        synthetic = shape.type.flags & SYNTHETIC
        address = None if synthetic else 0x10000 + 64 * len(self.nodes)
        preview = None if text is None else (1, text.encode())
        self.nodes.append(Node(shape, address, 16, flags=flags, preview=preview))
        return self.nodes[-1]

    def text(self, text: str) -> Node:
        return self.node(self.shape("str"), text=text)

    def described(self, modules: dict[str, Node], frames: list[dict[str, Node]], **more: list[Node]) -> Description:
        """`modules` are names with namespaces; `frames` have locals; `roots`, `types` and `fields` of those."""
        pairs = self.shape("dict", run_style=PAIRS)
        table = self.node(pairs)
        for name, space in modules.items():
            module = self.node(self.shape("module", ("__dict__", ATTRIBUTE, OWNING)))
            module.references = [space]
            table.references += [self.text(name), module]
        root = self.node(
            self.shape("root", *((n, ROOT, OWNING) for n in ("interpreter", "thread", "static types")), run_style=ITEMS)
        )
        fields = [("imports.modules", FIELD, OWNING), *((f"f{i}", FIELD, OWNING) for i in range(len(more["fields"])))]
        interpreter = self.node(self.shape("interpreter", *fields))
        interpreter.references = [table, *more["fields"]]
        thread = self.node(self.shape("thread", run_style=ITEMS))
        statics = self.node(self.shape("static types", run_style=MEMBERS, run_kind=BORROWED))
        statics.references = list(more["types"])
        root.references = [interpreter, thread, statics, *more["roots"]]
        for members in frames:
            frame = self.node(self.shape("frame", *((n, LOCAL, OWNING) for n in members), has_stack=True))
            frame.references = list(members.values())
            thread.references.append(frame)
        found: dict[int, int] = defaultdict(int)
        for node in self.nodes:
            for i, target in enumerate(node.references):
                found[id(target)] += kind_of(node, i) == OWNING
        for node in self.nodes:
            node.refcount += found[id(node)] if node.address is not None else 0
        description = Description(self.nodes, list(self.types.values()), self.shapes, self.facts)
        self.facts["thread.0.node"] = description.ordered().index(thread)
        self.facts["thread.0.name"] = "main"
        return description


def fixed_references(random: Random, kind: str) -> list[tuple[str, int, int]]:
    if kind in ("thing", "other"):
        names = random.sample(("a", "b", "next", "__dict__", "x y"), random.randint(1, 3))
        return [(name, ATTRIBUTE, random.choice([OWNING] * 6 + [WEAK, GUESSED])) for name in names]
    known: dict[str, list[tuple[str, int, int]]] = {
        "cell": [("cell_contents", ATTRIBUTE, OWNING)],
        "generator": [("v", LOCAL, OWNING)],
        "mappingproxy": [("mapping", FIELD, OWNING)],
        "dict": [("k", ITEM, OWNING)] * random.randint(0, 1),
    }
    return known.get(kind, [])


def described(random: Random) -> Description:
    """Few kinds of objects, most of which refer to the next ones: long paths in which steps come again."""
    heap = Heap()
    texts = [heap.text(text) for text in NAMES]
    objects: list[Node] = []
    few = random.sample(KINDS, random.randint(1, 4))
    for _ in range(random.randint(1, 40)):
        kind = random.choice(few if random.random() < 0.8 else KINDS)
        run = {"list": ITEMS, "dict": PAIRS, "set": MEMBERS, "opaque": UNLABELLED}.get(kind, 0)
        run_kind = random.choice([OWNING] * 12 + [WEAK, GUESSED]) if run else 0
        shape = heap.shape(kind, *fixed_references(random, kind), run_style=run, run_kind=run_kind)
        objects.append(heap.node(shape, random.choice([0] * 30 + [IMMORTAL, STATIC, OWN])))
        objects[-1].refcount = random.choice([0] * 20 + [1])

    def some(i: int) -> Node:
        near = objects[min(i + random.randint(1, 2), len(objects) - 1)]
        return random.choice([near] * 12 + [random.choice(objects), *texts[:2]])

    for i, node in enumerate(objects):
        node.references = [some(i) if random.random() < 0.9 else None for _ in node.shape.fixed]
        for _ in range(random.randint(0, 3) if node.shape.run_style else 0):
            if node.shape.run_style == PAIRS:
                node.references.append(random.choice([*texts, some(i), None]))
            node.references.append(some(i) if random.random() < 0.9 else None)
    pairs = heap.shape("dict", run_style=PAIRS)
    modules = {}
    for name in random.sample(("app", "app.web", "class", "a b"), random.randint(0, 3)):
        modules[name] = heap.node(pairs)
        for _ in range(random.randint(0, 3)):
            modules[name].references += [random.choice([*texts, objects[0], None]), some(random.randint(0, 2))]
    locals_of = [random.sample("vw", random.randint(0, 2)) for _ in range(random.randint(0, 2))]
    frames = [{name: some(0) for name in names} for names in locals_of]
    roots, types, fields = (random.sample(objects, min(len(objects), random.choice([0, 0, 0, 1, 2]))) for _ in range(3))
    return heap.described(modules, frames, roots=roots, types=types, fields=fields)


def descriptions() -> st.SearchStrategy[Description]:
    return st.integers(0, 1 << 32).map(lambda seed: described(Random(seed)))


# ---- the same once more ----


def kind_of(node: Node, i: int) -> int:
    return node.shape.fixed[i][2] if i < len(node.shape.fixed) else node.shape.run_kind


def is_key(node: Node, i: int) -> bool:
    return node.shape.run_style == PAIRS and i >= len(node.shape.fixed) and (i - len(node.shape.fixed)) % 2 == 0


def named(node: Node, name: str) -> bool:
    return node.address is None and node.shape.type.name == name


class Tree:
    """Shortest paths by the rules of docs/paths.md: a queue in order of cost, of the origin, then of references."""

    def __init__(self, description: Description) -> None:
        self.nodes = description.ordered()
        self.number = {id(node): i for i, node in enumerate(self.nodes)}
        self.root = next(node for node in self.nodes if named(node, "root"))
        interpreter, thread, statics = (node for node in self.root.references[:3] if node)
        self.modules = interpreter.references[0]
        assert self.modules
        self.origins: list[tuple[Node, Node]] = [(self.root, interpreter), (interpreter, self.modules)]
        for module in self.modules.references[1::2]:
            assert module and module.references[0]
            self.origins += [(self.modules, module), (module, module.references[0])]
        self.origins += [(self.root, thread), *((thread, frame) for frame in thread.references if frame)]
        self.free = {(id(a), id(b)) for a, b in self.origins}
        self.statics, self.interpreter = statics, interpreter
        self.holds = self.anchors()
        self.parent: dict[int, Node] = {}
        self.search()

    def edges(self, node: Node) -> list[tuple[int, Node, int]]:
        """Place, target and cost of each reference that a path may take."""
        found = []
        for i, target in enumerate(node.references):
            kind = kind_of(node, i)
            if target is None or (kind == INTERNED if node.address is None else kind not in (OWNING, GUESSED)):
                continue
            cost = 1 + 5 * FAR * (kind == GUESSED)
            if target is self.statics:
                cost = FAR
            elif (id(node), id(target)) in self.free:
                cost = 0
            elif node is self.interpreter:
                cost += 2 * FAR
            elif node.flags & OWN and not target.flags & OWN:
                cost += 6 * FAR
            found.append((i, target, cost))
        return found

    def anchors(self) -> dict[int, str]:
        found: dict[int, int] = defaultdict(int)
        graph = networkx.DiGraph()
        graph.add_nodes_from(self.number)
        for node in self.nodes:
            for i, target in enumerate(node.references):
                if target is None:
                    continue
                kind = kind_of(node, i)
                found[id(target)] += kind == OWNING
                if kind == OWNING or (node.address is None and kind != INTERNED):
                    graph.add_edge(id(node), id(target))
        holds = {}
        for node in self.nodes:
            if node.address is None:
                continue
            if node.flags & STATIC:
                holds[id(node)] = "static memory"
            elif node.flags & IMMORTAL:
                holds[id(node)] = "immortal"
            elif node.refcount > found[id(node)]:
                holds[id(node)] = "held by C"
        graph.add_edges_from((id(self.root), node) for node in holds)
        rest = graph.subgraph(set(graph) - {id(self.root)} - networkx.descendants(graph, id(self.root)))
        whole = networkx.condensation(rest)
        for component, entered in whole.in_degree():
            if not entered:
                holds |= dict.fromkeys(whole.nodes[component]["members"], "garbage")
        return holds

    def search(self) -> None:
        order: dict[int, int] = {id(self.root): 0}
        queue: list[tuple[int, int, int, int, int, int]] = []
        for i, (a, b) in enumerate(self.origins):
            heapq.heappush(queue, (0, 0, i, 0, self.number[id(b)], self.number[id(a)]))
        for node, hold in self.holds.items():
            rank = 4 if hold == "garbage" else 3
            number = self.number[node]
            heapq.heappush(queue, (1 + rank * FAR, 3, number, 0, number, self.number[id(self.root)]))
        at = (self.root, 0)
        while True:
            for i, target, cost in self.edges(at[0]):
                late = 0 if cost == 0 else 1 if cost == 1 else 2
                entry = (at[1] + cost, late, order[id(at[0])], i, self.number[id(target)], self.number[id(at[0])])
                if late:
                    heapq.heappush(queue, entry)
            while queue and id(self.nodes[queue[0][4]]) in order:
                heapq.heappop(queue)
            if not queue:
                return
            spent, _, _, _, node, parent = heapq.heappop(queue)
            order[id(self.nodes[node])] = len(order)
            self.parent[id(self.nodes[node])] = self.nodes[parent]
            at = (self.nodes[node], spent)

    def path(self, node: Node) -> list[Step]:
        steps: list[Step] = []
        while node is not self.root:
            holder = self.parent[id(node)]
            ways = [(cost, is_key(holder, i), i) for i, target, cost in self.edges(holder) if target is node]
            if holder is self.root and id(node) in self.holds and (not ways or ways[0][0] > 4 * FAR + 1):
                ways = []
            steps.append((holder, min(ways)[2] if ways else None, node))
            node = holder
        return steps[::-1]


def words(type_: Type) -> str:
    return f"<{type_.name if type_.module in ('builtins', None) else f'{type_.module}.{type_.name}'}>"


def dotted(name: str) -> str:
    return f".{name}" if name.isidentifier() and name != "class" else f".__dict__['{name}']"


def piece(tree: Tree, stack: list[list[object]], step: Step) -> str:
    """What a step is written as; what it is no step behind is taken from the stack."""
    holder, i, target = step
    if i is None:
        return f"{tree.holds[id(target)]} › {words(target.shape.type)}"
    if target is tree.modules and holder is tree.interpreter:
        stack.clear()
        return "sys.modules"
    fixed = holder.shape.fixed
    name, style, _ = fixed[i] if i < len(fixed) else ("", -1, 0)
    if holder is tree.root:
        if target.address is not None:
            return f"root › {words(target.shape.type)}"
        return "thread 'main'" if named(target, "thread") else name
    if named(holder, "thread"):
        return " › ?()"
    if named(holder, "frame"):
        return f" › local '{name}'"
    if named(holder, "interpreter"):
        return f" › {name}"
    if named(holder, "static types"):
        return f" › {words(target.shape.type)}"
    above = str(stack[-1][0]) if stack else ""
    local = above.startswith(" › local") or ".f_locals[" in above
    value = style == ITEM or (style == -1 and holder.shape.run_style == PAIRS and not is_key(holder, i))
    if value and holder is tree.modules:
        stack.clear()
        key = holder.references[i - 1]
        assert key and key.preview
        text = key.preview[1].decode()
        plain = all(part.isidentifier() and part != "class" for part in text.split("."))
        return text if plain else f"sys.modules['{text}']"
    if value and above == ".__dict__":
        stack.pop()
        if style != ITEM:
            key = holder.references[i - 1]
            if key is None or key.preview is None:
                return ".__dict__[…]"
            name = key.preview[1].decode()
        return ".__dict__['__dict__']" if name == "__dict__" else dotted(name)
    if value and above == "<mapping>":
        stack.pop()
    if value:
        return "[…]"
    if name == "cell_contents" and local:
        stack.pop()
        return above
    if style == ATTRIBUTE:
        return ".__dict__" if name == "__dict__" else dotted(name)
    if style == LOCAL:
        return f"{'.gi_frame' if holder.shape.type.name == 'generator' else ''}.f_locals['{name}']"
    if style == FIELD:
        return f"<{name}>"
    return {ITEMS: "[…]", PAIRS: " key", MEMBERS: "{…}"}.get(holder.shape.run_style, "<…>")


def places(tree: Tree, node: Node) -> list[str]:
    """Its place, behind those that it lies in."""
    stack: list[list[object]] = []  # piece, type it leads to, whether it is marked
    for step in tree.path(node):
        text, type_ = piece(tree, stack, step), step[2].shape.type
        back = next((k for k in range(1, min(8, len(stack)) + 1) if stack[-k][:2] == [text, type_]), 0)
        if back:
            del stack[len(stack) - back + 1 :]
        if back or len(stack) == 64:
            stack[-1][2] = True
        else:
            stack.append([text, type_, False])
    pieces = [piece for text, _, marked in stack for piece in ([str(text), "…"] if marked else [str(text)])]
    return list(itertools.accumulate(pieces))


def expected(description: Description) -> dict[str, set[int]]:
    tree = Tree(description)
    found: dict[str, set[int]] = defaultdict(set)
    for node in tree.nodes:
        if node.address is not None and not node.flags & OWN:
            found[places(tree, node)[-1]].add(node.address)
    return dict(found)


# ---- claims ----


@settings(max_examples=400, deadline=None)
@given(descriptions())
def test_places_are_those_of_a_search_and_a_folding_of_their_own(description: Description) -> None:
    want = expected(description)
    with opened(description) as snapshot:
        groups = snapshot.by("path")
        assert {group.kind: {item.address for item in group} for group in groups} == want
        assert sum(group.count for group in groups) == len(snapshot)
        assert sum(group.size for group in groups) == snapshot.objects.size


@settings(max_examples=100, deadline=None)
@given(descriptions())
def test_merged_paths_count_what_comes_through_each_place(description: Description) -> None:
    tree = Tree(description)
    through, members, nodes = Counter[str](), Counter[str](), defaultdict[str, list[Node]](list)
    for node in tree.nodes:
        on_path = places(tree, node) if id(node) in tree.parent else []
        if on_path:
            nodes[on_path[-1]].append(node)
        if on_path and node.address is not None and not node.flags & OWN:
            through.update(on_path)
            members[on_path[-1]] += 1
    view = json.loads(opened_core(writer.write(description)).view("paths", where="", merge=True, json=True, limit=0))
    rows = {row["path"]: row for row in view["rows"] if row["path"] != "root"}
    assert {path: row["count"] for path, row in rows.items()} == {path: through[path] for path in rows}
    assert set(members) <= set(rows)
    for path, row in rows.items():
        only = nodes[path][0].address if len(nodes[path]) == 1 else None
        assert row["address"] == (only and hex(only))
    assert view["total"]["count"] == members.total()


@settings(max_examples=100, deadline=None)
@given(descriptions())
def test_dominators_are_the_same_before_and_behind_paths(description: Description) -> None:
    """What is garbage is told by the tree of paths, or by dominators, whichever is asked for first."""
    data = writer.write(description)
    first, second = opened_core(data), opened_core(data)
    paths = first.view("paths", where="", json=True, limit=0)
    tops = second.view("dominators", where="", json=True, limit=0)
    assert json.loads(second.view("paths", where="", json=True, limit=0))["rows"] == json.loads(paths)["rows"]
    assert json.loads(first.view("dominators", where="", json=True, limit=0))["rows"] == json.loads(tops)["rows"]


def chain(n: int, n_names: int) -> Description:
    """One object behind the other, by the same attributes again and again."""
    heap = Heap()
    shapes = [heap.shape("thing", (f"a{i}", ATTRIBUTE, OWNING)) for i in range(n_names)]
    links = [heap.node(shapes[i % n_names]) for i in range(n)]
    for link, following in zip(links, [*links[1:], None], strict=True):
        link.references = [following]
    space = heap.node(heap.shape("dict", run_style=PAIRS))
    space.references = [heap.text("HEAD"), links[0]]
    return heap.described({"app": space}, [], roots=[], types=[], fields=[])


def places_of(description: Description) -> dict[str, int]:
    with opened(description) as snapshot:
        return {group.kind: group.count for group in snapshot.where("type:app.Thing").by("path")}


def test_a_chain_is_one_place() -> None:
    assert places_of(chain(20_000, 1)) == {"app.HEAD": 1, "app.HEAD.a0": 1, "app.HEAD.a0…": 19_998}


def test_circles_of_8_steps_fold_and_of_9_do_not() -> None:
    found = places_of(chain(8_001, 8))
    assert len(found) == 17
    assert found["app.HEAD.a0…"] == found["app.HEAD.a0….a1.a2"] == 999
    twice = "app.HEAD" + 2 * "".join(f".a{i}" for i in range(9))
    assert places_of(chain(8_001, 9))[twice] == 1


def test_places_have_64_steps_however_deep_a_heap_is() -> None:
    """A text of each place of such a heap would be as long as the square of the chain."""
    found = places_of(chain(5_000, 5_000))
    last = "app.HEAD" + "".join(f".a{i}" for i in range(62))
    assert len(found) == 64
    assert (found[last], found[f"{last}…"]) == (1, 5_000 - 63)


def test_data_as_attribute_names_cost_no_more_than_there_are() -> None:
    heap = Heap()
    n = 200_000
    space, leaf = heap.node(heap.shape("dict", run_style=PAIRS)), heap.shape("thing")
    name = heap.shape("str")
    for i in range(n):
        space.references += [heap.node(name, text=f"n{i}"), heap.node(leaf)]
    description = heap.described({"app": space}, [], roots=[], types=[], fields=[])
    snapshot = opened_core(writer.write(description), 160 << 20)
    view = json.loads(snapshot.view("groups", by="path", json=True, limit=0))
    assert len([row for row in view["rows"] if row["kind"].startswith("app.n")]) == n
    assert {row["count"] for row in view["rows"] if row["kind"] == "app.__dict__ key"} == {n}


# ---- a live process ----


class Link:
    __slots__ = ("next",)

    def __init__(self, following: Link | None) -> None:
        self.next = following


class Session:
    def __init__(self, number: int) -> None:
        self.history = [object(), object()]
        self.key = (number, str(number))


LINKS: Link | None = None  # a million, while there are snapshots of it
SESSIONS = {f"user:{i}": Session(i) for i in range(300)}
CIRCLE: list[object] = []
CIRCLE.append([CIRCLE])
ME = __name__


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[tonnage.Snapshot, tonnage.Snapshot]]:
    """Before and after three hundred more sessions and a hundred in a thread."""
    global LINKS
    for _ in range(1_000_000):
        LINKS = Link(LINKS)
    go, ready = threading.Event(), threading.Event()
    folder: Path = tmp_path_factory.mktemp("places")

    def serve() -> None:
        batch = [Session(i) for i in range(100)]
        ready.set()
        go.wait()
        del batch

    thread = threading.Thread(target=serve, name="worker-2")
    with tonnage.snapshot(folder / "old.tonnage", mode="stop") as old:
        SESSIONS.update({f"late:{i}": Session(i) for i in range(300)})
        thread.start()
        ready.wait()
        try:
            with tonnage.snapshot(folder / "new.tonnage", mode="stop") as new:
                yield old, new
        finally:
            go.set()
            thread.join()
            LINKS = None
            for key in [key for key in SESSIONS if key.startswith("late:")]:
                del SESSIONS[key]


def test_planted_objects_stand_at_their_places(live: tuple[tonnage.Snapshot, tonnage.Snapshot]) -> None:
    groups = live[1].by("path")
    counts = {row["kind"]: row["count"] for row in groups.rows}
    assert counts[f"{ME}.SESSIONS"] == 1
    assert counts[f"{ME}.SESSIONS[…]"] == counts[f"{ME}.SESSIONS[…].history"] == 600
    assert counts[f"{ME}.SESSIONS[…].history[…]"] == 1200
    assert counts["thread 'worker-2' › serve() › local 'batch'[…]"] == 100
    assert counts[f"{ME}.LINKS.next…"] == 999_998
    assert counts[f"{ME}.CIRCLE"] == counts[f"{ME}.CIRCLE[…]"] == 1
    assert groups.of(id(SESSIONS["user:3"].history)).kind == f"{ME}.SESSIONS[…].history"
    assert groups.of(id(SESSIONS["user:3"].history)).by("type")[0].kind == "list"
    assert sum(counts.values()) == len(live[1])


def test_a_diff_by_place_says_which_place_grew(live: tuple[tonnage.Snapshot, tonnage.Snapshot]) -> None:
    old, new = live
    diff = new.diff(old, by="path", limit=0)
    rows = {row["kind"]: row for row in diff.rows}
    grown = rows[f"{ME}.SESSIONS[…]"]
    assert (grown["new"], grown["gone"], grown["survived"]) == (300, 0, 300)
    assert rows["thread 'worker-2' › serve() › local 'batch'[…]"]["new"] == 100
    assert f"{ME}.LINKS.next…" not in rows
    growth = [row["size_change"] for row in diff.rows]
    assert growth == sorted(growth, reverse=True)
