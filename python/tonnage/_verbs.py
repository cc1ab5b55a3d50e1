"""What all verbs of the command are given here: who they are about."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tonnage._core import Set
    from tonnage._sets import ObjectSet
    from tonnage._snapshot import Snapshot
    from tonnage._view import View


class Verbs:
    """A snapshot, or a set of its objects."""

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
