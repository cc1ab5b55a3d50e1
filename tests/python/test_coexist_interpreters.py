"""Other interpreters in the process, and a process that begins and ends interpreters as it likes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest
from capture_support import PROGRAMS, TIMEOUT_SECONDS, environment
from coexist_support import MODES, run, whole

COMPILER = shutil.which("cc") or shutil.which("gcc")

OTHERS = """
    import os, sys, threading, time
    try: import _interpreters as them
    except ImportError: import _xxsubinterpreters as them
    def create(own):
        if sys.version_info < (3, 12): return them.create()
        if sys.version_info < (3, 13): return them.create(isolated=own)
        return them.create("isolated" if own else "legacy")
    def execute(which, code):
        failure = them.run_string(which, code)
        if failure is not None: print(failure)
    TRY = '''if True:
        import sys
        def attempt(name, *arguments):
            try:
                import tonnage
                getattr(tonnage, name)(*arguments)
                print(name, "worked", flush=True)
            except (ImportError, RuntimeError, tonnage.Error) as error:
                print(name, type(error).__name__, "interpreter" in str(error), flush=True)
        attempt("snapshot", "other.tonnage")
        attempt("every", 1)
        attempt("timer", 1, print)
    '''
"""


@pytest.mark.parametrize("own", [False, True], ids=["shared lock", "own lock"])
@pytest.mark.parametrize("first", [False, True], ids=["after the main one", "before the main one"])
def test_another_interpreter_is_told_so(own: bool, first: bool, tmp_path: Path) -> None:
    if own and sys.version_info < (3, 12):
        pytest.skip("interpreters with a lock of their own came with 3.12")
    code = f"""{OTHERS}
    if not {first}:
        import tonnage; tonnage.snapshot("first.tonnage").close()
    other = create({own})
    execute(other, TRY)
    import tonnage; tonnage.snapshot("second.tonnage").close()
    with tonnage.every(0.02, "a-{{n}}.tonnage", quiet=True, at_exit=False) as handle:
        while len(handle.files) < 2: time.sleep(0.01)
    them.destroy(other)
    tonnage.snapshot("third.tonnage").close()
    try: tonnage.snapshot("third.tonnage")
    except tonnage.ExistsError: print("exists")
    """
    *others, last = run(code, tmp_path / "files", options=("-W", "ignore")).splitlines()
    assert len(others) == 3
    assert all(line.endswith("True") for line in others), others
    assert last == "exists"
    names = whole(tmp_path / "files")
    assert "third.tonnage" in names and "other.tonnage" not in names


@pytest.mark.skipif(sys.version_info < (3, 12), reason="interpreters with a lock of their own came with 3.12")
@MODES
def test_interpreters_that_run_meanwhile_are_named_and_run_on(how: str, tmp_path: Path) -> None:
    code = f"""{OTHERS}
    import tonnage
    reader, writer = os.pipe()
    BUSY = f'''if True:
        import os
        n = 0
        while not os.path.exists("../over"):
            kept = [dict(a=[m]) for m in range(1000)]
            n += 1
        os.write({{writer}}, bytes([n > 1]))
    '''
    others = [create(True) for n in range(2)]
    threads = [threading.Thread(target=execute, args=(other, BUSY)) for other in others]
    for one in threads: one.start()
    for n in range(5):
        with tonnage.snapshot(f"{{n}}.tonnage", mode={how!r}) as taken: facts = taken.facts
    with tonnage.every(0.02, "a-{{n}}.tonnage", mode={how!r}, quiet=True, at_exit=False) as handle:
        while len(handle.files) < 3: time.sleep(0.01)
    open("../over", "w").close()
    for one in threads: one.join()
    print(os.read(reader, 2), [facts[key] for key in facts if "interpreters" in key])
    """
    said = run(code, tmp_path / "files", options=("-W", "ignore"))
    assert said.startswith(r"b'\x01\x01' [")
    assert any(number in said.split("[")[1] for number in "23"), said
    assert len(whole(tmp_path / "files")) >= 8


# ---- embedded ----


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program in C that begins and ends an interpreter three times."""
    variable = sysconfig.get_config_var
    folder, name = Path(variable("LIBDIR")), f"python{variable('LDVERSION') or variable('VERSION')}"
    if COMPILER is None or not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        pytest.skip("no C compiler, or no headers of this interpreter")
    if not list(folder.glob(f"lib{name}.*")) and not list(Path("/usr/lib").glob(f"*/lib{name}.*")):
        pytest.skip(f"no lib{name} here")
    program = tmp_path_factory.mktemp("embedder") / "embedder"
    words = [COMPILER, "-O1", f"-I{sysconfig.get_path('include')}", str(PROGRAMS / "embedder.c"), "-o", str(program)]
    words += [f"-L{folder}", f"-Wl,-rpath,{folder}", f"-l{name}", *str(variable("LIBS") or "").split(), "-lm"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"lib{name} cannot be linked: {done.stderr.splitlines()[-1]}")
    return program


LIFE = """
    import os, sys, time, tonnage
    sys.argv, life = ["embedder"], sys.argv[1]
    for how in "stop", "fork":
        with tonnage.snapshot(f"{life}-{how}.tonnage", mode=how) as taken:
            assert taken.check() == []
    try: tonnage.snapshot(f"{life}-stop.tonnage")
    except tonnage.ExistsError: print("exists", flush=True)
    handle = tonnage.every(0.02, f"{life}-every-{{n}}.tonnage", quiet=True)
    while len(handle.files) < 2: time.sleep(0.01)
"""
OTHER = """
    try:
        import tonnage
        tonnage.snapshot("other.tonnage")
    except (ImportError, tonnage.Error) as error:
        print("interpreter" in str(error), flush=True)
"""


def test_an_embedded_interpreter_may_end_and_begin_again(embedder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (tmp_path / "life.py").write_text(textwrap.dedent(LIFE))
    (tmp_path / "other.py").write_text(textwrap.dedent(OTHER))
    paths = os.pathsep.join(path for path in sys.path if path)
    env = environment(PYTHONHOME=f"{sys.base_prefix}:{sys.base_exec_prefix}", PYTHONPATH=paths)
    done = subprocess.run(
        [embedder, tmp_path / "life.py", tmp_path / "other.py"],
        cwd=folder, env=env, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "".join(f"exists\nTrue\nlife {n}: 0 0\n" for n in range(3))
    names = whole(folder)
    assert {f"{n}-{how}.tonnage" for n in range(3) for how in ("stop", "fork")} <= set(names)
    assert "other.tonnage" not in names
