"""What to do about it: pages of findings, whose rows are sets."""

from __future__ import annotations

from tonnage._keywords import told
from tonnage._verbs import Verbs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tonnage._audit import Audit
    from tonnage._cycles import Cycles
    from tonnage._patterns import Patterns
    from tonnage._snapshot import Snapshot
    from tonnage._view import View
    from tonnage._waste import Waste


@told
class Findings(Verbs):
    """Methods that are verbs of the command, as those of `Tables`."""

    __slots__ = ()

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
            by: "type", a row for all cycles that go over the same types and labels; "site", for all of these that were
                made on the same line; "id", a row for each one, with what keeps it, what it retains and a shortest
                cycle in words.
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

        return Audit(self._subject, by=by, where=where, limit=limit, sort=sort, against=against, file=self._file)

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
