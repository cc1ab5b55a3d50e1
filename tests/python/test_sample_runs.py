"""Programs that are sampled: by `tonnage sample`, by `run --sample`, by TONNAGE_SAMPLE and by themselves."""

from __future__ import annotations

import json
import marshal
import re
import textwrap
from pathlib import Path
from typing import Any

import pure_reader
import pytest
import tonnage
from capture_support import environment, python

SAMPLE = ["-m", "tonnage", "sample"]
# It is busy until it was seen so often, however loaded the machine is.
BURN = """
import sys, threading
from tonnage import sample

def burn(samples=20):
    while sample.status().samples < samples:
        sum(range(1000))
"""
LINE = re.compile(
    r"tonnage: wrote (\S+) \([\d.]+ KiB; [\d.]+ s by (\w+) each (\w+), \d+ samples(, missed ticks: \d+)?"
    r"(, rejected: \d+)?, overhead [\d.]+ %\); next: tonnage profile \1"
)


class Done:
    """A program that has ended, and the profiles in its folder."""

    def __init__(self, folder: Path, code: str, *words: str, run: list[str] | None = None, **variables: str) -> None:
        program = folder / "app.py"
        program.write_text(BURN + textwrap.dedent(code))
        done = python([*(SAMPLE if run is None else run), *words, program], env=environment(**variables), cwd=folder)
        self.code, self.out, self.errors = done.returncode, done.stdout, done.stderr
        self.files = {path.name: pure_reader.Snapshot.open(path) for path in sorted(folder.glob("*.tonnage"))}

    @property
    def file(self) -> pure_reader.Snapshot:
        (file,) = self.files.values()
        return file


def functions(file: pure_reader.Snapshot) -> set[str]:
    """Names on the stacks of the samples."""
    rows = {row.stack for row in file.samples or [] if row.stack is not None}
    return {file.codes[entry.code].name for row in rows for entry in file.stack(row)}


def test_a_profile_is_left_and_told_in_one_line(tmp_path: Path) -> None:
    done = Done(tmp_path, "burn(); print('done')", "-o", "a.tonnage", "--interval", "2ms")
    assert (done.code, done.out) == (0, "done\n")
    line = LINE.fullmatch(done.errors.rstrip("\n"))
    assert line is not None and line.group(1, 2, 3) == ("a.tonnage", "prof", "2ms"), done.errors
    file = done.file
    assert (file.n_objects, file.facts["sample.clock"], file.facts["sample.interval_ns"]) == (0, "prof", 2_000_000)
    assert file.samples is not None and sum(row.samples for row in file.samples) >= 20
    assert {"burn", "<module>", "<main thread>"} <= functions(file)
    assert not {name for name in functions(file) if name in ("_run", "main", "_sample")}  # what started it


@pytest.mark.parametrize(
    ("end", "code", "error"),
    [
        ("sys.exit(3)", 3, ""),
        ("sys.exit('sorry')", 1, "sorry"),
        ("raise KeyError('x')", 1, "KeyError: 'x'"),
        ("raise KeyboardInterrupt", -2, "KeyboardInterrupt"),
        ("import atexit; atexit.register(print, 'late'); sys.exit(0)", 0, ""),
    ],
)
def test_the_end_of_the_program_is_its_own_and_the_profile_is_left(
    end: str, code: int, error: str, tmp_path: Path
) -> None:
    done = Done(tmp_path, f"burn()\n{end}", "-o", "a.tonnage")
    *errors, line = done.errors.splitlines()
    assert (done.code, done.out) == (code, "late\n" if "late" in end else "")
    assert LINE.fullmatch(line) and "\n".join(errors).endswith(error) and "tonnage" not in "".join(errors)
    assert "burn" in functions(done.file)


@pytest.mark.parametrize(
    ("words", "program", "code", "error"),
    [
        ((), "import os; os._exit(4)", 4, ""),
        (("--quiet",), "pass", 0, ""),
        ((), "1 +", 1, "SyntaxError: invalid syntax"),
        (("-o", "there.tonnage"), "print(1)", 2, "there.tonnage exists (--force replaces it)"),
        (("-o", "nowhere/a.tonnage"), "print(1)", 2, "there is no folder"),
        (("--clock", "cpu"), "print(1)", 2, "--clock takes a clock: prof, real, virtual, gil or alloc"),
        (("--clock=real", "--interval", "64K"), "print(1)", 2, "the interval of real takes a time such as 10ms"),
        (("--interval", "1us"), "print(1)", 2, "--interval: 1us is out of range: 0.0001 s to 3600 s"),
        (("--duration", "0"), "print(1)", 2, "--duration: 0 is out of range"),
        (("--max-stacks", "0"), "print(1)", 2, "--max-stacks takes a number of stacks, at least 1"),
        (("--every", "5"), "print(1)", 2, "unknown option --every"),
        (("--clock",), "print(1)", 2, ""),
        (("-m", "no_such_module"), "print(1)", 1, "No module named no_such_module"),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(
    words: tuple[str, ...], program: str, code: int, error: str, tmp_path: Path
) -> None:
    (tmp_path / "there.tonnage").write_text("mine")
    (tmp_path / "app.py").write_text(program)
    done = python([*SAMPLE, *words, tmp_path / "app.py"], env=environment(), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert error in done.stderr and (code != 2 or done.stderr.count("\n") == 1)
    assert (tmp_path / "there.tonnage").read_text() == "mine"
    assert len(list(tmp_path.glob("*.tonnage"))) == (2 if "--quiet" in words else 1)


def test_force_replaces_and_a_program_may_be_a_module_or_code(tmp_path: Path) -> None:
    (tmp_path / "a.tonnage").write_text("mine")
    (tmp_path / "app.py").write_text(BURN + "burn()")
    options = ["-o", "a.tonnage", "--force", "--clock", "real", "--max-stacks", "100"]
    for words in ["-m", "app"], ["-c", "import app"], ["--", "app.py"]:
        done = python([*SAMPLE, *options, *words], env=environment(), cwd=tmp_path)
        assert (done.returncode, done.stderr.count("\n")) == (0, 1), done.stderr
        file = pure_reader.Snapshot.open(tmp_path / "a.tonnage")
        assert "burn" in functions(file) and file.facts["sample.max_stacks"] == 100
        assert file.facts["sample.clock"] == "real"


def test_what_a_project_says_of_samples_holds_and_of_other_things_does_not(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        "[tool.tonnage]\nsample-interval = '3ms'\nsample = 'real'\ntop = 10\nevery = 60\nat-exit = false\n"
    )
    done = Done(tmp_path, "print(len(threading.enumerate())); burn()")
    assert (done.code, done.out) == (0, "1\n")
    line = LINE.fullmatch(done.errors.rstrip("\n"))
    assert line is not None and line.group(2, 3) == ("real", "3ms"), done.errors


@pytest.mark.parametrize("verb", ["sample", "run"])
def test_an_interval_that_does_not_fit_the_clock_is_one_line_that_says_who_said_it(verb: str, tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text("[tool.tonnage]\nsample-interval = '64K'\n")
    clock = "--clock" if verb == "sample" else "--sample"
    command = ["-m", "tonnage", verb, "-o", "a.tonnage", f"{clock}=real", "-c", "print(1)"]
    wrong = "the interval of real takes a time such as 10ms, not '64K'"
    for variables, said in (
        ({}, f"{wrong}; sample-interval 64K is said by {project}"),
        ({"TONNAGE_SAMPLE_INTERVAL": "1M"}, "sample-interval 1M is said by TONNAGE_SAMPLE_INTERVAL"),
    ):
        done = python(command, env=environment(**variables), cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
        assert said in done.stderr


def test_a_thread_that_outlives_the_main_program_counts(tmp_path: Path) -> None:
    code = """
        def later():
            threading.main_thread().join()
            burn()
        threading.Thread(target=later, name="worker-7").start()
    """
    done = Done(tmp_path, code)
    assert done.code == 0, done.errors
    assert done.file.samples is not None
    assert {"later", "burn", "<thread worker-#>"} <= functions(done.file)
    assert "worker-7" in {row.thread for row in done.file.samples}


def test_a_duration_leaves_the_file_while_the_program_goes_on(tmp_path: Path) -> None:
    code = """
        import os, time
        while not os.path.exists("a.tonnage"):
            sum(range(1000))
        before = os.stat("a.tonnage").st_mtime_ns
        print(sample.is_on())
    """
    done = Done(tmp_path, code, "--duration", "0.3", "-o", "a.tonnage")
    assert (done.code, done.out) == (0, "False\n")
    assert LINE.fullmatch(done.errors.rstrip("\n")), done.errors
    assert done.file.facts["sample.on"] == 0 and "<module>" in functions(done.file)


def test_a_process_that_is_forked_is_not_sampled(tmp_path: Path) -> None:
    code = """
        import os
        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)
        print("parent" if pid else "child", sample.is_on(), flush=True)
        burn() if pid else sys.exit(5)
    """
    done = Done(tmp_path, code)
    assert (done.code, done.out) == (0, "child False\nparent True\n"), done.errors
    assert LINE.fullmatch(done.errors.rstrip("\n"))


def test_redacted_files_name_no_file(tmp_path: Path) -> None:
    done = Done(tmp_path, "threading.current_thread().name = 'secret'; burn()", "--redact")
    assert done.file.samples
    assert "burn" not in functions(done.file) and "secret" not in {row.thread for row in done.file.samples}
    assert not {code.file for code in done.file.codes} - {""}


def test_bytes_are_sampled_as_well(tmp_path: Path) -> None:
    code = """
        def make():
            return [bytes(1000) for _ in range(2000)]
        kept = make()
    """
    done = Done(tmp_path, code, "--interval", "16K")
    assert re.fullmatch(r"tonnage: wrote .* by alloc each 16KiB, overhead .*\n", done.errors), done.errors
    file = done.file
    assert (file.n_objects, file.samples, file.facts["sample.clock"]) == (0, None, "alloc")
    assert (file.facts["trace.mode"], file.facts["trace.interval_bytes"]) == ("sampled", 16384)
    assert file.sites is not None
    names = {file.codes[entry.code].name for site in file.sites if site.stack is not None
             for entry in file.stack(site.stack)}  # fmt: skip
    assert "make" in names
    with tonnage.load(tmp_path / next(iter(done.files))) as snapshot:
        for total in snapshot.sites().total, snapshot.sites().rows[0]:  # by sums: of no block the site is known
            assert 0 < total["size_low"] <= total["size"] <= total["size_high"]


# ---- with snapshots ----

RUN = ["-m", "tonnage", "run"]


def test_snapshots_carry_samples_and_allocations_in_one_file(tmp_path: Path) -> None:
    code = """
        import tonnage
        burn()
        tonnage.snapshot("during.tonnage").close()
    """
    options = "--sample=gil", "--sample-interval", "2ms", "--trace=64K", "-o", "end.tonnage"
    done = Done(tmp_path, code, *options, run=RUN)
    assert (done.code, sorted(done.files)) == (0, ["during.tonnage", "end.tonnage"]), done.errors
    sums = []
    for file in done.files.values():
        assert (file.facts["sample.clock"], file.facts["sample.interval_ns"]) == ("gil", 2_000_000)
        assert file.n_objects > 1000 and file.sites and file.samples and "burn" in functions(file)
        sums.append(sum(row.samples for row in file.samples))
    assert 20 <= sums[0] <= sums[1]


def test_variables_sample_from_the_start_and_say_so(tmp_path: Path) -> None:
    code = "print(sample.status() and (sample.status().clock, sample.status().interval))"
    for variables, out, said in (
        ({"TONNAGE_SAMPLE": "1"}, "('prof', 0.01)", r"samples process \d+: prof each 10ms"),
        (
            {"TONNAGE_SAMPLE": "real", "TONNAGE_SAMPLE_INTERVAL": "2ms"},
            "('real', 0.002)",
            r"samples process \d+: real each 2ms",
        ),
        ({"TONNAGE_SAMPLE": "alloc"}, "('alloc', 524288)", r"samples process \d+: alloc each 512KiB"),
        (
            {"TONNAGE_SAMPLE": "prof", "TONNAGE_TRACE": "64K"},
            "('prof', 0.01)",
            r"records allocations of process \d+: sampled each 64KiB, all frames\n"
            r"tonnage: samples process \d+: prof each 10ms",
        ),
        ({"TONNAGE_SAMPLE": "0"}, "None", None),
        ({"TONNAGE_SAMPLE": "1", "TONNAGE_QUIET": "1"}, "('prof', 0.01)", None),
        ({"TONNAGE_SAMPLE": "often"}, "None", "TONNAGE_SAMPLE is ignored: TONNAGE_SAMPLE takes a clock: .*"),
        (
            {"TONNAGE_SAMPLE": "gil", "TONNAGE_SAMPLE_INTERVAL": "64K"},
            "None",
            "TONNAGE_SAMPLE is ignored: the interval of gil takes a time .*",
        ),
        (
            {"TONNAGE_SAMPLE": "gil", "TONNAGE_TRACE": "1", "TONNAGE_SAMPLE_INTERVAL": "64K"},
            "None",
            "TONNAGE_TRACE with TONNAGE_SAMPLE is ignored: the interval of gil .*",
        ),
    ):
        done = Done(tmp_path, code, run=[], **variables)
        assert (done.code, done.out.strip()) == (0, out)
        assert re.fullmatch("" if said is None else f"tonnage: {said}\n", done.errors), (variables, done.errors)


def test_processes_that_are_recorded_are_sampled_each_for_itself(tmp_path: Path) -> None:
    code = """
        import os
        if not os.fork():
            def in_child():
                burn()
            in_child()
            sys.exit()
        os.wait()
        burn()
    """
    variables = {"TONNAGE": "1", "TONNAGE_SAMPLE": "1", "TONNAGE_QUIET": "1"}
    done = Done(tmp_path, code, run=[], **variables)
    assert (done.code, done.errors, len(done.files)) == (0, "", 2)
    assert sorted("in_child" in functions(file) for file in done.files.values()) == [False, True]
    assert all("burn" in functions(file) for file in done.files.values())


def test_a_run_without_children_samples_none(tmp_path: Path) -> None:
    code = """
        import os
        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)
        print("parent" if pid else "child", sample.is_on(), flush=True)
    """
    done = Done(tmp_path, code, "--sample", "--quiet", run=RUN)
    assert (done.code, done.out, done.errors) == (0, "child False\nparent True\n", "")


# ---- by the program itself ----


def told(tmp_path: Path, code: str) -> Any:
    """JSON of the last line of a program that ends well and in silence."""
    done = Done(tmp_path, code, run=[])
    assert (done.code, done.errors) == (0, "")
    return json.loads(done.out.splitlines()[-1])


def test_it_is_switched_on_and_off_while_the_program_runs(tmp_path: Path) -> None:
    code = """
        import json
        counts = []
        with sample.start("real", "1ms"):
            burn(10)
        counts.append(sample.status().samples)
        counts.append(sample.status().samples)  # nothing is sampled while it is off
        with sample.start("real", "1ms"):  # and goes on
            burn(counts[0] + 10)
        sample.save("both.tonnage").close()
        counts.append(sample.status().samples)
        sample.start("prof", "1ms")  # begins anew
        counts.append(sample.status().samples < counts[0])
        sample.clear()
        burn(10)
        sample.stop()
        sample.clear()
        print(json.dumps([*counts, sample.status()]))
    """
    first, still, both, anew, nothing = told(tmp_path, code)
    assert first == still >= 10 and both >= first + 10 and anew and nothing is None
    file = pure_reader.Snapshot.open(tmp_path / "both.tonnage")
    assert file.samples is not None and sum(row.samples for row in file.samples) == both


def test_forks_of_a_timed_start_end_and_others_go_on(tmp_path: Path) -> None:
    code = """
        import json, os, tonnage
        def in_child():
            inside, outside = os.pipe()
            if not os.fork():
                os.write(outside, bytes([sample.is_on(), tonnage.trace.is_on()]))
                os._exit(0)
            os.wait()
            return list(os.read(inside, 9))
        seen = []
        for arguments in {}, {"duration": 1000}, {"clock": "alloc"}, {"clock": "alloc", "duration": 1000}:
            with sample.start(**arguments):
                seen.append(in_child())
        print(json.dumps([*seen, sample.is_on(), tonnage.trace.is_on()]))
    """
    assert told(tmp_path, code) == [[1, 0], [0, 0], [1, 1], [0, 0], False, False]


def test_a_duration_is_kept(tmp_path: Path) -> None:
    code = """
        import json
        sampling = sample.start("real", "1ms", duration=0.05)
        while sampling.active:
            sum(range(1000))
        print(json.dumps([sample.is_on(), sample.status().seconds]))
    """
    is_on, seconds = told(tmp_path, code)
    assert not is_on and seconds >= 0.05


@pytest.mark.parametrize(("clock", "interval"), [("prof", "100s"), ("alloc", "1TiB")])
def test_a_server_that_did_nothing_has_no_profile(clock: str, interval: str, tmp_path: Path) -> None:
    code = """
        import json, tonnage
        from tonnage import wsgi

        tonnage.trace.start("exact")  # another recording
        kept = [bytes(100) for _ in range(1000)]
        tonnage.trace.stop()
        app, answers = wsgi.Middleware(None), {}
        for format in "text", "file", "collapsed", "speedscope", "pprof", *["pstats"] * ("CLOCK" == "prof"):
            query = f"seconds=0.05&clock=CLOCK&interval=INTERVAL&format={format}"
            environ = {"PATH_INFO": "/debug/tonnage/profile", "QUERY_STRING": query, "REQUEST_METHOD": "GET",
                       "REMOTE_ADDR": "127.0.0.1"}
            said = []
            body = b"".join(app(environ, lambda status, headers: said.append(int(status[:3]))))
            answers[format] = said[0], body.decode("latin-1")
        print(json.dumps(answers))
    """
    answers = told(tmp_path, code.replace("CLOCK", clock).replace("INTERVAL", interval))
    (text, file), rest = ([answers.pop(name) for name in ("text", "file")], answers)
    assert (text[0], file[0]) == (200, 200)
    assert ("0 B in 0 allocations" if clock == "alloc" else "0 samples") in text[1]
    for answer in rest.values():
        assert answer == [404, f"tonnage: nothing was sampled in 0.05 s by {clock}\n"]


def test_a_server_answers_in_the_formats_of_others(tmp_path: Path) -> None:
    code = """
        import json
        from tonnage import wsgi

        ends = False
        def busy_function_with_a_name_that_is_as_long_as_some_names_in_real_programs_are():
            while not ends:
                bytes(5000)
        threading.Thread(target=busy_function_with_a_name_that_is_as_long_as_some_names_in_real_programs_are).start()
        app, answers = wsgi.Middleware(None), {}
        for format in "text", "collapsed", "speedscope", "pprof", "pstats", "file":
            for clock in "real", "alloc":
                query = f"seconds=0.2&clock={clock}&format={format}" + ("&interval=4K" if clock == "alloc" else "")
                environ = {"PATH_INFO": "/debug/tonnage/profile", "QUERY_STRING": query, "REQUEST_METHOD": "GET",
                           "REMOTE_ADDR": "127.0.0.1"}
                said = []
                while not said or (said[-1] == 404 and len(said) < 20):  # nothing sampled: a loaded machine
                    body = b"".join(app(environ, lambda status, headers: said.append(int(status[:3]))))
                answers[f"{format} {clock}"] = said[-1], body.decode("latin-1")
        ends = True
        print(json.dumps(answers))
    """
    answers = told(tmp_path, code)
    name = "busy_function_with_a_name_that_is_as_long_as_some_names_in_real_programs_are"
    assert answers.pop("pstats alloc")[0] == 400
    assert {what: body for what, (status, body) in answers.items() if status != 200} == {}
    for clock in "real", "alloc":
        for form in "text", "collapsed", "speedscope":
            assert name in answers[f"{form} {clock}"][1], (form, clock)
        assert f"clock {clock}" in answers[f"text {clock}"][1]
        json.loads(answers[f"speedscope {clock}"][1])
        assert answers[f"pprof {clock}"][1].startswith("\x1f\x8b")
        assert answers[f"file {clock}"][1].startswith("\x89TNG")
    assert any(name in function[2] for function in marshal.loads(answers["pstats real"][1].encode("latin-1")))
