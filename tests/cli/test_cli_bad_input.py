"""Every bad input: its exit code, nothing on standard output, one line that names the cause."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from cli_support import CLI, Cli

PAIR = (("old", "old"), ("app", "new"))  # the words of an example, the files
ABOUT_ONE = ("show", "retained", "paths", "refs", "referrers")
READING = ("summary", "groups", "largest", "info", "diff", "dominators", *ABOUT_ONE)


def refused(cli: Cli, code: int, part: str, *words: str | Path) -> None:
    got = cli(*words)
    assert (got.returncode, got.stdout) == (code, ""), got
    assert got.stderr.startswith("tonnage: ")
    assert got.stderr.count("\n") == 1
    assert part in got.stderr


def words(verb: str, path: str | Path) -> list[str]:
    older = [str(path)] if verb == "diff" else []
    return [verb, *older, str(path), *(["0x7f0000000100"] if verb in ABOUT_ONE else [])]


@pytest.mark.parametrize("verb", READING)
def test_files_that_are_no_snapshot(cli: Cli, shop: Path, tmp_path: Path, verb: str) -> None:
    import pure_writer

    data = shop.read_bytes()
    wrong = {
        "empty": b"",
        "text": b"hello, this is no snapshot\n" * 10,
        "magic": b"\x00" + data[1:],
        "cut": data[: len(data) // 2],
        "torn": data[:-1],
    }
    for name, content in wrong.items():
        (tmp_path / name).write_bytes(content)
        refused(cli, 5, name, *words(verb, tmp_path / name))
    (tmp_path / "two").write_bytes(pure_writer.with_version(data, 2))
    refused(cli, 6, "2", *words(verb, tmp_path / "two"))


@pytest.mark.parametrize("verb", READING)
def test_paths_that_are_no_file(cli: Cli, tmp_path: Path, verb: str) -> None:
    refused(cli, 5, "no such file", *words(verb, tmp_path / "missing"))
    refused(cli, 5, str(tmp_path), *words(verb, tmp_path))
    refused(cli, 5, "/dev/null", *words(verb, "/dev/null"))


def test_unreadable_file_is_a_permission(cli: Cli, shop: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.tonnage"
    secret.write_bytes(shop.read_bytes())
    secret.chmod(0)
    if os.access(secret, os.R_OK):  # the super-user reads everything: ask as somebody else
        try:
            got = subprocess.run(
                [CLI, "summary", "secret.tonnage"], cwd=tmp_path, user=65534, capture_output=True, text=True
            )
        except PermissionError:
            pytest.skip("the command itself cannot be reached by another user")
    else:
        got = cli("summary", secret)
    assert (got.returncode, got.stdout) == (4, "")
    assert "permission denied" in got.stderr


def test_flipped_bits_never_crash(cli: Cli, shop: Path, tmp_path: Path) -> None:
    import pure_writer

    data = shop.read_bytes()
    path = tmp_path / "flipped.tonnage"
    for bit in range(0, 8 * len(data), 8 * len(data) // 60):
        path.write_bytes(pure_writer.flip(data, bit))
        for verb in ("summary", "check"):
            got = cli(verb, path)
            assert got.returncode in (0, 1, 5, 6), (bit, got)
            assert "AddressSanitizer" not in got.stderr


def test_check_reads_what_is_whole(cli: Cli, shop: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.tonnage"
    path.write_bytes(shop.read_bytes()[:-40])
    got = cli("check", path)
    assert got.returncode == 1
    assert got.stdout.startswith("verdict: truncated\n")
    assert "ADDR" in got.stdout


@pytest.mark.parametrize(
    "rest",
    [
        ("summary",),
        ("show", "FILE"),
        ("summary", "FILE", "more"),
        ("summary", "FILE", "--frobnicate"),
        ("summary", "FILE", "--limit"),
        ("summary", "FILE", "--limit", "-1"),
        ("summary", "FILE", "--limit", "99999999999"),
        ("summary", "FILE", "--sort", "colour"),
        ("summary", "FILE", "--by", "colour"),
        ("summary", "FILE", "--threshold", "much"),
        ("summary", "FILE", "--max-memory", "0"),
        ("summary", "FILE", "--json=yes"),
        ("groups", "FILE", "--by", "heads"),
        ("groups", "FILE", "--heads", "many"),
        ("groups", "FILE", "--heads", "modules", "--by", "rcs"),
        ("groups", "FILE", "--fold=yes"),
        ("summary", "FILE", "--fold"),
        ("diff", "FILE"),
        ("diff", "FILE", "FILE", "--by", "colour"),
        ("diff", "FILE", "FILE", "--sort", "colour"),
        ("summary", "FILE", "--against", "FILE", "--threshold", "1k"),
        ("largest", "FILE", "--by", "type"),
        ("largest", "FILE", "--sort", "colour"),
        ("largest", "FILE", "--where", "count:>3"),
        ("show", "FILE", "0x7f0000000100", "--sort", "colour"),
        ("info", "FILE", "--sort", "colour"),
        ("info", "FILE", "--where", "type:dict"),
        ("check", "FILE", "--sort", "size"),
        ("check", "FILE", "--where", "size:>3"),
        ("show", "FILE", "pear"),
        ("dominators", "FILE", "pear"),
        ("dominators", "FILE", "--depth", "0"),
        ("dominators", "FILE", "--by", "colour"),
        ("dominators", "FILE", "--sort", "colour"),
        ("retained", "FILE"),
        ("retained", "FILE", "0x7f0000000100", "--where", "type:dict"),
        ("retained", "FILE", "0x7f0000000100", "--by", "colour"),
        ("retained", "FILE", "0x7f0000000100", "--sort", "largest"),
        ("show", "FILE", "0x"),
        ("show", "FILE", "-5"),
        ("show", "FILE", "99999999999999999999999"),
        ("frobnicate", "FILE"),
        ("--frobnicate",),
        (),
    ],
)
def test_wrong_words_are_usage(cli: Cli, shop: Path, rest: tuple[str, ...]) -> None:
    refused(cli, 2, "", *(str(shop) if word == "FILE" else word for word in rest))


def test_absent_object_is_not_found(cli: Cli, shop: Path) -> None:
    for address in ("0x7f0000000108", "0", "0xffffffffffffffff"):
        for verb in ("dominators", *ABOUT_ONE):
            refused(cli, 3, "no object starts at", verb, shop, address)


def test_memory_limit_ends_in_one_line(cli: Cli, shop: Path) -> None:
    refused(cli, 5, "", "summary", shop, "--max-memory", "1k")


@pytest.mark.parametrize(
    "rest", [("largest", "--sort", "preview"), ("show", "--sort", "label"), ("info", "--sort", "name")]
)
def test_sorting_without_memory_ends_in_one_line(cli: Cli, shop: Path, rest: tuple[str, ...]) -> None:
    codes = set()
    for limit in [int(1.3**n) for n in range(26, 60)]:
        verb, *options = rest
        got = cli(*words(verb, shop), *options, "--threshold", "1", "--max-memory", str(limit))
        codes.add(got.returncode)
        assert got.returncode in (0, 5), (limit, got)
        assert got.returncode == 0 or (got.stdout == "" and got.stderr.count("\n") == 1), limit
    assert codes == {0, 5}


def test_check_without_memory_accuses_no_file(cli: Cli, shop: Path) -> None:
    codes = set()
    for limit in [2**n for n in range(10, 23)]:
        got = cli("check", shop, "--max-memory", str(limit))
        codes.add(got.returncode)
        assert got.returncode in (0, 5), (limit, got)
        assert got.returncode == 0 or got.stdout == "", limit
    assert codes == {0, 5}


@pytest.mark.parametrize(
    ("verb", "option", "reason"),
    [
        ("largest", "--by", "its rows are single objects"),
        ("show", "--by", "its rows are single references"),
        ("info", "--by", "its rows are facts"),
        ("check", "--by", "its rows are findings"),
        ("check", "--threshold", "a finding has no size"),
        ("retained", "--threshold", "it is about all that goes"),
        ("summary", "--merge", "it has nothing of the kind"),
        ("check", "--against", "it is about one file"),
        ("info", "--against", "its rows are facts"),
        ("show", "--against", "an object is in one of them"),
        ("diff", "--against", "OLD is its first word"),
        ("diff", "--threshold", "a change may be less than nothing"),
    ],
)
def test_an_option_without_sense_is_refused_with_the_reason(
    cli: Cli, shop: Path, verb: str, option: str, reason: str
) -> None:
    refused(cli, 2, f"{verb}: {option} makes no sense here: {reason}", *words(verb, shop), option, "1")


def test_help_of_every_verb_is_true(cli: Cli) -> None:
    front = cli("--help")
    assert (front.returncode, front.stderr) == (0, "")
    for verb in (*READING, "check", "run"):
        page = cli(verb, "--help")
        assert (page.returncode, page.stderr) == (0, "")
        assert f"  {verb} " in front.stdout
        assert f" tonnage {verb} " in page.stdout.partition("example")[2]
        assert max(map(len, page.stdout.splitlines())) <= 120


@pytest.mark.parametrize("verb", [*READING, "check"])
def test_every_option_of_a_page_has_an_example_that_works(cli: Cli, shop: Path, verb: str) -> None:
    options, examples = cli(verb, "--help").stdout.split("examples:\n")
    listed = {line.split()[0] for line in options.splitlines() if line.startswith("  --")} - {"--help"}
    assert {"--json", "--limit", "--sort", "--where"} <= listed
    lines = [shlex.split(line) for line in examples.splitlines()]
    assert listed == {word for line in lines for word in line if word.startswith("--")}
    for line in lines:
        names = {"app.tonnage": str(shop), "0x7f0a12345680": "0x7f0000000100"}
        if "old.tonnage" in line:
            names |= {f"{word}.tonnage": str(shop.with_name(f"{name}.tonnage")) for word, name in PAIR}
        real = [names.get(word, word) for word in line]
        assert real[:2] == ["tonnage", verb]
        got = cli(*real[1:])
        assert got.returncode == 0, line
        hints = "tonnage: no type ", "tonnage: no object "
        assert all(said.startswith(hints) for said in got.stderr.splitlines()), line
        assert got.stdout


def test_version_is_one_line(cli: Cli) -> None:
    assert cli("--version").stdout.startswith("tonnage 0.")


def test_full_disk_is_said(cli: Cli, shop: Path) -> None:
    with open("/dev/full", "wb") as full:
        got = cli("summary", shop, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert got.returncode == 5
    assert got.stderr == "tonnage: cannot write to standard output: No space left on device\n"


def test_closed_output_is_said(shop: Path) -> None:
    got = subprocess.run(f"'{CLI}' summary '{shop}' >&-", shell=True, capture_output=True, text=True)
    assert got.returncode == 5
    assert "cannot write to standard output" in got.stderr


def test_a_reader_that_went_away_is_quiet(shop: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        got = subprocess.run([CLI, "summary", str(shop)], stdout=writing, stderr=subprocess.PIPE)
    finally:
        os.close(writing)
    assert (got.returncode, got.stderr) == (0, b"")


def test_a_small_limit_of_memory_is_named_in_its_own_unit(cli: Cli, shop: Path) -> None:
    got = cli("summary", shop, "--max-memory", "1k")
    assert got.returncode != 0
    assert "more memory than the limit of 1.0 KiB: raise it" in got.stderr
