"""The binding: statuses become errors, objects are freed once, arrays pass without a copy."""

from __future__ import annotations

import gc
import os

import numpy as np
import pytest
from deep_tree_echo import core, errors, platform
from deep_tree_echo.sampling import SamplingSettings

from tests.random_models import random_model_bytes


@pytest.fixture
def loaded():
    loader = core.Loader()
    loader.push(random_model_bytes())
    model = loader.finish()
    yield model
    model.close()


def test_every_function_of_the_header_is_bound():
    library = core.library()
    for name, (result, *arguments) in core.SIGNATURES.items():
        assert getattr(library, name).restype is result
        assert len(getattr(library, name).argtypes) == len(arguments)


def test_the_interface_has_the_version_of_the_binding():
    assert core.library().echo_abi_version() == core.ABI_VERSION


def test_simd_targets_are_names():
    assert all(name.strip() == name and name for name in core.simd_targets())


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (1, errors.ArgumentError),
        (2, errors.ModelFormatError),
        (3, errors.UnsupportedModelError),
        (4, errors.MemoryBudgetError),
        (5, errors.MemoryBudgetError),
        (99, errors.EchoError),
    ],
)
def test_a_status_becomes_its_exception(status, kind):
    with pytest.raises(kind):
        core.check(status)


def test_success_raises_nothing():
    core.check(0)


def test_the_sentence_is_libechos_own():
    loader = core.Loader()
    with pytest.raises(errors.ModelFormatError) as caught:
        loader.push(b"not a model at all, but long enough to be told from one")
    assert str(caught.value) == core.library().echo_last_error().decode()
    assert str(caught.value).endswith(".")


def test_a_failed_loader_stays_failed_and_repeats_its_sentence():
    loader = core.Loader()
    with pytest.raises(errors.ModelFormatError) as first:
        loader.push(bytes(64))
    with pytest.raises(errors.ModelFormatError) as second:
        loader.push(bytes(64))
    assert str(first.value) == str(second.value)


def test_the_estimate_is_there_before_the_weights():
    data = random_model_bytes()
    loader = core.Loader(total_bytes=len(data))
    assert loader.estimate().known == 0
    loader.push(data[: len(data) // 2])
    estimate = loader.estimate()
    assert estimate.known == 1
    loader.push(data[len(data) // 2 :])
    model = loader.finish()
    assert model.info.weight_bytes <= 2 * estimate.weight_bytes
    assert estimate.state_bytes >= 4 * model.info.state_size


@pytest.mark.parametrize("piece", [bytes, bytearray, memoryview])
def test_a_loader_takes_any_bytes(piece):
    loader = core.Loader()
    loader.push(piece(random_model_bytes()))
    assert loader.finish().info.n_vocab == 257


def test_arrays_are_read_and_written_in_place(loaded):
    logits = np.zeros(loaded.info.n_vocab, np.float32)
    state = np.zeros(loaded.info.state_size, np.float32)
    loaded.eval(np.array([7], np.uint32), 1, None, core.address(state), core.address(logits))
    assert logits.any()
    assert state.any()


def test_a_closed_object_says_so(loaded):
    loaded.close()
    assert loaded.closed
    with pytest.raises(errors.ArgumentError, match=r"^This model is closed; make a new one\.$"):
        loaded.hidden(np.zeros(loaded.info.n_embed, np.float32))
    loaded.close()


def test_a_finished_loader_is_closed():
    loader = core.Loader()
    loader.push(random_model_bytes())
    loader.finish()
    with pytest.raises(errors.ArgumentError, match="This loader is closed"):
        loader.push(b"more")


def test_each_object_is_freed_exactly_once(monkeypatch):
    freed = []

    def free(handle):
        freed.append(handle)

    owner = core.Owner(1, free)
    owner.close()
    owner.close()
    del owner
    gc.collect()
    assert freed == [1]
    owner = core.Owner(2, free)
    del owner
    gc.collect()
    assert freed == [1, 2]


def test_what_is_collected_together_ends_without_what_was_freed():
    said = []

    def answer(tokenizer):
        try:
            yield
        finally:
            try:
                tokenizer.encode(b"the rest")
            except errors.ArgumentError as error:
                said.append(str(error))

    events = answer(core.Tokenizer.bytes_with_offset(0))
    next(events)
    cycle = [events]
    cycle.append(cycle)
    del events, cycle
    gc.collect()
    assert said == ["This tokenizer is closed; make a new one."]


def test_clones_outlive_the_model_they_come_from(loaded):
    clone = loaded.clone()
    loaded.close()
    logits = np.zeros(clone.info.n_vocab, np.float32)
    clone.eval(np.array([7], np.uint32), 1, None, None, core.address(logits))
    assert np.isfinite(logits).all()


def test_a_sampler_needs_a_seed():
    with pytest.raises(errors.ArgumentError, match=r"^seed is None"):
        core.Sampler(SamplingSettings(), 10)


@pytest.mark.parametrize(
    "logits",
    [np.zeros(9, np.float32), np.zeros(10, np.float64), np.zeros(20, np.float32)[::2]],
)
def test_a_sampler_refuses_other_arrays(logits):
    sampler = core.Sampler(SamplingSettings(seed=1), 10)
    with pytest.raises(errors.ArgumentError, match=r"^logits has the shape"):
        sampler.sample(logits)


def test_a_sampler_gives_the_models_own_probability():
    sampler = core.Sampler(SamplingSettings(seed=1, temperature=0), 3)
    token, probability = sampler.sample(np.log(np.array([0.2, 0.5, 0.3], np.float32)))
    assert token == 1
    assert probability == pytest.approx(0.5, abs=1e-6)


def test_a_forbidden_token_never_comes():
    sampler = core.Sampler(SamplingSettings(seed=1, bias={1: -np.inf}), 3)
    logits = np.array([0, 50, 0], np.float32)
    assert all(sampler.sample(logits)[0] != 1 for _ in range(200))


def test_a_bias_beyond_the_vocabulary_is_refused():
    for token in (3, 2**40):
        with pytest.raises(errors.ArgumentError, match=f"bias names token {token}; .* end at 2"):
            core.Sampler(SamplingSettings(seed=1, bias={token: 1.0}), 3)


def test_a_missing_library_is_a_backend_error(monkeypatch, tmp_path):
    monkeypatch.setenv("ECHO_LIBRARY", str(tmp_path / "none.so"))
    with pytest.raises(errors.BackendError, match=r"none\.so.*there is no such file"):
        platform.library_path()


def test_a_foreign_library_is_a_backend_error(monkeypatch, tmp_path):
    foreign = tmp_path / "libecho.so"
    foreign.write_bytes(b"this is no library")
    monkeypatch.setenv("ECHO_LIBRARY", str(foreign))
    with pytest.raises(errors.BackendError, match="cannot be loaded"):
        core.library.__wrapped__()


def test_memory_in_use_is_plausible():
    assert 1_000_000 < platform.memory_bytes() < 2**40


@pytest.mark.native("Pyodide's heap never shrinks, so it says nothing about leaks")
@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")
def test_models_do_not_leak():
    data = random_model_bytes()

    def once():
        loader = core.Loader()
        loader.push(data)
        loader.finish().close()

    for _ in range(10):
        once()
    before = platform.memory_bytes()
    for _ in range(100):
        once()
    assert platform.memory_bytes() - before < 10 * len(data)
