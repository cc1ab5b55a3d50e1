class Error(Exception):
    args: tuple[int, str]

def snapshot(
    target: int | bytes,
    /,
    *,
    mode: str = "auto",
    previews: int = 80,
    redact: bool = False,
    roots: tuple[object, ...] | None = None,
    force: bool = False,
    threads: int = 0,
    scan: bool = False,
) -> None: ...
def begin(
    target: int | bytes,
    /,
    *,
    mode: str = "auto",
    previews: int = 80,
    redact: bool = False,
    roots: tuple[object, ...] | None = None,
    force: bool = False,
    threads: int = 0,
    scan: bool = False,
) -> object | None: ...
def poll(job: object, /) -> bool: ...
def size_of(x: object, /) -> tuple[int, tuple[tuple[str, int], ...]]: ...
def deep_size(objects: tuple[object, ...], /) -> tuple[int, int]: ...
def object_at(address: int, type_address: int, size: int, /) -> object | None: ...
