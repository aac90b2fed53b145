"""What these tests write as GGUF is what PyPI ``gguf`` reads, and the core reads it alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from deep_tree_echo import core
from deep_tree_echo.errors import ArgumentError
from hypothesis import given
from hypothesis import strategies as st

from tests.gguf_files import GGML_TYPES, encode, gguf_file


@pytest.fixture(scope="module")
def gguf() -> Any:
    return pytest.importorskip("gguf", reason="gguf, the oracle, is not installed here")


def ggml_name(type: str) -> str:
    return type.replace("FP", "F")


def dequantize(type: str, rows: np.ndarray, columns: int) -> np.ndarray:
    """By libecho: bytes (n, row bytes) -> float32 (n, columns)."""
    floats = np.empty((len(rows), columns), np.float32)
    core.check(
        core.library().echo_dequantize(
            core.READ_TYPES[type], core.address(rows), len(rows), columns, core.address(floats)
        )
    )
    return floats


@pytest.mark.parametrize("type", core.READ_TYPES)
@given(seed=st.integers(0, 2**32 - 1))
def test_any_bytes_are_the_same_floats(gguf: Any, type: str, seed: int) -> None:
    bytes_in_row = core.library().echo_row_bytes(core.READ_TYPES[type], 512)
    rows = np.random.default_rng(seed).integers(0, 256, (4, bytes_in_row), np.uint8)
    with np.errstate(all="ignore"):
        theirs = gguf.dequantize(rows, gguf.GGMLQuantizationType[ggml_name(type)])
    assert np.array_equal(dequantize(type, rows, 512), theirs.reshape(4, 512), equal_nan=True)


@pytest.mark.parametrize("type", ["Q4_K", "Q5_K", "Q6_K", "BF16"])
def test_types_that_are_only_read_are_not_written(type: str) -> None:
    rows = np.zeros((1, 256), np.float32)
    to = np.zeros(1024, np.uint8)
    with pytest.raises(ArgumentError, match=rf"type is {core.READ_TYPES[type]} and must be one"):
        core.check(
            core.library().echo_quantize(
                core.READ_TYPES[type], core.address(rows), 1, 256, core.address(to)
            )
        )


@pytest.mark.parametrize(
    ("type", "bound"), [("Q4_K", 0.3), ("Q5_K", 0.15), ("Q6_K", 0.08), ("BF16", 0.02)]
)
def test_rounding_in_the_tests_stays_near(type: str, bound: float) -> None:
    values = np.random.default_rng(4).standard_normal((8, 512)).astype(np.float32)
    rows = np.frombuffer(encode(type, values), np.uint8).reshape(8, -1).copy()
    assert np.abs(dequantize(type, rows, 512) - values).max() < bound


@pytest.mark.parametrize("architecture", ["6.0", "7.0"])
@pytest.mark.parametrize("type", GGML_TYPES)
def test_files_are_read_by_gguf(gguf: Any, tmp_path: Path, architecture: str, type: str) -> None:
    file = gguf_file(
        architecture, type=type, n_embed=256, n_layer=2, tokens=["<s>", "\\n"], token_types=[3, 1]
    )
    file = replace(file, order=tuple(reversed(range(len(file.tensors)))), alignment=64)
    file = file.with_pair("general.alignment", 4, 64)
    path = tmp_path / "model.gguf"
    path.write_bytes(file.pack())
    reader = gguf.GGUFReader(path)
    names = {tensor.name: tensor for tensor in reader.tensors}
    assert len(names) == len(file.tensors)
    for tensor in file.tensors:
        found = names[tensor.name]
        assert found.tensor_type == gguf.GGMLQuantizationType(tensor.type)
        assert tuple(reversed(found.shape.tolist())) == tensor.shape
        assert np.ascontiguousarray(found.data).tobytes() == tensor.data
    for key, _, value in file.pairs:
        assert _plain(reader.get_field(key).contents()) == _plain(value), key


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value[1])
    return pytest.approx(value) if isinstance(value, float) else value
