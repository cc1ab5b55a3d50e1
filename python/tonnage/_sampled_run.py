"""`tonnage sample`: a program that is run, and the one file that tells where its time went.

It is sampled until its last thread has ended and handlers of atexit have run, or for so long as is said; then the file
is written, by the first handler of atexit or by the helper thread. A process that the program forks is not sampled.
"""

from __future__ import annotations

import atexit
import os

from tonnage import Error, sample
from tonnage._options import refuse
from tonnage._recorder import check_first, say, shown
from tonnage._settings import BY_NAME, Settings
from tonnage._switches import switch_on
from tonnage._take import defaults
from tonnage._templates import Names


class SampledRun:
    """One run. Ends the process if no file could be made."""

    __slots__ = ("_has_run", "_is_over", "_name", "_pid", "_settings")

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pid = os.getpid()
        self._has_run = False
        self._is_over = False
        names = Names(settings.out, os.getcwd(), force=settings.force)
        try:
            check_first(names, settings.force)
        except Error as error:
            refuse(error)
        self._name = names.new()

    def begin(self) -> None:
        """Samples from now on."""
        defaults.redact = self._settings.redact
        seconds = self._settings.sample_duration
        settings = self._settings.copy()
        settings.set(BY_NAME["sample-duration"], None, "default")  # its end is ours, which writes the file
        settings.set(BY_NAME["top"], None, "default")  # no page of that, whatever pyproject.toml says
        try:
            switch_on(settings)
        except Error as error:
            refuse(error)
        os.register_at_fork(after_in_child=sample.end_in_child)
        atexit.register(self._finish_at_exit)
        if seconds is not None:
            from tonnage import _helper

            _helper.schedule("sample", seconds, self._finish)

    def end(self) -> None:
        """The main program has ended; its threads may go on."""
        self._has_run = True

    def _finish_at_exit(self) -> None:
        if self._has_run and os.getpid() == self._pid:
            self._finish()

    def _finish(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        try:
            sample.stop()
            sample.save(self._name, force=self._settings.force).close()
        except (Error, OSError) as error:
            say(f"no profile: {error}")
        except KeyboardInterrupt:
            say("interrupted: no profile")
        else:
            if not self._settings.quiet:
                self._tell()

    def _tell(self) -> None:
        name = shown(self._name)
        size = os.stat(self._name).st_size / 1024
        say(f"wrote {name} ({size:.1f} KiB; {sample.status()}); next: tonnage profile {name}")
