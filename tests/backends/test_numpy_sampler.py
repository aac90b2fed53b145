"""NumPy's sampler draws what libecho's draws, token for token and bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from deep_tree_echo import core
from deep_tree_echo.backends.python_rwkv.sampler import NumpySampler
from deep_tree_echo.errors import ArgumentError, BackendError
from deep_tree_echo.pcg32 import Random
from deep_tree_echo.platform import library_path
from deep_tree_echo.sampling import SamplingSettings
from hypothesis import given
from hypothesis import strategies as st

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0, 4),
        "top_p": st.floats(0.001, 1),
        "top_k": st.integers(0, 300),
        "min_p": st.floats(0, 0.99),
        "typical_p": st.floats(0.001, 1),
        "repetition_penalty": st.floats(0.25, 4),
        "presence_penalty": st.floats(-2, 2),
        "frequency_penalty": st.floats(-1, 1),
    },
)


def both(settings: SamplingSettings, n_vocab: int) -> tuple[NumpySampler, core.Sampler]:
    try:
        library_path()
    except BackendError as error:
        pytest.skip(str(error))
    return NumpySampler(settings, n_vocab), core.Sampler(settings, n_vocab)


def agree(settings: SamplingSettings, rows: np.ndarray) -> None:
    ours, theirs = both(settings, rows.shape[-1])
    for logits in rows:
        token, probability = ours.sample(logits)
        assert (token, probability) == theirs.sample(logits)
        ours.accept(token)
        theirs.accept(token)


@given(
    SETTINGS,
    st.integers(0, 2**64 - 1),
    st.integers(1, 1200),
    st.sampled_from([0.01, 1.0, 3.0, 30.0]),
)
def test_same_draws(values: dict, seed: int, n_vocab: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    rows = (random.standard_normal((6, n_vocab)) * scale).astype(np.float32)
    agree(SamplingSettings(**values, seed=seed), rows)


@given(SETTINGS, st.integers(0, 2**32), st.integers(2, 40))
def test_same_draws_among_equals(values: dict, seed: int, n_vocab: int) -> None:
    rows = np.random.default_rng(seed).integers(-2, 3, (6, n_vocab)).astype(np.float32)
    agree(SamplingSettings(**values, seed=seed), rows)


@given(SETTINGS, st.lists(FLOATS, min_size=1, max_size=20), st.integers(0, 2**32))
def test_same_draws_of_any_floats(values: dict, logits: list[float], seed: int) -> None:
    agree(SamplingSettings(**values, seed=seed), np.array([logits] * 3, np.float32))


@given(
    st.dictionaries(st.integers(0, 63), st.one_of(st.floats(-9, 9), st.just(-np.inf)), max_size=20),
    st.integers(0, 2**32),
)
def test_same_draws_with_bias(bias: dict[int, float], seed: int) -> None:
    rows = np.random.default_rng(seed).standard_normal((6, 64)).astype(np.float32)
    agree(SamplingSettings(temperature=1.0, top_p=1.0, top_k=0, bias=bias, seed=seed), rows)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_same_draws_of_a_whole_vocabulary(temperature: float) -> None:
    rows = np.random.default_rng(1).standard_normal((8, 65536)).astype(np.float32) * 2
    for values in ({}, {"top_p": 1.0, "top_k": 0}, {"top_k": 0}, {"top_k": 0, "typical_p": 0.5}):
        agree(SamplingSettings(**{**values, "temperature": temperature, "seed": 9}), rows)


def test_what_is_not_finite() -> None:
    logits = np.array([np.nan, 1, -np.inf, np.inf, 2], np.float32)
    agree(SamplingSettings(seed=1), np.stack([logits] * 4))
    with pytest.raises(ArgumentError, match="finite"):
        NumpySampler(SamplingSettings(seed=1), 2).sample(np.array([np.nan, np.inf], np.float32))


def test_refusals() -> None:
    with pytest.raises(ArgumentError, match="token 4 "):
        NumpySampler(SamplingSettings(seed=1, bias={4: 1.0}), 4)
    sampler = NumpySampler(SamplingSettings(seed=1, bias={0: -np.inf, 1: -np.inf}), 2)
    with pytest.raises(ArgumentError, match="none of the 2 tokens"):
        sampler.sample(np.zeros(2, np.float32))
    with pytest.raises(ArgumentError, match="token -1 "):
        sampler.accept(-1)
    with pytest.raises(ArgumentError, match="shape"):
        sampler.sample(np.zeros(3, np.float32))


def test_the_generator_is_pcg32() -> None:
    """The first numbers of the demonstration program of the paper's library."""
    random = Random(42)
    assert [hex(random.next()) for _ in range(3)] == ["0xa15c02b7", "0x7b47f409", "0xba1d3330"]
