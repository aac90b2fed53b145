"""Turning the K types of GGUF files into floats, as ggml does it.

A block has 256 elements of a row, little endian.

``Q4_K``: halves ``d`` and ``e``, twelve bytes with eight scales and eight minima of 6 bits each,
128 bytes of nibbles. Part ``j`` of 32 elements is ``(d * scale[j]) * code - e * minimum[j]``; the
parts 2 i and 2 i + 1 share 32 bytes, the even one in the low nibbles. ``Q5_K`` has 32 more bytes
before those: bit ``j`` of byte ``i`` is the fifth bit of element ``i`` of part ``j``.

``Q6_K``: 128 bytes with the low four bits of the codes, 64 with their high two, sixteen int8
scales, and a half ``d``. Part ``j`` of 16 elements is ``(d * scale[j]) * (code - 32)``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


def dequantize_with_minima(blocks: Bytes) -> Floats:
    """Blocks of Q4_K (n, 144) or Q5_K (n, 176) -> float32 (n, 256)."""
    halves = blocks[:, :4].copy().view("<f2").astype(np.float32)
    packed = blocks[:, 4:16]
    first, second, both = packed[:, 0:4], packed[:, 4:8], packed[:, 8:12]
    # Parts 0 to 3 have six bits in one byte; the upper two of the others lie in those bytes.
    scales = np.concatenate([first & 63, (both & 15) | ((first >> 6) << 4)], axis=-1)
    minima = np.concatenate([second & 63, (both >> 4) | ((second >> 6) << 4)], axis=-1)
    shared = blocks[:, -128:].reshape(-1, 4, 32)
    codes = np.stack([shared & 15, shared >> 4], axis=2).reshape(-1, 8, 32)
    if blocks.shape[1] > 16 + 128:
        part = np.arange(8, dtype=np.uint8).reshape(1, 8, 1)
        codes |= ((blocks[:, 16:48].reshape(-1, 1, 32) >> part) & 1) << 4
    with np.errstate(all="ignore"):
        scale = halves[:, :1] * scales.astype(np.float32)
        minimum = halves[:, 1:] * minima.astype(np.float32)
        out = scale[..., None] * codes.astype(np.float32)
        out -= minimum[..., None]
    return out.reshape(-1, 256)


def dequantize_q6_k(blocks: Bytes) -> Floats:
    """Blocks (n, 210) -> float32 (n, 256)."""
    # Each half of a block is four parts of 32 codes: the low bits in the nibbles of 64 bytes,
    # the low ones first, the high bits in pairs of the same 32 bytes.
    low = blocks[:, :128].reshape(-1, 2, 1, 64)
    nibbles = np.concatenate([low & 15, low >> 4], axis=2).reshape(-1, 2, 4, 32)
    high = blocks[:, 128:192].reshape(-1, 2, 1, 32)
    pairs = (high >> np.array([0, 2, 4, 6], np.uint8).reshape(1, 1, 4, 1)) & 3
    codes = (nibbles | (pairs << 4)).astype(np.int8) - np.int8(32)
    scales = blocks[:, 192:208].view(np.int8).astype(np.float32)
    d = blocks[:, 208:].copy().view("<f2").astype(np.float32)
    with np.errstate(all="ignore"):
        parts: Floats = codes.reshape(-1, 16, 16).astype(np.float32)
        parts *= (d * scales)[..., None]
    return parts.reshape(-1, 256)
