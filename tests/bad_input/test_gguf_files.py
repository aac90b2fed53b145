"""A bad GGUF file gets one clear sentence, and the model in use goes on as before."""

from __future__ import annotations

import numpy as np
import pytest
from deep_tree_echo.errors import EchoError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bad_input.gguf_files import all_gguf_files, good
from tests.bad_input.loading import answers, is_one_sentence, load

FILES = all_gguf_files()


@pytest.fixture(scope="module")
def in_use():
    backend = load("rwkv_cpp", good().pack())
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def before(in_use):
    return answers(in_use)


@pytest.mark.parametrize("size", [1 << 20, 977])
@pytest.mark.parametrize("told", [True, False], ids=["size known", "size unknown"])
@pytest.mark.parametrize("name", FILES)
def test_refused_with_one_sentence(name, told, size, in_use, before):
    bad = FILES[name]
    with pytest.raises(bad.error) as caught:
        load("rwkv_cpp", bad.data, told=told, size=size)
    sentence = str(caught.value)
    assert is_one_sentence(sentence), sentence
    for word in bad.words:
        assert word in sentence
    for now, then in zip(answers(in_use), before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("length: cut")])
def test_a_cut_download_is_called_so(name, in_use):
    """The size is that of the whole file, and fewer bytes come."""
    data = FILES[name].data
    loader = type(in_use).loader(name="bad.gguf", size=len(good().pack()), memory_limit_mb=None)
    loader.push(data)
    with pytest.raises(EchoError, match=r"truncated") as caught:
        loader.finish()
    assert is_one_sentence(str(caught.value))
    loader.push(good().pack()[len(data) :])
    loader.finish().close()


@settings(max_examples=60)
@given(st.data())
def test_flipped_bits_of_the_head_give_a_model_or_a_sentence(data):
    file = bytearray(good().pack())
    head = len(good().head())
    for _ in range(data.draw(st.integers(1, 3))):
        file[data.draw(st.integers(0, head - 1))] ^= 1 << data.draw(st.integers(0, 7))
    sentence = None
    try:
        load("rwkv_cpp", bytes(file)).close()
    except EchoError as error:
        sentence = str(error)
    assert sentence is None or is_one_sentence(sentence), sentence
