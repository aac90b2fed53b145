"""Rows of an embedding that has stayed in the model's file.

A token needs one row, some kilobytes, of a matrix of a hundred megabytes. Reading it takes some
microseconds, from a file on disk as in a browser's private file system, because the system keeps
what was read; a cache of our own would only hold the same bytes a second time.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .reread import Reread


class Embedding:
    """The rows of an embedding in a file.

    Parameters
    ----------
    source : Reread
        The file; it is closed when nothing refers to the embedding any more.
    offset : int
        Where the first row begins.
    row_bytes : int
        Bytes of a row; they lie one behind another.

    Examples
    --------
    >>> class Letters:
    ...     def read(self, offsets, n_bytes):
    ...         return b"".join(b"abcdefgh"[at : at + n_bytes] for at in offsets)
    ...     def close(self): ...
    >>> Embedding(Letters(), 2, 2).rows([2, 0, 2])
    b'ghcdgh'
    """

    def __init__(self, source: Reread, offset: int, row_bytes: int) -> None:
        self._source = source
        self._offset = offset
        self._row_bytes = row_bytes
        self._finalizer = weakref.finalize(self, source.close)
        self._finalizer.atexit = False

    def row(self, token: int) -> bytes:
        """The row of one token; raises as `Reread.read` does."""
        return self._source.read([self._offset + token * self._row_bytes], self._row_bytes)

    def rows(self, tokens: Sequence[int] | NDArray[np.uint32]) -> bytes:
        """The rows of some tokens, in their order; each is read once, in the file's order."""
        distinct, places = np.unique(np.asarray(tokens, dtype=np.int64), return_inverse=True)
        offsets: list[int] = (self._offset + distinct * self._row_bytes).tolist()
        data = self._source.read(offsets, self._row_bytes)
        return np.frombuffer(data, dtype=np.uint8).reshape(-1, self._row_bytes)[places].tobytes()
