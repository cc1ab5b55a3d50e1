"""`python -m tonnage shell FILE`: a prompt with the snapshot loaded."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from tonnage._snapshot import Snapshot

USAGE = """\
usage: tonnage shell FILE

A Python prompt with the snapshot loaded as `s`; Tab completes names. What is piped in is run as a program instead.

examples:
  tonnage shell app.tonnage
  echo 'print(s.suspects())' | tonnage shell app.tonnage
"""
BANNER = """\
s is {name}: {count} objects, {size}. Python {version}; Ctrl-D ends.
Try: s.suspects()   s.where("type:dict size:>1k").largest()   s[0x7f0a12345680].why()"""


def _fail(message: str, code: int) -> NoReturn:
    sys.stderr.write(f"tonnage: shell: {message}\n")
    sys.exit(code)


def _open(words: list[str]) -> Snapshot:
    from tonnage import Error, VersionError, load

    if words[:1] == ["--"]:
        words = words[1:]
    elif words and words[0] in ("-h", "--help"):
        sys.stdout.write(USAGE)
        sys.exit(0)
    if len(words) != 1:
        _fail(f"{'FILE is missing' if not words else 'one file at a time'}; see tonnage shell --help", 2)
    try:
        snapshot = load(words[0])
        snapshot.facts  # noqa: B018 - the file is opened now, and refused here
    except VersionError as error:
        _fail(str(error), 6)
    except (Error, OSError) as error:
        _fail(str(error), 5)
    return snapshot


def _complete(names: dict[str, Any]) -> None:
    """Tab completes names of the prompt, where there is readline."""
    try:
        import readline
        import rlcompleter
    except ImportError:
        return
    readline.set_completer(rlcompleter.Completer(names).complete)
    readline.parse_and_bind("tab: complete")


def _banner(name: str, snapshot: Snapshot) -> str:
    from tonnage import _core

    total = snapshot.summary(limit=1).total
    version = sys.version.split(maxsplit=1)[0]
    return BANNER.format(name=name, count=total["count"], size=_core.format_bytes(total["size"]), version=version)


def _run_input(names: dict[str, Any]) -> None:
    """What is piped in, as one program: its exceptions end it."""
    exec(compile(sys.stdin.read(), "<stdin>", "exec", dont_inherit=True), names)


def main(words: list[str]) -> None:
    """Entry of the verb."""
    import tonnage

    snapshot = _open(words)
    names: dict[str, Any] = {"__name__": "__console__", "__doc__": None, "tonnage": tonnage, "s": snapshot}
    if not sys.stdin.isatty():
        _run_input(names)
        return
    import code

    _complete(names)
    code.InteractiveConsole(names).interact(banner=_banner(words[-1], snapshot), exitmsg="")
