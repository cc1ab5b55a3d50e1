"""`python -m tonnage run …`: runs a program as Python itself would, and takes snapshots meanwhile and when it ends.
`python -m tonnage sample …` runs it in the same way (_sampled_run.py).

The program gets the one module `__main__`, emptied and filled as the interpreter fills it; sys.argv, sys.path[0], exit
codes and tracebacks are those of a plain run. The last snapshot is taken when the main program has ended, in whatever
way, while its globals are alive: before other threads are joined and before atexit handlers. Every other verb but
`config` is the command's: it takes the place of this process.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, TracebackType
    from typing import Any, NoReturn

    from tonnage import Snapshot
    from tonnage._options import Options
    from tonnage._recorder import Recording

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


def _prepare(options: Options) -> tuple[CodeType, dict[str, Any]]:
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


def _tell(taken: Snapshot) -> None:
    from tonnage._core import format_bytes
    from tonnage._recorder import say, shown

    name = shown(taken.path or "")
    took = "" if taken.pause is None else f", pause {taken.pause * 1000:.0f} ms"
    facts = taken.facts
    recorded = "sites" if "trace.births" in facts else "profile" if facts.get("sample.samples") else "tracked"
    verb = "summary" if len(taken) else recorded
    say(f"wrote {name} ({format_bytes(taken.file_bytes)}{took}); next: tonnage {verb} {name}")


def _begin_recording(options: Options) -> Recording:
    """Makes the recording, ends the process if it cannot work, and lets the program's own calls do as the user said."""
    from tonnage import Error
    from tonnage._options import refuse, usage
    from tonnage._recorder import Recording, record_processes, tell_defaults
    from tonnage._settings import Settings
    from tonnage._take import defaults
    from tonnage._templates import Names

    settings = options.settings
    recorded = settings.trace_mode is not None or settings.sample is not None or settings.is_tracked
    if not settings.objects and not recorded:
        usage(ValueError("without objects nothing is left to write: give --trace, --sample or --track as well"))
    recording = Recording(settings, at_exit=False)  # the last snapshot is taken by _take, before handlers of atexit
    try:
        if settings.at_exit or settings.is_repeated:
            recording.check()
    except Error as error:
        refuse(error)
    if settings.children:
        record_processes(settings)
    told = settings.copy()
    told.values["at-exit"] = False
    tell_defaults(told)
    defaults.name = Names(Settings().out).new
    defaults.tell = None if settings.quiet else _tell
    recording.start()
    return recording


def _switch_on(options: Options) -> None:
    from tonnage import Error
    from tonnage._options import usage
    from tonnage._switches import switch_on

    try:
        switch_on(options.settings)
    except Error as error:
        usage(error)


def _is_over() -> bool:
    """Whether nothing but handlers of atexit runs after the main program: no thread that is waited for."""
    threading = sys.modules.get("threading")
    if threading is None:
        return True
    return all(thread.daemon or thread is threading.main_thread() for thread in threading.enumerate())


def _take(recording: Recording) -> None:
    """Takes the snapshot of the end. What goes wrong is said; the program's exit code stays, unless interrupted."""
    from tonnage import Error, load
    from tonnage._recorder import say, shown

    before = recording.last
    try:
        name = recording.take(last=_is_over())
        if not recording.settings.quiet:
            with load(name) as taken:
                _tell(taken)
    except (Error, OSError, ImportError, ValueError, AttributeError) as error:
        say(f"no snapshot: {error}")
    except KeyboardInterrupt as error:
        last = recording.last
        say(
            "interrupted: no snapshot" if last in (None, before) else f"interrupted: {shown(last)} is written and whole"
        )
        _interrupted(error)


def _save(recording: Recording) -> None:
    """Where no snapshot is wanted at the end: what --track has found."""
    from tonnage import Error
    from tonnage._recorder import say, shown

    try:
        name = recording.save_tracked()
    except (Error, OSError) as error:
        say(f"no tracked classes: {error}")
        return
    if name is not None and not recording.settings.quiet:
        say(f"wrote {shown(name)}; next: tonnage tracked {shown(name)}")


def _check_interpreter(verb: str) -> None:
    """Before the program runs, not when its snapshot is due. Loads nothing where all is well."""
    from _frozen_importlib_external import PathFinder

    import tonnage

    if PathFinder.find_spec("tonnage._capture", tonnage.__path__) is None:
        from tonnage._interpreter import unsupported

        what = unsupported()
        if what:
            sys.stderr.write(f"tonnage: {verb}: {sys.executable} is {what}\n")
            sys.exit(6)


def _run(options: Options, begin: Callable[[], None], end: Callable[[], None]) -> None:
    """Runs it: begin() right before its first line, or its package; end() when it has ended, in this process only."""
    pid = os.getpid()
    failure: BaseException | None = None
    if options.kind == "-m":  # the package of a module runs before it
        begin()
    try:
        code, space = _prepare(options)
    except SyntaxError as error:
        error.__traceback__ = None
        _report(error)
        sys.exit(1)
    program, names = code, space
    del code, space
    if options.kind != "-m":  # what compiles it allocates for it, and is no part of it
        begin()
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
        if os.getpid() == pid:  # a child that the program forked ends here as well
            end()
    if isinstance(failure, KeyboardInterrupt):
        _interrupted(failure)
    if failure is not None:
        sys.exit(1)


def _record(options: Options) -> None:
    recording = _begin_recording(options)
    _run(options, lambda: _switch_on(options), lambda: (_take if options.settings.at_exit else _save)(recording))


def _sample(options: Options) -> None:
    from tonnage._sampled_run import SampledRun

    sampled = SampledRun(options.settings)
    _run(options, sampled.begin, sampled.end)


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
        _check_interpreter("run")
        from tonnage._options import parse_run

        _record(parse_run(words[1:]))
        return
    if words[:1] == ["sample"]:
        _check_interpreter("sample")
        from tonnage._options import parse_sample

        _sample(parse_sample(words[1:]))
        return
    if words[:1] == ["config"]:
        from tonnage._options import config

        config(words[1:])
        return
    if words[:1] == ["shell"]:
        from tonnage._shell import main as shell

        shell(words[1:])
        return
    if words[:1] == ["sql"]:
        from tonnage._sql import main as sql

        sql(words[1:])
        return
    if words[:1] == ["report"]:
        from tonnage._report import main as report

        report(words[1:])
        return
    if words[:1] == ["serve"]:
        from tonnage._serve import main as serve

        serve(words[1:])
        return
    if words[:1] == ["export"]:
        from tonnage._export import is_columnar
        from tonnage._export import main as export

        if is_columnar(words[1:]):
            export(words[1:])
            return
    command = _command()
    if command is not None:
        sys.stdout.flush()
        os.execv(command, ["tonnage", *words])
    if not words or words[0] in ("-h", "--help"):
        from tonnage._options import print_out, run_help

        print_out(run_help())
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
