"""Any bytes survive every tokenizer, and the World tokenizer is the author's."""

from __future__ import annotations

from functools import cache

import pytest
from deep_tree_echo import Tokenizer, platform
from deep_tree_echo.backends.python_rwkv.tokenizer import ByteTokenizer, WorldTokenizer
from hypothesis import example, given
from hypothesis import strategies as st

NAMES = ("bytes", "bytes+1", "world")
WITHOUT_WORLD = "the World vocabulary is not here; ./build.sh native fetches it"

# Random bytes seldom hold a long token; texts of many scripts and of code do.
PIECES = st.sampled_from(
    [
        "the ",
        " of the recurrent state",
        "\n\n",
        "    return self.value\n",
        "0123456789",
        "你好，世界",
        "Привет",
        "مرحبا",
        "🙂👩‍👩‍👧",
        "\r\n\t",
        "a\u0301",
        "\x00",
    ]
)
BYTES = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=40).map(lambda text: text.encode("utf-8", "replace")),
    st.lists(PIECES, max_size=12).map(lambda pieces: "".join(pieces).encode()),
    st.tuples(
        st.lists(PIECES, max_size=6), st.binary(max_size=6), st.lists(PIECES, max_size=6)
    ).map(lambda parts: "".join(parts[0]).encode() + parts[1] + "".join(parts[2]).encode()),
)


@cache
def vocabulary() -> bytes:
    path = platform.vocabulary_path()
    if path is None:
        pytest.skip(WITHOUT_WORLD)
    return path.read_bytes()


@cache
def tokenizer(name: str) -> Tokenizer:
    if name == "world":
        vocabulary()
    return Tokenizer(name)


@cache
def numpy_tokenizer(name: str) -> ByteTokenizer | WorldTokenizer:
    if name == "world":
        return WorldTokenizer(vocabulary())
    return ByteTokenizer(0 if name == "bytes" else 1)


@pytest.mark.parametrize("name", NAMES)
@example(text=bytes(range(256)) * 2)
@given(text=BYTES)
def test_any_bytes_survive(name, text):
    ours = tokenizer(name)
    tokens = ours.encode(text)
    assert ours.decode_bytes(tokens) == text
    assert ours.decode(tokens) == text.decode("utf-8", "replace")
    assert b"".join(ours.decode_bytes([token]) for token in tokens) == text
    if name != "world":
        assert len(tokens) == len(text)


@pytest.mark.parametrize("name", NAMES)
@example(text=bytes(range(256)) * 2)
@given(text=BYTES)
def test_python_rwkv_has_the_same_tokens(name, text):
    tokens = tokenizer(name).encode(text)
    assert numpy_tokenizer(name).encode(text) == tokens
    assert numpy_tokenizer(name).decode(tokens) == text


@given(text=st.text(max_size=60))
def test_a_str_is_its_utf8(text):
    world = tokenizer("world")
    assert world.encode(text) == world.encode(text.encode("utf-8", "replace"))


@given(text=st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=12).map("".join)))
def test_world_is_the_authors(text):
    """Against PyPI pyrwkv-tokenizer, which takes texts and not bytes."""
    theirs = pytest.importorskip("pyrwkv_tokenizer", reason="pyrwkv-tokenizer is not installed")
    ours = tokenizer("world").encode(text.encode("utf-8", "replace"))
    assert ours == their_tokenizer(theirs).encode(text.encode("utf-8", "replace").decode())


@cache
def their_tokenizer(module):
    return module.RWKVTokenizer()


@given(tokens=st.lists(st.integers(0, 2**32 - 1), max_size=20))
def test_unknown_ids_decode_to_nothing(tokens):
    known = {token for token in tokens if token < 257}
    decoded = tokenizer("bytes+1").decode_bytes(tokens)
    assert decoded == bytes(token - 1 for token in tokens if token in known and token)
