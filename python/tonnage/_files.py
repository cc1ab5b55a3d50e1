"""Files of snapshots: without a name for a while, and copied under a name at once or not at all."""

from __future__ import annotations

import os

from tonnage._errors import ExistsError, FileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

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
    from tonnage import _capture

    folder = folder or _temporary_folder()
    try:
        return _capture.aside(_open_unlinked(folder))
    except OSError as error:
        raise FileError(f"no temporary file in {folder}: {error.strerror} (set TMPDIR to another folder)", -2) from None


def _open_unlinked(folder: str) -> int:
    fd = _open_nameless(folder)
    if fd is None:
        fd, name = _create(os.path.join(folder, "tonnage"))
        os.unlink(name)
    return fd


def _open_nameless(folder: str) -> int | None:
    """None: the file system or the kernel cannot do that, or the folder is not to be written."""
    try:
        return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:
        return None


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


_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def _temporary_names(path: str) -> Iterator[str]:
    """Names beside path that tell which process used them last, as those of the C library do."""
    return (f"{path}.{os.getpid()}.{n}.part" for n in range(1000))


def _create(path: str) -> tuple[int, str]:
    for name in _temporary_names(path):
        try:
            return os.open(name, _NEW, 0o600), name
        except FileExistsError:
            pass
    raise _too_many()


def _too_many() -> OSError:
    return OSError(0, "too many unfinished files beside it")


def _create_beside(path: str) -> tuple[int, str | None]:
    """A new file and its temporary name; None where it can do without until it is whole."""
    fd = _open_nameless(os.path.dirname(path) or ".")
    if fd is None:
        return _create(path)
    try:
        if os.path.samestat(os.stat(_door(fd)), os.fstat(fd)):
            return fd, None
    except OSError:
        pass  # without /proc it could never get a name
    os.close(fd)
    return _create(path)


def _door(fd: int) -> str:
    return f"/proc/self/fd/{fd}"


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
        out, temporary = _create_beside(path)
        try:
            os.fchmod(out, 0o600)  # whatever the umask is
            _copy_bytes(fd, out)
            if temporary is None:
                _name(out, path, force)
            else:
                _rename(temporary, path, force)
        except BaseException:
            if temporary is not None:
                _remove(temporary)
            raise
        finally:
            os.close(out)
    except FileExistsError:
        raise ExistsError(f"{path} exists; force=True replaces it", -13) from None
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror}", -2) from None


def _copy_bytes(fd: int, out: int) -> None:
    """A limit of file sizes is an error, and not the signal that comes with it: that would end some programs."""
    import signal

    size, done = os.fstat(fd).st_size, 0
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGXFSZ})
    try:
        while done < size:
            n = os.sendfile(out, fd, done, min(_PIECE, size - done))
            if n == 0:
                break
            done += n
    finally:
        signal.sigtimedwait({signal.SIGXFSZ}, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    os.fsync(out)


def _name(fd: int, path: str, force: bool) -> None:
    """Gives a file its first name. A link never replaces: to do so takes a temporary name, for two calls."""
    try:
        _link(fd, path)
        return
    except FileExistsError:
        if not force:
            raise
    for temporary in _temporary_names(path):
        try:
            _link(fd, temporary)
        except FileExistsError:
            continue
        try:
            os.replace(temporary, path)
        except BaseException:
            _remove(temporary)
            raise
        return
    raise _too_many()


def _link(fd: int, path: str) -> None:
    os.link(_door(fd), path, src_dir_fd=fd, follow_symlinks=True)  # with any src_dir_fd, links are really followed


def _rename(temporary: str, path: str, force: bool) -> None:
    if force:
        os.replace(temporary, path)
        return
    try:
        os.link(temporary, path)  # unlike rename, fails where path exists
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: an empty file takes the name, then is replaced
        os.close(os.open(path, _NEW, 0o600))
        try:
            os.rename(temporary, path)
        except BaseException:
            _remove(path)
            raise
    else:
        os.unlink(temporary)


def _remove(name: str) -> None:
    """A name that is not there is well: a signal may come before what makes it, or behind what takes it."""
    try:
        os.unlink(name)
    except FileNotFoundError:
        pass
