"""Rounding floats to ggml's k-quants in the plainest way, for test files: nothing but these tests
writes them. What the bytes mean is checked against PyPI ``gguf``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]


def _steps(values: NDArray[Any], step: NDArray[Any], most: int) -> NDArray[np.int64]:
    """``values / step`` to the nearest whole numbers from 0 to ``most``; 0 where the step is."""
    counts = np.divide(values, step, out=np.zeros(np.shape(values)), where=step != 0)
    steps: NDArray[np.int64] = np.clip(np.rint(counts), 0, most).astype(np.int64)
    return steps


def _halves(values: NDArray[Any]) -> tuple[NDArray[Any], Bytes]:
    """Rounded to halves: (n) -> themselves (n, 1), their bytes (n, 2)."""
    half = values.astype("<f2")
    return half.astype(np.float64)[:, None], half.view(np.uint8).reshape(-1, 2)


def _with_minima(blocks: Floats, most: int) -> tuple[Bytes, NDArray[np.int64]]:
    """The first 16 bytes of Q4_K and Q5_K blocks (n, 256), and the codes (n, 8, 32)."""
    parts = blocks.reshape(-1, 8, 32).astype(np.float64)
    low = np.minimum(parts.min(axis=2), 0)
    step = (np.maximum(parts.max(axis=2), 0) - low) / most
    d, d_bytes = _halves(step.max(axis=1) / 63)
    e, e_bytes = _halves(-low.min(axis=1) / 63)
    scales, minima = _steps(step, d, 63), _steps(-low, e, 63)
    codes = _steps(parts + (e * minima)[..., None], (d * scales)[..., None], most)
    packed = np.concatenate(
        [
            scales[:, :4] | scales[:, 4:] >> 4 << 6,
            minima[:, :4] | minima[:, 4:] >> 4 << 6,
            scales[:, 4:] & 15 | (minima[:, 4:] & 15) << 4,
        ],
        axis=1,
    ).astype(np.uint8)
    return np.concatenate([d_bytes, e_bytes, packed], axis=1), codes


def _nibbles(codes: NDArray[np.int64]) -> Bytes:
    """The low four bits of codes (n, 8, 32), two parts in 32 bytes: (n, 128)."""
    low = codes & 15
    return (low[:, 0::2] | low[:, 1::2] << 4).astype(np.uint8).reshape(-1, 128)


def quantize_q4_k(blocks: Floats) -> Bytes:
    """(n, 256) -> (n, 144)."""
    head, codes = _with_minima(blocks, 15)
    return np.concatenate([head, _nibbles(codes)], axis=1)


def quantize_q5_k(blocks: Floats) -> Bytes:
    """(n, 256) -> (n, 176)."""
    head, codes = _with_minima(blocks, 31)
    fifth = ((codes >> 4) << np.arange(8)[:, None]).sum(axis=1).astype(np.uint8)
    return np.concatenate([head, fifth, _nibbles(codes)], axis=1)


def quantize_q6_k(blocks: Floats) -> Bytes:
    """(n, 256) -> (n, 210)."""
    parts = blocks.reshape(-1, 16, 16).astype(np.float64)
    step = np.abs(parts).max(axis=2) / 31
    d, d_bytes = _halves(step.max(axis=1) / 127)
    scales = _steps(step, d, 127)
    codes = _steps(parts + 32 * (d * scales)[..., None], (d * scales)[..., None], 63)
    codes[scales == 0] = 32
    quarters = codes.reshape(-1, 2, 4, 32)
    low = quarters & 15
    nibbles = np.concatenate(
        [low[:, :, 0] | low[:, :, 2] << 4, low[:, :, 1] | low[:, :, 3] << 4], axis=2
    )
    high = ((quarters >> 4) << (2 * np.arange(4))[:, None]).sum(axis=2)
    return np.concatenate(
        [
            nibbles.reshape(-1, 128).astype(np.uint8),
            high.reshape(-1, 64).astype(np.uint8),
            scales.astype(np.uint8),
            d_bytes,
        ],
        axis=1,
    )
