"""The tables of the command's verbs, which a snapshot has of all its objects, and a set of its members."""

from __future__ import annotations

import os

from tonnage._errors import ArgumentError
from tonnage._keywords import told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tonnage._audit import Audit
    from tonnage._columns import Table
    from tonnage._core import Set
    from tonnage._cycles import Cycles
    from tonnage._object import Object
    from tonnage._paths import Avoid
    from tonnage._patterns import Patterns
    from tonnage._picture import Picture
    from tonnage._sets import ObjectSet
    from tonnage._snapshot import Snapshot
    from tonnage._sql import Answer
    from tonnage._view import View
    from tonnage._waste import Waste


@told
class Tables:
    """Methods that are verbs of the command. Each gives a view: `print` writes the table, iterating gives its rows."""

    __slots__ = ()

    def _view(self, kind: str, **options: Any) -> View:
        raise NotImplementedError

    @property
    def _subject(self) -> ObjectSet:
        """What a verb is about that has a set."""
        raise NotImplementedError

    @property
    def _file(self) -> str | None:
        """What pages call the snapshot in the commands that they name."""
        raise NotImplementedError

    def _chosen(self, where: str | None, against: Snapshot | None) -> Set | None:
        """The objects that a verb without a page is about; None: all of a snapshot."""
        subject = self._subject
        if subject._is_all and against is None and not where:
            return None
        return subject._narrowed(where, against)._set

    def table(
        self,
        name: str = "objects",
        columns: list[str] | str | None = None,
        where: str | None = None,
        against: Snapshot | None = None,
    ) -> Table:
        """A table as columns, for what reads Apache Arrow: pandas, polars, DuckDB, pyarrow (docs/export.md).

        Args:
            name: "objects", "references" (of these objects to any), "types" or "roots" (references to these objects
                from what is none).
            columns: their names, in this order; None: all but those that cost more, which are there when named.
            where: only objects of this selection.
            against: an older snapshot of the process: only objects that are new since, or what `is:` in `where` says.

        Returns:
            A table with `__arrow_c_stream__`, `to_pandas()`, `to_arrow()` and `to_csv()`. Cost: none, till it is read.

        Example:
            >>> snapshot.table("objects").to_pandas()  # doctest: +SKIP
        """
        from tonnage._columns import Table

        return Table(self._subject._snapshot, name, self._chosen(where, against), columns)

    def to_pandas(self, columns: list[str] | str | None = None, where: str | None = None) -> Any:
        """The objects as a `pandas.DataFrame`: `table("objects", columns, where).to_pandas()`."""
        return self.table("objects", columns, where).to_pandas()

    def export(
        self,
        path: str | os.PathLike[str],
        to: str | None = None,
        what: str | None = None,
        columns: list[str] | str | None = None,
        where: str | None = None,
        against: Snapshot | None = None,
        force: bool = False,
        max_nodes: int = 0,
    ) -> None:
        """Writes the objects in the format of another program, whole or not at all (docs/export.md).

        Args:
            path: the file, or for Parquet and Arrow the folder of a file a table; for its owner only.
            to: "csv", "parquet", "arrow", "heapsnapshot" (docs/heapsnapshot.md) or "meliae" (docs/import.md); None: as
                the name ends. Parquet and Arrow need pyarrow, the extra `tonnage[parquet]`.
            what: "objects", "references", "types" or "roots", which then is one file; None: all, of CSV objects.
            columns: as of `table`.
            where: only objects of this selection.
            against: an older snapshot of the process: only objects that are new since, or what `is:` in `where` says.
            force: replace what is there.
            max_nodes: of a heap snapshot: what retains least is folded until there are no more nodes; 0: all.

        Raises:
            ExistsError: path exists and force is false.
            FileError: it cannot be written.
            MissingPackageError: pyarrow is not installed.

        Example:
            >>> snapshot.export("app.parquet")  # doctest: +SKIP
        """
        from tonnage._export import export

        chosen = self._chosen(where, against)
        export(self._subject._snapshot, chosen, os.fspath(path), to, what, columns, force, max_nodes)

    def sql(self, query: str, limit: int = 20, where: str | None = None, against: Snapshot | None = None) -> Answer:
        """A query over the tables `objects`, `references` (or `refs`), `types` and `roots`, by DuckDB.

        Args:
            query: SQL. It reads nothing but these tables. `*` leaves out columns that cost more: name them.
            limit: rows, 0 for all.
            where: only objects of this selection.
            against: an older snapshot of the process: only objects that are new since, or what `is:` in `where` says.

        Returns:
            An answer with `rows` and `columns`; `print` writes a table. Cost: the columns that the query names are
            made each time.

        Raises:
            ArgumentError: DuckDB does not like the query.
            MissingPackageError: duckdb is not installed; it is the extra `tonnage[sql]`.

        Example:
            >>> snapshot.sql("select type, sum(size) from objects group by all order by 2 desc")  # doctest: +SKIP
        """
        from tonnage._sql import query as ask

        if limit < 0:
            raise ArgumentError(f"limit must be 0, which is all, or more, not {limit}", -8)
        return ask(self._subject._snapshot, self._chosen(where, against), query, limit)

    def summary(
        self,
        by: str = "type",
        where: str | None = None,
        limit: int = 20,
        sort: str | None = None,
        threshold: int | str | None = None,
        against: Snapshot | None = None,
    ) -> View:
        """Totals by type, size or module: what takes the memory.

        Args:
            by: "type", "size", "module" or any other kind of `ObjectSet.by`.
            where: only objects of this selection, for instance "type:dict size:>=1k" (docs/selection.md).
            limit: rows, 0 for all.
            sort: a column; "-" before it turns the order around.
            threshold: only rows of this many bytes or more; an int or text such as "64k".
            against: an older snapshot of the process: then what changed since, the page of `diff`.

        Returns:
            A view. Printing it writes the table of `tonnage summary`; iterating gives its rows.

        Cost: one pass over types and sizes, some nanoseconds an object.

        Example:
            >>> snapshot.summary(limit=3)  # doctest: +SKIP
        """
        return self._view(
            "summary", by=by, where=where, limit=limit, sort=sort, threshold=threshold, against=against
        )

    def largest(
        self,
        limit: int = 20,
        where: str | None = None,
        sort: str | None = None,
        threshold: int | str | None = None,
        against: Snapshot | None = None,
    ) -> View:
        """The largest single objects.

        Args:
            limit: rows, 0 for all.
            where: only objects of this selection.
            sort: "address", "type" or "preview" for another order of the largest; "-size" for the smallest instead.
            threshold: only objects of this many bytes or more; an int or text such as "64k".
            against: an older snapshot of the process: only objects that are new since, or what `is:` in `where` says.

        Returns:
            A view, the table of `tonnage largest`. Cost: one pass over sizes.

        Example:
            >>> snapshot[snapshot.largest().rows[0]["address"]]  # doctest: +SKIP
        """
        return self._view("largest", limit=limit, where=where, sort=sort, threshold=threshold, against=against)

    def groups(
        self,
        by: str = "type",
        where: str | None = None,
        heads: ObjectSet | list[Object] | list[int] | str | None = None,
        limit: int = 20,
        sort: str | None = None,
        threshold: int | str | None = None,
        fold: bool = False,
        against: Snapshot | None = None,
    ) -> View:
        """The table of `tonnage groups`; `by()` and `group_by()` give groups one can go on with.

        Args:
            by: what objects of a group have in common, as for `ObjectSet.by`.
            where: only objects of this selection.
            heads: "modules", "threads", "instances", a selection, a set or a list of objects: groups are what each of
                these alone holds.
            limit: rows, 0 for all.
            sort: "size", "count", "largest" or "kind"; "-" before it turns the order around.
            threshold: only rows of this many bytes or more; an int or text such as "64k".
            fold: the `__dict__` of an object counts as a part of it.
            against: an older snapshot of the process: only objects that are new since, or what `is:` in `where` says.

        Returns:
            A view. Cost: one pass over the objects; where references are asked, one or two over these.
        """
        words, members = heads if isinstance(heads, str) else None, None
        if heads is not None and not isinstance(heads, str):
            members = self._subject._heads(heads)
        return self._view(
            "groups",
            by=by,
            where=where,
            heads=words,
            head_set=members,
            limit=limit,
            sort=sort,
            threshold=threshold,
            fold=fold,
            against=against,
        )

    def dominators(
        self,
        by: str | None = None,
        where: str | None = None,
        limit: int = 20,
        sort: str | None = None,
        threshold: int | str | None = None,
        depth: int = 1,
        fold: bool = True,
        against: Snapshot | None = None,
    ) -> View:
        """Who retains how much: objects with what would go if they went, the biggest first.

        Args:
            by: parts the rows into groups and adds them up: "type", "module" or any other kind of `ObjectSet.by`.
            where: only objects of this selection, without those that another one of it dominates; default: all objects,
                so those that no other object dominates. No byte is in two rows.
            limit: rows, and rows below each; 0 for all.
            sort: "retained", "count", "size", "address" or "type"; "-" before it turns the order around.
            threshold: only rows that retain this many bytes or more; an int or text such as "64k".
            depth: levels of the dominator tree.
            fold: the `__dict__` of an object counts as a part of it, where nothing else holds it.
            against: an older snapshot of the process: only objects that are new since, or what `is:` in `where` says.

        Returns:
            A view, the table of `tonnage dominators`. Rows have the keys of docs/view-json.md.

        Cost: the first call for a snapshot finds the dominators of all objects: some hundred nanoseconds and up to 96
        bytes an object, of which 17 stay.

        Example:
            >>> snapshot.dominators(where="type:dict", limit=5)  # doctest: +SKIP
        """
        return self._view(
            "dominators",
            by=by,
            where=where,
            limit=limit,
            sort=sort,
            threshold=threshold,
            depth=depth,
            fold=fold,
            against=against,
        )

    def retained(
        self,
        where: str | None = None,
        by: str = "type",
        limit: int = 20,
        sort: str | None = None,
        fold: bool = False,
        against: Snapshot | None = None,
    ) -> View:
        """What would go if all objects of a selection went at once, themselves included.

        More than the sum over its members, where only several of them together keep something alive.

        Args:
            where: the selection, for instance "type:app.Session"; of a set: further conditions on its members.
            by: "type", "module" or any other kind of `ObjectSet.by`: the groups of what goes.
            limit: rows, 0 for all.
            sort: "size", "count" or "type" ("each", "module", "kind" as `by` says); "-" before it turns the order
                around.
            fold: the `__dict__` of an object that goes counts as a part of it.
            against: an older snapshot of the process: only objects that are new since, or what `is:` in `where` says.

        Returns:
            A view, the tables of `tonnage retained`; `total` says how much goes, the rows add up to it (shared keys of
            dicts are a row with no object), `data["selected"]` what was selected, `data["dominators"]` the nearest
            objects without which the selected would go.

        Cost: like `dominators`, and a pass over all references.

        Example:
            >>> snapshot.retained("type:app.Session").total  # doctest: +SKIP
        """
        return self._view("retained", where=where, by=by, limit=limit, sort=sort, fold=fold, against=against)

    def patterns(
        self,
        where: str | None = None,
        by: str | None = None,
        limit: int = 20,
        sort: str | None = None,
        depth: int = 4,
        width: int = 5,
        at: str | None = None,
        fold: bool = True,
        against: Snapshot | None = None,
        skip: int = 0,
    ) -> Patterns:
        """Who refers to the objects of a selection, kind by kind, and who to these: a tree (docs/patterns.md).

        Args:
            where: the selection, for instance "type:app.Session"; of a set: further conditions on its members.
            by: what a kind is, any kind of `ObjectSet.by`; None: "clodo".
            limit: rows, 0 for all.
            sort: "references", "count" or "size": which kinds come first.
            depth: levels below the selection, or below the row `at`.
            width: kinds that are followed below each row, 1 to 702.
            at: the name of the row to begin with, such as "a2b".
            fold: the `__dict__` of an object counts as a part of it.
            against: an older snapshot of the process: only objects that are new since, or what `is:` in `where` says.
            skip: rows left out at the beginning, to go on behind a page.

        Returns:
            A view, the table of `tonnage patterns`. `patterns["a2b"]` is the row of that name, and its `objects` a set.

        Cost: once a snapshot, references are turned round; then the references of what is met.

        Example:
            >>> snapshot.patterns("type:app.Session")["a"].objects  # doctest: +SKIP
        """
        from tonnage._patterns import Patterns

        return Patterns(
            self._subject,
            where=where,
            by=by,
            limit=limit,
            sort=sort,
            depth=depth,
            width=width,
            at=at,
            fold=fold,
            against=against,
            skip=skip,
        )

    def paths(
        self,
        where: str | None = None,
        merge: bool = False,
        limit: int = 20,
        avoid: Avoid | None = None,
        sort: str | None = None,
        threshold: int | str | None = None,
        by: str | None = None,
        fold: bool = False,
        against: Snapshot | None = None,
    ) -> View:
        """Who holds the objects of a selection: the shortest path to each, as Python.

        Args:
            where: the selection, for instance "type:app.Session"; of a set: further conditions on its members.
            merge: one tree instead, with the objects and bytes that come through each branch, the most first.
            limit: objects, or branches, shown; 0 for all.
            avoid: what to keep away from, as `Object.paths` has it.
            sort: "size", "length", "address" or "type"; "-" before it turns the order around. Not with merge.
            threshold: only objects of this many bytes or more; an int or text such as "64k".
            by: parts the objects by a kind of `ObjectSet.by`: the path to the largest of each group. Not with merge.
            fold: the `__dict__` of an object counts as a part of it. Not with merge.
            against: an older snapshot of the process: only objects that are new since, or what `is:` in `where` says.

        Returns:
            A view, the page of `tonnage paths`. Cost: at worst a pass over all references.

        Example:
            >>> snapshot.paths("type:app.Session", merge=True)  # doctest: +SKIP
        """
        from tonnage._paths import avoided

        words, members = avoided(self._subject._snapshot, avoid)
        return self._view(
            "paths",
            where=where,
            merge=merge,
            limit=limit,
            avoid=words or None,
            avoid_set=members,
            sort=sort,
            threshold=threshold,
            by=by,
            fold=fold,
            against=against,
        )

    def cycles(
        self,
        by: str = "type",
        where: str | None = None,
        garbage: bool = False,
        limit: int = 20,
        sort: str | None = None,
        against: Snapshot | None = None,
    ) -> Cycles:
        """What refers to itself in a circle, so that no reference count frees it; finalizers and weak references.

        Args:
            by: "type", a row for all cycles that go over the same types and labels; "id", a row for each one, with what
                keeps it, what it retains and a shortest cycle in words.
            where: only cycles with an object of this selection; of a set: with one of its members.
            garbage: only what waits for the collector or is in `gc.garbage`.
            limit: rows of each table, 0 for all.
            sort: "cycles", "size", "count", "waiting", "listed" or "cycle"; by "id": "size", "count" or "references";
                "-" before it turns the order around.
            against: an older snapshot of the process: only cycles with an object that is new since, or what `is:` in
                `where` says.

        Returns:
            A view, the page of `tonnage cycles`. A row is a dict with the keys of docs/view-json.md, and has the
            members as a set, `row.objects`. docs/cycles.md says what is left out.

        Cost: two passes over all references; by "id" like `dominators`.

        Example:
            >>> snapshot.cycles(garbage=True)[0].objects  # doctest: +SKIP
        """
        from tonnage._cycles import Cycles

        return Cycles(
            self._subject,
            by=by,
            where=where,
            garbage=garbage,
            limit=limit,
            sort=sort,
            against=against,
            file=self._file,
        )

    def audit(
        self,
        by: str = "type",
        where: str | None = None,
        limit: int = 20,
        sort: str | None = None,
        against: Snapshot | None = None,
    ) -> Audit:
        """Objects whose reference count is not what was found of references: what C code holds, and what it has lost.

        Args:
            by: what objects of a row have in common, as for `ObjectSet.by`.
            where: only objects of this selection.
            limit: rows of each grade, 0 for all.
            sort: "excess" (references that are not accounted for), "count", "size" or "kind"; "-" before it turns the
                order around.
            against: an older snapshot of the process: only objects that are new since, or what `is:` in `where` says.

        Returns:
            A view, the page of `tonnage audit`. A row is a dict with the keys of docs/view-json.md, and has its objects
            as a set, `row.objects`. Its `grade` is "lost", "leaked", "possible", "held", "explained" or "short",
            of which `audited(grade)` gives all objects. docs/audit.md says what these mean.

        Cost: the first call for a snapshot is a pass over all references; where something is lost, dominators.

        Example:
            >>> snapshot.audit()[0].objects.largest()  # doctest: +SKIP
        """
        from tonnage._audit import Audit

        return Audit(
            self._subject, by=by, where=where, limit=limit, sort=sort, against=against, file=self._file
        )

    def refs(
        self,
        where: str | None = None,
        limit: int = 20,
        sort: str | None = None,
        threshold: int | str | None = None,
        by: str | None = None,
        fold: bool = False,
        against: Snapshot | None = None,
    ) -> View:
        """What the objects of a selection refer to, in groups by type and label, or by any kind.

        Args:
            where: the selection; of a set: further conditions on its members.
            limit: groups, 0 for all.
            sort: "count" (of references), "objects", "size", "type" or "label"; "-" turns the order around.
            threshold: only objects of this many bytes or more.
            by: groups of what is at the other end, by a kind of `ObjectSet.by`.
            fold: what the `__dict__` of an object refers to, the object refers to.
            against: an older snapshot of the process: only objects that are new since, or what `is:` in `where` says.

        Returns:
            A view, the table of `tonnage refs`. Cost: the references of the selected objects.
        """
        return self._view(
            "refs",
            where=where,
            limit=limit,
            sort=sort,
            threshold=threshold,
            by=by,
            fold=fold,
            against=against,
        )

    def suspects(
        self,
        against: Snapshot | None = None,
        limit: int = 20,
        where: str | None = None,
        by: str | None = None,
        sort: str | None = None,
        fold: bool = True,
    ) -> View:
        """What to look at first, in sentences: who retains much, and who holds that.

        Args:
            against: an older snapshot; then what grew since.
            limit: suspects shown, 0 for all.
            where: only suspects of this selection.
            by: a kind of `ObjectSet.by`: what retains most, in groups, in `data["consumers"]`.
            sort: "retained", "count" or "kind"; "-" before it turns the order around.
            fold: the `__dict__` of an object counts as a part of it.

        Returns:
            A view, the page of `tonnage suspects`. Rows have the keys of docs/view-json.md, `text` the first sentence;
            `data["findings"]` is what waits for the collector or is kept by accident. docs/suspects.md has the rules.

        Cost: like `dominators`, and some passes over all objects.

        Example:
            >>> snapshot.suspects().rows[0]["text"]  # doctest: +SKIP
        """
        return self._view(
            "suspects", limit=limit, where=where, by=by, sort=sort, fold=fold, against=against, file=self._file
        )

    def waste(
        self,
        by: str | None = None,
        where: str | None = None,
        limit: int = 20,
        sort: str | None = None,
        threshold: int | str | None = None,
        against: Snapshot | None = None,
    ) -> Waste:
        """What to change so that less memory is needed: equal values, room, slots, arrays (docs/waste.md).

        Args:
            by: what the objects of a finding have in common, as for `ObjectSet.by`; default: the references that hold
                them, or their class.
            where: only what would go of these objects; what they are equal to may be any.
            limit: findings, 0 for all.
            sort: "saved", "size", "count", "kind" or "label"; "-" before it turns the order around.
            threshold: findings that would give back this many bytes or more; an int or text such as "64k". Default: 1 %
                of the heap, at least 64 KiB.
            against: an older snapshot of the process: only objects that are new since, or what `is:` in `where` says.

        Returns:
            A view, the page of `tonnage waste`. Rows have the keys of docs/view-json.md, and `.objects`.

        Cost: some passes over all objects and references; where there are findings, that of `dominators` besides.

        Example:
            >>> snapshot.waste().rows[0].objects.largest()  # doctest: +SKIP
        """
        from tonnage._waste import Waste

        return Waste(
            self._subject,
            by=by,
            where=where,
            limit=limit,
            sort=sort,
            threshold=threshold,
            against=against,
            file=self._file,
        )

    def graph(
        self,
        of: str = "groups",
        *,
        by: str | None = None,
        where: str | None = None,
        limit: int = 15,
        depth: int = 3,
        width: int = 0,
        sort: str | None = None,
        threshold: int | str | None = None,
        only: str | ObjectSet | Callable[[Object], object] | None = None,
        highlight: str | ObjectSet | Callable[[Object], object] | None = None,
        extra_info: Callable[[Object], object] | None = None,
        refcounts: bool = False,
        addresses: bool = False,
        retained: bool = False,
        full_names: bool = False,
        proportional: bool = False,
        fold: bool | None = None,
        heads: ObjectSet | list[Object] | list[int] | str | None = None,
        avoid: Avoid | None = None,
        all_shortest: bool = False,
        garbage: bool = False,
        against: Snapshot | None = None,
    ) -> Picture:
        """A picture (docs/pictures.md): in a notebook it shows itself, `save("x.svg")` writes it.

        Args:
            of: "groups": the largest ones, and how many references lead from one to another; "refs": what the objects
                refer to; "backrefs": what refers to them; "paths": the shortest paths that hold them; "cycles".
            by: what a group is, a kind of `ObjectSet.by`; of cycles "type", what they go over, or "id", each one.
            where: the selection; of a set: further conditions on its members.
            limit: groups, cycles, or objects that the picture begins with; 0 for all.
            depth: levels of objects, of refs and backrefs.
            width: objects next to one (0: 10), paths to one (5), arrows out of a group (3). What is more is counted.
            sort: of groups "size", "count", "largest" or "kind"; of cycles "size", "count", "cycles" or "waiting"; of
                objects "size" or "address". "-" before it turns the order around.
            threshold: only groups, or objects to begin with, of this many bytes or more; an int or text such as "64k".
            only: of refs and backrefs: no other objects but those to begin with. A selection, a set, or a function that
                is asked of each object.
            highlight: objects to be marked, or groups with such; a selection, a set or a function.
            extra_info: gives one more line for an object.
            refcounts, addresses, retained: tell these of each object.
            full_names: types with their modules.
            proportional: groups are circles with areas in proportion to their bytes.
            fold: the `__dict__` of an instance is drawn as the instance, a module's namespace as the module. By default
                True, of groups False: they have the numbers of `summary` and `by`.
            heads: groups are what each of these alone holds: "modules", "threads", "instances", a selection, or
                objects.
            avoid: of paths: what to keep away from, as for `Object.paths`.
            all_shortest: of paths: no longer one than the shortest.
            garbage: of cycles: only what waits for the collector or is in `gc.garbage`.
            against: an older snapshot of the process: only objects that are new since, or what `is:` in `where` says.

        Returns:
            The picture.

        Raises:
            NotFoundError: no object is selected.
            ArgumentError: arguments that make no sense together.

        Cost: of groups a pass over objects and references; of the others the references of what is drawn, and what
        paths, cycles and referrers cost the first time.

        Example:
            >>> snapshot.where("type:app.Session").graph("backrefs").save("who.svg")  # doctest: +SKIP
        """
        from tonnage._paths import avoided
        from tonnage._picture import make

        asked = self._subject
        words, members = avoided(asked._snapshot, avoid)
        if against is not None:
            new = "is:new" if not where else where if "is:" in where else f"is:new ({where})"
            asked = asked.where(new, against=against)
        elif where:
            asked = asked.where(where)
        return make(
            asked,
            of,
            by=by,
            limit=limit,
            depth=depth,
            width=width,
            sort=sort,
            where_rows=None if threshold is None else f"size:>={threshold}",
            only=only,
            highlight=highlight,
            extra_info=extra_info,
            refcounts=refcounts,
            addresses=addresses,
            retained=retained,
            full_names=full_names,
            proportional=proportional,
            fold=of != "groups" if fold is None else fold,
            heads=heads if isinstance(heads, str) else None,
            head_set=None if heads is None or isinstance(heads, str) else asked._heads(heads),
            avoid=words or None,
            avoid_set=members,
            all=all_shortest,
            garbage=garbage,
        )
