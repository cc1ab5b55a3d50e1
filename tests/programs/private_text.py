"""Secrets in every place where a process keeps text.  Arguments: snapshot options as JSON, further words."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import tonnage
from plant import ARGUMENTS, SNAPSHOT, finish


def secret(word: str) -> str:
    """Puts a secret together at run time, so that the program's own text does not have it whole."""
    return "-".join(["sec" + "ret", word, "8675" + "309142"])


class Holder:
    def __init__(self) -> None:
        setattr(self, secret("attribute").replace("-", "_"), 1)


def main() -> None:
    options: dict[str, Any] = json.loads(ARGUMENTS[0])
    os.environ["TONNAGE_TEST_" + secret("variable").replace("-", "_")] = secret("value of a variable")
    folder = os.path.join(os.path.dirname(SNAPSHOT), secret("folder"))
    os.mkdir(folder)
    os.chdir(folder)
    kept: list[Any] = [
        secret("text"),
        secret("key"),
        {secret("dict key"): secret("dict value")},
        secret("bytes").encode(),
        bytearray(secret("bytearray").encode()),
        secret("wide \u20ac"),
        int.from_bytes(secret("int").encode(), "little"),
        Holder(),
        (secret("in a tuple"), 271828182845904523),
        float("2.718281828459045"),
    ]
    space: dict[str, Any] = {}
    exec(
        compile(
            f"def {secret('function').replace('-', '_')}(): return {secret('constant')!r}",
            secret("file") + ".py",
            "exec",
        ),
        space,
    )
    kept.append(space)
    sys.modules[secret("module")] = kept  # type: ignore[assignment]
    tonnage.snapshot(SNAPSHOT, **options).close()
    finish(argv=sys.argv, cwd=os.getcwd(), executable=sys.executable)


main()
