"""The NumPy backend: loading within a budget, evaluating, generating."""

from __future__ import annotations

import io
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from deep_tree_echo import core, platform
from deep_tree_echo.backends.python_rwkv import PythonRwkv
from deep_tree_echo.backends.python_rwkv.model import NumpyModel
from deep_tree_echo.backends.python_rwkv.tokenizer import ByteTokenizer, WorldTokenizer
from deep_tree_echo.errors import (
    ArgumentError,
    MemoryBudgetError,
    ModelFormatError,
    UnsupportedModelError,
)
from deep_tree_echo.events import Prompt, Token
from deep_tree_echo.formats.rwkv_file import Tensor, read_file, write_file
from deep_tree_echo.formats.types import RWKV_TYPES
from deep_tree_echo.sampling import SamplingSettings
from deep_tree_echo.state import State
from hypothesis import given
from hypothesis import strategies as st

from tests.random_models import ARCHITECTURES, random_model_bytes

ALL_TYPES = [type.name for type in RWKV_TYPES]


def load(data: bytes, limit: float | None = None, piece: int = 1 << 20) -> PythonRwkv:
    loader = PythonRwkv.loader(name="random.bin", size=len(data), memory_limit_mb=limit)
    for begin in range(0, len(data), piece):
        loader.push(data[begin : begin + piece])
    backend = loader.finish()
    assert isinstance(backend, PythonRwkv)
    return backend


@cache
def small_model(architecture: str) -> NumpyModel:
    return load(random_model_bytes(architecture, n_layer=2, n_embed=32, head_size=16)).model


@pytest.fixture(scope="module", params=ARCHITECTURES)
def backend(request: pytest.FixtureRequest) -> PythonRwkv:
    return load(random_model_bytes(request.param, n_layer=2, head_size=32))


@pytest.mark.parametrize("name", ["4v0-660K", "5v2-730K", "7v0-834K"])
def test_agrees_with_rwkv_cpp(tiny_models: Path, name: str) -> None:
    model = load((tiny_models / f"tiny-rwkv-{name}-FP32.bin").read_bytes()).model
    expected = np.fromfile(tiny_models / f"expected-logits-{name}.bin", "<f4")
    state = None
    for token in b'"in':
        logits, state = model.eval([token], state)
    for found in (logits, model.eval(list(b'"in'))[0]):
        assert np.abs(found - expected).max() < 1e-3
        assert abs(float((found - expected).sum())) <= 0.00105


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@given(cuts=st.sets(st.integers(1, 149), max_size=4), seed=st.integers(0, 9))
def test_the_cuts_of_a_text_do_not_matter(architecture: str, cuts: set[int], seed: int) -> None:
    model = small_model(architecture)
    tokens = np.random.default_rng(seed).integers(0, 257, 150)
    whole, state_whole = model.eval(tokens)
    state = None
    for begin, end in pairwise([0, *sorted(cuts), 150]):
        logits, state = model.eval(tokens[begin:end], state)
    assert state is not None
    assert np.allclose(logits, whole, atol=1e-3)
    assert np.allclose(state.to_numpy(), state_whole.to_numpy(), atol=1e-3)


@pytest.mark.parametrize("type", ALL_TYPES)
def test_kept_in_blocks_or_in_floats(type: str) -> None:
    data = random_model_bytes("7.0", n_embed=128, type=type)
    dense = load(data)
    tight = load(data, limit=len(data) / 1e6 + 0.001)
    assert dense.description["weights"] == "float32"
    assert type == "FP32" or tight.description["weights"] == f"{type}, unpacked at each use"
    assert tight.description["weight_bytes"] <= len(data)
    a, _ = dense.model.eval([1, 2, 3])
    b, _ = tight.model.eval([1, 2, 3])
    assert np.allclose(a, b, atol=1e-4)


def test_pieces_of_any_size() -> None:
    data = random_model_bytes("7.0", n_layer=1)
    a, _ = load(data).model.eval([5])
    b, _ = load(data, piece=997).model.eval([5])
    assert np.array_equal(a, b)


def test_over_the_budget() -> None:
    data = random_model_bytes("7.0", n_embed=256)
    with pytest.raises(MemoryBudgetError, match="in Q8_0 would need about"):
        load(data, limit=5)
    with pytest.raises(MemoryBudgetError, match="fewer parameters"):
        load(data, limit=0.1)


def test_over_the_budget_without_a_size() -> None:
    data = random_model_bytes("7.0", n_embed=256)
    loader = PythonRwkv.loader(name="random.bin", size=None, memory_limit_mb=1)
    loader.push(data[:900_000])
    with pytest.raises(MemoryBudgetError, match="1 MB are allowed"):
        loader.push(data[900_000:])
    loader.close()


def changed(data: bytes, name: str, tensor: Tensor | None) -> bytes:
    """The file with one tensor replaced, or left out."""
    header, tensors = read_file([data])
    kept = [tensor if each.name == name else each for each in tensors]
    file = io.BytesIO()
    write_file(file, header, [each for each in kept if each is not None])
    return file.getvalue()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_missing_or_misshapen_tensor_is_named(architecture: str) -> None:
    data = random_model_bytes(architecture, n_embed=32, n_layer=2, head_size=16)
    marks = ("blocks.0.att.r_k", "blocks.0.att.time_maa_x", "blocks.0.att.ln_x.weight")
    for tensor in read_file([data])[1]:
        if tensor.name in marks or tensor.name == "blocks.0.att.gate.weight":
            continue  # the architecture is another without them
        for other in (None, Tensor.from_floats(tensor.name, np.ones(3, np.float32))):
            with pytest.raises((ModelFormatError, UnsupportedModelError)) as caught:
                load(changed(data, tensor.name, other))
            if "n_vocab" not in str(caught.value):
                assert "blocks." in str(caught.value) or tensor.name in str(caught.value)


@pytest.mark.parametrize(
    ("architecture", "name", "shape"),
    [
        ("5.1", "time_decay", (3, 1, 1)),
        ("5.2", "time_decay", (3, 21, 1)),
        ("6.0", "time_faaaa", (3, 21, 1)),
        ("7.0", "r_k", (3, 21)),
    ],
)
def test_heads_that_do_not_fit(architecture: str, name: str, shape: tuple[int, ...]) -> None:
    wrong = Tensor.from_floats(f"blocks.0.att.{name}", np.ones(shape, np.float32))
    data = changed(random_model_bytes(architecture, n_layer=1), wrong.name, wrong)
    with pytest.raises(ModelFormatError, match="3 heads cannot share the 64 channels"):
        load(data)


def test_states_are_values(backend: PythonRwkv) -> None:
    model = backend.model
    _, state = model.eval([1, 2, 3])
    before = state.to_numpy()
    first, after = model.eval([4], state)
    again, _ = model.eval([4], state)
    assert np.array_equal(first, again)
    assert np.array_equal(state.to_numpy(), before)
    assert not np.array_equal(after.to_numpy(), before)
    copy = State.from_numpy(model, before)
    assert np.array_equal(model.eval([4], copy)[0], first)


def test_a_fresh_state_is_no_state(backend: PythonRwkv) -> None:
    model = backend.model
    assert np.array_equal(model.eval([7], model.fresh_state())[0], model.eval([7])[0])


def test_hidden_gives_the_logits(backend: PythonRwkv) -> None:
    logits, _ = backend.model.eval([1, 2])
    hidden = backend.model.hidden
    assert hidden is not None
    assert hidden.shape == (64,)
    assert np.abs(logits).max() > 0


@pytest.mark.parametrize(
    ("tokens", "message"),
    [([], "at least one"), ([257], "is 257"), ([3, -1], r"tokens\[1\] is -1"), ([0.5], "is 0.5")],
)
def test_tokens_out_of_range(backend: PythonRwkv, tokens: list[int], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        backend.model.eval(tokens)


def test_the_state_of_another_model() -> None:
    _, state = load(random_model_bytes("7.0", n_layer=2)).model.eval([1])
    with pytest.raises(ArgumentError, match="with 2 layers"):
        load(random_model_bytes("7.0", n_layer=1)).model.eval([1], state)


def test_generation(backend: PythonRwkv) -> None:
    settings = SamplingSettings(seed=3, temperature=1.0, top_p=1.0, top_k=0, bias={0: -np.inf})
    generation = backend.generate("Hello there", max_tokens=9, settings=settings)
    events = list(generation)
    assert events[0] == Prompt(done=11, total=11)
    tokens = [event for event in events if isinstance(event, Token)]
    assert len(tokens) == 9
    assert generation.stop_reason == "length"
    again = backend.generate("Hello there", max_tokens=9, settings=settings)
    assert list(again) == events
    more = backend.generate("!", generation.state, max_tokens=3, settings=settings)
    assert len([event for event in more if isinstance(event, Token)]) == 3


def test_a_closed_backend_says_so(backend: PythonRwkv) -> None:
    closed = load(random_model_bytes("4.0", n_layer=1))
    closed.close()
    with pytest.raises(ArgumentError, match="has been closed"):
        closed.generate("Hi")


def test_an_unknown_vocabulary() -> None:
    with pytest.raises(UnsupportedModelError, match="n_vocab is 50277"):
        load(random_model_bytes("4.0", n_vocab=50277, n_embed=32, n_layer=1))


def test_bytes() -> None:
    text = bytes(range(256))
    for offset in (0, 1):
        tokenizer = ByteTokenizer(offset)
        assert tokenizer.encode(text) == [byte + offset for byte in range(256)]
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert ByteTokenizer(1).decode([0, 257, 66]) == b"A"


@pytest.fixture(scope="module")
def world() -> tuple[WorldTokenizer, core.Tokenizer]:
    path = platform.vocabulary_path()
    if path is None:
        pytest.skip("the World vocabulary has not been fetched")
    vocabulary = path.read_bytes()
    return WorldTokenizer(vocabulary), core.Tokenizer.world(vocabulary)


@given(st.text(max_size=60), st.binary(max_size=30))
def test_world_agrees_with_libecho(
    world: tuple[WorldTokenizer, core.Tokenizer], text: str, junk: bytes
) -> None:
    ours, theirs = world
    data = text.encode() + junk + b"The quick brown fox, 12345  \n\n\tand so on"
    ids = ours.encode(data)
    assert ids == theirs.encode(data)
    assert ours.decode(ids) == data


def test_damaged_vocabularies() -> None:
    whole = b"".join(b"%d %r 1\n" % (i + 1, bytes([i])) for i in range(256))
    assert WorldTokenizer(whole).encode(b"ab") == [98, 99]
    for extra, message in (
        (b"7 'x' 1\n", "id 7 twice"),
        (b"300 'a' 1\n", "same token"),
        (b"300 'abc' 2\n", "says 2"),
        (b"300 abc 3\n", "Line 257"),
        (b"300 'a' + 'b' 2\n", "Line 257"),
    ):
        with pytest.raises(ArgumentError, match=message):
            WorldTokenizer(whole + extra)
    with pytest.raises(ArgumentError, match="byte 0xff"):
        WorldTokenizer(whole[: whole.rindex(b"256 ")])
