"""What is said when a part of a program needs, or leaves, more memory than it may: bytes, birthplaces and paths."""

from __future__ import annotations

from tonnage._kinds import SIZE
from tonnage._live_text import size as shown
from tonnage._region import is_own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tonnage._object import Object
    from tonnage._region import Region, Stack
    from tonnage._sets import ObjectSet
    from tonnage._snapshot import Snapshot
    from tonnage.trace import Frame

    Filter = Callable[[tuple[Frame, ...]], object]

_ROWS = 5
_FRAMES = 4
_SHARE = 100  # of the peak: smaller rows are not shown
_RUNNERS = ("/_pytest/", "/pluggy/")


def size_given(limit: object, where: str) -> int:
    """Bytes of a limit: an int, or text such as "24 MB".

    Raises:
        ValueError: one line that begins with where.
    """
    if isinstance(limit, (int, str)) and not isinstance(limit, bool):
        try:
            return int(SIZE.parse(str(limit)))
        except (ValueError, OverflowError):
            pass
    raise ValueError(f"{where} takes {SIZE.takes}, not {limit!r}")


def shown_blocks(count: int) -> str:
    return f"{count} block{'' if count == 1 else 's'}"


def program_frames(frames: Sequence[Frame]) -> Iterator[Frame]:
    """The innermost frames, up to what runs the test or measures the block."""
    for frame in frames[:_FRAMES]:
        if not frame.file or is_own(frame) or any(part in frame.file for part in _RUNNERS):
            return
        yield frame


def _told_stack(stack: Stack) -> list[str]:
    frames = list(program_frames(stack.frames)) or stack.frames[:1]
    return [f"  {shown(stack.size)} in {shown_blocks(stack.count)}", *(f"    {frame}" for frame in frames)]


def peak(region: Region, limit: int) -> str | None:
    """What exceeds a limit of the peak; None: nothing."""
    if region.peak <= limit:
        return None
    lines = [f"{shown(region.peak)} were needed at the peak; the limit is {shown(limit)}. Alive then:"]
    stacks = region.at_peak(max(region.peak // _SHARE, 1))
    for stack in stacks[:_ROWS]:
        lines += _told_stack(stack)
    rest = region.peak - sum(stack.size for stack in stacks[:_ROWS])
    lines.append(f"  {shown(max(rest, 0))} of other stacks (shown are {_ROWS} at most, of 1 % or more)")
    return "\n".join(lines)


def leaks(region: Region, limit: int, filter: Filter | None, snapshot: Callable[[], Snapshot]) -> str | None:
    """What stacks left more than a limit each; None: none did."""
    stacks = region.left_behind(limit + 1) if region.left > limit else []
    stacks = [stack for stack in stacks if filter is None or filter(stack.frames)]
    if not stacks:
        return None
    n = "1 stack" if len(stacks) == 1 else f"{len(stacks)} stacks"
    lines = [f"{n} left more than {shown(limit)}; {shown(region.left)} are left of all:"]
    for stack in stacks[:_ROWS]:
        lines += [*_told_stack(stack), f"    {_kept(snapshot(), stack, region.birth)}"]
    if len(stacks) > _ROWS:
        lines.append(f"  <{len(stacks) - _ROWS} more stacks>")
    return "\n".join(lines)


def objects(name: str, before: ObjectSet, after: ObjectSet, limit: int) -> str | None:
    """What more objects of a type there are than a limit; None: no more."""
    changes = after.diff(before)  # without what tonnage has made, which is in one of them
    new = changes.new
    # One that is gone is in neither where tonnage has another in its place.
    more = min(len(new) - len(changes.gone), len(after) - len(before))
    if more <= limit:
        return None
    counts = f"{len(after) - more}, now {len(after)}"
    lines = [f"{more} more {name} than before ({counts}); the limit is {limit}. Of the new ones:"]
    groups = list(new.by("site"))
    for group in groups[:_ROWS]:
        lines += [f"  {len(group)} made at", *_told_group(group)]
    if len(groups) > _ROWS:
        lines.append(f"  <{len(groups) - _ROWS} more places>")
    return "\n".join(lines)


def _told_group(group: ObjectSet) -> list[str]:
    first = group[0]
    site = first.site
    frames = [f"    {frame}" for frame in program_frames(site.frames)] if site else []
    if site and site.maybe_stale:
        frames.append("    (or elsewhere, with the memory of an object that was made there before)")
    return [*(frames or ["    <unknown>"]), f"    {_told_path(first)}"]


def _kept(snapshot: Snapshot, stack: Stack, birth: int) -> str:
    thing = _object_of(snapshot, stack, birth)
    return "no object has this memory: C code, or the interpreter, keeps it" if thing is None else _told_path(thing)


def _told_path(thing: Object) -> str:
    path = next(iter(thing.paths(limit=1)), None)
    held = "nothing that was found holds it" if path is None else f"path: {path}"
    return f"{thing.type} of {shown(thing.size)}; {held}"


def _places(frames: Sequence[Frame]) -> list[tuple[str, int | None]]:
    return [(frame.file, frame.line) for frame in frames if frame.file and not is_own(frame)]


def _object_of(snapshot: Snapshot, stack: Stack, birth: int) -> Object | None:
    """The largest object that a stack has made since a birth."""
    inner = stack.frames[0]
    place = f"={inner.file}:{inner.line or 0}" if inner.file else inner.name
    quote = '"' if "'" in place else "'"
    wanted = _places(stack.frames)
    for thing in snapshot.where(f"site:{quote}{place}{quote}").sort("size"):
        site = thing.site
        if site is not None and site.birth and site.birth > birth and _places(site.frames) == wanted:
            return thing
    return None
