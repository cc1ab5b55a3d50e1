from collections.abc import Sequence
from typing import final

VERSION: str

# name, module, full name, flags, visitor, basic size, item size, node, base, method resolution order
_Type = tuple[str, str | None, str, int, int, int, int, int | None, int | None, tuple[int, ...]]
# type, flags, reference count, address, size, length, capacity, hash, references, parts
_Node = tuple[int, int, int, int, int, int | None, int | None, int | None, int, tuple[tuple[int, int], ...]]
# target, kind, style, node of the key, label, place among those of its shape or its run (absent ones count)
_Reference = tuple[int, int, int, int | None, str, int]
# source, target, kind, style, label, place among the references of the source
_Step = tuple[int, int, int, int, str, int]
# text, whether Python can evaluate it, steps
_Path = tuple[str, bool, list[_Step]]
# nanoseconds of the monotonic clock, resident set, traced bytes, counts of the collector, threads
_Time = tuple[int, int | None, int | None, tuple[int | None, int | None, int | None], int | None]

def format_bytes(bytes: int, /) -> str: ...
def parse_bytes(text: str, /) -> int: ...
def diff(
    old: Snapshot, new: Snapshot, where: str | None, old_set: Set | None = None, new_set: Set | None = None, /
) -> tuple[bool, str, int, int, int, Set | None, Set | None, Set | None]: ...
def columns(table: str, /) -> list[tuple[str, bool]]: ...
def import_dump(dump: str | bytes, out: str | bytes, force: bool, max_memory: int, /) -> None: ...
def growth(snapshots: Sequence[Snapshot], where: str | None, /) -> Set: ...
def growth_view(
    snapshots: Sequence[Snapshot],
    *,
    json: bool = False,
    where: str | None = None,
    sort: str | None = None,
    limit: int = 0,
    by: str | None = None,
    width: int = 0,
    color: bool = False,
) -> str: ...

@final
class Set:
    def __len__(self) -> int: ...
    def __contains__(self, node: int, /) -> bool: ...
    def next(self, node: int, /) -> int | None: ...
    def ids(self) -> bytes: ...
    def size(self) -> int: ...
    def numbers(self, what: str, none: int, /) -> bytes: ...
    def sorted(self, what: str, descending: bool, /) -> bytes: ...
    def complement(self) -> Set: ...
    def referrers(self, kinds: int, /) -> Set: ...
    def referents(self, kinds: int, /) -> Set: ...
    def reachable(self, avoid: Set | None, /) -> Set: ...
    def owned(self) -> Set: ...
    def union(self, other: Set, /) -> Set: ...
    def intersect(self, other: Set, /) -> Set: ...
    def minus(self, other: Set, /) -> Set: ...
    def xor(self, other: Set, /) -> Set: ...
    def subset(self, other: Set, /) -> bool: ...
    def equal(self, other: Set, /) -> bool: ...

# label, objects, bytes, size of the largest, its node, head, number
_Group = tuple[str, int, int, int, int, int | None, int | None]

@final
class Groups:
    def __len__(self) -> int: ...
    def row(self, index: int, /) -> _Group: ...
    def total(self) -> tuple[int, int]: ...
    def members(self, index: int, /) -> Set: ...
    def of(self, node: int, /) -> int | None: ...
    def related(self, index: int, parents: bool, /) -> bytes: ...
    def sort(self, column: str, descending: bool, /) -> None: ...
    def view(self, *, json: bool = False, first: int = 0, limit: int = 0, width: int = 0) -> str: ...

@final
class Waste:
    def __len__(self) -> int: ...
    def members(self, index: int, /) -> Set: ...

@final
class Picture:
    def __len__(self) -> int: ...
    def dot(self) -> str: ...
    def json(self) -> str: ...
    def objects(self) -> list[tuple[int, int, bool]]: ...
    def note(self, place: int, text: str, /) -> None: ...

@final
class Patterns:
    def __len__(self) -> int: ...
    def members(self, row: int, /) -> Set: ...

@final
class Batches:
    def stream(self) -> object: ...

@final
class Paths:
    def __iter__(self) -> Paths: ...
    def __next__(self) -> _Path: ...

@final
class Chain:
    def __iter__(self) -> Chain: ...
    def __next__(self) -> int: ...
    def path(self, node: int, /) -> _Path: ...

# count, first member, bytes, references inside, state, whether nothing else leads to it
_Component = tuple[int, int, int, int, int, bool]
# components, of them waiting, in gc.garbage; objects, bytes; example, objects of the shortest and of the longest cycle
_CycleGroup = tuple[int, int, int, int, int, int, int, int]

@final
class Components:
    def __len__(self) -> int: ...
    def row(self, index: int, /) -> _Component: ...
    def members(self, index: int, /) -> Set: ...
    def cycle(self, index: int, /) -> tuple[_Path, bool]: ...
    def references(self, index: int, /) -> list[_Step]: ...
    def groups(self) -> int: ...
    def group(self, index: int, /) -> _CycleGroup: ...
    def group_members(self, index: int, /) -> Set: ...

@final
class Snapshot:
    def __new__(cls, source: int | bytes, *, partial: bool = False, max_memory: int = 0) -> Snapshot: ...
    @property
    def n_nodes(self) -> int: ...
    @property
    def n_objects(self) -> int: ...
    @property
    def n_references(self) -> int: ...
    @property
    def n_types(self) -> int: ...
    @property
    def file_bytes(self) -> int: ...
    def close(self) -> None: ...
    def facts(self) -> dict[str, int | float | str]: ...
    def times(self) -> list[_Time]: ...
    def type(self, row: int, /) -> _Type: ...
    def node(self, node: int, /) -> _Node: ...
    def at(self, address: int, /) -> int | None: ...
    def find(self, addresses: bytes, /) -> bytes: ...
    def preview(self, node: int, /) -> str: ...
    def describe(self, node: int, /) -> str: ...
    def targets(self, node: int, style: int = -1) -> bytes: ...
    def references(self, node: int, start: int, count: int, /) -> list[_Reference]: ...
    def referrers(self, node: int, /) -> bytes: ...
    def frame(
        self, thread: int, depth: int, /
    ) -> tuple[int | None, str | None, str | None, str | None, int, bool] | None: ...
    def select(self, where: str, within: Set | None = None, against: Snapshot | None = None, /) -> Set: ...
    def groups(
        self,
        by: str,
        *,
        set: Set | None = None,
        where: str | None = None,
        heads: Set | None = None,
        head_words: str | None = None,
        fold: bool = False,
    ) -> Groups: ...
    def waste(self, *, set: Set | None = None, by: str | None = None, where_rows: str | None = None) -> Waste: ...
    def picture(
        self,
        of: str,
        *,
        set: Set | None = None,
        only: Set | None = None,
        without: Set | None = None,
        highlight: Set | None = None,
        by: str | None = None,
        where_rows: str | None = None,
        sort: str | None = None,
        heads: str | None = None,
        avoid: str | None = None,
        limit: int = 0,
        depth: int = 0,
        width: int = 0,
        lines: int = 0,
        fold: bool = True,
        garbage: bool = False,
        all: bool = False,
        proportional: bool = False,
        head_set: Set | None = None,
        avoid_set: Set | None = None,
    ) -> Picture: ...
    def patterns(
        self,
        *,
        set: Set | None = None,
        by: str = "clodo",
        sort: str = "references",
        depth: int = 0,
        width: int = 0,
        fold: bool = True,
        at: str | None = None,
    ) -> Patterns: ...
    def batches(self, table: str, set: Set | None, columns: str | None, /) -> Batches: ...
    def export(
        self,
        path: str | bytes,
        format: str,
        *,
        force: bool = False,
        set: Set | None = None,
        table: str | None = None,
        columns: str | None = None,
        max_nodes: int = 0,
        profile: str | None = None,
    ) -> None: ...
    def set_of(self, ids: bytes, /) -> Set: ...
    def hold(self, node: int, /) -> int: ...
    def dominator(self, node: int, /) -> int | None: ...
    def retained(self, node: int, /) -> tuple[int, int]: ...
    def dominated(self, node: int, /) -> bytes: ...
    def cut(self, node: int, index: int, /) -> tuple[int, int]: ...
    def index(self, path: str, /) -> bool: ...
    def retained_set(self, set: Set, /) -> tuple[Set, int]: ...
    def audit_set(self, set: Set | None, grade: str, /) -> Set: ...
    def set_dominators(self, set: Set, /) -> Set: ...
    def paths(
        self, node: int, avoid: str, limit: int, only_shortest: bool, avoid_set: Set | None = None, /
    ) -> Paths: ...
    def components(
        self, *, of: Set | None = None, where: Set | None = None, garbage: bool = False, by: str | None = None
    ) -> Components: ...
    def garbage(self) -> Set: ...
    def sites(
        self,
        page: str,
        *,
        json: bool = False,
        where: str | None = None,
        sort: str | None = None,
        limit: int = 0,
        by: str | None = None,
        width: int = 0,
        color: bool = False,
        where_rows: str | None = None,
        set: Set | None = None,
        depth: int = 0,
        cumulative: bool = False,
        retained: bool = False,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        path: Sequence[str | None] = (),
        against: Snapshot | None = None,
        old_set: Set | None = None,
    ) -> str: ...
    def site_members(
        self,
        *,
        row: str | None = None,
        by: str | None = None,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        path: Sequence[str | None] = (),
        set: Set | None = None,
        page: str = "sites",
        cumulative: bool = False,
    ) -> Set: ...
    def profile(
        self,
        page: str,
        *,
        json: bool = False,
        sort: str | None = None,
        limit: int = 0,
        by: str = "function",
        width: int = 0,
        color: bool = False,
        depth: int = 0,
        cumulative: bool = False,
        function: str | None = None,
        thread: str | None = None,
        task: str | None = None,
        state: str | None = None,
        clock: str | None = None,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        against: Snapshot | None = None,
    ) -> str: ...
    def tracked(
        self,
        page: str,
        *,
        json: bool = False,
        where: str | None = None,
        sort: str | None = None,
        limit: int = 0,
        width: int = 0,
        color: bool = False,
        depth: int = 0,
        where_rows: str | None = None,
    ) -> str: ...
    def flame(
        self,
        *,
        json: bool = False,
        where: str | None = None,
        set: Set | None = None,
        limit: int = 0,
        what: str | None = None,
        by: str = "line",
        width: int = 0,
        inverted: bool = False,
        born: tuple[int, int] = (0, 0),
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        color: bool = False,
    ) -> str: ...
    def birth(self, node: int, /) -> tuple[int, int, int, list[tuple[str, int, str, str]], bool] | None: ...
    def chain(self, node: int, inwards: bool, avoid: str, avoid_set: Set | None = None, /) -> Chain: ...
    def view(
        self,
        kind: str,
        *,
        json: bool = False,
        where: str | None = None,
        sort: str | None = None,
        limit: int = 0,
        by: str | None = None,
        width: int = 0,
        color: bool = False,
        where_rows: str | None = None,
        node: int = ...,
        set: Set | None = None,
        depth: int = 0,
        fold: bool = False,
        heads: str | None = None,
        avoid: str | None = None,
        all: bool = False,
        merge: bool = False,
        file: str | None = None,
        against: Snapshot | None = None,
        old_set: Set | None = None,
        branches: int = 0,
        at: str | None = None,
        head_set: Set | None = None,
        avoid_set: Set | None = None,
        garbage: bool = False,
        waste: Waste | None = None,
        skip: int = 0,
        patterns: Patterns | None = None,
        components: Components | None = None,
    ) -> str: ...
    def check(self) -> list[tuple[int, int, str]]: ...
