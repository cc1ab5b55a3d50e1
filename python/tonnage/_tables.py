"""The tables of the command's verbs, which a snapshot has of all its objects, and a set of its members."""

from __future__ import annotations

from tonnage._findings import Findings
from tonnage._keywords import told
from tonnage._site_tables import SiteTables
from tonnage._tabular import Tabular

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tonnage._object import Object
    from tonnage._paths import Avoid
    from tonnage._picture import Picture
    from tonnage._sets import ObjectSet
    from tonnage._snapshot import Snapshot
    from tonnage._view import View


@told
class Tables(Findings, SiteTables, Tabular):
    """Methods that are verbs of the command. Each gives a view: `print` writes the table, iterating gives its rows."""

    __slots__ = ()

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
        return self._view("summary", by=by, where=where, limit=limit, sort=sort, threshold=threshold, against=against)

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

    def treemap(
        self,
        where: str | None = None,
        limit: int = 50,
        threshold: int | str | None = None,
        depth: int = 0,
        fold: bool = True,
        against: Snapshot | None = None,
    ) -> View:
        """The dominator tree down to where it gets small: of all its objects those that retain most.

        Args:
            where: from objects of this selection down, without those that another one of it dominates; default: from
                the root.
            limit: rows in all levels, 0 for all.
            threshold: only rows that retain this many bytes or more; an int or text such as "64k".
            depth: no more levels than this; 0 for all.
            fold: the `__dict__` of an object counts as a part of it, where nothing else holds it.
            against: an older snapshot of the process: only objects that are new since, or what `is:` in `where` says.

        Returns:
            A view, the table of `tonnage treemap`: each row behind the one it hangs from, `depth` levels deep; `more`
            and `more_retained` are what hangs right from a row and is none.

        Cost: like `dominators`; later calls look at the rows that they give, and once at what hangs from the root.

        Example:
            >>> snapshot.treemap(limit=30)  # doctest: +SKIP
        """
        return self._view(
            "treemap", where=where, limit=limit, threshold=threshold, depth=depth, fold=fold, against=against
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

    def backrefs(
        self,
        where: str | None = None,
        limit: int = 20,
        sort: str | None = None,
        threshold: int | str | None = None,
        by: str | None = None,
        fold: bool = False,
        against: Snapshot | None = None,
    ) -> View:
        """What refers to the objects, in groups by type and label, or by any kind: the page of `tonnage referrers`.

        `referrers()` of a set is the step along references; of a snapshot it is this page. See `refs`.

        Cost: the references of all that refers to one of them, once turned around.
        """
        return self._view(
            "referrers",
            where=where,
            limit=limit,
            sort=sort,
            threshold=threshold,
            by=by,
            fold=fold,
            against=against,
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
