"""A model's file in the browser, read again while the model is in use."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

from . import platform
from .errors import FileError


class PageReread:
    """A `Reread` of a file that JavaScript has opened.

    Parameters
    ----------
    name : str
        The file's, as the user knows it.
    rows
        JavaScript's object, with ``read(places, length)`` and ``close()``. It is closed when
        nothing refers to this any more, too.

    Examples
    --------
    >>> class Rows:
    ...     def read(self, places, length):
    ...         return memoryview(b"".join(b"abcdef"[at : at + length] for at in places))
    ...     def close(self): ...
    >>> PageReread("model.bin", Rows()).read([4, 0], 2)
    b'efab'
    """

    def __init__(self, name: str, rows: Any) -> None:
        self._name = name
        self._rows = rows
        self._closing = weakref.finalize(self, rows.close)

    def read(self, offsets: Sequence[int], n_bytes: int) -> bytes:
        """``n_bytes`` at each offset; raises as `Reread.read` does."""
        try:
            found = self._rows.read(platform.to_js(offsets), n_bytes)
            return bytes(found.to_bytes() if platform.IN_PYODIDE else found)
        except platform.js_errors() as error:
            raise FileError(
                f"The embedding of {self._name} is read from its file, which cannot be read any "
                "more; load it again."
            ) from error

    def close(self) -> None:
        """Lets the file go. Harmless the second time."""
        self._closing()
