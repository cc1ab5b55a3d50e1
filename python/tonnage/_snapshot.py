"""A snapshot opened for reading, and where snapshots come from."""

from __future__ import annotations

import os

# Not threading: importing it would load it, and what it needs, into the target.
from _thread import RLock

from tonnage import _errors
from tonnage._facts import Facts
from tonnage._keywords import told
from tonnage._object import Object, an_address
from tonnage._profile_tables import ProfileTables
from tonnage._tables import Tables
from tonnage._threads import Thread
from tonnage._tracked_tables import TrackedTables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import Any

    from tonnage._core import Set
    from tonnage._core import Snapshot as Core
    from tonnage._core import _Type as Type
    from tonnage._cycles import Components
    from tonnage._diff import Diff
    from tonnage._facts import Fact
    from tonnage._groups import Groups
    from tonnage._sets import ObjectSet
    from tonnage._timeline import Sample
    from tonnage._view import View


@told
class Snapshot(Tables, ProfileTables, TrackedTables, Facts):
    """What was in memory when it was taken. Made by `tonnage.snapshot()` and `tonnage.load()`.

    Nothing is read before it is asked for; then the parts that are needed are loaded, checked and kept. A snapshot may
    be used from several threads: calls on it wait for one another.
    """

    __slots__ = (
        "__weakref__", "_all", "_closed", "_facts", "_fd", "_handle", "_options", "_path", "_state", "_taken_by",
        "_types",
    )  # fmt: skip
    _close_fd = staticmethod(os.close)  # at the end of the interpreter this module may have lost its names already

    def __init__(self, fd: int, path: str | None, *, taken_by: int = 0, partial: bool = False, max_memory: int = 0):
        self._fd = fd  # owned
        self._path = path  # None: the file has no name
        self._taken_by = taken_by  # process that took it: only there .obj works
        self._options = (partial, max_memory)
        self._state = RLock()  # of _handle, _closed and _fd: another thread may open or close meanwhile
        self._handle: Core | None = None
        self._closed = False
        self._facts: dict[str, Fact] | None = None
        self._types: dict[int, Type] = {}
        self._all: Set | None = None

    # ---- the file ----

    @property
    def path(self) -> str | None:
        """Name of its file; None while it has none."""
        return self._path

    @property
    def file_bytes(self) -> int:
        """Size of its file in bytes."""
        return self._core.file_bytes

    @property
    def _core(self) -> Core:
        """The open reader; opened, and the extension loaded, when first needed."""
        handle = self._handle
        return self._open() if handle is None else handle

    def _open(self) -> Core:
        from tonnage import _core

        with self._state:
            if self._handle is None and not self._closed:
                opened = _core.Snapshot(self._fd, partial=self._options[0], max_memory=self._options[1])
                if not self._closed:  # as the handler of a signal may have done
                    self._handle = opened
            if self._handle is None:
                raise ValueError("the snapshot is closed")
            return self._handle

    def save(self, path: str | os.PathLike[str], force: bool = False) -> None:
        """Copies the file under a name, at once: a file of that name is whole or does not exist.

        Args:
            path: the new file; readable by its owner only.
            force: replace an existing file.

        Raises:
            ExistsError: path exists and force is false.
            FileError: it cannot be written.

        Example:
            >>> snapshot.save("before.tonnage")  # doctest: +SKIP
        """
        from tonnage._files import copy

        name = os.fspath(path)
        with self._state:
            if self._closed:
                raise ValueError("the snapshot is closed")
            copy(self._fd, name, force)
            if self._path is None:
                self._path = name

    def close(self) -> None:
        """Frees its memory and closes its file; one without a name is gone then. Closing again does nothing."""
        with self._state:
            if self._closed:
                return
            self._closed = True
            self._all = None
            if self._handle is not None:
                self._handle.close()
                self._handle = None
            self._close_fd(self._fd)

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):  # tables of it have the reader, which lives as long as they do
            self._closed = True
            self._handle = None
            self._close_fd(self._fd)

    def check(self) -> list[_errors.Error]:
        """Reads the whole file and checks every rule of the format.

        Returns:
            What is wrong, each as the exception it would be, with the offset in the file; empty when it is sound.
            Cost: the whole file is read and decoded.

        Raises:
            NoMemoryError, LimitError: there is not enough memory to say.
        """
        found = [_errors.from_status(status, message, offset) for status, offset, message in self._core.check()]
        for error in found:
            if isinstance(error, (_errors.NoMemoryError, _errors.LimitError)):
                raise error  # nothing is wrong with the file
        return found

    # ---- views ----

    def info(
        self,
        limit: int = 0,
        where: str | None = None,
        sort: str | None = None,
        threshold: int | str | None = None,
    ) -> View:
        """What is known of the process, the capture and the file: the page of `tonnage info`.

        Args:
            limit: frames of a thread, 0 for all; rows where the facts are selected or sorted.
            where: only facts of this selection, for instance "text:malloc size:>=1M".
            sort: "size" or "name"; "-" before it turns the order around.
            threshold: only facts of this many bytes or more; an int or text such as "64k".

        Returns:
            A view. It has rows when facts are selected or sorted. Cost: none.
        """
        return self._view("info", limit=limit, where=where, sort=sort, threshold=threshold)

    def index(self, path: str | os.PathLike[str] | None = None) -> bool:
        """Takes dominators and retained sizes from an index, or computes them and writes it.

        `tonnage dominators` and `tonnage retained` use it too. An index that is of another snapshot, or damaged, is
        replaced.

        Args:
            path: the index; default: the snapshot's name with `.index` after it.

        Returns:
            Whether it was there. Cost: some nanoseconds an object if so, else like `dominators`; 4 to 6 bytes an
            object on disk.

        Raises:
            ArgumentError: the snapshot's file has no name, and no path is given.
            FileError: it cannot be written.
        """
        if path is None and self._path is None:
            raise _errors.ArgumentError("the snapshot's file has no name: say where the index goes", -8)
        return self._core.index(os.fspath(path) if path is not None else f"{self._path}.index")

    def report(
        self,
        path: str | os.PathLike[str],
        others: Iterable[Snapshot] = (),
        *,
        force: bool = False,
        sources: bool = False,
    ) -> None:
        """Writes a page with pictures and tables, for a browser: that of `tonnage report` (docs/viewer.md).

        Args:
            path: the page; it appears when it is whole, readable by its owner only.
            others: older snapshots, or younger ones, to compare with.
            force: replace what is there.
            sources: with the text of lines of code, from their files where these are as they were.

        Raises:
            ExistsError: path exists and force is false.
            FileError: it cannot be written.

        Cost: like `suspects`, and some dozens of passes over all objects.

        Example:
            >>> snapshot.report("report.html")  # doctest: +SKIP
        """
        from tonnage._python_verbs import by_time
        from tonnage._report import write

        older = [self._older(other, "others") for other in others]
        write(by_time([one for one in (self, *older) if one is not None]), os.fspath(path), force, sources)

    referrers = Tables.backrefs  # of a set that is a step along references

    def diff(
        self,
        old: Snapshot,
        by: str = "type",
        where: str | None = None,
        limit: int = 20,
        sort: str | None = None,
    ) -> Diff:
        """What changed since an older snapshot of the same process.

        Args:
            old: the older one. Of another process: totals only, without sets of objects.
            by: what objects of a row have in common: any kind of `ObjectSet.by` but heads.
            where: only objects of this selection, in both.
            limit: rows, 0 for all.
            sort: "size" or "count" (their changes), "new", "gone" or "type"; "-" before it turns the order around.

        Returns:
            A view, the page of `tonnage diff OLD NEW`, with the sets `new`, `gone` and `survived`.

        Cost: a pass over the columns of both files.

        Example:
            >>> tonnage.snapshot().diff(before).new.largest()  # doctest: +SKIP
        """
        from tonnage._diff import Diff

        if not isinstance(old, Snapshot):
            raise TypeError(f"old must be a Snapshot, not {type(old).__name__}: tonnage.load opens a file")
        return Diff(old, self, by=by, where=where, limit=limit, sort=sort)

    def __sub__(self, old: object) -> ObjectSet:
        """The objects that are new since an older snapshot of the same process."""
        if not isinstance(old, Snapshot):
            return NotImplemented
        from tonnage._diff import Diff

        return Diff(old, self).new

    def audited(self, grade: str) -> ObjectSet:
        """The objects of a grade of `audit()`; see `ObjectSet.audited`."""
        return self.objects.audited(grade)

    def why(
        self,
        selection: str | int | Object | ObjectSet | None = None,
        against: Snapshot | None = None,
        *,
        by: str | None = None,
        sort: str | None = None,
        limit: int = 5,
        fold: bool = True,
    ) -> View:
        """Why something is alive and what would free it, in words: the page of `tonnage why`.

        Args:
            selection: an object, an address, a set, or a selection such as "type:app.Session".
            by: a kind of `ObjectSet.by`: what is selected is parted, and each group has an answer.
            sort: of groups: "size", "count", "largest", or "kind" ("type", "each", "module" as `by` says); "-" before
                it turns the order around.
            limit: groups, references that hold it, or ways to a set, told one by one; 0 for all.
            fold: the `__dict__` of an object counts as a part of it.
            against: an older snapshot of the process: only objects that are new since, or what `is:` in the selection
                says. The selection may be left out then.

        Returns:
            A view without rows, unless `by` is given: `print` it, or take `data` (docs/view-json.md).

        Raises:
            NotFoundError: nothing is selected.

        Cost: like `dominators`, and a path; of a set a pass over all references.

        Example:
            >>> print(snapshot.why(id(cache)))  # doctest: +SKIP
        """
        from tonnage._sets import ObjectSet

        members = where = None
        if isinstance(selection, ObjectSet):
            members = self.objects._members_of(selection)
        elif selection is None or isinstance(selection, str):
            where = selection
        else:
            if isinstance(selection, Object) and selection._snapshot is not self:
                raise _errors.ArgumentError(f"{selection!r} is of another snapshot", -8)
            address = selection.address if isinstance(selection, Object) else an_address(selection)
            where = f"address:{address:#x}"
        return self._view(
            "why",
            where=where,
            set=members,
            by=by,
            sort=sort,
            limit=limit,
            fold=fold,
            against=against,
            file=self._file,
        )

    def components(self) -> Components:
        """Strongly connected components of all objects, over references that hold, nothing left out.

        Most of a program is one: its modules, functions and classes, and what globals lead to. `cycles` leaves that
        out.

        Cost: one pass over all references.
        """
        return self.objects.components()

    def garbage(self) -> ObjectSet:
        """What a collection of all generations would free at the time, as a set. Cost: a pass over all references."""
        from tonnage._sets import ObjectSet

        return ObjectSet(self, self._core.garbage())

    def _view(self, kind: str, *, against: Snapshot | None = None, **options: Any) -> View:
        from tonnage._view import View

        return View(self._core, kind, against=self._older(against), **options)

    @property
    def _subject(self) -> ObjectSet:
        return self.objects

    @property
    def _file(self) -> str | None:
        return self._path

    def _older(self, against: Snapshot | None, name: str = "against") -> Snapshot | None:
        if against is not None and not isinstance(against, Snapshot):
            raise TypeError(f"{name} must be a Snapshot, not {type(against).__name__}: tonnage.load opens a file")
        return self._again() if against is self else against

    def _again(self) -> Snapshot:
        """The same file, opened a second time."""
        return Snapshot(os.dup(self._fd), self._path, partial=self._options[0], max_memory=self._options[1])

    def __repr__(self) -> str:
        if self._closed:
            return f"<tonnage.Snapshot {self._path or 'without a name'}, closed>"
        try:
            return repr(self.summary(limit=10))
        except _errors.Error as error:
            return f"<tonnage.Snapshot {self._path or 'without a name'}: {error}>"

    def _repr_html_(self) -> str:
        from tonnage._html import page

        return page(repr(self)) if self._closed else self.summary(limit=10)._repr_html_()

    # ---- objects ----

    def __len__(self) -> int:
        """Number of objects; tonnage's own are left out."""
        return len(self._objects())

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Object]:
        """All objects by address; tonnage's own are left out."""
        objects = self._objects()
        node = objects.next(0)
        while node is not None:
            yield self._object(node)
            node = objects.next(node + 1)

    @property
    def objects(self) -> ObjectSet:
        """All objects as a set; tonnage's own are left out. Cost: one pass over types and flags, once."""
        from tonnage._sets import ObjectSet

        return ObjectSet(self, self._objects(), ())

    def where(self, selection: str, against: Snapshot | None = None) -> ObjectSet:
        """The objects that a selection names, as a set: `snapshot.where("type:app.Session+ size:>=1k")`.

        Args:
            selection: words, all of which must hold (docs/selection.md).
            against: an older snapshot of the process, for the words `is:new`, `is:survived`, `is:certain` and
                `is:likely`. Cost: comparing the two.

        Raises:
            ArgumentError: the selection makes no sense; `offset` says where.

        Cost: one pass over types and sizes, some nanoseconds an object.
        """
        from tonnage._sets import ObjectSet

        older = self._older(against)
        members = self._core.select(selection, None, None if older is None else older._core)
        return ObjectSet(self, members, (selection,) if older is None else None)

    def by(self, kind: str, *, fold: bool = False) -> Groups:
        """All objects parted into groups; see `ObjectSet.by`.

        Example:
            >>> snapshot.by("clodo")[0].by("via")  # doctest: +SKIP
        """
        return self.objects.by(kind, fold=fold)

    def group_by(self, heads: ObjectSet | list[Object] | list[int] | str, *, fold: bool = False) -> Groups:
        """All objects parted by what one head alone holds; see `ObjectSet.group_by`.

        Example:
            >>> snapshot.group_by("modules")  # doctest: +SKIP
        """
        return self.objects.group_by(heads, fold=fold)

    def _set_of(self, items: Iterable[Object | int]) -> Set:
        """Objects, given as such or by their addresses."""
        found = bytearray()
        for item in items:
            thing = item if isinstance(item, Object) else self[item]
            if thing._snapshot is not self:
                raise _errors.ArgumentError(f"{thing!r} is of another snapshot", -8)
            if thing._node >= self._core.n_objects:
                raise _errors.ArgumentError(f"{thing!r} is no Python object: sets have only such", -8)
            found += thing._node.to_bytes(4, "little")
        return self._core.set_of(bytes(found))

    def __contains__(self, address: object) -> bool:
        if isinstance(address, Object):
            return address._snapshot is self
        number = an_address(address)
        return 0 <= number < 1 << 64 and self._core.at(number) is not None

    def __getitem__(self, address: int) -> Object:
        """The object that started at an address; `snapshot[id(x)]` is x as it was.

        Raises:
            KeyError: no object started there. A NotFoundError, too.
            TypeError: it is no int.
        """
        address = an_address(address)
        node = self._core.at(address) if 0 <= address < 1 << 64 else None
        if node is None:
            raise _errors.NotFoundError(self._missing(address), -9)
        return self._object(node)

    def _object(self, node: int) -> Object:
        return Object(self, node)

    def _missing(self, address: int) -> str:
        way_out = "addresses are in largest(), in .children and .parents, and are id(x) in the process"
        if self.facts.get("capture.scope") == "reachable":
            way_out = "it holds only what the given objects reach; snapshot() without of= takes everything"
        elif self._taken_by == os.getpid():
            way_out = "it may be younger than the snapshot; take another one"
        return f"no object starts at {address:#x}: {way_out}"

    def _objects(self) -> Set:
        core = self._core  # or it is closed
        found = self._all
        if found is None:
            found = core.select("")
            with self._state:
                self._all = None if self._closed else found
        return found

    def _type(self, row: int) -> Type:
        found = self._types.get(row)
        if found is None:
            found = self._types[row] = self._core.type(row)
        return found

    def _live(self, item: Object) -> object:
        if self._taken_by != os.getpid():
            raise _errors.NotFoundError(
                ".obj works only on a snapshot that tonnage.snapshot() returned, in the process that took it", -9
            )
        type_node = self._type(item._fields[0])[7]
        if not item.address or type_node is None:
            raise _errors.NotFoundError(f"{item!r} is no Python object", -9)
        if item.address == id(None):
            return None
        try:
            from tonnage import _capture
        except ImportError as error:
            raise _errors.of_import(error) from None

        found = _capture.object_at(item.address, self._core.node(type_node)[3], item.size)
        if found is None:
            raise ReferenceError(f"no {item.type} of {item.size} bytes is at {item.address:#x} any more")
        return found

    # ---- time line, facts and threads ----

    @property
    def timeline(self) -> tuple[Sample, ...]:
        """How memory went before the snapshot, in order of time; empty where nothing was sampled."""
        from tonnage._timeline import read

        return read(self._core)

    @property
    def facts(self) -> dict[str, Fact]:
        """Everything recorded about the process and the capture (docs/facts.md), as a new dict."""
        if self._facts is None:
            self._facts = self._core.facts()
        return dict(self._facts)

    @property
    def threads(self) -> tuple[Thread, ...]:
        """Threads, each with its frames."""
        threads: dict[int, dict[str, Fact]] = {}
        for key, value in self.facts.items():
            words = key.split(".", 2)
            if words[0] == "thread" and len(words) == 3 and words[1].isdecimal():
                threads.setdefault(int(words[1]), {})[words[2]] = value
        return tuple(Thread(self, threads[n]) for n in sorted(threads))


def import_dump(
    dump: str | os.PathLike[str], path: str | os.PathLike[str], *, force: bool = False, max_memory: int = 0
) -> Snapshot:
    """Makes a snapshot file of a dump of Meliae, tracemalloc or plop (docs/import.md), whole or not at all.

    Args:
        dump: the JSON lines of Meliae's scanner (a file, which gzip may have packed, or a pipe), or the pickle that
            tracemalloc's `Snapshot.dump` wrote, of which nothing is run, or the dict that plop's collector wrote.
        path: the file to write.
        force: replace what is there.
        max_memory: refuse to use more than this many bytes, here and in the snapshot; 0: no limit.

    Returns:
        The snapshot, opened. Cost: O(n log n).

    Raises:
        ArgumentError: path is the dump.
        ExistsError: path exists and force is false.
        FileError: the dump cannot be read, or the file not written.
        FormatError: it is none of such dumps, or it cannot be unpacked.

    Example:
        >>> import tonnage
        >>> tonnage.import_dump("dump.json", "app.tonnage")  # doctest: +SKIP
    """
    from tonnage._export import import_file

    import_file(os.fspath(dump), os.fspath(path), force, max_memory)
    return load(path, max_memory=max_memory)


def load(path: str | os.PathLike[str], *, partial: bool = False, max_memory: int = 0) -> Snapshot:
    """Opens a snapshot file. It needs neither the process nor the interpreter it came from.

    Args:
        path: the file.
        partial: accept a truncated file and read what is whole.
        max_memory: refuse to use more than this many bytes; 0: no limit.

    Returns:
        The snapshot. Cost: the headers of the file's chunks are read; all else when asked for.

    Raises:
        FileError: the file cannot be read (an OSError, too).
        FormatError, VersionError: it is no snapshot, a damaged one, or one of another version.

    Example:
        >>> import tonnage
        >>> tonnage.load("missing.tonnage")
        Traceback (most recent call last):
            ...
        tonnage._errors.FileError: cannot open missing.tonnage: No such file or directory; give the path of a file \
that tonnage.snapshot(path) has made
    """
    name = os.fspath(path)
    try:
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # of a pipe: at once, to be refused
    except OSError as error:
        way_out = "" if os.path.lexists(name) else "; give the path of a file that tonnage.snapshot(path) has made"
        raise _errors.FileError(f"cannot open {name}: {error.strerror}{way_out}", -2) from None
    snapshot = Snapshot(fd, name, partial=partial, max_memory=max_memory)
    try:
        _ = snapshot._core  # opens it: what is wrong with the file is said here
    except _errors.Error as error:
        snapshot.close()
        raise _errors.from_status(error.status, f"{name}: {error}", error.offset) from None
    except BaseException:
        snapshot.close()
        raise
    return snapshot
