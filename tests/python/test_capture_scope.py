"""What `of=` and deep_size reach, and what previews and redaction keep."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import tonnage
from capture_support import Run, Shot, python

CASES = [
    "list of floats",
    "dict of lists",
    "tree of instances",
    "slots",
    "cycle",
    "shared by two roots",
    "one root twice",
    "holds a module, a class and a function",
    "partial",
    "nothing new",
    "deep",
]


@pytest.mark.parametrize("case", CASES)
def test_deep_size_counts_what_a_closure_in_python_counts(shared_run: Callable[..., Run], case: str) -> None:
    found = shared_run("partial_scopes").side["results"][case]
    assert found["count"] == found["oracle"]
    assert found["bytes"] == found["sum"]


@pytest.mark.parametrize("case", CASES)
def test_a_snapshot_of_objects_holds_what_they_reach(shared_run: Callable[..., Run], case: str) -> None:
    result = shared_run("partial_scopes")
    found = result.side["results"][case]
    assert found["scope"] == "reachable"
    assert found["lacking"] == 0
    assert not found["unrelated"]
    shot = Shot(Path(f"{result.path}.{case}"))
    assert shot.file.check() == []
    assert all(shot.find(address) is not None for address in found["ids"])


def test_a_snapshot_of_small_objects_is_small(shared_run: Callable[..., Run]) -> None:
    result = shared_run("partial_scopes")
    for case in ("list of floats", "cycle"):
        shot = Shot(Path(f"{result.path}.{case}"))
        assert len(shot) < 3 * result.side["results"][case]["oracle"] + 500, case


def test_deep_size_refuses_no_object() -> None:
    done = python(
        ["-c", "import tonnage, sys; print(tonnage.deep_size(sys), tonnage.deep_size(int), tonnage.deep_size(1))"]
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("DeepSize") == 3


# ---- previews and redaction ----

MARK = b"secret"


def bytes_of(path: Path) -> bytes:
    """All payloads of a file, decompressed: what a reader could see."""
    import pure_reader

    shot = pure_reader.Snapshot.open(path)
    return path.read_bytes() + b"".join(
        pure_reader.decompress(chunk) for chunks in shot.chunks.values() for chunk in chunks
    )


def test_redaction_leaves_no_text_of_the_process(run: Callable[..., Run]) -> None:
    result = run("private_text", json.dumps({"redact": True}), "secret-argument-8675309142")
    content = bytes_of(result.path)
    assert MARK not in content
    assert b"8675309142" not in content
    for text in (result.side["cwd"], result.side["executable"], "private_text.py", "PYTHONHASHSEED"):
        assert text.encode() not in content, text
    shot = result.shot
    assert shot.facts["capture.redacted"] == 1
    assert "HASH" not in shot.file.chunks
    assert all("type" in shot.bases(node) for node in shot.file.previews), "only names of types are kept"
    assert not [key for key in shot.facts if key.startswith("process.argv")]
    assert "__main__.Holder" in {shot.type(node) for node in range(len(shot))}
    assert shot.file.check() == []


def test_without_previews_no_data_is_in_the_file(run: Callable[..., Run]) -> None:
    result = run("private_text", json.dumps({"previews": 0}))
    content = bytes_of(result.path)
    for word in ("text", "key", "dict value", "bytes", "bytearray", "in a tuple", "value of a variable", "constant"):
        assert f"secret-{word}-8675309142".encode() not in content, word
    for number in ((271828182845904523).to_bytes(8, "little"),):
        assert number not in content
    assert b"secret_attribute_8675309142" in content, "identifiers are kept"
    assert b"secret_function_8675309142" in content, "identifiers are kept"
    assert result.shot.facts["capture.previews_bytes"] == 0


def test_previews_are_no_longer_than_asked_for(run: Callable[..., Run]) -> None:
    result = run("private_text", json.dumps({"previews": 10}))
    shot = result.shot
    found = [preview for preview in shot.file.previews.values() if preview.content.startswith(b"secret-")]
    data = [preview for preview in found if not preview.content.endswith(b".py")]  # names of files are identifiers
    assert data
    assert all(len(preview.content) <= 10 and preview.cut for preview in data)
    assert b"secret-text-8675309142" not in bytes_of(result.path)


def test_default_previews_show_values(run: Callable[..., Run]) -> None:
    result = run("private_text", "{}")
    content = bytes_of(result.path)
    assert b"secret-text-8675309142" in content
    with tonnage.load(result.path) as snapshot:
        shown = {item.preview for item in snapshot if item.type in ("str", "bytes", "float", "int")}
        assert "'secret-text-8675309142'" in shown
        assert "b'secret-bytes-8675309142'" in shown
        assert "2.718281828459045" in shown
        assert "271828182845904523" in shown


def test_lone_surrogates_and_zero_bytes_survive(tmp_path: Path) -> None:
    path = tmp_path / "odd.tonnage"
    code = f"""
import tonnage
a, b, c = "lone \\udc80 surrogate", "zero \\0 inside", b"\\0\\xff" * 3
d = "\\U0001f600" * 40
s = tonnage.snapshot({str(path)!r})
print(ascii([s[id(x)].preview for x in (a, b, c, d)]))
"""
    done = python(["-c", code])
    assert done.returncode == 0, done.stderr
    shown = eval(done.stdout)
    assert shown[0] == ascii("lone \udc80 surrogate") or shown[0] == repr("lone \udc80 surrogate")
    assert shown[1] == repr("zero \0 inside")
    assert shown[2] == repr(b"\0\xff" * 3)
    assert shown[3].startswith("'\U0001f600")
    assert Shot(path).file.check() == []


def test_redaction_covers_the_names_of_slots(tmp_path: Path) -> None:
    path = tmp_path / "a.tonnage"
    code = "import sys, tonnage; C = type('C', (), {'__slots__': ('private_slot',)}); c = C()"
    code += "; tonnage.snapshot(sys.argv[1], redact=True).close()"
    assert python(["-c", code, str(path)]).returncode == 0
    assert not any("private_slot" in text for text in Shot(path).file.strings)
