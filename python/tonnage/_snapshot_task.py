"""tonnage.SnapshotTask: a snapshot now, or again and again, with figures that the program tells of itself."""

from __future__ import annotations

import os

from tonnage._errors import ArgumentError, Busy
from tonnage._periodic import Periodic
from tonnage._templates import Names, Template
from tonnage._user_data import Figures

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tonnage._user_data import Callback

_AGAIN_SECONDS = 0.05
_TRIES = 100


class SnapshotTask(Periodic):
    """Takes snapshots into files of their own.

    There may be several of them, beside each other and beside the recording of `tonnage.every()`, which reacts to
    signals and to growth as well, and deletes old files.

    Args:
        template: of their names: {pid}, {time} (UTC), {n} and {host} are filled in; also $pid, $timestamp, $counter.
            Where neither {n} nor {time} is there, `-{n}` goes before the suffix. No file is ever replaced.
        user_data_callback: gives rows (title, format, number) that stand in the file: format is "size", "count" or
            "number". They stay the same, in the same order. `tonnage info` and `diff` show them.
        mode, previews, redact, scan: as for `tonnage.snapshot()`.

    Example:
        >>> task = tonnage.SnapshotTask("app-{n}.tonnage", user_data_callback=video_memory)  # doctest: +SKIP
        >>> task.start(300)                                                                  # doctest: +SKIP
    """

    __slots__ = (
        "_figures", "_names", "_tries", "files", "mode", "previews", "redact", "scan", "user_data_callback",
    )  # fmt: skip

    def __init__(
        self,
        template: str | os.PathLike[str] = "tonnage-{pid}-{n}.tonnage",
        *,
        user_data_callback: Callback = None,
        mode: str | None = None,
        previews: int | None = None,
        redact: bool | None = None,
        scan: bool | None = None,
    ) -> None:
        super().__init__()
        self.template = os.fspath(template)
        self.user_data_callback = user_data_callback
        self.mode = mode
        self.previews = previews
        self.redact = redact
        self.scan = scan
        self.files: list[str] = []  # paths of those that were written, the oldest first
        self._figures = Figures()
        self._tries = 0

    @property
    def template(self) -> str:
        """What names of files look like."""
        return self._names.template.text

    @template.setter
    def template(self, text: str) -> None:
        try:
            self._names = Names(Template(text), os.getcwd(), several=True)
        except ValueError as error:
            raise ArgumentError(f"template: {error}", -8) from None

    def take(self) -> str:
        """Takes one now.

        Returns:
            The path of its file.

        Raises:
            ArgumentError: what the callback gives is wrong, or has changed its rows; no file is left.
            Error: it cannot be taken, as `tonnage.snapshot()`.
        """
        from tonnage._take import take

        rows = self._figures.ask(self.user_data_callback)
        path = self._names.new()
        take(
            path, self.mode, self.previews, self.redact, None, False, None, self.scan, user_data=rows, named=False
        ).close()
        self.files.append(path)
        return path

    def _run(self) -> None:
        """While the collector is at work it is tried again for some seconds."""
        from tonnage import _helper

        try:
            self.take()
        except Busy:
            self._tries += 1
            if self._tries < _TRIES:
                _helper.schedule(f"{self._task} again", _AGAIN_SECONDS, self._again)
                return
            self._tries = 0
            raise
        self._tries = 0

    def _again(self) -> None:
        if self.active:
            self._run()
