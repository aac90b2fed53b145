"""The backend on libecho."""

from __future__ import annotations

import numpy as np
import pytest
from deep_tree_echo import SamplingSettings, platform
from deep_tree_echo.backends.rwkv_cpp import RwkvCpp
from deep_tree_echo.errors import (
    ArgumentError,
    BackendError,
    MemoryBudgetError,
    ModelFormatError,
    UnsupportedModelError,
)

from tests.random_models import ARCHITECTURES, random_model_bytes

GREEDY = SamplingSettings(temperature=0, seed=0)


def load(data, limit=600.0, size=None):
    loader = RwkvCpp.loader(name="model.bin", size=size, memory_limit_mb=limit)
    try:
        for begin in range(0, len(data), 10_000):
            loader.push(data[begin : begin + 10_000])
        return loader.finish()
    finally:
        loader.close()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_answers(architecture):
    backend = load(random_model_bytes(architecture))
    generation = backend.generate("Hello", max_tokens=10, settings=GREEDY)
    events = list(generation)
    assert [event.type for event in events[:2]] == ["prompt", "token"]
    assert generation.stop_reason in ("length", "end")
    assert backend.description["architecture"] == architecture


def test_its_description():
    description = load(random_model_bytes()).description
    assert description["type"] == "FP32"
    assert description["n_layer"] == 3
    assert description["state_bytes"] == 4 * 3 * (2 * 64 + 64 * 64)


def test_its_name_is_the_files():
    assert load(random_model_bytes()).model_name == "model.bin"


def test_answers_repeat_with_their_seed():
    backend = load(random_model_bytes())

    def text(seed):
        generation = backend.generate("Hi", max_tokens=20, settings=SamplingSettings(seed=seed))
        return list(generation) and generation.text

    assert text(1) == text(1)
    assert len({text(seed) for seed in range(5)}) > 1


def test_a_state_can_be_used_many_times():
    backend = load(random_model_bytes())
    first = backend.generate("Hello", max_tokens=5, settings=GREEDY)
    list(first)
    before = first.state.state.to_numpy()
    one = backend.generate(" and", first.state, max_tokens=9, settings=GREEDY)
    two = backend.generate(" and", first.state, max_tokens=9, settings=GREEDY)
    for _ in zip(one, two, strict=True):
        pass
    assert one.text == two.text
    assert np.array_equal(before, first.state.state.to_numpy())


def test_what_is_wrong_with_a_file_is_said():
    data = random_model_bytes()
    with pytest.raises(ModelFormatError):
        load(b"GIF89a" + data)
    with pytest.raises(ModelFormatError):
        load(data[:-5])
    with pytest.raises(ModelFormatError):
        load(data, size=len(data) + 1)
    with pytest.raises(MemoryBudgetError):
        load(data, limit=0.2)


def test_a_model_without_a_tokenizer_is_not_supported():
    with pytest.raises(UnsupportedModelError, match="n_vocab is 50277"):
        load(random_model_bytes(n_vocab=50277, n_layer=1))


def test_a_missing_library(monkeypatch):
    def missing():
        raise BackendError("libecho.so is missing.")

    monkeypatch.setattr("deep_tree_echo.core.rwkv.library", missing)
    with pytest.raises(BackendError, match=r"libecho\.so is missing"):
        RwkvCpp.loader(name="model.bin", size=None, memory_limit_mb=None)


def test_a_closed_backend_says_so():
    backend = load(random_model_bytes())
    backend.close()
    with pytest.raises(ArgumentError, match="closed"):
        list(backend.generate("Hello"))


@pytest.mark.skipif(platform.vocabulary_path() is None, reason="the World vocabulary is not here")
def test_a_stop_string_within_a_world_token():
    backend = load(random_model_bytes(n_vocab=65536, n_layer=1))
    # The model is forced to say a token that begins with an end of line.
    token = backend.model.encode("\n\n")[0]
    settings = SamplingSettings(temperature=0, seed=0, bias={token: 1e9})
    generation = backend.generate("Hello", max_tokens=5, settings=settings, stop=["\n\n\n"])
    list(generation)
    assert generation.stop_reason == "stop"
    assert generation.text == ""
    logits, state = backend.model.eval(backend.model.encode("Hello"))
    assert np.allclose(generation.state.logits, logits, atol=1e-4)
    assert np.allclose(generation.state.state.to_numpy(), state.to_numpy(), atol=1e-4)
