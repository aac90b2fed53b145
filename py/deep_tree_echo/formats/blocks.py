"""Rounding rows of floats to a tensor type and back, by ggml's reference rule.

A block holds 32 elements of a row, little endian: a half ``d`` (and a half ``m`` in the ``_1``
types), the fifth bits of the codes as one uint32 (in the ``Q5`` types), then sixteen bytes of
nibbles, element ``i`` sharing a byte with element ``i + 16``; ``Q8_0`` has 32 int8 instead. An
element is ``d * (code - middle)`` in the ``_0`` types and ``d * code + m`` in the others.
Every operation is one float32 operation of the rule, so that the bytes are the same everywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError
from .kblocks import dequantize_q6_k, dequantize_with_minima
from .types import BLOCK_COLUMNS, K_BLOCK_COLUMNS, RWKV_TYPES, TensorType

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_HALF = BLOCK_COLUMNS // 2


def quantize(type: TensorType, rows: Floats) -> Bytes:
    """Rounds float rows to ``type``.

    Parameters
    ----------
    type : TensorType
        The type to round to, one of `RWKV_TYPES`.
    rows : ndarray of float32, shape (..., columns)
        Any floats; what no code can express (NaN, infinity) ends in some code.

    Returns
    -------
    ndarray of uint8, shape (..., type.row_bytes(columns))
        The rows as a file stores them.

    Raises
    ------
    ArgumentError
        If the columns do not fill whole blocks, or the type is only read.

    Examples
    --------
    >>> import numpy as np
    >>> row = np.arange(32, dtype=np.float32)
    >>> float(abs(dequantize(TensorType.Q8_0, quantize(TensorType.Q8_0, row)) - row).max()) < 0.13
    True
    """
    if type not in RWKV_TYPES:
        raise ArgumentError(f"type is {type.name}; that type is only read, and never written.")
    rows = np.ascontiguousarray(rows, dtype=np.float32)
    columns = rows.shape[-1]
    shape = (*rows.shape[:-1], _row_bytes(type, columns))
    if type is TensorType.FP32:
        return rows.view(np.uint8).reshape(shape)
    with np.errstate(all="ignore"):
        if type is TensorType.FP16:
            return rows.astype("<f2").view(np.uint8).reshape(shape)
        blocks = rows.reshape(-1, BLOCK_COLUMNS)
        if type is TensorType.Q8_0:
            return _quantize_q8_0(blocks).reshape(shape)
        n_bits = 4 if type in (TensorType.Q4_0, TensorType.Q4_1) else 5
        if type in (TensorType.Q4_0, TensorType.Q5_0):
            scales, codes = _symmetric_codes(blocks, n_bits)
        else:
            scales, codes = _range_codes(blocks, n_bits)
        parts: list[NDArray[Any]] = [scales.astype("<f2").view(np.uint8)]
        if n_bits == 5:
            parts.append(np.packbits(codes >> 4, axis=-1, bitorder="little"))
        parts.append((codes[:, :_HALF] & 0x0F) | (codes[:, _HALF:] << 4))
        return np.concatenate(parts, axis=-1).reshape(shape)


def dequantize(type: TensorType, rows: Bytes) -> Floats:
    """The inverse of `quantize`.

    Parameters
    ----------
    type : TensorType
        The type of the rows.
    rows : ndarray of uint8, shape (..., row_bytes)
        Rows as a file stores them.

    Returns
    -------
    ndarray of float32, shape (..., columns)
        A new array, except that FP32 rows are returned as a view.
    """
    lead = rows.shape[:-1]
    rows = np.ascontiguousarray(rows)
    if type is TensorType.FP32:
        return rows.view("<f4").reshape(*lead, -1)
    if type is TensorType.FP16:
        return rows.view("<f2").astype(np.float32).reshape(*lead, -1)
    if type is TensorType.BF16:
        # The upper half of a float32.
        return (rows.view("<u2").astype(np.uint32) << 16).view(np.float32).reshape(*lead, -1)
    if type.block_columns == K_BLOCK_COLUMNS:
        of_type = dequantize_q6_k if type is TensorType.Q6_K else dequantize_with_minima
        return of_type(rows.reshape(-1, type.row_bytes(K_BLOCK_COLUMNS))).reshape(*lead, -1)
    blocks = rows.reshape(-1, type.row_bytes(BLOCK_COLUMNS))
    d = blocks[:, :2].copy().view("<f2").astype(np.float32)
    if type is TensorType.Q8_0:
        out = blocks[:, 2:].view(np.int8).astype(np.float32)
    else:
        nibbles = blocks[:, -_HALF:]
        codes = np.concatenate([nibbles & 0x0F, nibbles >> 4], axis=-1)
        if type in (TensorType.Q5_0, TensorType.Q5_1):
            fifth = blocks[:, -_HALF - 4 : -_HALF]
            codes |= np.unpackbits(fifth, axis=-1, bitorder="little") << 4
        out = codes.astype(np.float32)
        if type in (TensorType.Q4_0, TensorType.Q5_0):
            out -= 8 if type is TensorType.Q4_0 else 16
    with np.errstate(all="ignore"):
        out *= d
        if type in (TensorType.Q4_1, TensorType.Q5_1):
            out += blocks[:, 2:4].copy().view("<f2").astype(np.float32)
    return out.reshape(*lead, -1)


def _row_bytes(type: TensorType, columns: int) -> int:
    size = type.row_bytes(columns)
    if size == 0:
        raise ArgumentError(
            f"columns is {columns}; {type.name} stores blocks of 32, so give a multiple of 32."
        )
    return size


def _inverse(scale: NDArray[Any]) -> Floats:
    """1 / scale, and 0 where that is no number: the half of such a scale is 0 as well."""
    inverse = np.float32(1) / scale
    return np.where(np.isfinite(inverse), inverse, np.float32(0))


def _codes(values: Floats, largest: int) -> Bytes:
    """Truncates to codes in 0 ... largest; NaN becomes 0."""
    clipped: NDArray[Any] = np.fmin(np.fmax(values, np.float32(0)), np.float32(largest))
    return clipped.astype(np.uint8)


def _extreme(blocks: Floats) -> Floats:
    """The element of greatest magnitude with its sign, the first among equals: (blocks, 1)."""
    magnitude = np.abs(blocks)
    magnitude[np.isnan(magnitude)] = 0
    first = magnitude.argmax(axis=-1, keepdims=True)
    extreme = np.take_along_axis(blocks, first, axis=-1)
    return np.where(np.isnan(extreme), np.float32(0), extreme)


def _symmetric_codes(blocks: Floats, n_bits: int) -> tuple[Floats, Bytes]:
    """Maps the extreme element to code 0, whose magnitude is one above the highest code's."""
    middle = 1 << (n_bits - 1)
    d = _extreme(blocks) / np.float32(-middle)
    values = blocks * _inverse(d)
    values += np.float32(middle + 0.5)
    return d, _codes(values, 2 * middle - 1)


def _range_codes(blocks: Floats, n_bits: int) -> tuple[Floats, Bytes]:
    """Maps the least element to code 0 and the greatest to the highest; scales are (d, m)."""
    largest = (1 << n_bits) - 1
    least = np.fmin.reduce(blocks, axis=-1, keepdims=True)
    greatest = np.fmax.reduce(blocks, axis=-1, keepdims=True)
    d = (greatest - least) / np.float32(largest)
    values: Floats = blocks - least
    values *= _inverse(d)
    values += np.float32(0.5)
    return np.concatenate([d, least], axis=-1), _codes(values, largest)


def _quantize_q8_0(blocks: Floats) -> Bytes:
    d = np.abs(_extreme(blocks)) / np.float32(127)
    values = blocks * _inverse(d)
    magnitude = np.fmin(np.abs(values), np.float32(127))
    whole = np.floor(magnitude)
    whole += magnitude - whole >= np.float32(0.5)  # halves away from zero
    whole[np.isnan(values)] = 0
    codes = np.copysign(whole, values).astype(np.int8).view(np.uint8)
    return np.concatenate([d.astype("<f2").view(np.uint8), codes], axis=-1)
