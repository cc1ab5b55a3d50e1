"""The exceptions of tonnage, one class per group of status codes of the C library."""

from __future__ import annotations

import sys


class Error(Exception):
    """Anything that tonnage could not do; the text says what is wrong and, where known, the way out.

    Attributes:
        status: the C library's code, a negative number.
        offset: where in the file or in the selection text, in bytes, or 0.
    """

    status: int
    offset: int

    def __init__(self, message: str, status: int = 0, offset: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.offset = offset

    def __reduce__(self) -> tuple[type[Error], tuple[str, int, int]]:
        return type(self), (str(self), self.status, self.offset)

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class NoMemoryError(Error, MemoryError):
    """There was not enough memory."""


class FileError(Error, OSError):
    """A file cannot be read or written."""


class FormatError(Error):
    """The file is no snapshot, or a damaged one."""


class TruncatedError(FormatError):
    """The end of the file is missing; `load(path, partial=True)` reads what is whole."""


class CorruptError(FormatError):
    """The file breaks a rule of its format, or a checksum does not match."""


class VersionError(Error):
    """The version of the file, or of the interpreter, is not supported."""


class LimitError(Error):
    """A limit was reached, for instance `max_memory`."""


class ArgumentError(Error, ValueError):
    """An argument makes no sense: a mode, a selection, a column that does not exist."""


class NotFoundError(Error, KeyError):
    """There is nothing of that name or at that address."""


class NotPermittedError(Error, PermissionError):
    """The system did not permit it."""


class Busy(Error):
    """Not now: the interpreter is collecting garbage, or another capture runs."""


class MissingPackageError(Error, ModuleNotFoundError):
    """A package that only this needs is not installed; the text names the extra that installs it."""

    def __init__(self, message: str, status: int = 0, offset: int = 0) -> None:
        Error.__init__(self, message, status, offset)


class InterruptedCapture(Error):
    """It was interrupted; no file was left."""


class ExistsError(Error, FileExistsError):
    """The file exists; `force=True` replaces it."""


class BudgetExceeded(AssertionError):
    """A block needed more memory than `tonnage.budget` allows; the text says who allocated it.

    An AssertionError, which test runners count as a failure and no error; no `Error`: nothing went wrong in tonnage.

    Attributes:
        limit: what was allowed, in bytes.
        peak: what was needed, in bytes.
    """

    limit: int
    peak: int

    def __init__(self, message: str, limit: int = 0, peak: int = 0) -> None:
        super().__init__(message)
        self.limit = limit
        self.peak = peak

    def __reduce__(self) -> tuple[type[BudgetExceeded], tuple[str, int, int]]:
        return type(self), (str(self), self.limit, self.peak)


_CLASSES: dict[int, type[Error]] = {
    -1: NoMemoryError,
    -2: FileError,
    -3: FormatError,
    -4: VersionError,
    -5: TruncatedError,
    -6: CorruptError,
    -7: LimitError,
    -8: ArgumentError,
    -9: NotFoundError,
    -10: NotPermittedError,
    -11: Busy,
    -12: InterruptedCapture,
    -13: ExistsError,
}


def from_status(status: int, message: str, offset: int = 0) -> Error:
    """The exception of a status of the C library."""
    return _CLASSES.get(status, Error)(message, status, offset)


def of_import(error: ImportError) -> Exception:
    """The exception for an extension that cannot be loaded: of the interpreter, where that is why."""
    from tonnage._interpreter import unsupported

    what = unsupported()
    return VersionError(f"{sys.executable or 'this interpreter'} is {what}", -4) if what else error
