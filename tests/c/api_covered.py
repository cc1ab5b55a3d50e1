"""Every function of the sections before the sets of tonnage.h that the reader defines is called by a C test.

Usage: python api_covered.py ROOT.
"""

import re
import sys
from pathlib import Path

# Written by lib/graph and lib/view, and tested with them.
ELSEWHERE = {"tn_node_preview", "tn_node_describe", "tn_reference_label", "tn_referrers"}


def main(root: Path) -> int:
    header = (root / "include/tonnage.h").read_text(encoding="utf-8")
    header = re.sub(r"/\*.*?\*/", lambda m: m.group() if "----" in m.group() else "", header, flags=re.S)
    sections = header[: header.index(". Sets --")]
    declared = set(re.findall(r"^[a-z].*?\b(tn_\w+)\((?!\*)", sections, flags=re.M))
    tests = "".join(path.read_text(encoding="utf-8") for path in sorted((root / "tests/c").glob("*.c")))
    missing = sorted(name for name in declared - ELSEWHERE if f"{name}(" not in tests)
    if len(declared) < 25:
        print(f"only {len(declared)} functions found in tonnage.h: the pattern is out of date")
        return 1
    for name in missing:
        print(f"{name} is called by no C test")
    return bool(missing)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
