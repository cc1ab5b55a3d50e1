"""What a tool that reads Python holds: syntax trees, tokens, and JSON of N files of the standard library.

Sorted by name, tests left out; beyond their number the files come again.  About 14,000 objects a file.

usage: python syntax.py N [--hold SECONDS]
"""

import ast
import gc
import io
import json
import os
import pathlib
import tokenize

import _common


def sources():
    root = pathlib.Path(os.__file__).parent
    for path in sorted(root.rglob("*.py")):
        if not {"site-packages", "test", "tests", "lib2to3"} & set(path.parts):
            try:
                yield ast.parse(text := path.read_text(encoding="utf-8")), text
            except (SyntaxError, UnicodeDecodeError):
                continue


def one(tree, text):
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    rows = [{"type": token.type, "string": token.string, "start": token.start} for token in tokens[::3]]
    return tree, tokens, json.loads(json.dumps(rows))


def build(n, seed=_common.SEED):
    was = gc.isenabled()
    gc.disable()
    kept = []
    while len(kept) < n:
        for tree, text in sources():
            if len(kept) < n:
                kept.append(one(tree, text))
    if was:
        gc.enable()
    return kept, {"list": n}


if __name__ == "__main__":
    _common.main(build, 50)
