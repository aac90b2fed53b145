"""A matrix times a vector, of every type, is what its bytes in the file say.

The head is the matrix at hand: its input is `Model.hidden` and its output the logits. The oracle
does in float64 what ggml's rule asks for: the vector rounded to 8 bits (or to fp16) in blocks, and
then exact sums. Rows are interleaved, masked and rescaled on their way through libecho, so rows
that fill no group of sixteen, and scales of any size and sign, matter here.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from deep_tree_echo import Model, core
from deep_tree_echo.formats.blocks import dequantize
from deep_tree_echo.formats.rwkv_file import Header, Tensor, write_file
from deep_tree_echo.formats.types import TensorType
from hypothesis import given
from hypothesis import strategies as st

from tests.random_models import random_weights

N_EMBED = 96
TYPES = ("FP32", "FP16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0")
HALVES = {"Q4_1": 2, "Q5_1": 2, "FP16": N_EMBED}  # fp16 at the start of a block; else one
# Products are rounded to float32, and there are three blocks of them.
BOUND = 2e-6


@pytest.fixture
def every_target() -> Iterator[list[str]]:
    """The SIMD targets of this machine; whatever a test forces is lifted again."""
    yield core.simd_targets()
    core.check(core.library().echo_simd_force(None))


def random_rows(kind: str, n_rows: int, seed: int, lowest: int, highest: int) -> np.ndarray:
    """Any codes, with scales of either sign between 2**lowest and 2**highest, and some of 0."""
    random = np.random.default_rng(seed)
    type = TensorType[kind]
    if kind == "FP32":
        return random.standard_normal((n_rows, N_EMBED)).astype(np.float32).view(np.uint8)
    rows = random.integers(0, 256, (n_rows, type.row_bytes(N_EMBED)), np.uint8)
    if kind == "Q8_0":
        rows[rows == 128] = 127  # no quantiser writes -128, but every file may
        rows[0, 2:] = 128
    blocks = rows.reshape(n_rows, 1 if kind == "FP16" else N_EMBED // 32, -1)
    count = HALVES.get(kind, 1)
    size = (*blocks.shape[:2], count)
    halves = random.choice([-1, 1], size) * np.exp2(random.uniform(lowest, highest, size))
    halves[random.random(size) < 0.1] = 0
    blocks[:, :, : 2 * count] = halves.astype(np.float16).view(np.uint8)
    return rows


def model_with(head: np.ndarray, kind: str) -> Model:
    """A small model with these rows as its head."""
    weights = random_weights("7.0", n_vocab=len(head), n_embed=N_EMBED, n_layer=1, head_size=32)
    tensors = [Tensor.from_floats(name, values) for name, values in weights.items()]
    assert tensors[-1].name == "head.weight"
    tensors[-1] = Tensor("head.weight", (len(head), N_EMBED), TensorType[kind], head)
    file = io.BytesIO()
    write_file(file, Header(len(head), N_EMBED, 1, TensorType.FP32), tensors)
    return Model.load(file.getvalue(), tokenizer="bytes")


def product(kind: str, rows: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What ggml's rule gives, and the sum of the terms' sizes."""
    weights = dequantize(TensorType[kind], rows).astype(np.float64)
    if kind == "FP32":
        terms = weights * x
    elif kind == "FP16":
        terms = weights * x.astype(np.float16)
    else:
        blocks = x.reshape(-1, 32)
        largest = abs(blocks).max(axis=1, keepdims=True)
        codes = np.rint(blocks * (np.float32(127) / largest))
        step = largest / np.float32(127)
        rounded = step.astype(np.float16).astype(np.float64) * codes
        terms = weights.reshape(len(rows), -1, 32) * rounded
        if kind in ("Q4_1", "Q5_1"):
            # The minimum meets the block's sum, which is rounded by itself.
            sums = (step * codes.sum(axis=1, keepdims=True)).astype(np.float16)
            halves = rows.reshape(len(rows), -1, TensorType[kind].row_bytes(32))[:, :, 2:4]
            minima = np.ascontiguousarray(halves).view(np.float16).astype(np.float64)
            terms += minima * (sums.astype(np.float64) - rounded.sum(axis=1, keepdims=True)) / 32
        terms = terms.reshape(len(rows), -1)
    return terms.sum(axis=1), abs(terms).sum(axis=1)


@pytest.mark.parametrize("kind", TYPES)
@given(
    n_rows=st.integers(256, 272),
    seed=st.integers(0, 2**32),
    lowest=st.integers(-24, 5),
    width=st.integers(0, 10),
)
def test_any_bytes(kind: str, n_rows: int, seed: int, lowest: int, width: int) -> None:
    rows = random_rows(kind, n_rows, seed, lowest, lowest + width)
    with model_with(rows, kind) as model:
        logits, _ = model.eval([seed % n_rows])
        expected, terms = product(kind, rows, model.hidden())
    assert (abs(logits - expected) <= BOUND * terms + 1e-30).all()


@pytest.mark.parametrize("kind", TYPES)
def test_every_simd_target(every_target: list[str], kind: str) -> None:
    rows = random_rows(kind, 259, 1, -12, -6)
    with model_with(rows, kind) as model:
        for target in every_target:
            core.check(core.library().echo_simd_force(target.encode()))
            logits, _ = model.eval([7])
            expected, terms = product(kind, rows, model.hidden())
            assert (abs(logits - expected) <= BOUND * terms).all(), target
