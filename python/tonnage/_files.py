"""Files of snapshots: without a name for a while, and copied under a name at once or not at all."""

from __future__ import annotations

import os

from tonnage._errors import ExistsError, FileError

_PIECE = 1 << 24


def _temporary_folder() -> str:
    for folder in (os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")):
        if folder and os.path.isdir(folder):
            return folder
    return "/tmp" if os.path.isdir("/tmp") else os.getcwd()


def open_unlinked(folder: str | None = None) -> int:
    """Opens a new file, readable by its owner only, that has no name and is gone when closed.

    Args:
        folder: where it takes its space; by default the temporary folder (`TMPDIR`). Not memory: a file in memory
            would count against the limit of a container.

    Returns:
        A descriptor, closed on exec.
    """
    folder = folder or _temporary_folder()
    try:
        return _aside(_open_unlinked(folder))
    except OSError as error:
        raise FileError(f"no temporary file in {folder}: {error.strerror} (set TMPDIR to another folder)", -2) from None


def _aside(fd: int) -> int:
    """As tn__sys_aside() of the library: the same file under a number that the program does not come to."""
    from fcntl import F_DUPFD_CLOEXEC, fcntl

    for least in (512, 3):
        try:
            other = fcntl(fd, F_DUPFD_CLOEXEC, least)
        except OSError:  # a process may not have so many
            continue
        os.close(fd)
        return other
    return fd


def _open_unlinked(folder: str) -> int:
    try:
        return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:
        pass  # the file system or the kernel cannot do that
    fd, name = _create(os.path.join(folder, "tonnage"))
    os.unlink(name)
    return fd


def what_prevents(path: str) -> str | None:
    """Why no file can be made at path, or in its place, as far as can be told by trying; None: nothing."""
    if os.path.isdir(path):
        return "it is a folder"
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        return f"there is no folder {folder}"
    try:
        os.close(_open_unlinked(folder))
    except OSError as error:
        return f"no file can be made in {folder}: {error.strerror}"
    return None


def _create(path: str) -> tuple[int, str]:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    while True:
        name = f"{path}.{os.urandom(6).hex()}.tmp"
        try:
            return os.open(name, flags, 0o600), name
        except FileExistsError:
            pass


def copy(fd: int, path: str, force: bool) -> None:
    """Copies the file open as fd to path, atomically.

    Args:
        fd: a descriptor; its position is not used.
        path: the new name.
        force: replace an existing file.

    Raises:
        ExistsError: path exists and force is false.
        FileError: it cannot be written; nothing is left behind.
    """
    if not force and os.path.lexists(path):
        raise ExistsError(f"{path} exists; force=True replaces it", -13)
    try:
        out, temporary = _create(path)
        try:
            _copy_bytes(fd, out)
            _publish(temporary, path, force)
        except BaseException:
            os.unlink(temporary)
            raise
        finally:
            os.close(out)
    except FileExistsError:
        raise ExistsError(f"{path} exists; force=True replaces it", -13) from None
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror}", -2) from None


def _copy_bytes(fd: int, out: int) -> None:
    size, done = os.fstat(fd).st_size, 0
    while done < size:
        n = os.sendfile(out, fd, done, min(_PIECE, size - done))
        if n == 0:
            break
        done += n
    os.fsync(out)


def _publish(temporary: str, path: str, force: bool) -> None:
    if force:
        os.replace(temporary, path)
    else:
        try:
            os.link(temporary, path)  # unlike rename, fails where path exists
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links: what is made in between these two calls would be replaced
            if os.path.lexists(path):
                raise FileExistsError(path) from None
            os.rename(temporary, path)
        else:
            os.unlink(temporary)
