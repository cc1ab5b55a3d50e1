"""The words after `tonnage run` and `tonnage config`, and their pages of --help; all options come from the table."""

from __future__ import annotations

import os
import sys

from tonnage._errors import Error, ExistsError
from tonnage._kinds import SIGNAL
from tonnage._settings import BY_NAME, TABLE, Settings, is_privileged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from tonnage._settings import Setting

_RUN = """\
usage: python -m tonnage run [options] script.py [arguments]
       python -m tonnage run [options] -m module [arguments]
       python -m tonnage run [options] -c code [arguments]
       python -m tonnage run [options] - [arguments]           (the program is read from standard input)

Runs a program and takes snapshots: when it ends, and if options say so, while it runs.

"""
_RUN_END = """
Words without a value have an opposite, such as --at-exit and --no-redact. FILE is {out} in the current
folder if nothing is said. Where several files are to come and it has neither {{n}} nor {{time}}, -1, -2, … goes before
its suffix; in child processes -PID does. {{time}} is UTC; {{{{, }}}} and $$ stand for {{, }} and $.

What the command line does not say comes from the environment ({variable}=5m), else from [tool.tonnage] in the nearest
pyproject.toml ({every} = "5m"); `tonnage config` shows what applies and why. TONNAGE=1 records any Python program.

The program may call tonnage.snapshot() at any time. Without a path each call, too, leaves tonnage-PID-N.tonnage in the
current folder, whatever -o names. --mode, --previews, --redact and --scan hold for what such calls do not say.

examples:
  python -m tonnage run -o app.tonnage --force --previews 200 app.py --serve
  python -m tonnage run --every 5m --keep 6 --on-signal USR2 --on-rss 2GiB --timeline 10 -o app-{{time}}.tonnage app.py
  python -m tonnage run --no-at-exit --mode stop --children --quiet --redact --scan -m app.worker
  python -m tonnage run --trace=sampled --top 10 --top-every 60 --top-file top-{{pid}}.log --no-at-exit app.py
  python -m tonnage run --top 10 --top-include 'srv/*.py' --top-exclude 'srv/vendor/*' --no-at-exit app.py
  python -m tonnage run --track app.models.Session --track-every 5 --no-objects -o app.tonnage app.py
  python -m tonnage run --trace --depth 5 --sample --sample-interval 5ms --sample-duration 5m --sample-stacks 999 app.py
"""
_SAMPLE = """\
usage: python -m tonnage sample [options] script.py [arguments]
       python -m tonnage sample [options] -m module [arguments]
       python -m tonnage sample [options] -c code [arguments]
       python -m tonnage sample [options] - [arguments]        (the program is read from standard input)

Runs a program, samples where its time goes, and writes that when it ends: look at it with tonnage profile FILE.

"""
_SAMPLE_END = """
clocks:
  prof     processor time of each thread, of the program and of the system for it
  virtual  the same without the system
  real     time that passes, of every thread, also while it waits
  gil      time that passes, of the thread that holds the interpreter's lock
  alloc    bytes allocated, in place of time: sampled each so many bytes

FILE is tonnage-PID-N.tonnage in the current folder if nothing is said. What the command line does not say comes from
the environment (TONNAGE_SAMPLE_INTERVAL=1ms), else from [tool.tonnage] in the nearest pyproject.toml. Snapshots and
samples in one file: tonnage run --sample.

examples:
  python -m tonnage sample -o app.tonnage --force app.py --serve
  python -m tonnage sample --clock real --interval 5ms --duration 30 --max-stacks 10000 -m app.worker
  python -m tonnage sample --interval 64K --quiet --redact app.py
  python -m tonnage sample --trace=1M --depth 20 app.py
"""
_CONFIG = """\
usage: python -m tonnage config [--json] [options of run]

Shows what `tonnage run` would do in this folder, with this environment and these options, and who says so.

examples:
  python -m tonnage config --every 5m
  python -m tonnage config --json

  --json            for programs
"""


def usage(message: object) -> NoReturn:
    """One line, and the exit code of a mistake."""
    sys.stderr.write(f"tonnage: {message}\n")
    sys.exit(2)


def refuse(error: Error) -> NoReturn:
    """Says why the program is not run."""
    usage(f"{error} (--force replaces it)" if isinstance(error, ExistsError) else error)


def print_out(text: str) -> None:
    """On standard output, in UTF-8 as the command. A reader that went away (head, a pager) has what it wanted."""
    import io

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or it is said again at exit
        if not isinstance(error, BrokenPipeError):
            sys.stderr.write(f"tonnage: cannot write to standard output: {error.strerror}\n")
            sys.exit(5)


def _line(setting: Setting[Any], option: str = "", help: str = "") -> str:
    name, text = option or setting.short or setting.option, help or setting.help
    if setting.default is True:
        name, text = f"--no-{setting.name}", setting.help.replace("a snapshot", "no snapshot")
    elif setting.default not in (None, False) and not setting.short:
        text += f" (default {setting.show(setting.default)})"
    bare = setting.bare is not None and not (option and option != setting.option)
    value = f"[={setting.metavar}]" if bare else f" {setting.metavar}"
    return f"  {name + value:<19} {text}\n"


def run_help() -> str:
    """The page of `tonnage run --help`."""
    out, every = BY_NAME["out"], BY_NAME["every"]
    end = _RUN_END.format(out=out.show(out.default), variable=every.variable, every=every.name)
    return _RUN + "".join(map(_line, TABLE)) + end


# What `tonnage sample` takes, the names it has there, and what its page says of it where that is not what run's does.
_SAMPLING = {
    "out": ("-o", "the file to make; may hold {pid} {time} {n} {host}"),
    "force": ("--force", ""),
    "sample": ("--clock", "prof, real, virtual, gil or alloc (default prof, or alloc where the interval is a size)"),
    "sample-interval": ("--interval", "between samples: 1ms, 0.01 (default 10ms); of alloc 64K (default 512KiB)"),
    "sample-duration": ("--duration", "write the file after so many seconds, and sample no more: 30, 5m"),
    "sample-stacks": ("--max-stacks", ""),
    "trace": ("--trace", ""),
    "depth": ("--depth", ""),
    "redact": ("--redact", "keep no names of files, functions and tasks"),
    "quiet": ("--quiet", "no line on standard error at the end"),
}


def sample_help() -> str:
    """The page of `tonnage sample --help`."""
    lines = [_line(BY_NAME[name], option, text) for name, (option, text) in _SAMPLING.items()]
    return _SAMPLE + "".join(lines) + _SAMPLE_END


class Options:
    """What stands before the program on the command line, and the program."""

    __slots__ = ("kind", "program", "settings", "words")

    def __init__(self, settings: Settings, kind: str, words: list[str]) -> None:
        self.settings = settings
        self.kind = kind  # "-m", "-c" or "" for a script
        self.program = words[0] if words else ""
        self.words = words[1:]  # the program's arguments


def _sample_names() -> dict[str, tuple[Setting[Any], object]]:
    names: dict[str, tuple[Setting[Any], object]] = {}
    for name, (option, _) in _SAMPLING.items():
        setting = BY_NAME[name]
        bare = setting.bare if name == "trace" else None
        names[option] = setting, bare if setting.metavar else True
    return names | {"--out": names["-o"], "--output": names["-o"]}


def _names() -> dict[str, tuple[Setting[Any], object]]:
    """Each word that is an option: its setting, and what it says without a value; None: it takes one."""
    names: dict[str, tuple[Setting[Any], object]] = {}
    for setting in TABLE:
        for name in filter(None, (setting.option, setting.short)):
            names[name] = setting, setting.bare if setting.metavar else True
        if not setting.metavar:
            names[f"--no-{setting.name}"] = setting, False
    names["--output"] = names["--out"]
    return names


def _parse(
    words: list[str], other: Callable[[str], None], names: dict[str, tuple[Setting[Any], object]]
) -> tuple[list[tuple[Setting[Any], object]], list[str]]:
    """Takes options until something else comes; other is given words that are no options of recording.

    Returns:
        What they say, and the rest of the words.
    """
    said, at = list[tuple["Setting[Any]", object]](), 0
    while at < len(words):
        word = words[at]
        if not word.startswith("-") or word in ("-", "--", "-m", "-c"):
            break
        name, equals, text = word.partition("=") if word.startswith("--") else (word, "", "")
        setting, bare = names.get(name, (None, None))
        at += 1
        if setting is None or (equals and not setting.metavar):
            other(word)
        elif bare is not None and not equals:
            said.append((setting, bare))
        else:
            if not equals:
                if at >= len(words):
                    raise ValueError(f"{name} needs a value")
                text, at = words[at], at + 1
            said.append((setting, setting.read_text(text, name)))
    return said, words[at:]


def _settings(said: list[tuple[Setting[Any], object]]) -> Settings:
    """Defaults, pyproject.toml, the environment, then the command line; ends the process for what is wrong."""
    settings = Settings()
    try:
        if not is_privileged():
            settings.read_project(os.getcwd())
            settings.read_environment(os.environ)
    except ValueError as error:
        usage(error)
    except OSError as error:
        usage(f"the current folder is gone: {error.strerror}")
    for setting, value in said:
        before = settings.values[setting.name]
        if isinstance(value, tuple) and before and settings.sources[setting.name] == "command line":
            value = before + value
        settings.set(setting, value, "command line")
    return settings


def parse_run(words: list[str]) -> Options:
    """Options and program of `tonnage run`; ends the process for --help and for what is wrong."""
    return _parse_program("run", words, _names(), run_help)


def parse_sample(words: list[str]) -> Options:
    """The same of `tonnage sample`."""
    options = _parse_program("sample", words, _sample_names(), sample_help)
    settings = options.settings
    try:
        clock, _ = settings.sampling()
    except ValueError as error:
        usage(f"{error}; see python -m tonnage sample --help")
    settings.set(BY_NAME["sample"], clock, settings.sources["sample"])
    return options


def _parse_program(
    verb: str, words: list[str], names: dict[str, tuple[Setting[Any], object]], page: Callable[[], str]
) -> Options:
    def other(word: str) -> None:
        if word in ("-h", "--help"):
            print_out(page())
            sys.exit(0)
        raise ValueError(f"unknown option {word}")

    try:
        said, rest = _parse(words, other, names)
        kind = rest.pop(0) if rest and rest[0] in ("-m", "-c", "--") else ""
        if not rest:
            raise ValueError(f"{kind} needs a value" if kind in ("-m", "-c") else "name a script, -m module or -c code")
    except ValueError as error:
        usage(f"{error}; see python -m tonnage {verb} --help")
    return Options(_settings(said), "" if kind == "--" else kind, rest)


def _row(setting: Setting[Any], settings: Settings) -> dict[str, object]:
    value = settings.values[setting.name]
    if value is not None and (setting.kind is SIGNAL or not isinstance(value, (bool, int, float))):
        value = setting.show(value)
    return {"setting": setting.name, "value": value, "source": settings.sources[setting.name]}


def config(words: list[str]) -> None:
    """`tonnage config`: prints what applies, and why."""
    as_json = False

    def other(word: str) -> None:
        nonlocal as_json
        if word in ("-h", "--help"):
            print_out(_CONFIG)
            sys.exit(0)
        if word != "--json":
            raise ValueError(f"unknown option {word}")
        as_json = True

    try:
        said, rest = _parse(words, other, _names())
        if rest:
            raise ValueError(f"config takes options only, not {rest[0]}")
    except ValueError as error:
        usage(f"{error}; see python -m tonnage config --help")
    settings = _settings(said)
    if as_json:
        import json

        rows = [_row(setting, settings) for setting in TABLE]
        print_out(json.dumps({"schema": 1, "view": "config", "rows": rows}, ensure_ascii=False, indent=1) + "\n")
        return
    width = max(len(setting.show(settings.values[setting.name])) for setting in TABLE)
    names = max(len(setting.name) for setting in TABLE)
    lines = [f"{'Setting':<{names}} {'Value':<{width}} Source\n"]
    for setting in TABLE:
        name = setting.name
        note = ""
        if name == "timeline" and not (settings.is_repeated or settings.is_said(name)):
            note = " (only with every, on-signal or on-rss)"
        elif name in ("top-every", "top-file", "top-include", "top-exclude") and settings.top is None:
            note = " (only with top)"
        lines.append(f"{name:<{names}} {settings.text(name):<{width}} {settings.sources[name]}{note}\n")
    print_out("".join(lines))
