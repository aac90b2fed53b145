"""A model's file, read again while the model is in use."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Sequence
from typing import Protocol

from .errors import FileError

EMBEDDING_LIMIT = 32_000_000
"""A larger embedding stays in the file, where that can be read again; bytes."""

CAN_READ_AGAIN = hasattr(os, "pread")
"""Whether files can be read at any place, by several threads at once."""


class Reread(Protocol):
    """A model's file, which can be read again at any place for as long as the model is in use."""

    def read(self, offsets: Sequence[int], n_bytes: int) -> bytes:
        """``n_bytes`` at each offset, in this order, one behind another.

        Raises
        ------
        FileError
            If the file is not there any more, or is not what it was.
        """

    def close(self) -> None:
        """Lets the file go. Harmless the second time."""


class Unopened:
    """Stands for a `Reread` where it is only asked what would be in memory beside it."""

    def read(self, offsets: Sequence[int], n_bytes: int) -> bytes:
        """Nothing has been opened."""
        raise FileError("The file has not been opened; load the model.")

    def close(self) -> None:
        """Nothing to let go."""


class FileReread:
    """A `Reread` of a file on disk. It stays open, so it may be renamed or deleted meanwhile.

    Parameters
    ----------
    path : str or path
        Where it is.

    Raises
    ------
    FileError
        If it cannot be opened.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b"abcdef"), file.flush()
    ...     again = FileReread(file.name)
    ...     again.read([4, 0], 2)
    b'efab'
    >>> again.close()
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._name = os.path.basename(os.fspath(path))
        try:
            self._fd = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise FileError(f"{self._name} cannot be read: {error.strerror}.") from error
        self._closing = weakref.finalize(self, os.close, self._fd)
        self._was = self._now()

    def read(self, offsets: Sequence[int], n_bytes: int) -> bytes:
        """``n_bytes`` at each offset; raises as `Reread.read` does."""
        if not self._closing.alive:
            raise FileError(f"{self._name} has been closed; load it again.")
        try:
            changed = self._now() != self._was
            data = b"".join([os.pread(self._fd, n_bytes, offset) for offset in offsets])
        except OSError as error:
            raise FileError(
                f"{self._name} cannot be read any more: {error.strerror}; load it again."
            ) from error
        if changed or len(data) != n_bytes * len(offsets):
            raise FileError(
                f"{self._name} has changed since it was loaded, and its embedding is read from "
                "it; load it again."
            )
        return data

    def close(self) -> None:
        """Lets the file go. Harmless the second time."""
        self._closing()

    def pieces(self, piece_bytes: int) -> Iterator[bytes]:
        """The whole file from its beginning."""
        at = 0
        while piece := os.pread(self._fd, piece_bytes, at):
            yield piece
            at += len(piece)

    def _now(self) -> tuple[int, int]:
        """What tells a changed file: its size and the time of its last change."""
        status = os.fstat(self._fd)
        return status.st_size, status.st_mtime_ns
