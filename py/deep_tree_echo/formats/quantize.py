"""Turning a model file into one of another type, by rwkv.cpp's rule."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from ..errors import ArgumentError, UnsupportedModelError
from .rwkv_file import VERSION, Tensor, TensorReader
from .types import BLOCK_COLUMNS, TensorType

_PIECE = 1 << 20
_SENSITIVE = ("v1", "v2", "g1", "g2", "a1", "a2", "w1", "w2", "r_k")


def type_in_file(
    name: str, shape: tuple[int, ...], type: TensorType, kept: TensorType
) -> TensorType:
    """The type that a tensor takes in a file of ``type``.

    Parameters
    ----------
    name, shape
        The tensor's, the shape in PyTorch's order.
    type : TensorType
        The type of the file.
    kept : TensorType
        The tensor's type now, which it keeps where the rule leaves it alone.

    Examples
    --------
    >>> type_in_file("blocks.0.att.key.weight", (64, 64), TensorType.Q5_1, TensorType.FP16).name
    'Q5_1'
    >>> type_in_file("blocks.0.att.w1", (32, 64), TensorType.Q5_1, TensorType.FP16).name
    'FP16'
    """
    if type is TensorType.FP32:
        return type
    if type is TensorType.FP16:
        matrix = len(shape) == 2 and ".time_" not in name and not name.endswith(".r_k")
        return type if matrix else kept
    if len(shape) != 2 or name in ("emb.weight", "head.weight"):
        return kept
    if "att." in name and any(part in name for part in _SENSITIVE):
        return kept
    return type


def quantize_file(source: str | Path, destination: str | Path, type: TensorType | str) -> None:
    """Writes ``source`` to ``destination`` in another type.

    The output appears whole or not at all, and one tensor at a time is in memory.

    Parameters
    ----------
    source : path
        A file of type FP32 or FP16.
    destination : path
        Replaced if it exists; it may not be ``source``.
    type : TensorType or str
        The type to write.

    Raises
    ------
    ArgumentError
        If the two paths are one file.
    ModelFormatError, UnsupportedModelError
        If the source is damaged, or already quantised, or has rows that do not fill blocks.
    """
    if isinstance(type, str):
        type = TensorType.parse(type)
    source, destination = Path(source), Path(destination)
    if destination.exists() and os.path.samefile(source, destination):
        raise ArgumentError(
            f"destination is {str(destination)!r}, the source itself; name another."
        )
    with source.open("rb") as file:
        pieces = iter(lambda: file.read(_PIECE), b"")
        _write_whole(destination, quantized(pieces, type, source.stat().st_size))


def quantized(
    pieces: Iterable[bytes], type: TensorType, total_bytes: int | None = None
) -> Iterator[bytes]:
    """The bytes of a model file in another type, piece by piece as it is read.

    Raises
    ------
    ModelFormatError, UnsupportedModelError
        As `quantize_file` does.
    """
    reader = TensorReader(total_bytes)
    begun = False
    for piece in pieces:
        tensors = reader.push(piece)
        if reader.header is not None and not begun:
            begun = True
            if reader.header.type.quantised:
                raise UnsupportedModelError(
                    f"The file is {reader.header.type.name} already; quantise from the FP32 or "
                    "FP16 file that it was made from."
                )
            yield replace(reader.header, type=type, version=VERSION).pack()
        for tensor in tensors:
            yield from _convert(tensor, type).pack()
    reader.finish()


def _convert(tensor: Tensor, type: TensorType) -> Tensor:
    wanted = type_in_file(tensor.name, tensor.shape, type, tensor.type)
    if wanted is tensor.type:
        return tensor
    if wanted.quantised and tensor.shape[-1] % BLOCK_COLUMNS:
        raise UnsupportedModelError(
            f"{tensor.name} has rows of {tensor.shape[-1]} elements, but {wanted.name} stores "
            "blocks of 32; this model can only be FP32 or FP16."
        )
    return Tensor.from_floats(tensor.name, tensor.floats(), wanted)


def _write_whole(destination: Path, pieces: Iterator[bytes]) -> None:
    partial = destination.with_name(f".{destination.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            _write_all(file, pieces)
        partial.replace(destination)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _write_all(file: BinaryIO, pieces: Iterator[bytes]) -> None:
    for piece in pieces:
        file.write(piece)
    file.flush()
    os.fsync(file.fileno())
