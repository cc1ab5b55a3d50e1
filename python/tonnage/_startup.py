"""TONNAGE=1, TONNAGE_TRACE, TONNAGE_TRACK and TONNAGE_SAMPLE: recording without a word in the program.
tonnage.pth in site-packages calls begin() when one of them is set.

It runs while the interpreter starts: nothing may be raised here, and the program must not notice more than a line on
standard error.
"""

from __future__ import annotations

import os
import sys

from tonnage import size_of
from tonnage._recorder import Recording, say, tell_defaults
from tonnage._settings import BY_NAME, Settings, is_privileged
from tonnage._switches import switch_on, told_sample, told_trace


def _is_for_others() -> bool:
    """Whether this process is none of the user's: with other rights, isolated, or a part of a tool."""
    if sys.flags.isolated or is_privileged():
        return True
    kind, program = _program(sys.orig_argv[1:])
    is_tracker = kind == "-c" and program.startswith("from multiprocessing.resource_tracker import")
    return is_tracker or (kind == "-m" and program == "tonnage")


def _program(words: list[str]) -> tuple[str, str]:
    """What the interpreter was told to run: -m or -c and its value, else a path; from its own options only."""
    words = words.copy()
    while words:
        word = words.pop(0)
        if not word.startswith("-") or word == "-":
            return "", word
        if word.startswith("--"):
            if word == "--check-hash-based-pycs" and words:
                words.pop(0)
            continue
        for at, letter in enumerate(word[1:], 2):  # letters may stand together, and with their value: -um tonnage
            if letter in "mcWX":
                value = word[at:] or (words.pop(0) if words else "")
                if letter in "mc":
                    return f"-{letter}", value
                break
    return "", ""


def _is_main_interpreter() -> bool:
    from importlib import import_module

    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            interpreters = import_module(name)
        except ImportError:
            continue
        return bool(interpreters.get_current() == interpreters.get_main())
    return True


def _is_child() -> bool:
    """Whether the process was started by one that records; tells it to those that this one starts."""
    pid = str(os.getpid())
    return os.environ.setdefault("TONNAGE_PARENT", pid) != pid


def _start_alone() -> None:
    """Without TONNAGE=1: it is recorded and sampled, and the program asks for what it wants to know."""
    settings = Settings()
    settings.read_environment(os.environ)
    switch_on(settings)
    if settings.quiet:
        return
    if settings.trace_mode is not None:
        say(f"records allocations of process {os.getpid()}: {told_trace(settings)}")
    if settings.track is not None:
        say(f"tracks instances in process {os.getpid()}: {settings.text('track')}")
    if settings.sample is not None:
        say(f"samples process {os.getpid()}: {told_sample(settings)}")


def _switch_on() -> None:
    if not BY_NAME["children"].read_text(os.environ.get("TONNAGE") or "0", "TONNAGE"):
        _start_alone()
        return
    settings = Settings()
    settings.read_project(os.getcwd())
    settings.read_environment(os.environ)
    size_of(None)  # an interpreter that is not supported is named now, not at the first snapshot
    recording = Recording(settings, at_exit=settings.at_exit, child=_is_child())
    recording.check()
    recording.start()
    try:
        switch_on(settings)  # last: what is ignored is ignored as a whole
    except BaseException:
        recording.stop()
        raise
    tell_defaults(settings)
    if not settings.quiet:
        also = "" if settings.trace_mode is None else f"; allocations: {told_trace(settings)}"
        also += "" if settings.track is None else f"; tracked: {settings.text('track')}"
        also += "" if settings.sample is None else f"; samples: {told_sample(settings)}"
        say(f"records process {os.getpid()} into {recording.names.template.text}: {settings.occasions()}{also}")


_begun = False


def begin() -> None:
    """Switches recording on as the environment says. In a venv site reads a .pth file twice: once is enough."""
    global _begun
    if _begun:
        return
    _begun = True
    try:
        if not _is_for_others() and _is_main_interpreter():
            _switch_on()
    except Exception as error:
        said = [name for name in ("TONNAGE_TRACE", "TONNAGE_TRACK", "TONNAGE_SAMPLE") if os.environ.get(name)]
        name = "TONNAGE=1" if os.environ.get("TONNAGE", "0") != "0" else " with ".join(said)
        say(f"{name} is ignored: {error}")
