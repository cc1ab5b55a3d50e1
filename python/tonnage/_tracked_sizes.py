"""What tracked instances take in a snapshot: parts that add up, what they keep together, and trees of what is in them.

    capture()   a snapshot, and who was alive in its pause
    measure()   from these the sizes of a moment

Bytes of an instance are its *part*: what would go with it, without what would go with tracked ones in it. What several
keep together, and no single one, is *shared*.
"""

from __future__ import annotations

import os
from array import array
from itertools import compress
from operator import add

from tonnage import _files
from tonnage._records import call
from tonnage._snapshot import Snapshot
from tonnage._take import defaults
from tonnage._tracked_data import ROWS_MAX, TREES_MAX, Sizes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tonnage._core import Set, _Reference
    from tonnage._core import Snapshot as Core
    from tonnage._tracked_data import Moment, Part

_NONE = 0xFFFFFFFF
_OWNING, _GUESSED = 0, 4
_CHILDREN_MAX = 100  # of one object in a tree
_NODES_MAX = 10_000  # of one tree
_NEVER_IN = {"module", "function", "builtin_function_or_method", "code", "frame", "type"}


class Lives:
    """Rows of `_capture.lives()`, as columns."""

    __slots__ = ("addresses", "births", "blocks", "kinds", "serials", "stacks")

    def __init__(self, rows: bytes) -> None:
        long, word, half = (memoryview(rows).cast(form) for form in "QIH")  # type: ignore[call-overload]
        self.blocks: list[int] = long[0::4].tolist()
        self.births: list[int] = long[1::4].tolist()
        self.serials: list[int] = long[2::4].tolist()
        self.stacks: list[int] = word[6::8].tolist()
        self.kinds: list[int] = half[14::16].tolist()
        self.addresses = list(map(add, self.blocks, half[15::16].tolist()))


def capture(previews: bool) -> tuple[Snapshot, bytes]:
    """A snapshot as settings say, in a file without a name, and the rows of those that were alive in its pause."""
    fd = _files.open_unlinked()
    try:
        rows: bytes = call(
            lambda c: c.snapshot(
                fd,
                mode=defaults.mode,
                previews=defaults.previews if previews else 0,
                redact=defaults.redact,
                scan=defaults.scan,
                lives=True,
            )
        )
    except BaseException:
        os.close(fd)
        raise
    return Snapshot(fd, None, taken_by=os.getpid()), rows


class Found:
    """What else a snapshot says of instances, by serial number."""

    __slots__ = ("morphed", "previews")

    def __init__(self) -> None:
        self.morphed: dict[int, str] = {}  # the name of another type by now
        self.previews: dict[int, str] = {}


class Request:
    """Who is measured: columns of the same length, and which levels trees have."""

    __slots__ = ("addresses", "kept", "kinds", "levels", "serials", "types")

    def __init__(self) -> None:
        self.addresses: list[int] = []
        self.serials: list[int] = []
        self.kinds: list[int] = []  # numbers in the tracker's history
        self.types: list[int] = []  # addresses of the types that they were made of
        self.levels: Callable[[int, int], int] | None = None  # of serial and kind; None: no trees
        self.kept: Callable[[int, int], bool] | None = None  # whether its preview is wanted, of the same


def measure(snapshot: Snapshot, request: Request, moment: Moment, compute_total: bool) -> Found:
    """Fills in the sizes of a moment."""
    core = snapshot._core
    if compute_total:
        moment.heap_count, moment.heap_bytes = len(snapshot.objects), snapshot.objects.size
    rows = sorted(zip(request.addresses, request.serials, request.kinds, request.types, strict=True))
    nodes = memoryview(core.find(array("Q", [row[0] for row in rows]).tobytes())).cast("I").tolist()
    there = [node != _NONE for node in nodes]
    nodes = list(compress(nodes, there))
    found = list(compress(rows, there))
    serials, kinds = [row[1] for row in found], [row[2] for row in found]
    members = core.set_of(array("I", nodes).tobytes())
    flat, part, retained = (memoryview(members.numbers(name, 0)).cast("Q") for name in ("size", "part", "retained"))

    _sum_up(core, moment, request.kinds, nodes, kinds, members, flat, part)
    told = Found()
    _look_at_types(snapshot, members, serials, [row[3] for row in found], told)
    if request.kept is not None:
        kept = request.kept
        for node, serial, kind in zip(nodes, serials, kinds, strict=True):
            if kept(serial, kind):
                told.previews[serial] = core.preview(node)
    trees: dict[int, tuple[Part, ...]] = {}
    if request.levels is not None:
        wanted = [(size, serial, node, request.levels(serial, kind)) for size, serial, node, kind
                  in zip(part, serials, nodes, kinds, strict=True)]  # fmt: skip
        chosen = sorted(row for row in wanted if row[3] > 0)[-TREES_MAX:]
        trees = _Trees(snapshot, members).grown([(serial, node, level) for _, serial, node, level in chosen])
        for _, serial, node, _ in chosen:
            told.previews.setdefault(serial, core.preview(node))
    moment.instances = _rows(serials, flat, part, retained, trees)
    moment.more = len(serials) - len(moment.instances)
    return told


def _sum_up(
    core: Core,
    moment: Moment,
    alive: list[int],
    nodes: list[int],
    kinds: list[int],
    members: Set,
    flat: memoryview[int],
    part: memoryview[int],
) -> None:
    sums: dict[int, list[int]] = {kind: [0, 0, 0, 0] for kind in sorted(set(alive))}
    for kind in alive:
        sums[kind][0] += 1
    for kind, size, own in zip(kinds, part, flat, strict=True):
        row = sums[kind]
        row[1] += size
        row[2] += own
    gone, moment.tracked_bytes = core.retained_set(members)
    for kind, row in sums.items():
        if row[0] == len(alive):
            row[3] = moment.tracked_bytes
        else:
            own_nodes = array("I", [node for node, one in zip(nodes, kinds, strict=True) if one == kind])
            row[3] = core.retained_set(core.set_of(own_nodes.tobytes()))[1]
    moment.kinds = {kind: (row[0], row[1], row[2], row[3]) for kind, row in sums.items()}
    moment.shared_bytes = moment.tracked_bytes - sum(part)
    moment.shared_count = len(gone) - sum(memoryview(members.numbers("part_count", 0)).cast("Q"))


def _look_at_types(snapshot: Snapshot, members: Set, serials: list[int], made: list[int], told: Found) -> None:
    """Names the types of those that are of another one than they were made of."""
    core = snapshot._core
    types = memoryview(members.numbers("type", 0)).cast("Q")
    addresses: dict[int, int] = {}
    for row in set(types):
        node = snapshot._type(row)[7]
        addresses[row] = 0 if node is None else core.node(node)[3]
    for serial, row, address in zip(serials, types, made, strict=True):
        if addresses[row] != address and addresses[row]:
            told.morphed[serial] = snapshot._type(row)[2]


def _rows(
    serials: list[int],
    flat: memoryview[int],
    part: memoryview[int],
    retained: memoryview[int],
    trees: dict[int, tuple[Part, ...]],
) -> Sizes:
    """The rows of a moment by serial number; of more than are kept, the largest."""
    order = sorted(range(len(serials)), key=serials.__getitem__)
    if len(order) > ROWS_MAX:
        largest = sorted(order, key=lambda at: part[at], reverse=True)[:ROWS_MAX]
        order = sorted(largest, key=serials.__getitem__)
    columns = [array("Q", [column[at] for at in order]) for column in (serials, flat, part, retained)]
    return Sizes(columns[0], columns[1], columns[2], columns[3], trees)


# ---- what is in an instance ----


class _Branch:
    """An object in a tree."""

    __slots__ = ("children", "depth", "label", "more", "node", "owned")

    def __init__(self, node: int, label: str, depth: int, owned: bool) -> None:
        self.node = node
        self.label = label
        self.depth = depth
        self.owned = owned  # the object above it alone keeps it, and it is not tracked itself
        self.children: list[_Branch] = []
        self.more = 0


class _Trees:
    """Referents of instances to a level. The size of one is what it adds to the part of its instance.

    What others hold as well, or is tracked itself, adds nothing, and is not gone into. Types, modules, functions, code
    and frames are left out.
    """

    __slots__ = ("_core", "_members", "_parts", "_snapshot")

    def __init__(self, snapshot: Snapshot, members: Set) -> None:
        self._snapshot = snapshot
        self._core = snapshot._core
        self._members = members
        self._parts: dict[int, int] = {}

    def grown(self, chosen: list[tuple[int, int, int]]) -> dict[int, tuple[Part, ...]]:
        """Of (serial, node, level): the parts by serial; the first is the instance itself."""
        trees = [(serial, self._branch(node, level)) for serial, node, level in chosen]
        owned = array("I")
        for _, tree in trees:
            owned.extend(branch.node for branch in _below(tree) if branch.owned)
        there = self._members.union(self._core.set_of(owned.tobytes()))
        ids = memoryview(there.ids()).cast("I")
        self._parts = dict(zip(ids, memoryview(there.numbers("part", 0)).cast("Q"), strict=True))
        return {serial: self._told(tree) for serial, tree in trees}

    def _branch(self, node: int, level: int) -> _Branch:
        """Its referents, breadth first, so that what is left out is the deepest."""
        tree = _Branch(node, "", 0, False)
        queue, left = [tree], _NODES_MAX
        seen = {node}
        for above in queue:
            if above.depth == level or not (above.owned or above is tree):
                continue
            there = 0
            for target, label in self._referents(above.node):
                there += 1
                if there > _CHILDREN_MAX or left == 0:
                    above.more += 1
                    continue
                left -= 1
                owned = target not in seen and target not in self._members
                owned = owned and self._core.dominator(target) == above.node
                seen.add(target)
                below = _Branch(target, label, above.depth + 1, owned)
                above.children.append(below)
                queue.append(below)
        return tree

    def _referents(self, node: int) -> list[tuple[int, str]]:
        found = []
        count = self._core.node(node)[8]
        references: list[_Reference] = self._core.references(node, 0, min(count, 100 * _CHILDREN_MAX))
        for target, kind, _, _, label, _ in references:
            if kind in (_OWNING, _GUESSED) and not self._is_never_in(target):
                found.append((target, label))
        return found

    def _is_never_in(self, node: int) -> bool:
        mro = self._snapshot._type(self._core.node(node)[0])[9]
        return any(self._snapshot._type(row)[2] in _NEVER_IN for row in mro)

    def _told(self, tree: _Branch) -> tuple[Part, ...]:
        branches = [tree, *_below(tree)]
        sizes: dict[int, int] = {}
        for branch in reversed(branches):  # what is below comes first
            below = sum(sizes[id(child)] for child in branch.children)
            sizes[id(branch)] = self._parts[branch.node] + below if branch.owned or branch is tree else 0
        told = []
        for branch in branches:
            kind = self._snapshot._type(self._core.node(branch.node)[0])[2]
            told.append((branch.depth, branch.label, kind, sizes[id(branch)], branch.more))
        return tuple(told)


def _below(tree: _Branch) -> list[_Branch]:
    """All under it, in pre-order."""
    found, stack = [], tree.children[::-1]
    while stack:
        branch = stack.pop()
        found.append(branch)
        stack.extend(reversed(branch.children))
    return found
