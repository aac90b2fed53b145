"""Bad arguments get one sentence; states, models and answers stay as they were."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest
from deep_tree_echo import Chain, Model, ModelFile, SamplingSettings, State
from deep_tree_echo.errors import ArgumentError, DownloadError, EchoError
from deep_tree_echo.formats import Tensor

from tests.bad_input import null_pointers
from tests.bad_input.files import good, rewritten
from tests.bad_input.loading import answers, is_one_sentence, load, pieces
from tests.conftest import ON_PYODIDE, ROOT
from tests.coroutines import drive
from tests.evaluators import BACKENDS
from tests.random_models import ARCHITECTURES, random_model_bytes


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request) -> Iterator[Any]:
    loaded = load(request.param, good())
    yield loaded
    loaded.close()


@pytest.fixture(autouse=True)
def unchanged(backend) -> Iterator[None]:
    """Whatever a test does, the model says the same afterwards."""
    before = answers(backend)
    yield
    for now, then in zip(answers(backend), before, strict=True):
        np.testing.assert_array_equal(now, then)


def sentence_of(caught: pytest.ExceptionInfo[EchoError]) -> str:
    text = str(caught.value)
    assert is_one_sentence(text), text
    return text


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ([257], ["tokens[0]", "257", "256"]),
        ([1, 2, 1000000], ["tokens[2]", "1000000"]),
        ([1, -1], ["tokens[1]", "-1"]),
        ([1, 2**32], ["tokens[1]", "4294967296"]),
        ([2**64], ["18446744073709551616"]),
        (np.array([3, 300], np.uint16), ["tokens[1]", "300"]),
        (np.array([1, 400], object), ["tokens[1]", "400"]),
        ([0.5], ["tokens", "0.5"]),
        (["a"], ["tokens", "'a'"]),
        ([None], ["tokens", "None"]),
        ([], ["tokens", "[]"]),
        ([[1, 2], [3, 4]], ["tokens"]),
        ("12", ["tokens", "'12'"]),
        (7, ["tokens", "7"]),
        (None, ["tokens", "None"]),
    ],
)
def test_tokens(backend, tokens, words):
    model = backend.model
    _, state = model.eval([1, 2, 3])
    kept = state.to_numpy()
    with pytest.raises(ArgumentError) as caught:
        model.eval(tokens, state)
    text = sentence_of(caught)
    for word in words:
        assert word in text
    np.testing.assert_array_equal(state.to_numpy(), kept)


@pytest.mark.parametrize("other", ARCHITECTURES[:-1])
def test_a_state_of_another_architecture(backend, other):
    strange = load(backend.name, random_model_bytes(other, n_embed=64, n_layer=2))
    _, state = strange.model.eval([1])
    with pytest.raises(ArgumentError, match="belongs to RWKV") as caught:
        backend.model.eval([1], state)
    assert f"RWKV {other}" in sentence_of(caught)
    assert "RWKV 7.0" in str(caught.value)


@pytest.mark.parametrize("wrong", ["no state", 3, np.zeros(4, np.float32), b"", object()])
def test_what_is_no_state(backend, wrong):
    with pytest.raises(ArgumentError, match="state") as caught:
        backend.model.eval([1], wrong)
    sentence_of(caught)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda array: array[:-1], ["numbers"]),
        (lambda array: np.append(array, 0), ["numbers"]),
        (lambda array: np.zeros(0), ["0 numbers"]),
        (lambda array: array.astype(complex) + 1j, ["array"]),
        (lambda array: ["a"] * array.size, ["array", "numbers"]),
        (lambda array: None, ["array"]),
        (lambda array: np.where(np.arange(array.size) == 5, np.nan, array), ["array[5]", "nan"]),
        (lambda array: np.where(np.arange(array.size) == 6, np.inf, array), ["array[6]", "inf"]),
    ],
)
def test_arrays_that_are_no_state(backend, change, words):
    model = backend.model
    array = model.eval([1, 2])[1].to_numpy()
    with pytest.raises(ArgumentError) as caught:
        State.from_numpy(model, change(array))
    text = sentence_of(caught)
    for word in words:
        assert word in text


@pytest.mark.parametrize("kind", [np.float64, np.float16, ">f4", list])
def test_arrays_of_other_types_are_converted(backend, kind):
    model = backend.model
    array = model.eval([1, 2])[1].to_numpy()
    other = array.tolist() if kind is list else array.astype(kind)
    state = State.from_numpy(model, other)
    expected = np.asarray(other).astype(np.float32)
    np.testing.assert_array_equal(state.to_numpy(), expected)
    strided = np.repeat(array, 2)[::2]
    np.testing.assert_array_equal(
        model.eval([3], State.from_numpy(model, strided))[0],
        model.eval([3], State.from_numpy(model, array))[0],
    )


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\x00", "\U0010ffff", "\r\n", "é" * 300])
def test_strange_texts_are_read(backend, text):
    generation = backend.generate(text, max_tokens=3, settings=SamplingSettings(seed=1))
    for _ in generation:
        pass
    assert generation.context_tokens >= len(text.encode("utf-8", "replace"))
    generation.text.encode()  # no half characters


def test_bytes_that_are_not_utf8_become_replacement_characters(backend):
    """A model that only says 0xff."""
    bias = {token: -np.inf for token in range(257) if token != 0xFF + 1}
    settings = SamplingSettings(seed=1, bias=bias)
    generation = backend.generate("a", max_tokens=4, settings=settings)
    for _ in generation:
        pass
    assert generation.text == "\ufffd" * 4


def poisoned(name: str, value: float, rows: int | None = None) -> bytes:
    """The good file with some rows of a tensor that are not finite."""

    def change(tensors: list[Tensor]) -> list[Tensor]:
        changed = []
        for tensor in tensors:
            if tensor.name == name:
                floats = tensor.floats().copy()
                floats[:rows] = value
                tensor = Tensor.from_floats(name, floats)
            changed.append(tensor)
        return changed

    return rewritten(change)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["emb.weight", "blocks.0.att.key.weight", "ln_out.weight"])
def test_weights_that_are_not_finite(backend, name, value):
    """No made-up answer: the sampler says that there is nothing to draw from."""
    loaded = load(backend.name, poisoned(name, value))
    generation = loaded.generate("abc", max_tokens=4, settings=SamplingSettings(seed=1))
    with pytest.raises(EchoError, match="finite") as caught:
        for _ in generation:
            pass
    sentence_of(caught)
    assert generation.text == ""


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_token_whose_logit_is_not_a_number_is_never_drawn(backend):
    loaded = load(backend.name, poisoned("head.weight", np.nan, rows=200))
    logits, _ = loaded.model.eval([1])
    assert np.isnan(logits[:200]).all()
    sampler = loaded.model.new_sampler(SamplingSettings(seed=1, top_k=0, top_p=1.0))
    for _ in range(100):
        token, probability = sampler.sample(logits)
        assert 200 <= token < 257
        assert 0 < probability <= 1


class SourceError(Exception):
    """What a caller's own iterable may raise."""


def broken_off(error: BaseException) -> Iterator[bytes]:
    for i, piece in enumerate(pieces(good(), 50_000)):
        if i == 5:
            raise error
        yield piece


async def slowly(error: BaseException | None = None) -> AsyncIterator[bytes]:
    for piece in broken_off(error) if error else pieces(good(), 50_000):
        await asyncio.sleep(0)
        yield piece


@pytest.mark.parametrize("error", [SourceError("mine"), OSError("gone"), KeyboardInterrupt()])
def test_an_iterable_that_raises(error):
    with pytest.raises(type(error)) as caught:
        Model.load(broken_off(error))
    assert caught.value is error
    with pytest.raises(type(error)):
        drive(Model.load_async(slowly(error)))


@pytest.mark.parametrize("preference", BACKENDS)
def test_a_download_that_breaks_off(preference):
    file = ModelFile("far.bin", len(good()), lambda: broken_off(OSError("connection reset")))
    with pytest.raises(DownloadError, match=r"far\.bin.*connection reset") as caught:
        Chain.load(file, preference)
    sentence_of(caught)
    short = ModelFile("far.bin", len(good()), lambda: [good()[:100_000]])
    with pytest.raises(DownloadError, match=f"Only 100000 of the {len(good())} bytes") as caught:
        Chain.load(short, preference)
    sentence_of(caught)


@pytest.mark.parametrize("turns", [1, 2, 7, 12])
def test_a_load_that_is_cancelled(turns):
    with pytest.raises(asyncio.CancelledError):
        drive(Model.load_async(slowly()), turns)
    for preference in BACKENDS:
        file = ModelFile("far.bin", len(good()), slowly)
        with pytest.raises(asyncio.CancelledError):
            drive(Chain.load_async(file, preference), turns)


def test_a_load_that_is_not_cancelled():
    """What `drive` does with the same iterable when it is left alone."""
    expected = Model.load(good()).eval([1])[0]
    np.testing.assert_array_equal(drive(Model.load_async(slowly())).eval([1])[0], expected)


@pytest.mark.parametrize("piece", ["text", 5, None, [1, 2]])
def test_pieces_that_are_no_bytes(piece):
    with pytest.raises(ArgumentError, match="bytes") as caught:
        Model.load([good()[:100], piece])
    sentence_of(caught)


def test_null_pointers_are_answered():
    """Every function of echo.h, with NULL for each pointer."""
    if ON_PYODIDE:
        null_pointers.check_all()
        return
    path = os.pathsep.join([str(ROOT), str(ROOT / "py"), os.environ.get("PYTHONPATH", "")])
    process = subprocess.run(
        [sys.executable, "-m", "tests.bad_input.null_pointers"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == 0, f"{process.stdout[-200:]} {process.stderr}"
