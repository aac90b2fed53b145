"""Rounding to blocks is ggml's, bit for bit."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from deep_tree_echo.errors import ArgumentError
from deep_tree_echo.formats.blocks import dequantize, quantize
from deep_tree_echo.formats.types import RWKV_TYPES, TensorType
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

QUANTISED = [type for type in RWKV_TYPES if type.quantised]
ROWS = arrays(np.float32, (3, 64), elements=st.floats(width=32, allow_nan=False))


@pytest.fixture(scope="module")
def gguf() -> ModuleType:
    return pytest.importorskip("gguf", reason="gguf, the oracle, is not installed here")


def gguf_type(gguf: ModuleType, type: TensorType) -> Any:
    return gguf.GGMLQuantizationType[type.name.replace("FP", "F")]


@pytest.mark.parametrize("type", RWKV_TYPES, ids=lambda type: type.name)
@pytest.mark.parametrize("scale", [1e-6, 1e-2, 1.0, 1e3])
def test_agrees_with_gguf(gguf: ModuleType, type: TensorType, scale: float) -> None:
    rows = np.random.default_rng(2).standard_normal((50, 96)).astype(np.float32) * np.float32(scale)
    rows[7] = 0
    rows[8, :40] = -scale
    ours = quantize(type, rows)
    theirs = np.ascontiguousarray(gguf.quantize(rows, gguf_type(gguf, type))).view(np.uint8)
    assert np.array_equal(ours, theirs)
    back = gguf.dequantize(theirs, gguf_type(gguf, type))
    assert np.array_equal(dequantize(type, ours), back)


@pytest.mark.parametrize("type", list(TensorType), ids=lambda type: type.name)
def test_any_bytes_are_some_floats(gguf: ModuleType, type: TensorType) -> None:
    size = type.row_bytes(512)
    rows = np.random.default_rng(3).integers(0, 256, (20, size), np.uint8)
    floats = dequantize(type, rows)
    assert floats.shape == (20, 512)
    with np.errstate(all="ignore"):
        theirs = gguf.dequantize(rows, gguf_type(gguf, type))
    assert np.array_equal(floats, theirs, equal_nan=True)


@pytest.mark.parametrize("type", QUANTISED, ids=lambda type: type.name)
@given(ROWS)
def test_the_error_is_at_most_a_step(type: TensorType, rows: np.ndarray) -> None:
    rows = np.clip(rows, -6e4, 6e4)
    back = dequantize(type, quantize(type, rows))
    levels = {"Q4": 15, "Q5": 31, "Q8": 254}[type.name[:2]]
    blocks, error = rows.reshape(-1, 32), np.abs(rows - back).reshape(-1, 32)
    span = 2 * np.abs(blocks).max(axis=1)
    # A step, the rounding of the scale and the offset to halves, and the least half there is.
    bound = span / levels + span * 2**-10 + levels * 2**-24 + 2**-24
    assert (error.max(axis=1) <= bound).all()


@pytest.mark.parametrize("type", QUANTISED, ids=lambda type: type.name)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e-45, 3e38])
def test_what_no_code_expresses(type: TensorType, value: float) -> None:
    row = np.linspace(-1, 1, 32, dtype=np.float32)
    row[5] = value
    assert quantize(type, row).shape == (type.row_bytes(32),)


def test_rows_fill_blocks() -> None:
    with pytest.raises(ArgumentError, match="columns is 40"):
        quantize(TensorType.Q4_0, np.zeros((2, 40), np.float32))
    with pytest.raises(ArgumentError, match="'Q6_K'"):
        TensorType.parse("Q6_K")
    with pytest.raises(ArgumentError, match="Q4_K; that type is only read"):
        quantize(TensorType.Q4_K, np.zeros((1, 256), np.float32))
