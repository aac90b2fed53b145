"""Safetensors files: a length, a JSON header and the tensors' bytes one after the other.

We read them ourselves: the library of that name has no bfloat16 for NumPy and takes a tensor
whole, and the format is one page.
"""

from __future__ import annotations

import json
import math
import re
import struct
from typing import Any, BinaryIO

from ..errors import ModelFormatError, UnsupportedModelError
from .stored import StoredTensor, read_at
from .types import TensorType

_TYPES = {"F32": TensorType.FP32, "F16": TensorType.FP16, "BF16": TensorType.BF16}
# A model of a hundred layers has 0.3 MB.
_LONGEST_HEADER = 1 << 24
_LONGEST_NAME = 256
_DEEPEST = 8  # three are needed
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def read_safetensors(file: BinaryIO) -> list[StoredTensor]:
    """The tensors of a seekable safetensors file, in the order of their bytes.

    Rows are read when they are wanted, so the file must stay open.

    Raises
    ------
    ModelFormatError
        If the header is damaged, or its tensors do not fill the file exactly.
    UnsupportedModelError
        If a tensor is neither F32, F16 nor BF16.
    """
    total = file.seek(0, 2)
    length: int = struct.unpack("<Q", read_at(file, 0, 8, "the header's length"))[0]
    if not 2 <= length <= min(_LONGEST_HEADER, total - 8):
        raise ModelFormatError(
            f"The safetensors header says it has {length} bytes, and the file has {total}; it is "
            "damaged, fetch it again."
        )
    described = _parse(read_at(file, 8, length, "the header"))
    described.pop("__metadata__", None)
    begin, size = 8 + length, total - 8 - length
    placed = sorted(_place(name, entry) for name, entry in described.items())
    tensors = []
    at = 0
    for first, last, name, shape, type in placed:
        if first != at or last > size:
            raise ModelFormatError(
                f"{name} lies at bytes {first} to {last} of {size}, and the tensor before it ends "
                f"at {at}; the file is truncated or damaged, fetch it again."
            )
        at = last
        tensors.append(StoredTensor.in_file(file, begin + first, name, shape, type))
    if at != size:
        raise ModelFormatError(
            f"The file has {size - at} bytes after its last tensor; it is damaged, fetch it again."
        )
    return tensors


def _parse(header: bytes) -> dict[str, Any]:
    try:
        _check_depth(header)
        value = json.loads(header.decode("utf-8"), object_pairs_hook=_unique)
    except ValueError as error:
        reason = error if isinstance(error, _TwiceError) else "it is not JSON"
        raise ModelFormatError(
            f"The safetensors header is damaged ({reason}); fetch the file again."
        ) from None
    if not isinstance(value, dict):
        raise ModelFormatError("The safetensors header is no JSON object; fetch the file again.")
    return value


def _check_depth(header: bytes) -> None:
    """Refuses deep nesting, for which the stack may be too small; texts are passed over."""
    depth = 0
    for match in _BRACKETS.finditer(header):
        depth += {b"{": 1, b"[": 1, b"}": -1, b"]": -1}.get(match[0], 0)
        if depth > _DEEPEST:
            raise ValueError("nested too deeply")


class _TwiceError(ValueError):
    """A name that comes twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _TwiceError(f"{ascii(twice)[:80]} comes twice")
    return found


def _place(name: str, entry: object) -> tuple[int, int, str, tuple[int, ...], TensorType]:
    """Begin, end, name, shape and type of a tensor, checked."""
    shown = ascii(name)[1:-1][:80]
    match entry:
        case {"dtype": str(dtype), "shape": [*shape], "data_offsets": [int(first), int(last)]}:
            pass
        case _:
            raise ModelFormatError(
                f"{shown} is not described by dtype, shape and data_offsets; the file is damaged, "
                "fetch it again."
            )
    if dtype not in _TYPES:
        raise UnsupportedModelError(
            f"{shown} is of type {ascii(dtype)[1:-1]:.20}; a model's weights are F32, F16 or BF16."
        )
    if not (
        0 < len(name) <= _LONGEST_NAME
        and 1 <= len(shape) <= 4
        and all(type(size) is int and 0 < size < 1 << 40 for size in shape)
        and last - first == math.prod(shape) * _TYPES[dtype].row_bytes(1)
        and first >= 0
    ):
        raise ModelFormatError(
            f"{shown} has the shape {shape!s:.80} and {last - first!s:.20} bytes, which do "
            "not go together; the file is damaged, fetch it again."
        )
    return first, last, name, tuple(shape), _TYPES[dtype]
