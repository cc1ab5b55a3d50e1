"""Without memory, or when a call of the system fails, every verb ends with its result or with one line."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli_support import CLI

ABOUT_ONE = ["show", "retained", "paths", "refs", "referrers"]
VERBS = ["summary", "largest", "info", "check", "dominators", *ABOUT_ONE]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is preloaded to let calls fail."""
    import failing_calls

    return failing_calls.build(tmp_path_factory.mktemp("failing"))


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A snapshot that takes some memory to read, and the address of a list in it."""
    path = tmp_path_factory.mktemp("failures") / "a.tonnage"
    code = "import sys, tonnage; kept = [[n] for n in range(40_000)]; tonnage.snapshot(sys.argv[1]); print(id(kept))"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    return path, done.stdout.strip()


def words(verb: str, taken: tuple[Path, str]) -> list[str]:
    path, address = taken
    return [CLI, verb, str(path), *([address] if verb in ABOUT_ONE else [])]


def is_clear(got: subprocess.CompletedProcess[str]) -> bool:
    """The result, or nothing and one line that says why."""
    if got.returncode == 0:
        return got.stdout != "" and got.stderr == ""
    one_line = got.stderr.startswith("tonnage: ") and got.stderr.count("\n") == 1
    return got.returncode == 5 and got.stdout == "" and one_line


def limited(command: list[str], limit: int) -> subprocess.CompletedProcess[str]:
    """With this much address space."""

    def before() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, preexec_fn=before)


@pytest.fixture(scope="module")
def least() -> int:
    """Address space from which on the loader of programs gets the command going at all."""
    low, high = 1 << 20, 1 << 30
    while high - low > 1 << 14:
        middle = (low + high) // 2
        low, high = (low, middle) if limited([CLI, "--version"], middle).returncode == 0 else (middle, high)
    return high


@pytest.mark.parametrize("form", [[], ["--json"]])
@pytest.mark.parametrize("verb", VERBS)
def test_little_address_space(taken: tuple[Path, str], least: int, verb: str, form: list[str]) -> None:
    codes = set()
    for step in range(24):
        got = limited([*words(verb, taken), *form], least + (1 << 14) + int(2**15 * 1.45**step))
        assert is_clear(got), (step, got)
        codes.add(got.returncode)
        if got.returncode == 0:
            break
    assert codes == {0, 5}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("kind", "code"), [("malloc", "ENOMEM"), ("pread", "EIO"), ("open", "EMFILE"), ("fstat", "EIO")]
)
def test_a_call_that_fails(
    taken: tuple[Path, str], library: Path, tmp_path: Path, verb: str, kind: str, code: str
) -> None:
    told = tmp_path / "told"
    n, n_failed = 1, 0
    while True:
        env = {"LD_PRELOAD": str(library), "TONNAGE_FAIL": f"{kind}:{n}:{code}", "TONNAGE_FAIL_TOLD": str(told)}
        got = subprocess.run(words(verb, taken), env=env, capture_output=True, text=True, timeout=60, check=False)
        if told.read_text() == "0\n":
            break
        if verb == "check" and got.returncode == 1 and kind == "pread":  # a finding, on the page that lists them
            assert "the disk may be damaged" in got.stdout
        else:
            assert is_clear(got), (n, got)
        n_failed += 1
        n += 1 if n < 20 else n // 5
    assert got.returncode == 0
    assert n_failed, "nothing failed: is the library there?"


def test_a_limit_of_file_sizes(taken: tuple[Path, str], tmp_path: Path) -> None:
    def before() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    with open(tmp_path / "out", "wb") as out:
        got = subprocess.run(words("info", taken), stdout=out, stderr=subprocess.PIPE, check=False, preexec_fn=before)
    assert (got.returncode, got.stderr) == (5, b"tonnage: cannot write to standard output: File too large\n")


def test_run_without_memory(library: Path, tmp_path: Path) -> None:
    env = {"LD_PRELOAD": str(library), "TONNAGE_FAIL": "malloc:1:ENOMEM"}
    command = [CLI, "run", "--python", sys.executable, "-o", str(tmp_path / "a.tonnage"), "-c", "pass"]
    got = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (got.returncode, got.stdout, got.stderr) == (5, "", "tonnage: out of memory\n")
    assert not list(tmp_path.iterdir())
