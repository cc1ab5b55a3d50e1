#!/usr/bin/env python3
"""Enforces the dependency table of ARCHITECTURE.md from #include and import lines.

    tools/check_layers.py [ROOT]

Prints `file:line: what is wrong` for each finding and ends with 1 when there is one. What is held:

- a folder includes only what its row of TABLE names; graph, analysis and views read snapshots, capture writes them;
- the library includes C11, zstd and xxhash only, the operating system in lib/base/sys.c; it never prints or exits;
- Python.h only in capture/inside, capture/cpython and python/ext;
- no two C files have one name, so that a name alone says which is meant;
- CPython's version is tested in capture/cpython and where LOADERS says why, nowhere else;
- the package imports the standard library and itself, and a plugin the program that loads it; compat modules import
  public names of tonnage only.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

READ = {"lib/snapshot/writer.h"}  # what a reader of snapshots must not include
WRITE = {"lib/snapshot/reader.h"}  # what the writer must not

_READS = {"lib/base", "lib/snapshot", "lib/stacks"}
_WRITES = {"lib/base", "lib/snapshot", "lib/stacks"}

# folder: (folders it may include besides itself and include/, headers it may not)
TABLE: dict[str, tuple[set[str], set[str]]] = {
    "lib/base": (set(), set()),
    "lib/snapshot": ({"lib/base", "lib/stacks"}, set()),  # recorded frames need line tables
    "lib/stacks": ({"lib/base"}, set()),
    "lib/graph": (_READS, READ),
    "lib/analysis": (_READS | {"lib/graph"}, READ),
    "lib/view": (_READS | {"lib/graph", "lib/analysis"}, READ),
    "lib/export": (_READS | {"lib/graph", "lib/analysis", "lib/view"}, READ),  # previews, JSON and output are views'
    "lib/import": (_WRITES, WRITE),
    "capture/cpython": ({"lib/base"}, set()),
    "capture/engine": (_WRITES | {"capture/cpython"}, WRITE),
    "capture/record": (set(), set()),
    "capture/inside": (_WRITES | {"capture/cpython", "capture/engine", "capture/record"}, WRITE),
    "capture/outside": (_WRITES | {"capture/cpython", "capture/engine"}, WRITE),
    "capture/native": (_WRITES | {"capture/record"}, WRITE),
    "cli": (set(), set()),
    "python/ext": (set(), set()),
}
# Exceptions, each with its reason.
EXTRA = {
    "python/ext/_capture.c": {"capture/inside"},  # loads the capture; the border is inside.h
    "python/ext/_capture_follow.c": {"capture/inside"},  # tells what is followed; follow.h
    "python/ext/_capture_follow.h": {"capture/inside"},
    "python/ext/_capture_helper.c": {"capture/inside"},  # calls into Python what helper.h calls
    "python/ext/_capture_sample.c": {"capture/inside"},  # tells what is sampled; sample.h
    "python/ext/_capture_sample.h": {"capture/inside"},
    "python/ext/_capture_trace.c": {"capture/inside", "capture/record"},  # tells what is recorded; trace.h, recorded.h
    "python/ext/_capture_trace.h": {"capture/inside"},
}

PYTHON_FOLDERS = {"capture/inside", "capture/cpython", "python/ext"}
VERSION_FOLDERS = {"capture/cpython"}
LOADERS = {
    "python/ext/_capture.c",
    "python/ext/_core.c",
    "capture/inside/interpreter.c",  # asks the running interpreter its version, to find its table
    "python/tonnage/_interpreter.py",  # says which interpreters are not supported
    "python/tonnage/_run.py",  # starts programs as the interpreter of its version does
}
PLUGINS = {  # of another program, which alone loads them: what they may import of it
    "python/tonnage/_pytest.py": "pytest",
    "python/tonnage/_pytest_limits.py": "pytest",
}
OS_FILES = {"lib/base/sys.c"}

C11 = {
    f"{name}.h"
    for name in (
        "assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg "
        "stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype"
    ).split()
}
LIBRARY_HEADERS = C11 | {"zstd.h", "zstd_errors.h", "xxhash.h"}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)', re.M)
PYTHON_HEADER = re.compile(r"^(Python|pythread|frameobject|structmember|datetime|internal/.*|cpython/.*|pycore_.*)\b")
VERSION_TEST = re.compile(r"\b(PY_VERSION_HEX|PY_(?:MAJOR|MINOR|MICRO)_VERSION|PY_VERSION|Py_Version|Py_VERSION\w*)\b")
PRINTS = re.compile(r"\b((?:v?f?printf|puts|putchar|perror|exit|_Exit|abort))[ \t]*\(")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"", re.S)


class Finding(NamedTuple):
    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def _blank(match: re.Match[str]) -> str:
    """A comment as blanks, so that lines keep their numbers; strings stay, they may name an include."""
    text = match.group()
    return text if text.startswith('"') else re.sub(r"[^\n]", " ", text)


def _folder(path: str) -> str:
    """The row of TABLE a file belongs to: its two first folders, or one for cli."""
    parts = path.split("/")[:-1]
    return "/".join(parts[:2])


def _resolve(root: Path, source: Path, name: str) -> str | None:
    for base in (source.parent, root / "include", root / "lib", root / "capture", root / "cli", root):
        candidate = base / name
        if candidate.is_file():
            return candidate.resolve().relative_to(root.resolve()).as_posix()
    return None


def check_c(root: Path, source: Path) -> Iterator[Finding]:
    path = source.relative_to(root).as_posix()
    folder = _folder(path)
    text = COMMENT.sub(_blank, source.read_text(encoding="utf-8"))

    def line(match: re.Match[str]) -> int:
        return text.count("\n", 0, match.start()) + 1

    if folder not in TABLE:
        yield Finding(path, 1, f"{folder}/ has no row in the dependency table of tools/check_layers.py")
        return
    allowed, refused = TABLE[folder]
    allowed = allowed | EXTRA.get(path, set())

    for match in INCLUDE.finditer(text):
        quoted, system = match.groups()
        if quoted is None and not PYTHON_HEADER.match(system):
            if folder.startswith("lib/") and system not in LIBRARY_HEADERS and path not in OS_FILES:
                yield Finding(path, line(match), f"<{system}>: only {', '.join(OS_FILES)} uses the operating system")
            continue
        if quoted is None:
            if folder not in PYTHON_FOLDERS:
                yield Finding(path, line(match), f"<{system}>: no CPython header in {folder}/")
            continue
        target = _resolve(root, source, quoted)
        if target is None:
            if PYTHON_HEADER.match(quoted) and not quoted.startswith("cpython/"):
                if folder not in PYTHON_FOLDERS:
                    yield Finding(path, line(match), f'"{quoted}": no CPython header in {folder}/')
            else:
                yield Finding(path, line(match), f'"{quoted}" is not in the tree')
            continue
        to = _folder(target)
        if to in (folder, "include"):
            continue
        if to not in allowed:
            yield Finding(path, line(match), f'"{quoted}": {folder}/ may not use {to}/')
        elif target in refused:
            yield Finding(path, line(match), f'"{quoted}": not for {folder}/, see the dependency table')

    if folder not in VERSION_FOLDERS and path not in LOADERS:
        for match in VERSION_TEST.finditer(text):
            yield Finding(path, line(match), f"{match[1]}: CPython's version is tested in capture/cpython/ only")
    if folder.startswith("lib/"):
        for match in PRINTS.finditer(text):
            yield Finding(path, line(match), f"{match[1]}(): the library never prints or exits")


def _imports(tree: ast.AST) -> Iterator[tuple[int, str, int, tuple[str, ...]]]:
    """(line, module, level, names) of each import that runs; those under `if TYPE_CHECKING` do not."""
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, 0, ()
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or "", node.level, tuple(alias.name for alias in node.names)
        todo.extend(ast.iter_child_nodes(node))


def check_python(root: Path, source: Path) -> Iterator[Finding]:
    path = source.relative_to(root).as_posix()
    tree = ast.parse(source.read_text(encoding="utf-8"), path)
    compat = path.startswith("python/tonnage/compat/")
    for line, module, level, names in _imports(tree):
        top = module.partition(".")[0]
        if level == 0 and top != "tonnage":
            if top not in sys.stdlib_module_names and top != PLUGINS.get(path):
                yield Finding(path, line, f"import {module}: the package uses the standard library only")
            continue
        if compat:
            inner = level == 1 or module.startswith("tonnage.compat")
            private = [part for part in (*module.split("."), *names) if re.match(r"_[^_]", part)]
            if (private and not inner) or level > 2:
                yield Finding(path, line, "compat uses public names of tonnage only")
    for node in ast.walk(tree) if path not in LOADERS else ():
        if not isinstance(node, ast.Attribute) or node.attr not in ("version_info", "hexversion"):
            continue
        if isinstance(node.value, ast.Name) and node.value.id == "sys":
            yield Finding(path, node.lineno, f"sys.{node.attr}: CPython's version is tested in capture/cpython/ only")


def check_tree(root: Path) -> list[Finding]:
    findings: list[Finding] = []
    named: dict[str, str] = {}
    for top in ("lib", "capture", "cli", "python/ext"):
        for source in sorted((root / top).rglob("*.[ch]")):
            findings += check_c(root, source)
            path = source.relative_to(root).as_posix()
            first = named.setdefault(source.name, path)
            if first != path:
                findings.append(Finding(path, 1, f"{first} has the same name: choose another"))
    for source in sorted((root / "python" / "tonnage").rglob("*.py")):
        findings += check_python(root, source)
    return findings


def main(argv: list[str]) -> int:
    root = Path(argv[1]) if len(argv) > 1 else Path(__file__).resolve().parent.parent
    findings = check_tree(root)
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
