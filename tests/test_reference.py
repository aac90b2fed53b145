"""libecho and python_rwkv against the author's code, and against each other."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from deep_tree_echo.backends.python_rwkv import PythonRwkv
from deep_tree_echo.backends.python_rwkv.model import NumpyModel
from deep_tree_echo.errors import BackendError
from deep_tree_echo.model import Model
from deep_tree_echo.platform import library_path

from tests.oracles.cases import CASES, N_TOKENS, POSITIONS, STATE_STRIDE, Case
from tests.random_models import ARCHITECTURES, random_model_bytes

BOUND = 1e-3
"""How far logits may be apart in FP32 after 64 tokens. Measured: 7e-6."""
ROUNDED = {"FP16": 2e-3} | dict.fromkeys(("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"), 0.04)
"""How far the logits may be apart, as a share of their spread, with weights of these types.

libecho, as ggml, rounds a matrix's inputs too, python_rwkv does not. FP16 takes up to 2**-11 of
an input, and the 8 bits that go with quantised weights up to 1/254 of the greatest in its block;
the losses are independent and add up over the layers. Measured: 6e-4 and 0.02. A mistake in a
layout makes the logits as far apart as two texts' are, which is the spread itself.
"""


def numpy_model(data: bytes, memory_limit_mb: float | None = None) -> NumpyModel:
    loader = PythonRwkv.loader(name="random", size=len(data), memory_limit_mb=memory_limit_mb)
    loader.push(data)
    return loader.finish().model


def libecho_model(data: bytes) -> Model:
    try:
        library_path()
    except BackendError as error:
        pytest.skip(str(error))
    return Model.load(data)


LOADERS = {"libecho": libecho_model, "python_rwkv": numpy_model}


@cache
def random_file(architecture: str, type: str) -> bytes:
    return random_model_bytes(architecture, n_embed=128, n_layer=3, seed=5, type=type)


@pytest.mark.parametrize("backend", LOADERS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_agrees_with_the_authors_code(backend: str, case: Case) -> None:
    model = LOADERS[backend](random_model_bytes(**case.parameters()))
    state = None
    logits = []
    for count, token in enumerate(case.tokens().tolist(), 1):
        output, state = model.eval([token], state)
        if count in POSITIONS:
            logits.append(output)
    with np.load(case.path) as golden:
        assert golden["logits"].std() > 0.5
        assert np.abs(np.stack(logits) - golden["logits"]).max() <= BOUND
        assert np.abs(state.to_numpy()[::STATE_STRIDE] - golden["state"]).max() <= BOUND


@pytest.mark.parametrize("backend", LOADERS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_sequence_agrees_with_the_authors_code(backend: str, case: Case) -> None:
    model = LOADERS[backend](random_model_bytes(**case.parameters()))
    logits, state = model.eval(case.tokens())
    with np.load(case.path) as golden:
        assert np.abs(logits - golden["logits"][-1]).max() <= BOUND
        assert np.abs(state.to_numpy()[::STATE_STRIDE] - golden["state"]).max() <= BOUND


def test_every_architecture_has_been_asked() -> None:
    assert {case.architecture for case in CASES} == set(ARCHITECTURES)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_backends_agree(architecture: str) -> None:
    data = random_file(architecture, "FP32")
    tokens = np.random.default_rng(3).integers(0, 257, N_TOKENS)
    a, state_a = numpy_model(data).eval(tokens)
    b, state_b = libecho_model(data).eval(tokens)
    assert np.abs(a - b).max() <= BOUND
    assert np.abs(state_a.to_numpy() - state_b.to_numpy()).max() <= BOUND


@pytest.mark.parametrize("type", ROUNDED)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_backends_agree_rounded(architecture: str, type: str) -> None:
    data = random_file(architecture, type)
    ours, theirs = numpy_model(data), libecho_model(data)
    state_a = state_b = None
    same, errors = 0, []
    for token in np.random.default_rng(4).integers(0, 257, N_TOKENS).tolist():
        a, state_a = ours.eval([token], state_a)
        b, state_b = theirs.eval([token], state_b)
        same += int(a.argmax() == b.argmax())
        errors.append(float(np.sqrt(np.mean((a - b) ** 2)) / a.std()))
    assert np.median(errors) <= ROUNDED[type]
    assert max(errors) <= 5 * ROUNDED[type]
    assert same >= 0.85 * N_TOKENS


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_states_can_be_exchanged(architecture: str) -> None:
    data = random_file(architecture, "FP32")
    ours, theirs = numpy_model(data), libecho_model(data)
    _, state = theirs.eval([1, 2, 3, 4, 5])
    here, after_here = ours.eval([6, 7], state)
    there, after_there = theirs.eval([6, 7], state)
    assert np.abs(here - there).max() <= BOUND
    back, _ = theirs.eval([8], after_here)
    stayed, _ = theirs.eval([8], after_there)
    assert np.abs(back - stayed).max() <= BOUND
