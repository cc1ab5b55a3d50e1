"""Memory whose end the recorder is not told, as `free()` of what `PyMem_RawMalloc` gave: a bug, but none to die of."""

from __future__ import annotations

from pathlib import Path

from capture_support import build_extension
from trace_support import answer


def test_blocks_that_come_where_another_ended_in_silence_are_recorded(tmp_path: Path) -> None:
    code = """
        import json
        import placed
        import tonnage
        from tonnage import trace
        from trace_support import of_lines

        placed.install()
        trace.start()
        keep = [bytes(20) for _ in range(20_000)]  # more births than there are sites
        said = []
        def look():
            lines = of_lines(__file__, "silent", "inner", "outer", domains=(2,))
            said.append([*lines, trace.cost().dropped["replaced"]])
        ok = placed.allocate(0, 20_000)  # silent
        # Its end is not told.
        ok &= placed.allocate(16, 4000)  # inner
        look()
        found = bool(tonnage.snapshot(mode="stop").sites())
        placed.release(16)
        look()
        ok &= placed.allocate(0, 100)  # outer
        look()
        placed.release(0)
        look()
        print(json.dumps([ok, found, said]))
    """
    build_extension("placed", tmp_path)
    ok, found, said = answer(code, tmp_path, PYTHONMALLOC="pymalloc")
    assert ok and found
    silent, inner, outer, none = [20_000, 1], [4000, 1], [100, 1], [0, 0]
    assert said == [
        [silent, inner, none, 1],
        [silent, none, none, 1],
        [none, none, outer, 2],
        [none, none, none, 2],
    ]
