"""Classes that are tracked by name: `tonnage run --track app.models.Session`, TONNAGE_TRACK.

A class may be made long after the program began. Each that is made is looked at by its name, so that its first instance
is tracked already; what has another name when it is made (a namedtuple), or is written in C, is looked for in its
module when other classes are made.
"""

from __future__ import annotations

import sys

from tonnage import track
from tonnage._errors import Error
from tonnage._followed import full_name, members
from tonnage._recorder import say
from tonnage._records import call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tonnage._settings import Settings
    from tonnage._tracked_file import Packed

_missing: dict[str, None] = {}
_names: frozenset[str] = frozenset()


def start(settings: Settings) -> None:
    """Tracks classes of these names, now or as soon as there are any; and takes snapshots of the tracker."""
    global _names
    _names = frozenset(settings.track or ())
    _missing.update(dict.fromkeys(settings.track or ()))
    look()
    if _names:
        call(lambda c: c.watch_classes(_made))
    if settings.track_every is not None:
        track.start_periodic_snapshots(settings.track_every)


def _made(cls: type) -> None:
    """A class of the program was made. One that a decorator makes anew has the name of the one before."""
    name = full_name(cls)
    if name in _names:
        _track(name, cls)
    elif _missing:
        look()


def look() -> None:
    """Looks for those that were not there yet in the modules that are loaded."""
    for name in list(_missing):
        cls = _found(name)
        if cls is not None:
            _track(name, cls)


def _found(name: str) -> type | None:
    words = name.split(".")
    for at in range(len(words) - 1, 0, -1):
        thing = sys.modules.get(".".join(words[:at]))
        if thing is None:
            continue
        found: object = vars(thing).get(words[at])
        for word in words[at + 1 :]:
            found = members(found).get(word) if isinstance(found, type) else None
        return found if isinstance(found, type) else None
    return None


def _track(name: str, cls: type) -> None:
    _missing.pop(name, None)
    try:
        track.track_class(cls)
    except Error as error:
        say(f"{name} is not tracked: {error}")


def last(settings: Settings) -> Packed | None:
    """What the tracker of `tonnage.track` knows when the program ends, for its last file; None: it never tracked."""
    module = sys.modules.get("tonnage.track")
    if module is None:
        return None
    if settings.is_tracked:
        call(lambda c: c.watch_classes(None))
        track.stop_periodic_snapshots()
        look()
        for name in _missing:
            say(f"--track: there was never a class {name}; in the program itself it is called __main__.Class")
        track.create_snapshot("at the end")
    history = track.history()
    if not history.rules and not history.moments:
        return None
    from tonnage._tracked_file import pack

    return pack(history, settings.redact)
