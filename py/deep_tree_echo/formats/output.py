"""Writing a model file from stored tensors, a few rows at a time."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import FileError, UnsupportedModelError
from .blocks import dequantize, quantize
from .rwkv_records import Header, Record, RecordParser
from .stored import Bytes, StoredTensor
from .types import TensorType

Progress = Callable[[int, int], object]
"""Told the bytes written so far and the bytes in all. What it raises ends the work."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A tensor on its way out.

    Parameters
    ----------
    source : StoredTensor
        Where its rows come from.
    type : TensorType
        What it becomes.
    by_half : bool
        Whether its numbers are rounded to FP16 first, as if a converter had written them so.
    """

    source: StoredTensor
    type: TensorType
    by_half: bool = False

    @property
    def record(self) -> Record:
        """Its description in the file."""
        return Record(self.source.name, self.source.shape, self.type)

    def slices(self) -> Iterator[Bytes]:
        """The rows as the file stores them, some at a time.

        Raises
        ------
        UnsupportedModelError
            If a number is too large for FP16.
        """
        for rows in self.source.slices():
            if self.type is self.source.type:
                yield rows
                continue
            floats = dequantize(self.source.type, rows)
            if self.by_half or self.type is TensorType.FP16:
                with np.errstate(over="ignore"):
                    halves = floats.astype("<f2")
                if not np.isfinite(halves).all():
                    raise UnsupportedModelError(
                        f"{self.source.name} has numbers that FP16 cannot hold (beyond 65504, or "
                        "not finite); convert to FP32 instead."
                    )
                if self.type is TensorType.FP16:
                    yield halves.view(np.uint8)
                    continue
                floats = halves.astype(np.float32)
            yield quantize(self.type, floats)


class Output:
    """A model file before it is written: everything about it is known but its rows.

    Parameters
    ----------
    header : Header
        The file's header.
    tensors : iterable of Planned
        In the order of the file.

    Raises
    ------
    UnsupportedModelError
        If rows do not fill blocks of the type that they should take.
    ModelFormatError
        If no reader would take the file: a shape that cannot be, or a tensor too many.
    """

    def __init__(self, header: Header, tensors: Iterable[Planned]) -> None:
        self.header = header
        self.tensors = list(tensors)
        for tensor in self.tensors:
            columns = tensor.source.shape[-1]
            if tensor.type.row_bytes(columns) == 0:
                raise UnsupportedModelError(
                    f"{tensor.source.name} has rows of {columns} elements, but {tensor.type.name} "
                    "stores blocks of 32; this model can only be FP32 or FP16."
                )
        descriptions = [tensor.record.pack() for tensor in self.tensors]
        steps = RecordParser().steps()
        next(steps)
        steps.send(header.pack())
        for description in descriptions:
            steps.send(description[:12])
            steps.send(description[12:])
            steps.send(b"")
        self._descriptions = descriptions
        self.n_bytes = len(header.pack()) + sum(
            len(description) + tensor.record.n_bytes
            for description, tensor in zip(descriptions, self.tensors, strict=True)
        )
        """The size of the file."""

    def pieces(self) -> Iterator[bytes]:
        """The bytes of the file. Raises as reading its sources does."""
        yield self.header.pack()
        for description, tensor in zip(self._descriptions, self.tensors, strict=True):
            yield description
            for rows in tensor.slices():
                yield rows.tobytes()

    def write(self, destination: Path, progress: Progress | None = None) -> None:
        """Writes the file, which appears whole or not at all.

        Parameters
        ----------
        destination : Path
            Replaced if it exists.
        progress : callable, optional
            Called after every few megabytes.

        Raises
        ------
        FileError
            If the disk is full, or the place cannot be written to.
        """
        write_whole(destination, self.pieces(), self.n_bytes, progress)


def write_whole(
    destination: Path, pieces: Iterator[bytes], n_bytes: int, progress: Progress | None = None
) -> None:
    """Writes ``n_bytes`` in pieces to a file beside ``destination`` and puts it in its place.

    Whatever happens on the way, ``destination`` stays as it was and nothing else is left.
    """
    destination = destination.resolve()
    if destination.exists() and not destination.is_file():
        raise FileError(f"{destination} is no ordinary file; name another place to write to.")
    if not destination.parent.is_dir():
        raise FileError(f"There is no folder {destination.parent}; make it first.")
    free = shutil.disk_usage(destination.parent).free
    if free < n_bytes:
        raise FileError(
            f"{destination.name} needs {_megabytes(n_bytes)} MB and {destination.parent} has "
            f"{free // 1_000_000} MB left; free some space or write elsewhere."
        )
    partial = destination.with_name(f".{destination.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            done = 0
            for piece in pieces:
                _write(file.write, piece, destination)
                done += len(piece)
                if progress is not None:
                    progress(done, n_bytes)
            _write(lambda _: file.flush(), b"", destination)
            os.fsync(file.fileno())
        partial.replace(destination)
    except PermissionError:
        raise FileError(
            f"{destination.parent} cannot be written to (permission denied); write elsewhere."
        ) from None
    finally:
        partial.unlink(missing_ok=True)


def _write(write: Callable[[bytes], object], piece: bytes, destination: Path) -> None:
    try:
        write(piece)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise FileError(
                f"{destination} cannot be written: {os.strerror(error.errno)}; free some space or "
                "write elsewhere. Nothing was changed."
            ) from None
        raise


def _megabytes(size: int) -> int:
    return -(-size // 1_000_000)
