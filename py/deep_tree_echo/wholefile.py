"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from .errors import ArgumentError


@contextlib.contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A file to be written, which takes its place when the block ends well.

    Parameters
    ----------
    path : path
        Its place; what is there stays until then.

    Raises
    ------
    ArgumentError
        If there is no such folder.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with whole_file(f"{folder}/some") as file:
    ...         _ = file.write(b"all")
    ...     Path(f"{folder}/some").read_bytes()
    b'all'
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise ArgumentError(f"path is {str(path)!r}; there is no folder {path.parent}.")
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
