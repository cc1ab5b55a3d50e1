"""What `--top` shows while a program runs, and when it ends."""

from __future__ import annotations

import atexit
import os

from tonnage._recorder import say
from tonnage._templates import Names
from tonnage._top import Top

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tonnage._settings import Settings


class _File:
    """Pages are appended to a file, or go to the standard error of the process. Nothing is held open meanwhile."""

    __slots__ = ("_name", "_told")

    def __init__(self, name: str | None) -> None:
        self._name = name
        self._told = False  # that it cannot be written

    def write(self, text: str) -> None:
        data = text.encode(errors="backslashreplace")
        try:
            fd = 2 if self._name is None else os.open(self._name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(fd, data)
            finally:
                if self._name is not None:
                    os.close(fd)
            self._told = False
        except OSError as error:
            if self._name is not None and not self._told:  # what goes on being wrong is one line
                self._told = True
                say(f"no page of --top: {self._name}: {error.strerror}")

    def isatty(self) -> bool:
        return self._name is None and os.isatty(2)


def start(settings: Settings) -> None:
    """Shows pages from now on."""
    assert settings.top is not None
    pid = os.getpid()
    name = None if settings.top_file is None else Names(settings.top_file, os.getcwd()).render(1)
    top = Top(settings.top, _File(name), include=settings.top_include or (), exclude=settings.top_exclude or ())

    def last() -> None:
        if os.getpid() == pid:  # a fork has none
            top.stop()
            top.display()

    try:
        top.start(settings.top_every)
    except RuntimeError as error:
        say(f"no page of --top before the end: {error}")
    atexit.register(last)
