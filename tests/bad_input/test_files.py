"""A bad file gets one clear sentence, and the model in use goes on as before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from deep_tree_echo import Chain, ModelFile
from deep_tree_echo.backends.base import Backend
from deep_tree_echo.errors import MemoryBudgetError, ModelFormatError

from tests.bad_input.files import all_files, good
from tests.bad_input.loading import answers, is_one_sentence, load
from tests.evaluators import BACKENDS
from tests.random_models import random_model_bytes

FILES = all_files()


@pytest.fixture(scope="module", params=BACKENDS)
def in_use(request) -> Iterator[Backend]:
    backend = load(request.param, good())
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def before(in_use) -> list[np.ndarray]:
    return answers(in_use)


def assert_unchanged(in_use: Backend, before: list[np.ndarray]) -> None:
    for now, then in zip(answers(in_use), before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("size", [1 << 20, 977])
@pytest.mark.parametrize("told", [True, False], ids=["size known", "size unknown"])
@pytest.mark.parametrize("name", FILES)
def test_refused_with_one_sentence(name, told, size, in_use, before):
    bad = FILES[name]
    with pytest.raises(bad.error) as caught:
        load(in_use.name, bad.data, told=told, size=size)
    sentence = str(caught.value)
    assert is_one_sentence(sentence), sentence
    for word in bad.words:
        assert word in sentence
    assert_unchanged(in_use, before)


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("truncated")])
def test_a_truncated_download_is_called_so(name, in_use):
    """The size is that of the whole file, and fewer bytes come."""
    loader = type(in_use).loader(name="bad.bin", size=len(good()), memory_limit_mb=None)
    loader.push(FILES[name].data)
    with pytest.raises(ModelFormatError, match=r"truncated|have arrived|missing") as caught:
        loader.finish()
    assert is_one_sentence(str(caught.value))
    loader.close()


@pytest.mark.parametrize("more", [1, 12, 5000])
def test_more_bytes_than_announced(more, in_use, before):
    loader = type(in_use).loader(name="bad.bin", size=len(good()), memory_limit_mb=None)
    with pytest.raises(ModelFormatError) as caught:
        loader.push(good() + bytes(more))
    assert is_one_sentence(str(caught.value))
    loader.close()
    assert_unchanged(in_use, before)


@pytest.mark.parametrize("told", [True, False], ids=["size known", "size unknown"])
def test_over_the_budget(told, in_use, before):
    with pytest.raises(MemoryBudgetError) as caught:
        load(in_use.name, good(), told=told, budget=0.5, size=100)
    sentence = str(caught.value)
    assert is_one_sentence(sentence)
    assert "0 MB are allowed" in sentence
    assert "would" in sentence or "fewer parameters" in sentence
    assert_unchanged(in_use, before)


def test_over_the_budget_says_what_fits(in_use):
    data = random_model_bytes("7.0", n_vocab=257, n_embed=256, n_layer=4)
    megabytes = len(data) / 1e6
    with pytest.raises(MemoryBudgetError, match=r"in Q\d_\d would need about \d+ MB") as caught:
        load(in_use.name, data, budget=megabytes / 2.5)
    assert f"{int(megabytes / 2.5)} MB are allowed" in str(caught.value)


def test_over_the_budget_is_known_from_the_header():
    """Of a file whose header asks for more than the budget, no tensor need be fetched."""
    data = random_model_bytes("7.0", n_vocab=257, n_embed=256, n_layer=4)
    with pytest.raises(MemoryBudgetError):
        load("rwkv_cpp", data[:24], told=False, budget=1)


@pytest.mark.parametrize("name", FILES)
def test_the_chain_raises_and_keeps_the_model(name):
    """A bad file is the file's fault: no other backend, least of all the mock, hides it."""
    bad = FILES[name]
    chain = Chain.load(ModelFile.from_bytes("good.bin", good()))
    before = answers(chain.backend)
    with pytest.raises(bad.error):
        Chain.load(ModelFile.from_bytes("bad.bin", bad.data))
    assert_unchanged(chain.backend, before)
    chain.close()
