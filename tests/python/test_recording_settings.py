"""One table of settings: the command line, the environment, pyproject.toml and calls say the same things."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import tonnage
from capture_support import environment, python
from tonnage import _core, _options
from tonnage._settings import BY_NAME, TABLE, Settings, read_interval, show_interval

GOOD: list[tuple[str, str, object, object]] = [
    # setting, text, the same in TOML and Python, value in the JSON of `tonnage config`
    ("out", "x-{n}.tonnage", "x-{n}.tonnage", "x-{n}.tonnage"),
    ("every", "30", 30, 30.0),
    ("every", "0.5", 0.5, 0.5),
    ("every", "30s", "30s", 30.0),
    ("every", "5m", "5m", 300.0),
    ("every", "2h", "2h", 7200.0),
    ("every", "off", False, None),
    ("on-signal", "USR2", "USR2", "USR2"),
    ("on-signal", "sigusr1", "SIGUSR1", "USR1"),
    ("on-signal", "12", 12, "USR2"),
    ("on-rss", "2GiB", "2GiB", 2 << 30),
    ("on-rss", "500M", "500M", 500 << 20),
    ("on-rss", "1048576", 1048576, 1 << 20),
    ("keep", "3", 3, 3),
    ("keep", "off", "off", None),
    ("mode", "fork", "fork", "fork"),
    ("mode", "stop", "stop", "stop"),
    ("timeline", "10", 10, 10.0),
    ("timeline", "0", 0, 0.0),
    ("trace", "exact", "exact", "exact"),
    ("trace", "sampled", "sampled", "sampled"),
    ("trace", "64K", 65536, 65536),
    ("trace", "1", 1, "exact"),
    ("trace", "yes", True, "exact"),
    ("trace", "256", 256, 256),
    ("trace", "0", 0, None),
    ("trace", "off", False, None),
    ("top", "10", 10, 10),
    ("top", "off", False, None),
    ("top-every", "5m", "5m", 300.0),
    ("track", "app.A,app.sub.B.C", "app.A app.sub.B.C", "app.A,app.sub.B.C"),
    ("track", "off", False, None),
    ("track-every", "5", 5, 5.0),
    ("track-every", "off", False, None),
    ("top-file", "top-{pid}.log", "top-{pid}.log", "top-{pid}.log"),
    ("top-file", "off", False, None),
    ("top-include", "app.py,srv/*.py", "app.py,srv/*.py", "app.py,srv/*.py"),
    ("top-exclude", "<frozen*", "<frozen*", "<frozen*"),
    ("top-exclude", "off", False, None),
    ("sample", "prof", "prof", "prof"),
    ("sample", "alloc", "alloc", "alloc"),
    ("sample", "1", 1, "prof"),
    ("sample", "yes", True, "prof"),
    ("sample", "0", 0, None),
    ("sample", "off", False, None),
    ("sample-interval", "10ms", "10ms", "10ms"),
    ("sample-interval", "100us", "100us", "100us"),
    ("sample-interval", "0.5", 0.5, "0.5"),
    ("sample-interval", "64KiB", "64KiB", "64KiB"),
    ("sample-interval", "65536", 65536, "65536"),
    ("sample-interval", "off", False, None),
    ("sample-duration", "5m", "5m", 300.0),
    ("sample-stacks", "100", 100, 100),
    ("depth", "12", 12, 12),
    ("depth", "all", "all", 0),
    ("previews", "200", 200, 200),
    ("redact", "1", True, True),
    ("scan", "1", True, True),
    ("objects", "0", False, False),
    ("quiet", "1", True, True),
    ("at-exit", "0", False, False),
]
WRONG: list[tuple[str, str, object]] = [
    ("out", "{user}.tonnage", "{user}.tonnage"),
    ("every", "0", 0),
    ("every", "-1", -1),
    ("every", "5 m", [5]),
    ("every", "nan", float("nan")),
    ("every", "1e99", 1e99),
    ("on-signal", "USR9", "USR9"),
    ("on-signal", "KILL", 9),
    ("on-signal", "SEGV", "SEGV"),
    ("on-signal", "_DFL", 0),
    ("on-signal", "ABRT", "TRAP"),
    ("on-signal", "INT", "TERM"),
    ("on-signal", "32", 33),
    ("on-rss", "2 GiBs", "lots"),
    ("on-rss", "0", 0),
    ("keep", "0", 0),
    ("keep", "1.5", 1.5),
    ("mode", "quick", "quick"),
    ("previews", "513", 513),
    ("previews", "many", "80"),
    ("redact", "maybe", "yes"),
    ("at-exit", "2", 1),
    ("timeline", "-1", "soon"),
    ("trace", "often", "often"),
    ("trace", "2", 255),
    ("top", "0", 0),
    ("top", "ten", 1.5),
    ("top-every", "0", 0),
    ("track", "Session", 5),
    ("track", "app.1x", ","),
    ("track-every", "0", 0),
    ("top-file", "{who}", "{who}"),
    ("top-include", "app.py,", ["app.py"]),
    ("top-exclude", "app.py:8", "any:app.py"),
    ("sample", "cpu", "cpu"),
    ("sample", "2", 2),
    ("sample-interval", "0.09ms", 0),
    ("sample-interval", "10 ms", [10]),
    ("sample-interval", "often", "100B"),
    ("sample-duration", "0", -1),
    ("sample-stacks", "0", "many"),
    ("depth", "0", 0),
    ("depth", "some", -1),
]


class Outcome(NamedTuple):
    code: int
    out: str
    errors: str


def tonnage_config(folder: Path, words: Sequence[str], variables: dict[str, str]) -> Outcome:
    """`python -m tonnage config`, without a process of its own."""
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        patch.chdir(folder)
        for name in [name for name in os.environ if name.startswith("TONNAGE")]:
            patch.delenv(name)
        for name, value in variables.items():
            patch.setenv(name, value)
        try:
            _options.config(list(words))
            code = 0
        except SystemExit as end:
            code = int(str(end.code))
    return Outcome(code, out.getvalue(), err.getvalue())


def config(folder: Path, *words: str, **variables: str) -> dict[str, tuple[object, str]]:
    code, out, errors = tonnage_config(folder, ["--json", *words], variables)
    assert (code, errors) == (0, "")
    table = json.loads(out)
    assert (table["schema"], table["view"]) == (1, "config")
    return {row["setting"]: (row["value"], row["source"]) for row in table["rows"]}


def as_toml(value: object) -> str:
    return json.dumps(value)  # numbers, booleans and plain strings are written the same


def pyproject(folder: Path, key: str, value: object) -> Path:
    path = folder / "pyproject.toml"
    path.write_text(f"[tool.tonnage]\n{key} = {as_toml(value)}\n")
    return path


def by_command_line(folder: Path, name: str, text: str, native: object) -> tuple[object, str]:
    if BY_NAME[name].metavar:
        option = BY_NAME[name].option
        words = [option, text] if BY_NAME[name].bare is None else [f"{option}={text}"]
    else:
        words = [f"--{'' if native else 'no-'}{name}"]
    return config(folder, *words)[name]


def by_environment(folder: Path, name: str, text: str, native: object) -> tuple[object, str]:
    variable = BY_NAME[name].variable
    assert variable
    return config(folder, **{variable: text})[name]


def by_project(folder: Path, name: str, text: str, native: object) -> tuple[object, str]:
    pyproject(folder, name, native)
    return config(folder)[name]


WAYS: dict[str, Callable[[Path, str, str, object], tuple[object, str]]] = {
    "command line": by_command_line,
    "environment": by_environment,
    "pyproject": by_project,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("name", "text", "native", "value"), GOOD, ids=lambda value: str(value))
def test_each_setting_can_be_said_in_each_way(
    way: str, name: str, text: str, native: object, value: object, tmp_path: Path
) -> None:
    source = {
        "command line": "command line",
        "environment": "TONNAGE_" + name.upper().replace("-", "_"),
        "pyproject": str(tmp_path / "pyproject.toml"),
    }
    assert WAYS[way](tmp_path, name, text, native) == (value, source[way])


@pytest.mark.parametrize(("name", "text", "native", "value"), GOOD, ids=lambda value: str(value))
def test_a_call_takes_the_same(name: str, text: str, native: object, value: object) -> None:
    settings = Settings()
    settings.read_call({name.replace("-", "_"): native})
    assert settings.sources[name] == "call"
    shown = settings.text(name)
    assert BY_NAME[name].show(BY_NAME[name].read_text(shown, "")) == shown  # what is shown can be said
    assert BY_NAME[name].show(BY_NAME[name].read_text(text, "")) == shown


@pytest.mark.parametrize(("name", "text", "native"), WRONG, ids=lambda value: str(value))
def test_a_wrong_value_is_one_line_and_a_usage_error(name: str, text: str, native: object, tmp_path: Path) -> None:
    setting = BY_NAME[name]
    apart = setting.metavar and setting.bare is None
    tries = [([setting.option, text] if apart else [f"{setting.option}={text}"], {}, setting.option)]
    tries.append(([], {str(setting.variable): text}, str(setting.variable)))
    for words, variables, where in tries:
        code, out, errors = tonnage_config(tmp_path, words, variables)
        assert (code, out, errors.count("\n")) == (2, "", 1)
        assert where in errors


@pytest.mark.parametrize(("name", "text", "native"), WRONG, ids=lambda value: str(value))
def test_a_wrong_value_in_a_call_or_a_file_is_named(name: str, text: str, native: object, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"^{name.replace('-', '_')}"):
        Settings().read_call({name.replace("-", "_"): native})
    if native is None or native != native or isinstance(native, list):
        return
    path = pyproject(tmp_path, name, native)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: {name}"):
        Settings().read_project(str(tmp_path))


def test_trace_without_a_value_is_exact_and_takes_no_word_from_the_program(tmp_path: Path) -> None:
    assert config(tmp_path, "--trace")["trace"] == ("exact", "command line")
    assert config(tmp_path, "--trace", "--depth", "3")["depth"] == (3, "command line")
    options = _options.parse_run(["--trace", "app.py", "exact"])
    assert (options.program, options.words) == ("app.py", ["exact"])


@pytest.mark.parametrize("words", [["--keep", "0"], ["--out", "{user}"]], ids=" ".join)
def test_a_wrong_value_stops_the_run_before_it_begins(words: list[str], tmp_path: Path) -> None:
    by_words = python(["-m", "tonnage", "run", *words, "-c", "print(1)"], cwd=tmp_path)
    by_variable = python(
        ["-m", "tonnage", "run", "-c", "print(1)"],
        env=environment(**{str(BY_NAME[words[0].strip("-")].variable): words[1]}),
        cwd=tmp_path,
    )
    for done in (by_words, by_variable):
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_the_table_of_this_test_names_every_setting() -> None:
    assert {row[0] for row in GOOD} | {"force", "children"} == set(BY_NAME)


def test_the_last_word_wins(tmp_path: Path) -> None:
    path = pyproject(tmp_path, "keep", 3)
    assert config(tmp_path)["keep"] == (3, str(path))
    assert config(tmp_path, TONNAGE_KEEP="4")["keep"] == (4, "TONNAGE_KEEP")
    assert config(tmp_path, "--keep", "5", TONNAGE_KEEP="4")["keep"] == (5, "command line")
    assert config(tmp_path, "--keep=5", "--keep=off")["keep"] == (None, "command line")
    assert config(tmp_path, TONNAGE_KEEP="")["keep"] == (3, str(path))
    assert config(tmp_path, "--keep", "5")["every"] == (None, "default")


def test_children_are_recorded_where_TONNAGE_is_set(tmp_path: Path) -> None:
    assert config(tmp_path)["children"] == (False, "default")
    assert config(tmp_path, "--children")["children"] == (True, "command line")
    assert config(tmp_path, TONNAGE="1")["children"] == (True, "TONNAGE")
    assert config(tmp_path, "--no-children", TONNAGE="1")["children"] == (False, "command line")
    path = pyproject(tmp_path, "children", True)
    assert config(tmp_path)["children"] == (True, str(path))


def test_the_nearest_table_upwards_is_read(tmp_path: Path) -> None:
    path = pyproject(tmp_path, "keep", 3)
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "a" / "pyproject.toml").write_text("[project]\nname = 'uses-tonnage'\n")  # without the table
    assert config(inner)["keep"] == (3, str(path))
    nearest = pyproject(inner, "keep", 7)
    assert config(inner)["keep"] == (7, str(nearest))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[tool.tonnage]\nevrey = 3\n", "no setting evrey in [tool.tonnage]: there are out, every, "),
        ("[tool.tonnage]\nforce = true\n", "no setting force"),
        ("[tool.tonnage]\non_rss = '2G'\n", "no setting on_rss"),
        ("[tool.tonnage]\nkeep = '3'\n", "keep takes a number of files, at least 1, or off, not '3'"),
        ("[tool.tonnage]\nkeep = true\n", "keep takes a number of files, at least 1, or off, not True"),
        ("[tool.tonnage]\nredact = 'no'\n", "redact takes 1 or 0, not 'no'"),
        ("[tool]\ntonnage = 3\n", "tool.tonnage is no table"),
        ("[tool.tonnage\n", "(at line 1, column 14)"),
    ],
)
def test_a_mistake_in_the_project_stops_the_run_before_it_begins(text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    for verb in (["run", "-c", "print(1)"], ["config"]):
        done = python(["-m", "tonnage", *verb], cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert done.stderr.startswith(f"tonnage: {tmp_path}/pyproject.toml: ")
        assert why in done.stderr


def test_config_prints_a_line_for_each_setting(tmp_path: Path) -> None:
    done = python(["-m", "tonnage", "config", "--every", "5m"], env=environment(TONNAGE_KEEP="2"), cwd=tmp_path)
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    assert lines[0] == ["Setting", "Value", "Source"]
    assert [line[0] for line in lines[1:]] == [setting.name for setting in TABLE]
    assert ["every", "5m", "command line"] in lines
    assert ["keep", "2", "TONNAGE_KEEP"] in lines


def test_a_reader_that_goes_away_is_no_failure_of_config() -> None:
    for words in ["config"], ["config", "--json"], ["config", "--help"], ["run", "--help"]:
        inside, outside = os.pipe()
        os.close(inside)
        with open(outside, "wb") as gone:
            command = [sys.executable, "-m", "tonnage", *words]
            done = subprocess.run(command, stdout=gone, stderr=subprocess.PIPE, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), words


@pytest.mark.parametrize("words", [["config", "app.py"], ["config", "--nonesuch"], ["config", "--keep"]], ids=" ".join)
def test_config_takes_options_only(words: list[str], tmp_path: Path) -> None:
    done = python(["-m", "tonnage", *words], cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "config --help" in done.stderr


@pytest.mark.parametrize("verb", ["run", "config"])
def test_help_needs_nothing_to_be_right(verb: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.tonnage]\nnonesuch = 1\n")
    done = python(["-m", "tonnage", verb, "--help"], env=environment(TONNAGE_EVERY="x"), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: python -m tonnage {verb} ")


def test_help_names_every_setting(tmp_path: Path) -> None:
    text = python(["-m", "tonnage", "run", "--help"]).stdout
    for setting in TABLE:
        assert re.search(f"^  (-o|{setting.option}|--no-{setting.name}) ", text, re.MULTILINE), setting.name


@pytest.mark.parametrize(
    ("clock", "said", "meant"),
    [
        (None, None, ("prof", 10_000_000)),
        ("real", None, ("real", 10_000_000)),
        ("alloc", None, ("alloc", 512 << 10)),
        (None, "1ms", ("prof", 1_000_000)),
        (None, "0.02", ("prof", 20_000_000)),
        (None, 0.0001, ("prof", 100_000)),
        (None, "250us", ("prof", 250_000)),
        (None, "2s", ("prof", 2_000_000_000)),
        (None, "64K", ("alloc", 64 << 10)),
        (None, "1m", ("alloc", 1 << 20)),
        (None, "512B", ("alloc", 512)),
        ("alloc", "65536", ("alloc", 65536)),
        ("alloc", 65536, ("alloc", 65536)),
        ("gil", 1, ("gil", 1_000_000_000)),
    ],
)
def test_the_clock_says_what_an_interval_is(clock: str | None, said: object, meant: tuple[str, int]) -> None:
    assert read_interval(clock, said) == meant
    assert read_interval(clock or meant[0], show_interval(*meant)) == meant


@pytest.mark.parametrize(
    ("clock", "said", "why"),
    [
        ("prof", "64K", "the interval of prof takes a time such as 10ms, not '64K'"),
        ("alloc", "10ms", "the interval of alloc takes a size such as 512KiB, not '10ms'"),
        ("alloc", 0.5, "not 0.5"),
        (None, "0.05ms", "0.05ms is out of range: 0.0001 s to 3600 s"),
        ("real", True, "not True"),
        ("alloc", "100", "too few: 256 at least"),
        ("virtual", "", "not ''"),
    ],
)
def test_an_interval_of_another_clock_is_named(clock: str | None, said: object, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        read_interval(clock, said)


SIZES = "1 1k 1K 1KB 1KiB 1.5G 1.5GiB 3t 2P 1e 1E 0.5k 10B 10b .5M 5.M 1.0 007".split()


@pytest.mark.parametrize("text", [*SIZES, "2 GiB", "2  M"])
def test_sizes_are_those_of_the_library(text: str) -> None:
    assert BY_NAME["on-rss"].read_text(text, "") == _core.parse_bytes(text)


@pytest.mark.parametrize(
    "text", ["", "k", "1.5", "1.2.3k", "1kk", "1Bk", "1iB", "-1", "1 k b", "²", "1x", "0x10", ".", ".k"]
)
def test_what_is_no_size_for_the_library_is_none_here(text: str) -> None:
    with pytest.raises(tonnage.ArgumentError):
        _core.parse_bytes(text)
    with pytest.raises(ValueError, match="takes a size"):
        BY_NAME["on-rss"].read_text(text, "x")


def test_a_call_says_what_is_wrong(tmp_path: Path) -> None:
    wrong: dict[str, Any] = {"keep": "many"}
    with pytest.raises(tonnage.ArgumentError, match="^keep takes"):
        tonnage.every(1, tmp_path / "a.tonnage", **wrong)
    with pytest.raises(tonnage.ArgumentError, match="no field"):
        tonnage.every(1, tmp_path / "{a}.tonnage")
    with pytest.raises(tonnage.FileError, match="there is no folder"):
        tonnage.every(1, tmp_path / "missing" / "a.tonnage")
    (tmp_path / "a.tonnage").touch()
    with pytest.raises(tonnage.ExistsError, match="exists"):
        tonnage.every(None, tmp_path / "a.tonnage")


def test_a_signal_that_is_taken_can_be_handled() -> None:
    """The list of refused ones is here and in C."""
    refused = []
    for number in range(1, 65):
        try:
            BY_NAME["on-signal"].read_text(str(number), "here")
        except ValueError:
            refused.append(number)
    code = "import sys\nfrom tonnage import _helper\n"
    code += "for word in sys.argv[1:]: _helper.on_signal(int(word), print); _helper.on_signal(int(word), None)"
    words = [str(number) for number in range(1, 65) if number not in refused]
    done = python(["-c", code, *words])
    assert (done.returncode, done.stderr) == (0, "")
    assert {1, 10, 12, 17, 64}.isdisjoint(refused)


def test_config_says_that_a_time_line_needs_an_occasion(tmp_path: Path) -> None:
    for options, is_used in (([], False), (["--every", "5"], True), (["--timeline", "2"], True)):
        [line] = [line for line in python(["-m", "tonnage", "config", *options], cwd=tmp_path).stdout.splitlines()
                  if line.startswith("timeline")]  # fmt: skip
        assert ("only with every" in line) != is_used
