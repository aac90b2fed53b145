"""Files of named arrays (NumPy's npz), each with what it is and the version of its form."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FileError, ModelFormatError
from ..wholefile import whole_file

__all__ = ["read_archive", "write_archive"]


def write_archive(
    path: str | os.PathLike[str], kind: str, version: int, arrays: Mapping[str, Any]
) -> None:
    """Writes arrays to a file, which appears whole or not at all.

    Parameters
    ----------
    path : path
        The file, whatever its name ends with.
    kind : str
        What the arrays are, such as ``"ridge"``.
    version : int
        Of the names and shapes.
    arrays : mapping
        Arrays, numbers and texts by name.

    Raises
    ------
    ArgumentError
        If there is no such folder.
    FileError
        If the file cannot be written.
    """
    try:
        with whole_file(path) as file:
            np.savez(file, allow_pickle=False, kind=kind, version=version, **arrays)
    except OSError as error:
        reason = error.strerror or error
        raise FileError(f"{os.fspath(path)} cannot be written: {reason}.") from error


def read_archive(
    path: str | os.PathLike[str], kind: str, version: int, names: Iterable[str]
) -> dict[str, NDArray[Any]]:
    """Reads the named arrays of a file that `write_archive` has written.

    Raises
    ------
    FileError
        If the file cannot be read.
    ModelFormatError
        If it is no such file, or one of another kind or version.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_archive(f"{folder}/some.npz", "example", 1, {"x": [1.0, 2.0]})
    ...     read_archive(f"{folder}/some.npz", "example", 1, ["x"])
    {'x': array([1., 2.])}
    """
    path = Path(path)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            if isinstance(found, np.ndarray):
                raise ValueError("a single array")
            held = {name: found[name] for name in ("kind", "version", *names) if name in found}
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}.") from error
    # Whatever damage does to NumPy's reader, it is damage.
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError) as error:
        raise ModelFormatError(f"{path} is no file of arrays, or damaged: {error}.") from error
    if (what := str(held.get("kind", "nothing known"))) != kind:
        raise ModelFormatError(f"{path} holds {what}; it must hold {kind}.")
    if (its := int(held.pop("version", np.array(0)))) != version:
        raise ModelFormatError(
            f"{path} is of version {its}; this package reads version {version} of {kind}."
        )
    del held["kind"]
    if missing := [name for name in names if name not in held]:
        raise ModelFormatError(f"{path} lacks {missing[0]!r}; it is damaged.")
    return held
