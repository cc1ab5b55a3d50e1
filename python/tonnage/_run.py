"""`python -m tonnage run …`: runs a program as Python itself would, and takes a snapshot when it ends.

The program gets the one module `__main__`, emptied and filled as the interpreter fills it; sys.argv, sys.path[0], exit
codes and tracebacks are those of a plain run. The snapshot is taken when the main program has ended, in whatever way,
while its globals are alive: before other threads are joined and before atexit handlers. Every other verb is the
command's: it takes the place of this process.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, TracebackType
    from typing import Any, NoReturn

    from tonnage import Snapshot

_PREVIEWS_MAX = 512
_USAGE = """\
usage: python -m tonnage run [options] script.py [arguments]
       python -m tonnage run [options] -m module [arguments]
       python -m tonnage run [options] -c code [arguments]
       python -m tonnage run [options] - [arguments]           (the program is read from standard input)

Runs a program and takes a snapshot when it ends.

  -o FILE        the file to make (default: tonnage-PID-N.tonnage in the current folder)
  --force        replace an existing file
  --previews N   longest piece of a value that is kept, in bytes (default 80)
  --redact       keep no text of the process at all, except names of types
  --scan         guess references that objects of extension types hold in silence
  --no-at-exit   take no snapshot at the end; the program calls tonnage.snapshot() itself

The program may call tonnage.snapshot() at any time. Without a path each call, too, leaves tonnage-PID-N.tonnage in the
current folder, whatever -o names. --previews, --redact and --scan hold for what such calls do not say themselves.

examples:
  python -m tonnage run -o app.tonnage --force --previews 200 app.py --serve
  python -m tonnage run --no-at-exit --redact --scan -m app.worker
"""


class _Options:
    """What stands before the program on the command line."""

    __slots__ = ("at_exit", "force", "kind", "output", "previews", "program", "redact", "scan", "words")

    def __init__(self) -> None:
        self.output: str | None = None
        self.force = False
        self.previews = 80
        self.redact = False
        self.scan = False
        self.at_exit = True
        self.kind = ""  # "-m", "-c" or "" for a script
        self.program = ""
        self.words: list[str] = []  # the program's arguments


def _usage(message: str) -> NoReturn:
    sys.stderr.write(f"tonnage: {message}; see python -m tonnage run --help\n")
    sys.exit(2)


def _parse(words: list[str]) -> _Options:
    options, at = _Options(), 0

    def value(word: str) -> str:
        nonlocal at
        _, equals, text = word.partition("=")
        if word.startswith("--") and equals:
            return text
        at += 1
        if at >= len(words):
            _usage(f"{word} needs a value")
        return words[at]

    while at < len(words):
        word = words[at]
        name = word.partition("=")[0] if word.startswith("--") else word
        if name in ("-o", "--output"):
            options.output = value(word)
        elif name == "--previews":
            text = value(word)
            if not text.isdecimal():
                _usage(f"--previews takes a number of bytes, not '{text}'")
            options.previews = int(text)
            if options.previews > _PREVIEWS_MAX:
                _usage(f"--previews takes at most {_PREVIEWS_MAX} bytes, not {text}")
        elif word == "--redact":
            options.redact = True
        elif word == "--scan":
            options.scan = True
        elif word == "--force":
            options.force = True
        elif word == "--no-at-exit":
            options.at_exit = False
        elif word in ("-h", "--help"):
            sys.stdout.write(_USAGE)
            sys.exit(0)
        elif word in ("-m", "-c"):
            options.kind, options.program = word, value(word)
            break
        elif word == "--":
            at += 1
            if at < len(words):
                options.program = words[at]
            break
        elif word.startswith("-") and word != "-":
            _usage(f"unknown option {word}")
        else:
            options.program = word
            break
        at += 1
    if at >= len(words):
        _usage("name a script, -m module or -c code")
    options.words = words[at + 1 :]
    if options.output is not None:
        options.output = os.path.abspath(options.output)
        if not options.force and os.path.lexists(options.output):
            _usage(f"{options.output} exists (--force replaces it)")
        from tonnage._files import what_prevents

        if (reason := what_prevents(options.output)) is not None:
            _usage(f"cannot write {options.output}: {reason}")
    return options


# ---- the program, as Python starts it ----


def _fill_main(**names: object) -> dict[str, Any]:
    """Empties `__main__` and gives it the names that it has when this Python starts a program.

    From 3.14 on a module begins without `__annotations__` (PEP 649); from 3.15 on nothing sets `__cached__`.
    """
    space = sys.modules["__main__"].__dict__
    space.clear()
    space.update(__name__="__main__", __doc__=None, __package__=None, __loader__=None, __spec__=None)
    if sys.version_info < (3, 14):
        space["__annotations__"] = {}
    space["__builtins__"] = sys.modules["builtins"]
    space.update(names)
    if sys.version_info >= (3, 15):
        space.pop("__cached__", None)
    return space


def _fail(message: str, code: int) -> NoReturn:
    sys.stderr.write(f"{sys.executable}: {message}\n")
    sys.exit(code)


def _set_first_path(folder: str) -> None:
    """sys.path[0] is the current folder now, unless Python was told to be safe (-P, -I)."""
    if not sys.flags.safe_path and sys.path:
        sys.path[0] = folder


def _prepare_module(name: str) -> tuple[CodeType, dict[str, Any]]:
    import runpy

    machinery: Any = runpy
    sys.argv[0] = "-m"
    try:
        _, spec, code = machinery._get_module_details(name, machinery._Error)
    except machinery._Error as error:
        _fail(str(error), 1)
    sys.argv[0] = spec.origin
    return code, _fill_main(
        __file__=spec.origin, __cached__=spec.cached, __package__=spec.parent, __loader__=spec.loader, __spec__=spec
    )


def _prepare_folder(path: str) -> tuple[CodeType, dict[str, Any]]:
    """A folder or an archive with a `__main__.py`."""
    import runpy

    machinery: Any = runpy
    path = os.path.abspath(path)
    if sys.flags.safe_path:
        sys.path.insert(0, path)
    else:
        sys.path[0] = path
    try:
        _, spec, code = machinery._get_main_module_details(machinery._Error)
    except machinery._Error as error:
        _fail(str(error), 1)
    return code, _fill_main(
        __file__=spec.origin, __cached__=spec.cached, __package__=spec.parent, __loader__=spec.loader, __spec__=spec
    )


def _is_importable(path: str) -> bool:
    if os.path.isdir(path):
        return True
    if not os.path.isfile(path) or path.endswith((".py", ".pyc")):
        return False
    from pkgutil import get_importer

    return type(get_importer(path)).__name__ == "zipimporter"


def _prepare_script(path: str) -> tuple[CodeType, dict[str, Any]]:
    if _is_importable(path):
        return _prepare_folder(path)
    from importlib.machinery import SourceFileLoader, SourcelessFileLoader

    file = os.path.abspath(path)
    _set_first_path(os.path.dirname(os.path.realpath(path)))
    if path.endswith(".pyc"):
        compiled = SourcelessFileLoader("__main__", file)
        code = compiled.get_code("__main__")
        if code is None:
            _fail(f"can't open file {file!r}", 2)
        return code, _fill_main(__file__=file, __cached__=None, __loader__=compiled)
    try:
        with open(path, "rb") as script:
            text = script.read()
    except OSError as error:
        _fail(f"can't open file {file!r}: [Errno {error.errno}] {error.strerror}", 2)
    space = _fill_main(__file__=file, __cached__=None, __loader__=SourceFileLoader("__main__", file))
    return compile(text, file, "exec", dont_inherit=True), space


def _prepare_input() -> tuple[CodeType, dict[str, Any]]:
    from importlib.machinery import BuiltinImporter

    _set_first_path("")
    try:
        with open(0, "rb", closefd=False) as script:
            text = script.read()
    except OSError as error:
        _fail(f"can't read standard input: [Errno {error.errno}] {error.strerror}", 2)
    space = _fill_main(__file__="<stdin>", __cached__=None, __loader__=BuiltinImporter)
    return compile(text, "<stdin>", "exec", dont_inherit=True), space


def _prepare_text(text: str) -> tuple[CodeType, dict[str, Any]]:
    from importlib.machinery import BuiltinImporter

    _set_first_path("")
    space = _fill_main(__loader__=BuiltinImporter)
    return compile(text, "<string>", "exec", dont_inherit=True), space


def _prepare(options: _Options) -> tuple[CodeType, dict[str, Any]]:
    sys.argv[:] = ["-c" if options.kind == "-c" else options.program, *options.words]
    if options.kind == "-m":
        return _prepare_module(options.program)
    if options.kind == "-c":
        return _prepare_text(options.program)
    if options.program == "-":
        return _prepare_input()
    return _prepare_script(options.program)


# ---- its end ----


def _without_runner(traceback: TracebackType | None) -> TracebackType | None:
    """The program's part of a traceback: without the frames that started it."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename in (__file__, "<frozen runpy>"):
        traceback = traceback.tb_next
    return traceback


def _show_lines_of(text: str) -> None:
    """Lets tracebacks show the lines of the program of -c."""
    import linecache

    linecache.cache.setdefault("<string>", (len(text), None, text.splitlines(True), "<string>"))


def _report(error: BaseException) -> None:
    """Prints an exception that nobody caught, as the interpreter does."""
    error.__traceback__ = _without_runner(error.__traceback__)
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    if sys.version_info >= (3, 12):
        sys.last_exc = error
    sys.audit("sys.excepthook", sys.excepthook, type(error), error, error.__traceback__)
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except SystemExit:
        raise
    except BaseException as second:
        second.__traceback__ = _without_runner(second.__traceback__)
        second.__context__ = None
        sys.stderr.write("Error in sys.excepthook:\n")
        sys.__excepthook__(type(second), second, second.__traceback__)
        sys.stderr.write("\nOriginal exception was:\n")
        sys.__excepthook__(type(error), error, error.__traceback__)


def _interrupted(error: BaseException) -> NoReturn:
    """Ends as after an interrupt that nobody caught: by SIGINT, so that a shell sees 130 and stops its loop, too.

    The interpreter does that when an interrupt leaves the main program. This one has been shown: it leaves in silence.
    """
    hook, traceback = sys.excepthook, error.__traceback__

    def already_shown(*_: object) -> None:
        sys.excepthook = hook
        sys.last_traceback = error.__traceback__ = traceback

    sys.excepthook = already_shown
    raise error


_last_number = 0


def _free_name() -> str:
    """Names are given once: several threads may be at their snapshots."""
    global _last_number
    while True:
        _last_number = n = _last_number + 1
        if not os.path.lexists(name := f"tonnage-{os.getpid()}-{n}.tonnage"):
            return name


def _say(text: str) -> None:
    from contextlib import suppress

    with suppress(OSError, ValueError, AttributeError):  # the program may have closed its standard error
        sys.stderr.write(f"tonnage: {text}\n")


def _shown(path: str) -> str:
    try:
        short = os.path.relpath(path)
    except OSError:  # the current folder is gone
        return path
    return path if short.startswith("..") else short


def _tell(taken: Snapshot) -> None:
    from tonnage._core import format_bytes

    shown = _shown(taken.path or "")
    took = "" if taken.pause is None else f", pause {taken.pause * 1000:.0f} ms"
    _say(f"wrote {shown} ({format_bytes(taken.file_bytes)}{took}); next: tonnage summary {shown}")


def _set_defaults(options: _Options) -> None:
    """Lets the program's own calls of tonnage.snapshot() do as the command line says."""
    from tonnage._snapshot import defaults

    defaults.previews, defaults.redact, defaults.scan = options.previews, options.redact, options.scan
    defaults.name, defaults.tell = _free_name, _tell


def _identity(path: str) -> tuple[int, int, int] | None:
    """Differs when another file has come to a path."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _take(options: _Options) -> None:
    """Takes the snapshot of the end. What goes wrong is said; the program's exit code stays, unless interrupted."""
    from tonnage import Error, snapshot

    name, before = "", None
    try:
        name = os.path.abspath(options.output or _free_name())
        before = _identity(name)
        with snapshot(name, force=options.force) as taken:
            _tell(taken)
    except (Error, OSError, ImportError, ValueError, AttributeError) as error:
        _say(f"no snapshot: {error}")
    except KeyboardInterrupt as error:
        whole = _identity(name) != before  # a file has its name only when it is whole
        _say(f"interrupted: {_shown(name)} is written and whole" if whole else "interrupted: no snapshot")
        _interrupted(error)


def _check_interpreter() -> None:
    """Before the program runs, not when its snapshot is due. Loads nothing where all is well."""
    from _frozen_importlib_external import PathFinder

    import tonnage

    if PathFinder.find_spec("tonnage._capture", tonnage.__path__) is None:
        from tonnage._interpreter import unsupported

        what = unsupported()
        if what:
            sys.stderr.write(f"tonnage: run: {sys.executable} is {what}\n")
            sys.exit(6)


def _run(options: _Options) -> None:
    _check_interpreter()
    pid = os.getpid()
    failure: BaseException | None = None
    try:
        code, space = _prepare(options)
    except SyntaxError as error:
        error.__traceback__ = None
        _report(error)
        sys.exit(1)
    program, names = code, space
    del code, space
    _set_defaults(options)
    try:
        exec(program, names)
    except SystemExit:
        raise
    except BaseException as error:
        failure = error
        if options.kind == "-c" and sys.version_info >= (3, 13):
            _show_lines_of(options.program)
        _report(error)
    finally:
        if options.at_exit and os.getpid() == pid:  # a child that the program forked ends here as well
            _take(options)
    if isinstance(failure, KeyboardInterrupt):
        _interrupted(failure)
    if failure is not None:
        sys.exit(1)


# ---- other verbs ----


def _command() -> str | None:
    """The command that was installed with this package, else one on the PATH."""
    import sysconfig

    folders = [sysconfig.get_path("scripts"), os.path.dirname(sys.executable or ""), *os.get_exec_path()]
    for folder in folders:
        path = os.path.join(folder, "tonnage") if folder else ""
        if path and os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return None


def main() -> None:
    """Entry of `python -m tonnage`."""
    words = sys.argv[1:]
    if words[:1] == ["run"]:
        _run(_parse(words[1:]))
        return
    command = _command()
    if command is not None:
        sys.stdout.flush()
        os.execv(command, ["tonnage", *words])
    if not words or words[0] in ("-h", "--help"):
        sys.stdout.write(_USAGE)
        sys.exit(0 if words else 2)
    if words[0] == "--version":
        from tonnage import __version__

        sys.stdout.write(f"tonnage {__version__}\n")
        sys.exit(0)
    sys.stderr.write(
        f"tonnage: '{words[0]}' needs the command tonnage, which is neither beside {sys.executable} nor on the PATH; "
        "install the package again\n"
    )
    sys.exit(2)
