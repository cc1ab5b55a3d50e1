"""Recordings of real processes: what they leave, and that the program does not notice."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest
import tonnage
from capture_support import PROGRAMS, TIMEOUT_SECONDS, environment, python
from tonnage import _errors, _recorder, _startup, trace

PROGRAM = str(PROGRAMS / "long_run.py")
RUN = ["-m", "tonnage", "run"]


class Outcome:
    """A process that has ended, and the files in its folder."""

    def __init__(self, done: subprocess.CompletedProcess[str], folder: Path) -> None:
        self.code, self.out = done.returncode, done.stdout
        lines = done.stderr.splitlines()
        self.said = [line for line in lines if line.startswith("tonnage: ")]
        self.errors = [line for line in lines if line not in self.said]
        self.files = whole_files(folder)


def whole_files(folder: Path) -> dict[str, tonnage.Snapshot]:
    """All snapshots of a folder by name; a file that is not whole raises."""
    files = {}
    for path in sorted(folder.glob("*.tonnage")):
        files[path.name] = snapshot = tonnage.load(path)
        assert snapshot.check() == []
    return files


def record(folder: Path, *words: str, run: tuple[str, ...] | None = None, **variables: str) -> Outcome:
    """Runs the program with these words, by TONNAGE=… or by `tonnage run` with options."""
    before = [] if run is None else [*RUN, *run]
    return Outcome(python([*before, PROGRAM, *words], env=environment(**variables), cwd=folder), folder)


# ---- four ways to the same ----


@pytest.mark.parametrize("way", ["command line", "environment", "pyproject", "call"])
@pytest.mark.parametrize(
    ("name", "value", "act"),
    [("every", "0.05", "wait=2"), ("on-signal", "USR2", "signal=SIGUSR2"), ("on-rss", "60M", "grow=80")],
    ids=lambda value: value,
)
def test_each_occasion_works_in_each_way(way: str, name: str, value: str, act: str, tmp_path: Path) -> None:
    words = [act, "wait=1"]
    if way == "command line":
        got = record(tmp_path, *words, run=("--no-at-exit", f"--{name}", value, "-o", "x.tonnage"))
    elif way == "environment":
        variable = "TONNAGE_" + name.upper().replace("-", "_")
        said = {"TONNAGE": "1", "TONNAGE_AT_EXIT": "0", "TONNAGE_OUT": "x.tonnage", variable: value}
        got = record(tmp_path, *words, **said)
    elif way == "pyproject":
        (tmp_path / "pyproject.toml").write_text(
            f'[tool.tonnage]\n{name} = "{value}"\nat-exit = false\nout = "x.tonnage"\n'
        )
        got = record(tmp_path, *words, run=())
    else:
        argument = f"{name.replace('-', '_').replace('every', 'seconds')}='{value}'"
        code = f"import tonnage; tonnage.every({argument}, path='x.tonnage', at_exit=False)\n"
        program = tmp_path / "program.py"
        program.write_text(code + Path(PROGRAM).read_text())
        got = Outcome(python([program, *words], cwd=tmp_path), tmp_path)
    assert (got.code, got.out, got.errors) == (0, "end\n", [])
    assert "x-1.tonnage" in got.files
    with got.files["x-1.tonnage"] as snapshot:
        assert [row["count"] for row in snapshot.summary(where="type:module", limit=1)] != [0]


def test_the_other_settings_reach_the_file_in_each_way(tmp_path: Path) -> None:
    """redact stands for previews and scan, which take the same path: it shows in the file."""
    (tmp_path / "pyproject.toml").write_text("[tool.tonnage]\nredact = true\n")
    record(tmp_path, run=("-o", "pyproject.tonnage"))
    (tmp_path / "pyproject.toml").unlink()
    record(tmp_path, run=("-o", "line.tonnage", "--redact"))
    record(tmp_path, TONNAGE="1", TONNAGE_OUT="environment.tonnage", TONNAGE_REDACT="1")
    code = "import tonnage; tonnage.every(path='call.tonnage', redact=True)"
    python(["-c", code], cwd=tmp_path)
    record(tmp_path, run=("-o", "plain.tonnage"))
    files = whole_files(tmp_path)
    redacted = [name for name, snapshot in files.items() if not snapshot.argv]
    assert sorted(redacted) == ["call.tonnage", "environment.tonnage", "line.tonnage", "pyproject.tonnage"]
    assert "plain.tonnage" in files


# ---- run ----


def test_a_run_takes_snapshots_meanwhile_and_one_at_the_end(tmp_path: Path) -> None:
    got = record(tmp_path, "wait=3", run=("--every", "0.05", "-o", "a.tonnage"))
    assert (got.code, got.out, got.errors) == (0, "end\n", [])
    assert len(got.files) >= 4
    assert list(got.files) == sorted(f"a-{n}.tonnage" for n in range(1, len(got.files) + 1))
    assert len(got.said) == len(got.files)
    assert re.fullmatch(r"tonnage: wrote a-1\.tonnage \([\d.]+ MiB, RSS [\d.]+ MiB, every 0\.05s\)", got.said[0])
    assert got.said[-1].endswith(f"next: tonnage summary a-{len(got.files)}.tonnage")


def test_quiet_says_nothing(tmp_path: Path) -> None:
    got = record(tmp_path, "wait=1", run=("--every", "0.05", "--quiet"))
    assert (got.said, got.errors) == ([], [])
    assert len(got.files) >= 2


def test_keep_deletes_the_older_ones_of_this_run_only(tmp_path: Path) -> None:
    (tmp_path / "a-1.tonnage").write_text("mine")
    (tmp_path / "a-7.tonnage").write_text("mine")
    code = "import os, time\nwhile not os.path.exists('a-12.tonnage'): time.sleep(0.001)"
    done = python([*RUN, "--every", "0.02", "--keep", "2", "-o", "a.tonnage", "-c", code], cwd=tmp_path)
    assert done.returncode == 0
    assert [(tmp_path / name).read_text() for name in ("a-1.tonnage", "a-7.tonnage")] == ["mine", "mine"]
    left = [path for path in tmp_path.glob("*.tonnage") if path.name not in ("a-1.tonnage", "a-7.tonnage")]
    assert done.stderr.count("wrote ") > len(left) >= 2


@pytest.mark.parametrize("template", ["b-{pid}.tonnage", "b-$pid.tonnage", "b-{{x}}.tonnage", "{host}.tonnage"])
def test_names_are_templates(template: str, tmp_path: Path) -> None:
    got = record(tmp_path, run=("-o", template))
    [name] = got.files
    pid = str(got.files[name].pid)
    expected = {"b-{{x}}.tonnage": "b-{x}.tonnage", "{host}.tonnage": f"{os.uname().nodename}.tonnage"}
    assert name == expected.get(template, f"b-{pid}.tonnage")


def test_an_unknown_field_is_a_usage_error(tmp_path: Path) -> None:
    got = record(tmp_path, run=("-o", "{user}.tonnage"))
    assert (got.code, got.out, len(got.said)) == (2, "", 1)
    assert "--help" in got.said[0] and "{user}" in got.said[0]


def test_a_recording_of_the_program_takes_the_place_of_the_one_of_run(tmp_path: Path) -> None:
    got = record(tmp_path, "every=0.05", "wait=2", run=("--every", "2h", "-o", "run.tonnage"))
    assert "code-1.tonnage" in got.files
    assert [name for name in got.files if name.startswith("run")] == ["run-1.tonnage"]  # the end
    assert len([line for line in got.said if "next: " in line]) == 1


def test_no_at_exit_takes_none_at_the_end(tmp_path: Path) -> None:
    assert record(tmp_path, run=("--no-at-exit",)).files == {}
    assert record(tmp_path, TONNAGE="1", TONNAGE_AT_EXIT="0").files == {}


# ---- TONNAGE=1 ----

BEHAVIOUR = {
    "ends": [PROGRAM, "atexit"],
    "exit code": [PROGRAM, "atexit", "exit=7"],
    "exception": ["-c", "import atexit; atexit.register(print, 'my handler'); 1 / 0"],
    "syntax error": ["-c", "f(:"],
    "interrupt": ["-c", "raise KeyboardInterrupt"],
    "module": ["-m", "this"],
    "closed streams": ["-c", "import sys; sys.stdout.close(); sys.stderr = None"],
}


@pytest.mark.parametrize("case", BEHAVIOUR)
def test_the_program_does_as_without(case: str, tmp_path: Path) -> None:
    plain = python(BEHAVIOUR[case], cwd=tmp_path)
    got = Outcome(python(BEHAVIOUR[case], env=environment(TONNAGE="1", TONNAGE_EVERY="0.05"), cwd=tmp_path), tmp_path)
    assert (got.code, got.out, got.errors) == (plain.returncode, plain.stdout, plain.stderr.splitlines())
    assert got.files
    assert got.said[0].startswith("tonnage: records process ")


def test_the_last_snapshot_is_taken_after_the_handlers_of_the_program(tmp_path: Path) -> None:
    code = "import atexit, os; atexit.register(lambda: print(len(os.listdir('.')), flush=True))"
    got = Outcome(python(["-c", code], env=environment(TONNAGE="1"), cwd=tmp_path), tmp_path)
    assert (got.out, len(got.files)) == ("0\n", 1)
    assert got.said[-1].endswith(", at exit)")


def test_it_is_off_where_nobody_asked(tmp_path: Path) -> None:
    code = "import sys; print([name for name in sys.modules if name.startswith('tonnage')])"
    assert python(["-c", code], env=environment(TONNAGE_EVERY="1")).stdout == "[]\n"
    for flags, value in ((["-S"], "1"), (["-I"], "1"), ([], "0"), ([], "")):
        got = Outcome(python([*flags, "-c", "print(1)"], env=environment(TONNAGE=value), cwd=tmp_path), tmp_path)
        assert (got.code, got.out, got.said, got.errors, got.files) == (0, "1\n", [], [], {})


def test_one_line_with_one_test_switches_it_on() -> None:
    text = (Path(sysconfig.get_path("platlib")) / "tonnage.pth").read_text()
    assert (text.count("\n"), text.count("environ")) == (1, 1)


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("TONNAGE", "maybe", "TONNAGE takes 1 or 0, not 'maybe'"),
        ("TONNAGE_EVERY", "soon", "TONNAGE_EVERY takes seconds"),
        ("TONNAGE_OUT", "missing/a.tonnage", "there is no folder"),
        ("TONNAGE_OUT", "{user}", "no field {user}"),
        ("TONNAGE_OUT", "taken", "taken exists"),
    ],
)
def test_a_wrong_value_is_one_line_and_the_program_runs(variable: str, value: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    got = record(tmp_path, "exit=3", **{"TONNAGE": "1", variable: value})
    assert (got.code, got.out, got.errors, len(got.said), got.files) == (3, "", [], 1, {})
    assert got.said[0].startswith("tonnage: TONNAGE=1 is ignored: ")
    assert why in got.said[0]
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_mistake_in_the_project_is_one_line_and_the_program_runs(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.tonnage]\nnonesuch = 1\n")
    got = record(tmp_path, TONNAGE="1")
    assert (got.code, got.out, got.errors, len(got.said), got.files) == (0, "end\n", [], 1, {})


def test_a_folder_that_is_gone_is_one_line_and_the_program_runs(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    words = f"cd {gone} && rmdir {gone} && exec {sys.executable} -c 'print(1)'"
    done = subprocess.run(["sh", "-c", words], env=environment(TONNAGE="1"), capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (0, "1\n", 1)


def begin(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TONNAGE", "1")
    monkeypatch.setenv("TONNAGE_PARENT", "")  # so that it is taken back after the test
    monkeypatch.setattr(_startup, "_begun", False)
    monkeypatch.setattr(sys, "orig_argv", ["python", "app.py"])
    _startup.begin()


def test_an_interpreter_that_is_not_supported_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def refuse(_: object) -> int:
        raise _errors.VersionError("CPython 3.99 is not supported", -4)

    monkeypatch.setattr(_startup, "size_of", refuse)
    begin(monkeypatch, tmp_path)
    assert capfd.readouterr().err == "tonnage: TONNAGE=1 is ignored: CPython 3.99 is not supported\n"


def test_a_start_that_is_refused_leaves_neither_records_nor_recording(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def refuse(_: object) -> None:
        raise _errors.NoMemoryError("no memory for the recorder", -3)

    monkeypatch.setenv("TONNAGE_TRACE", "exact")
    monkeypatch.setenv("TONNAGE_OUT", "missing/a.tonnage")
    begin(monkeypatch, tmp_path)
    assert not trace.is_on()
    monkeypatch.setenv("TONNAGE_OUT", "free")
    monkeypatch.setenv("TONNAGE_EVERY", "1h")
    monkeypatch.setattr(_startup, "switch_on", refuse)
    begin(monkeypatch, tmp_path)
    assert _recorder._current is None and not trace.is_on()
    errors = capfd.readouterr().err.splitlines()
    assert len(errors) == 2 and all(line.startswith("tonnage: TONNAGE=1 is ignored: ") for line in errors)
    assert "there is no folder" in errors[0] and "no memory" in errors[1]


@pytest.mark.parametrize("function", ["getuid", "getgid"])
def test_a_process_with_rights_of_another_user_is_left_alone(
    function: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(os, function, lambda: 4711)
    begin(monkeypatch, tmp_path)
    assert capfd.readouterr().err == ""
    assert os.environ["TONNAGE_PARENT"] == ""


def test_the_commands_of_tonnage_are_not_recorded(tmp_path: Path) -> None:
    done = python(["-m", "tonnage", "config"], env=environment(TONNAGE="1"), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "is_recorded"),
    [
        (["-c", "pass", "-m", "tonnage"], True),
        (["-W", "ignore", "-c", "pass", "-m", "tonnage"], True),
        (["-um", "tonnage", "config"], False),
        (["-mtonnage", "config"], False),
        (["-X", "dev", "-W", "ignore", "-m", "tonnage", "config"], False),
    ],
)
def test_only_words_of_the_interpreter_tell_a_command_of_tonnage(
    words: list[str], is_recorded: bool, tmp_path: Path
) -> None:
    done = python(words, env=environment(TONNAGE="1"), cwd=tmp_path)
    assert (done.returncode, done.stderr != "", list(tmp_path.iterdir()) != []) == (0, is_recorded, is_recorded)


@pytest.mark.parametrize("words", [["run", "-c", "pass"], ["config"], ["run", "--every", "1", "-c", "pass"]])
def test_a_command_in_a_folder_that_is_gone_is_one_line(words: list[str], tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    line = f"cd {gone} && rmdir {gone} && exec {sys.executable} -m tonnage {' '.join(words)}"
    done = subprocess.run(["sh", "-c", line], env=environment(), capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert (done.stderr.startswith("tonnage: the current folder is gone"), done.stderr.count("\n")) == (True, 1)


def test_other_interpreters_of_a_process_begin_no_recording(tmp_path: Path) -> None:
    code = (
        "try: import _interpreters as them\n"
        "except ImportError: import _xxsubinterpreters as them\n"
        "other = them.create(); them.run_string(other, 'import os'); them.destroy(other)\n"
    )
    got = Outcome(python(["-c", code], env=environment(TONNAGE="1"), cwd=tmp_path), tmp_path)
    assert (got.code, got.errors, len(got.files), len(got.said)) == (0, [], 1, 2)


# ---- child processes ----


@pytest.mark.parametrize("way", ["environment", "run"])
@pytest.mark.parametrize("word", ["fork", "exec"])
def test_each_child_leaves_one_file(way: str, word: str, tmp_path: Path) -> None:
    if way == "run":
        got = record(tmp_path, word, run=("--children", "-o", "a.tonnage"))
    else:
        got = record(tmp_path, word, TONNAGE="1", TONNAGE_OUT="a.tonnage")
    assert (got.code, got.errors) == (0, [])
    pids = {name: snapshot.pid for name, snapshot in got.files.items()}
    assert len(set(pids.values())) == 2
    [child] = [pid for name, pid in pids.items() if name != "a.tonnage"]
    assert sorted(pids) == sorted(["a.tonnage", f"a-{child}.tonnage"])


@pytest.mark.parametrize("word", ["fork", "exec", "pool=fork"])
def test_a_run_without_children_leaves_one_file(word: str, tmp_path: Path) -> None:
    got = record(tmp_path, word, run=("--every", "2h", "-o", "a.tonnage"))
    assert (got.code, got.errors, list(got.files)) == (0, [], ["a-1.tonnage"])


def test_a_child_in_a_hurry_leaves_none(tmp_path: Path) -> None:
    assert len(record(tmp_path, "fork-hard", TONNAGE="1").files) == 1


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("way", ["environment", "run"])
def test_each_process_of_a_pool_leaves_one_file(method: str, way: str, tmp_path: Path) -> None:
    if way == "run":
        got = record(tmp_path, f"pool={method}", run=("--children",))
    else:
        got = record(tmp_path, f"pool={method}", TONNAGE="1")
    assert (got.code, got.out, got.errors) == (0, "workers 2\nend\n", [])
    argv = [snapshot.argv for snapshot in got.files.values()]
    servers = [words for words in argv if any("forkserver import main" in word for word in words)]
    assert len({snapshot.pid for snapshot in got.files.values()}) == len(got.files)
    # The server is one more process, and its workers have its words.
    assert (len(got.files), len(servers)) == ((4, 3) if method == "forkserver" else (3, 0))


def test_children_take_snapshots_meanwhile_into_files_of_their_own(tmp_path: Path) -> None:
    code = (
        "import glob, os, sys, time\n"
        "child = os.fork()\n"
        "mine = f'a-{os.getpid()}-*.tonnage' if child == 0 else 'a-?.tonnage'\n"
        "while len(glob.glob(mine)) < 3: time.sleep(0.01)\n"
        "if child: assert os.waitpid(child, 0)[1] == 0\n"
    )
    said = {"TONNAGE": "1", "TONNAGE_EVERY": "0.05", "TONNAGE_OUT": "a.tonnage", "TONNAGE_KEEP": "50"}
    got = Outcome(python(["-c", code], env=environment(**said), cwd=tmp_path), tmp_path)
    assert (got.code, got.errors) == (0, [])
    parents = {snapshot.pid for name, snapshot in got.files.items() if re.fullmatch(r"a-\d\d?\.tonnage", name)}
    children = {snapshot.pid for name, snapshot in got.files.items() if re.fullmatch(r"a-\d+-\d+\.tonnage", name)}
    assert (len(parents), len(children)) == (1, 1)
    assert parents != children
    assert "a-1.tonnage" in got.files and f"a-{children.pop()}-1.tonnage" in got.files


def test_a_child_deletes_nothing_of_its_parent(tmp_path: Path) -> None:
    """It keeps two files, and begins with a parent that has just written two, which is stopped for so long."""
    code = (
        "import glob, os, signal, time\n"
        "parent = os.getpid()\n"
        "while len(glob.glob('a-?.tonnage')) < 2: time.sleep(0.01)\n"
        "if child := os.fork():\n"
        "    assert os.waitpid(child, 0)[1] == 0\n"
        "else:\n"
        "    os.kill(parent, signal.SIGSTOP)\n"
        "    while open(f'/proc/{parent}/stat').read().split()[2] not in 'tT': time.sleep(0.01)\n"
        "    of_parent = set(glob.glob('a-?.tonnage') + glob.glob('a-??.tonnage'))\n"
        "    mine = f'a-{os.getpid()}-6.tonnage'\n"
        "    while not os.path.exists(mine): time.sleep(0.01)\n"
        "    left = of_parent - set(glob.glob('*.tonnage'))\n"
        "    own = len(glob.glob(f'a-{os.getpid()}-*.tonnage'))\n"
        "    os.kill(parent, signal.SIGCONT)\n"
        "    assert not left and own < 6, (left, own)\n"
        "    os._exit(0)\n"
    )
    said = {"TONNAGE": "1", "TONNAGE_EVERY": "0.05", "TONNAGE_OUT": "a.tonnage", "TONNAGE_KEEP": "2"}
    got = Outcome(python(["-c", code], env=environment(**said, TONNAGE_AT_EXIT="0"), cwd=tmp_path), tmp_path)
    assert (got.code, got.errors) == (0, [])


def test_a_child_that_nobody_asked_for_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import glob, os, time, tonnage\n"
        "tonnage.every(0.02, 'a.tonnage', quiet=True)\n"
        "while len(glob.glob('*.tonnage')) < 3: time.sleep(0.01)\n"
        "if child := os.fork():\n"
        "    assert os.waitpid(child, 0)[1] == 0\n"
        "else:\n"
        "    assert len(os.listdir('/proc/self/task')) == 1\n"
    )
    got = Outcome(python(["-c", code], cwd=tmp_path), tmp_path)
    assert (got.code, got.said, got.errors) == (0, [], [])
    assert all(re.fullmatch(r"a-\d{1,2}\.tonnage", name) for name in got.files)


def test_a_child_that_becomes_another_program_has_no_recording_before(tmp_path: Path) -> None:
    code = (
        "import os, subprocess\n"
        "def before():\n"
        "    os.write(1, b'%d\\n' % len(os.listdir('/proc/self/task')))\n"
        "subprocess.run(['true'], preexec_fn=before, check=True)\n"
    )
    said = {"TONNAGE": "1", "TONNAGE_EVERY": "2h", "TONNAGE_AT_EXIT": "0"}
    got = Outcome(python(["-c", code], env=environment(**said), cwd=tmp_path), tmp_path)
    assert (got.code, got.out, got.errors) == (0, "1\n", [])


# ---- the end that nobody expects ----


@pytest.mark.parametrize("attempt", range(3))
def test_killed_it_leaves_whole_files_only(attempt: int, tmp_path: Path) -> None:
    words = [sys.executable, *RUN, "--every", "0.01", "--quiet", "-o", "a.tonnage", PROGRAM, "wait=1000"]
    with subprocess.Popen(words, env=environment(), cwd=tmp_path) as process:
        end = time.monotonic() + TIMEOUT_SECONDS
        while len(list(tmp_path.glob("*.tonnage"))) < 3 + attempt and time.monotonic() < end:
            time.sleep(0.003)
        process.send_signal(signal.SIGKILL)
    names = list(whole_files(tmp_path))
    assert sorted(names, key=lambda name: int(name[2:-8])) == [f"a-{n}.tonnage" for n in range(1, len(names) + 1)]
    assert len(names) >= 3 + attempt


@pytest.mark.parametrize("mode", ["stop", "fork"])
def test_the_mode_is_the_one_that_was_asked_for(mode: str, tmp_path: Path) -> None:
    got = record(tmp_path, "wait=2", run=("--mode", mode, "--every", "0.05", "-o", "a.tonnage"))
    assert (got.code, got.out, got.errors) == (0, "end\n", [])
    assert {snapshot.mode for snapshot in got.files.values()} == {mode}
    code = "import tonnage; print(tonnage.snapshot().mode)"
    assert python([*RUN, "--mode", mode, "--no-at-exit", "-c", code], cwd=tmp_path).stdout == f"{mode}\n"
    said = environment(TONNAGE="1", TONNAGE_MODE=mode, TONNAGE_OUT="b.tonnage")
    python(["-c", code], env=said, cwd=tmp_path)
    with tonnage.load(tmp_path / "b.tonnage") as snapshot:
        assert snapshot.mode == mode


def test_a_program_that_forks_all_the_time_is_recorded_by_forks(tmp_path: Path) -> None:
    code = (
        "import glob, os, warnings\n"
        "warnings.filterwarnings('ignore', '.*multi-threaded')\n"  # of a fork that has waited 50 ms for a snapshot
        "ballast = [[n] for n in range(200000)]\n"
        "while len(glob.glob('a-*.tonnage')) < 4:\n"
        "    child = os.fork()\n"
        "    if child == 0: os._exit(0)\n"
        "    assert os.waitpid(child, 0) == (child, 0)\n"
    )
    words = [*RUN, "--mode", "fork", "--every", "0.02", "--no-at-exit", "-o", "a.tonnage", "-c", code]
    got = Outcome(python(words, cwd=tmp_path), tmp_path)
    assert (got.code, got.out, got.errors) == (0, "", [])
    assert len({snapshot.pid for snapshot in got.files.values()}) == 1
    assert len(got.files) == len(got.said)  # the one under way at the end is finished, too


def test_a_run_goes_on_while_threads_do(tmp_path: Path) -> None:
    code = (
        "import glob, threading, time\n"
        "def work():\n"
        "    while len(glob.glob('*.tonnage')) < 4: time.sleep(0.01)\n"
        "threading.Thread(target=work).start()\n"
    )
    got = Outcome(python([*RUN, "--every", "0.3", "-o", "a.tonnage", "-c", code], cwd=tmp_path), tmp_path)
    assert (got.code, got.errors, len(got.files) >= 4) == (0, [], True)


def test_the_time_line_is_in_the_last_file(tmp_path: Path) -> None:
    got = record(
        tmp_path, "wait=3", TONNAGE="1", TONNAGE_EVERY="0.05", TONNAGE_TIMELINE="0.05", TONNAGE_OUT="a.tonnage"
    )
    last = max(got.files, key=lambda name: got.files[name].time or 0)
    assert len(got.files[last].info().data["timeline"]) >= 2
