"""Loading a model and evaluating tokens."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from deep_tree_echo import Model, State, platform
from deep_tree_echo.errors import (
    ArgumentError,
    EchoError,
    MemoryBudgetError,
    ModelFormatError,
    UnsupportedModelError,
)
from deep_tree_echo.model import ModelLoader
from deep_tree_echo.tokenizer import Tokenizer, name_for
from hypothesis import given
from hypothesis import strategies as st

from tests.evaluators import BACKENDS, load
from tests.random_models import ARCHITECTURES, random_model_bytes

FEW = hypothesis.settings(max_examples=max(5, hypothesis.settings.default.max_examples // 20))
TOKENS = st.lists(st.integers(0, 256), min_size=1, max_size=40)


@pytest.fixture(scope="module")
def data():
    return random_model_bytes()


@pytest.fixture(scope="module")
def model(data):
    return Model.load(data)


def pieces(data, size):
    return [data[begin : begin + size] for begin in range(0, len(data), size)]


def same(one, two):
    return np.array_equal(one.eval([5, 6])[0], two.eval([5, 6])[0])


def test_sizes(model):
    assert (model.n_vocab, model.n_embed, model.n_layer, model.n_ffn) == (257, 64, 3, 256)
    assert (model.n_head, model.head_size) == (1, 64)
    assert (model.architecture, model.type) == ("7.0", "FP32")
    assert model.state_bytes == 4 * 3 * (2 * 64 + 64 * 64)
    assert model.weight_bytes > 0


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture(architecture):
    model = Model.load(random_model_bytes(architecture))
    assert model.architecture == architecture
    assert (model.n_head == 0) == (architecture == "4.0")
    logits, state = model.eval([1, 2, 3])
    assert logits.shape == (257,)
    assert logits.dtype == np.float32
    assert np.isfinite(logits).all()
    assert state.nbytes == model.state_bytes


def test_from_path_bytes_and_pieces(model, data, tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(data)
    for source in (path, str(path), bytearray(data), memoryview(data), iter(pieces(data, 1000))):
        assert same(model, Model.load(source))


@FEW
@given(st.integers(1, 400_000))
def test_the_size_of_the_pieces_does_not_matter(model, data, size):
    # Pieces of a few bytes are slow, so only the header comes that way.
    head = pieces(data[:3000], min(size, 3000))
    assert same(model, Model.load(head + pieces(data[3000:], max(size, 997))))


def drive(coroutine):
    """Runs a coroutine that waits for nothing but its turn; gives its result and the turns."""
    turns = 0
    while True:
        try:
            coroutine.send(None)
        except StopIteration as end:
            return end.value, turns
        turns += 1


def test_asynchronous_pieces(model, data):
    async def source():
        for piece in pieces(data, 100_000):
            await asyncio.sleep(0)
            yield piece

    loaded, turns = drive(Model.load_async(source()))
    assert same(model, loaded)
    assert turns > 3


def test_loading_shares_the_event_loop(model, data):
    loaded, turns = drive(Model.load_async(pieces(data, 100_000)))
    assert same(model, loaded)
    assert turns >= len(data) // 100_000


def test_a_cancelled_load_gives_everything_back(data, monkeypatch):
    closed = []
    monkeypatch.setattr(ModelLoader, "close", lambda self: closed.append(self))
    load = Model.load_async(pieces(data, 1000))
    load.send(None)
    with pytest.raises(asyncio.CancelledError):
        load.throw(asyncio.CancelledError())
    assert len(closed) == 1


@pytest.mark.parametrize("empty", [b"", bytearray(), memoryview(b"")])
def test_empty_and_uneven_pieces(model, data, empty):
    double = bytes(byte for byte in data[:5000] for _ in range(2))
    parts = [empty, memoryview(double)[::2], empty, memoryview(data)[5000:], empty]
    assert same(model, Model.load(parts))
    with pytest.raises(ModelFormatError):
        Model.load(empty)


def test_asynchronous_pieces_need_load_async(data):
    async def source():
        await asyncio.sleep(0)
        yield data

    with pytest.raises(ArgumentError, match="use load_async"):
        Model.load(source())


@pytest.mark.parametrize("source", [42, [1, 2], ["text"]])
def test_other_sources_are_refused(source):
    with pytest.raises(ArgumentError, match="type"):
        Model.load(source)


def test_a_missing_file_is_named():
    with pytest.raises(ArgumentError, match=r"source is 'nowhere\.bin'; there is no such file"):
        Model.load("nowhere.bin")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"head": "Q3_0"}, r"head is 'Q3_0'; it must be one of FP32, "),
        ({"memory_limit_mb": 0}, "memory_limit_mb is 0; "),
        ({"memory_limit_mb": -1}, "memory_limit_mb is -1; "),
        ({"memory_limit_mb": float("nan")}, "memory_limit_mb is nan; "),
        ({"tokenizer": "klingon"}, "tokenizer is 'klingon'; "),
    ],
)
def test_arguments_out_of_range(data, arguments, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        Model.load(data, **arguments)


def test_over_the_budget(data):
    with pytest.raises(MemoryBudgetError):
        Model.load(data, memory_limit_mb=0.1)
    assert Model.load(data, memory_limit_mb=None).n_vocab == 257


def test_a_truncated_file(data):
    for size in (0, 3, 23, 24, 100, len(data) // 2, len(data) - 1):
        with pytest.raises(ModelFormatError):
            Model.load(data[:size])


@given(st.binary(max_size=200))
def test_bytes_that_are_no_model(noise):
    with pytest.raises(EchoError):
        Model.load(noise)


def test_a_requantised_head():
    # Wide enough for the head to be the larger part.
    data = random_model_bytes(n_vocab=4000, n_layer=1)
    plain, small = Model.load(data), Model.load(data, head="Q8_0")
    assert small.weight_bytes < plain.weight_bytes
    one, two = plain.eval([3])[0], small.eval([3])[0]
    assert not np.array_equal(one, two)
    assert np.abs(one - two).max() < 0.05 * np.abs(one).max()


def test_eval_never_changes_a_state(model):
    _, state = model.eval([1, 2, 3])
    before = state.to_numpy()
    first = model.eval([4], state)
    second = model.eval([4], state)
    assert np.array_equal(before, state.to_numpy())
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1].to_numpy(), second[1].to_numpy())


@FEW
@given(TOKENS, st.data())
def test_the_cut_into_calls_does_not_matter(model, tokens, choose):
    cut = choose.draw(st.integers(0, len(tokens) - 1))
    whole, end = model.eval(tokens)
    state = model.eval(tokens[:cut])[1] if cut else None
    parts, other_end = model.eval(tokens[cut:], state)
    np.testing.assert_allclose(parts, whole, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(other_end.to_numpy(), end.to_numpy(), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kind", [list, tuple, np.array, lambda t: np.array(t, np.uint8)])
def test_kinds_of_token_lists(model, kind):
    assert np.array_equal(model.eval(kind([1, 2, 3]))[0], model.eval([1, 2, 3])[0])
    assert np.array_equal(model.eval(kind([9]))[0], model.eval([9])[0])


@pytest.mark.parametrize(
    ("tokens", "sentence"),
    [
        ([257], r"tokens\[0\] is 257; it must be a whole number from 0 to 256\."),
        ([1, 2, -3], r"tokens\[2\] is -3; "),
        ([1, 2**70], r"tokens\[1\] is 1180591620717411303424; "),
        ([1.5], r"tokens\[0\] is 1\.5; "),
        (["a"], r"tokens\[0\] is 'a'; "),
        ([None], r"tokens\[0\] is None; "),
        ([True, None], r"tokens\[1\] is None; "),
        (np.array([-1]), r"tokens\[0\] is "),
        ([], r"tokens is \[\]; give a list of at least one token\."),
        ([[1, 2]], "give a list of at least one token"),
        ([[1], [2, 3]], "give token ids"),
    ],
)
def test_tokens_out_of_range(model, tokens, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        model.eval(tokens)


@pytest.mark.parametrize("backend", BACKENDS)
def test_truth_values_are_one_and_zero_in_every_backend(data, backend):
    evaluator = load(backend, data)
    one, two = evaluator.eval([True, False])[0], evaluator.eval([1, 0])[0]
    assert np.array_equal(one, two)
    with pytest.raises(ArgumentError, match=r"tokens\[0\] is (np\.)?True"):
        evaluator.eval(np.array([True, False]))


@pytest.mark.parametrize("tokens", [7, None])
def test_tokens_that_are_no_list(model, tokens):
    with pytest.raises(ArgumentError, match="tokens is"):
        model.eval(tokens)


def test_a_state_of_another_model(model):
    other = Model.load(random_model_bytes("6.0"))
    with pytest.raises(ArgumentError, match=r"state belongs to RWKV 6\.0 .*this model is RWKV 7"):
        model.eval([1], other.fresh_state())
    with pytest.raises(ArgumentError, match="state is of type ndarray"):
        model.eval([1], model.fresh_state().to_numpy())


def test_a_fresh_state_is_no_state(model):
    assert np.array_equal(model.eval([1], model.fresh_state())[0], model.eval([1])[0])


def test_hidden(data):
    model = Model.load(data)
    with pytest.raises(ArgumentError):
        model.hidden()
    model.eval([1, 2])
    assert model.hidden().shape == (64,)
    assert np.isfinite(model.hidden()).all()


def test_generate_is_reproducible(model):
    def text(seed):
        return "".join(model.generate("Once", max_tokens=40, seed=seed))

    assert text(1) == text(1)
    assert len({text(seed) for seed in range(5)}) > 1


def test_generate_goes_on_from_a_state(model):
    _, state = model.eval(model.encode("Once upon"))
    pieces = list(model.generate(" a time", state=state, max_tokens=20, temperature=0))
    whole = list(model.generate("Once upon a time", max_tokens=20, temperature=0))
    assert "".join(pieces) == "".join(whole)


def test_generate_checks_its_settings_at_once(model):
    with pytest.raises(ArgumentError, match=r"^temperature is -1; "):
        model.generate("Once", temperature=-1)
    with pytest.raises(ArgumentError, match=r"^max_tokens is -1; "):
        model.generate("Once", max_tokens=-1)


@given(st.text(max_size=60))
def test_encode_and_decode_are_inverse(model, text):
    text = text.encode("utf-8", "replace").decode()
    assert model.decode(model.encode(text)) == text
    assert model.decode_bytes(model.encode(text.encode())) == text.encode()


def test_texts_that_utf8_cannot_hold(model):
    assert model.decode(model.encode("a\ud800b")) == "a?b"
    with pytest.raises(ArgumentError, match="text is of type int"):
        model.encode(3)
    with pytest.raises(ArgumentError, match="give token ids"):
        model.decode([-1])
    with pytest.raises(ArgumentError, match="give token ids"):
        model.decode(["x"])


def test_the_tokenizer_belongs_to_the_vocabulary(monkeypatch):
    assert name_for(256) == "bytes"
    assert name_for(257) == "bytes+1"
    assert name_for(65536) == "world"
    assert name_for(4096) == "echo"
    with pytest.raises(UnsupportedModelError, match="n_vocab is 50277"):
        name_for(50277)
    monkeypatch.setattr(platform, "vocabulary_path", lambda: None)
    with pytest.raises(UnsupportedModelError, match="n_vocab is 300"):
        name_for(300)
    with pytest.raises(UnsupportedModelError, match="vocabulary"):
        Tokenizer("world")


def test_a_model_without_a_tokenizer_still_evaluates(monkeypatch):
    monkeypatch.setattr(platform, "vocabulary_path", lambda: None)
    model = Model.load(random_model_bytes(n_vocab=300, n_layer=1))
    assert model.eval([299])[0].shape == (300,)
    with pytest.raises(UnsupportedModelError, match="n_vocab is 300"):
        model.encode("text")
    chosen = Model.load(random_model_bytes(n_vocab=300, n_layer=1), tokenizer="bytes")
    assert chosen.encode("a") == [97]


def test_the_bundled_vocabulary(monkeypatch):
    # In the page the package's files come after the first answer.
    monkeypatch.setattr(platform, "small_vocabulary_path", lambda: Path("nowhere"))
    tokenizer = Tokenizer("echo")
    text = "What can I do here? Ünïcode, too \N{DECIDUOUS TREE}\0"
    tokens = tokenizer.encode(text)
    assert len(tokens) < len(text.encode())
    assert max(tokens) < 4096
    assert tokenizer.decode(tokens) == text
    assert tokenizer.decode([0]) == ""  # the end of a text


@pytest.mark.skipif(platform.vocabulary_path() is None, reason="the World vocabulary is not here")
def test_the_world_tokenizer():
    tokenizer = Tokenizer("world")
    tokens = tokenizer.encode("The Eiffel tower is in the city of Paris.")
    assert len(tokens) < 15
    assert tokenizer.decode(tokens) == "The Eiffel tower is in the city of Paris."


def test_use_after_close(data):
    with Model.load(data) as model:
        state = model.eval([1])[1]
        clone = model.clone()
    assert model.closed
    for use in (lambda: model.eval([1]), model.hidden, model.clone, model.fresh_state):
        with pytest.raises(ArgumentError, match=r"^This model is closed"):
            use()
    model.close()
    assert clone.eval([2], state)[0].any()
    assert state.to_numpy().any()


def test_closing_ends_a_generation_exactly(data):
    model = Model.load(data)
    pieces = model.generate("Once", max_tokens=20, seed=1)
    next(pieces)
    model.close()
    with pytest.raises(ArgumentError, match="closed"):
        list(pieces)


@pytest.mark.native("needs threads")
def test_clones_serve_threads(model):
    expected = [model.eval(list(range(i, i + 30)))[0] for i in range(4)]
    results = {}

    def work(i, clone):
        for _ in range(50):
            results[i] = clone.eval(list(range(i, i + 30)))[0]

    threads = [threading.Thread(target=work, args=(i, model.clone())) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(4):
        assert np.array_equal(results[i], expected[i])


@pytest.mark.native("needs threads")
def test_one_model_in_two_threads_is_slow_but_safe(model):
    expected = [model.eval([i] * 20)[0] for i in range(2)]
    wrong = []

    def work(i):
        wrong.extend(
            1 for _ in range(100) if not np.array_equal(model.eval([i] * 20)[0], expected[i])
        )

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(not platform.bundled_model_path().exists(), reason="no model is bundled")
def test_the_bundled_model_is_the_default():
    model = Model.load()
    assert model.n_vocab == 257
    assert "".join(model.generate("User: Hello\n\nAssistant:", max_tokens=10, seed=1))


def test_states_of_equal_shape_are_exchanged(model):
    other = Model.load(random_model_bytes(seed=2))
    assert isinstance(other.eval([1], model.eval([1])[1])[1], State)
