class Error(Exception):
    args: tuple[int, str]

def snapshot(
    target: int | bytes,
    /,
    *,
    mode: str,
    previews: int,
    redact: bool,
    roots: tuple[object, ...] | None,
    force: bool,
) -> None: ...
def size_of(x: object, /) -> tuple[int, tuple[tuple[str, int], ...]]: ...
def deep_size(objects: tuple[object, ...], /) -> tuple[int, int]: ...
def object_at(address: int, type_address: int, size: int, /) -> object | None: ...
