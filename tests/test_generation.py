"""Generation against a model whose next token is known, and text streams against an oracle."""

from __future__ import annotations

import codecs

import numpy as np
import pytest
from deep_tree_echo import Model, SamplingSettings
from deep_tree_echo.errors import ArgumentError
from deep_tree_echo.generation import Reading, TextGeneration
from deep_tree_echo.textstream import TextStream
from hypothesis import given
from hypothesis import strategies as st

from tests.random_models import random_model_bytes

GREEDY = SamplingSettings(temperature=0, seed=0)


class Script:
    """A model that answers with given tokens. Its state is the list of all tokens read."""

    def __init__(self, answer, vocabulary=()):
        self.vocabulary = [b"", *vocabulary]
        self.answer = answer
        self.evaluations = []

    def encode(self, text):
        if isinstance(text, str):
            text = text.encode()
        return [1000 + byte for byte in text]

    def decode_bytes(self, tokens):
        return b"".join(
            bytes([token - 1000]) if token >= 1000 else self.vocabulary[token] for token in tokens
        )

    def eval(self, tokens, state=None):
        assert len(tokens) > 0
        self.evaluations.append(list(tokens))
        state = (state or ()) + tuple(tokens)
        return state, state

    def new_sampler(self, settings):
        return ScriptSampler(self.answer)


class ScriptSampler:
    def __init__(self, answer):
        self.answer = list(answer)

    def accept(self, token):
        pass

    def sample(self, logits):
        return self.answer.pop(0), 0.5


def generate(pieces, prompt="P", stop=(), max_tokens=1000, state=None, end=True, **more):
    """A generation that says these pieces, and what it has said."""
    model = Script([*range(1, len(pieces) + 1), *([0] if end else [])], pieces)
    generation = TextGeneration(
        model, prompt, state, max_tokens=max_tokens, stop=stop, settings=GREEDY, **more
    )
    return model, generation


def shown(generation):
    return [event.text for event in generation if event.type == "token"]


def read(model, generation):
    """Everything in the state, as bytes."""
    return model.decode_bytes(generation.state.state)


def test_the_prompt_is_read_in_pieces():
    model, generation = generate([b"a"], prompt="x" * 150, chunk_tokens=64)
    events = [event for event in generation if event.type == "prompt"]
    assert [(event.done, event.total) for event in events] == [(64, 150), (128, 150), (150, 150)]
    assert [len(tokens) for tokens in model.evaluations] == [64, 64, 22, 1]


def test_every_token_is_an_event():
    _, generation = generate([b"Hel", b"lo"])
    tokens = [event for event in generation if event.type == "token"]
    assert [(t.text, t.id, t.index, t.probability) for t in tokens] == [
        ("Hel", 1, 0, 0.5),
        ("lo", 2, 1, 0.5),
    ]
    assert generation.text == "Hello"
    assert generation.stop_reason == "end"
    assert generation.context_tokens == 3


def test_the_end_of_text_is_not_fed():
    _, generation = generate([b"a"])
    list(generation)
    assert generation.state.state == (1080, 1)
    assert 0 not in generation.state.state


def test_max_tokens():
    model, generation = generate([b"a", b"b", b"c"], max_tokens=2)
    assert shown(generation) == ["a", "b"]
    assert generation.stop_reason == "length"
    assert read(model, generation) == b"Pab"
    model, generation = generate([b"a"], max_tokens=0)
    assert shown(generation) == []
    assert generation.stop_reason == "length"
    assert read(model, generation) == b"P"


def test_characters_come_whole():
    text = "é🌳"
    _, generation = generate([bytes([byte]) for byte in text.encode()])
    assert shown(generation) == ["", "é", "", "", "", "🌳"]


def test_invalid_bytes_are_replaced():
    _, generation = generate([b"a\xff", b"\xe2\x82", b"b"])
    assert shown(generation) == ["a\ufffd", "", "\ufffdb"]


def test_an_unfinished_character_at_the_end():
    _, generation = generate([b"a", b"\xe2"])
    assert shown(generation) == ["a", "", "\ufffd"]
    _, generation = generate([b"a", b"\xe2"], max_tokens=2)
    assert shown(generation) == ["a", "\ufffd"]


def test_a_stop_string_across_tokens():
    model, generation = generate([b"Hi", b".\n", b"\nUs", b"er: x"], stop=["\n\nUser:"])
    assert shown(generation) == ["Hi", ".", "", ""]
    assert generation.text == "Hi."
    assert generation.stop_reason == "stop"
    # The state ends where the text ends, within the second token.
    assert read(model, generation) == b"PHi."
    assert generation.context_tokens == 3


def test_what_looked_like_a_stop_string_is_shown_after_all():
    model, generation = generate([b"a\n", b"\nUs", b"age"], stop=["\n\nUser:"])
    assert shown(generation) == ["a", "", "\n\nUsage"]
    assert read(model, generation) == b"Pa\n\nUsage"


def test_what_was_held_back_is_shown_at_the_end():
    _, generation = generate([b"a", b"\n\n"], stop=["\n\nUser:"])
    assert "".join(shown(generation)) == "a\n\n" == generation.text


@given(st.lists(st.sampled_from([b"a", b"\n", b"\n\nUs", b"er"]), min_size=1, max_size=8))
def test_an_answer_that_is_cut_does_not_end_with_what_may_begin_a_stop_string(pieces):
    stop = "\n\nUser:"
    model, generation = generate(pieces, stop=[stop], max_tokens=len(pieces))
    text = "".join(shown(generation))
    assert text == generation.text
    assert generation.stop_reason == "length"
    whole = b"".join(pieces).decode()
    held = max(n for n in range(len(stop)) if whole.endswith(stop[:n]))
    assert text == whole[: len(whole) - held]
    # What was dropped is not in the state either, so going on can still find the whole string.
    assert read(model, generation) == b"P" + text.encode()


def test_cancel():
    model, generation = generate([b"a", b"b", b"\n", b"c"], stop=["\n\n"])
    texts = []
    for event in generation:
        if event.type == "token":
            texts.append(event.text)
            if len(texts) == 3:
                generation.cancel()
    assert texts == ["a", "b", ""]
    assert generation.stop_reason == "cancelled"
    # The line break was held back, so it was never said.
    assert generation.text == "ab"
    assert read(model, generation) == b"Pab"
    assert generation.context_tokens == 3


def test_cancel_while_the_prompt_is_read():
    model, generation = generate([b"a"], prompt="x" * 100, chunk_tokens=10)
    for event in generation:
        if event.type == "prompt" and event.done == 30:
            generation.cancel()
    assert generation.stop_reason == "cancelled"
    assert generation.context_tokens == 30
    assert read(model, generation) == b"x" * 30


def test_the_state_is_there_when_the_iteration_is_left():
    model, generation = generate([b"a", b"b\n", b"c"], stop=["\n\n"])
    for event in generation:
        if event.type == "token" and event.index == 1:
            break
    assert read(model, generation) == b"Pab"
    assert generation.stop_reason is None
    assert shown(generation) == ["\nc"]
    assert read(model, generation) == b"Pab\nc"


def test_an_empty_prompt_goes_on_where_the_state_stands():
    model, generation = generate([b"a", b"b", b"c"], max_tokens=1)
    list(generation)
    before = len(model.evaluations)
    further = TextGeneration(Script([2, 0], [b"a", b"b"]), "", generation.state, settings=GREEDY)
    assert [event.type for event in further] == ["token"]
    assert further.text == "b"
    assert len(model.evaluations) == before


def test_an_empty_prompt_without_a_state_begins_a_text():
    _, generation = generate([b"a"], prompt="")
    list(generation)
    assert generation.state.state == (0, 1)


def test_an_empty_prompt_after_a_bare_state_is_refused():
    with pytest.raises(ArgumentError, match=r"^prompt is ''; "):
        generate([b"a"], prompt="", state=(1, 2))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"max_tokens": -1}, r"^max_tokens is -1; "),
        ({"chunk_tokens": 0}, r"^chunk_tokens is 0; "),
        ({"stop": ["a", ""]}, r"^stop holds ''; "),
        ({"stop": [3]}, r"^stop holds 3; "),
        ({"stop": "\n"}, r"^stop is '\\n'; it must be a list"),
    ],
)
def test_arguments_out_of_range(arguments, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        generate([b"a"], **arguments)


BYTES = st.lists(st.sampled_from([b"a", b"b", b"ab", b"ba", b"\xc3", b"\xa9", b"\xc3\xa9a", b""]))
STOPS = st.lists(st.sampled_from(["a", "ab", "aba", "bb", "éa", "é", "baa", "abab"]), max_size=3)


def oracle(pieces, stops):
    """The text token by token, searched anew each time: the plain way."""
    everything = b""
    for piece in pieces:
        everything += piece
        found = [everything.find(stop.encode()) for stop in stops]
        if any(at >= 0 for at in found):
            return everything[: min(at for at in found if at >= 0)], True
    return everything, False


@given(BYTES, STOPS)
def test_streams_agree_with_the_oracle(pieces, stops):
    stream = TextStream(stops)
    texts = []
    for piece in pieces:
        texts.append(stream.push(piece))
        if stream.stopped:
            break
    texts.append(stream.finish())
    expected, stopped = oracle(pieces, stops)
    assert "".join(texts) == expected.decode("utf-8", "replace") == stream.text
    assert stream.stopped == stopped
    assert stream.n_bytes == len(expected)


@given(BYTES, STOPS)
def test_streams_hold_back_no_more_than_they_must(pieces, stops):
    stream = TextStream(stops)
    everything = b""
    for piece in pieces:
        stream.push(piece)
        if stream.stopped:
            return
        everything += piece
        held = everything[stream.n_bytes :]
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        decoder.decode(everything)
        possible = {stop.encode()[:n] for stop in stops for n in range(1, len(stop.encode()))}
        # Whatever is held begins with an unfinished character or is the beginning of a stop.
        assert (
            held in possible
            or held == decoder.getstate()[0]
            or any(held.endswith(p) and _unfinished(held[: -len(p)]) for p in possible)
        )


def _unfinished(piece):
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(piece)
    return decoder.getstate()[0] == piece


@given(BYTES, STOPS, st.integers(0, 12))
def test_the_state_holds_the_prompt_and_the_text(pieces, stops, cancel_at):
    model, generation = generate(pieces, stop=stops)
    texts = []
    for event in generation:
        if event.type == "token":
            texts.append(event.text)
            if event.index + 1 == cancel_at:
                generation.cancel()
    assert "".join(texts) == generation.text
    said = read(model, generation)
    assert said.startswith(b"P")
    assert said[1:].decode("utf-8", "replace") == generation.text
    assert generation.context_tokens == len(generation.state.state)


@pytest.fixture(scope="module")
def model():
    return Model.load(random_model_bytes())


@pytest.mark.parametrize("chunk_tokens", [1, 7, 64])
def test_the_pieces_of_the_prompt_do_not_matter(model, chunk_tokens):
    prompt = "The quick brown fox jumps over the lazy dog. " * 3
    generation = TextGeneration(
        model, prompt, settings=GREEDY, max_tokens=30, chunk_tokens=chunk_tokens
    )
    list(generation)
    whole = TextGeneration(model, prompt, settings=GREEDY, max_tokens=30, chunk_tokens=1000)
    list(whole)
    assert generation.text == whole.text
    np.testing.assert_allclose(generation.state.logits, whole.state.logits, rtol=1e-3, atol=1e-3)


def test_the_reading_is_what_the_model_would_give(model):
    generation = TextGeneration(model, "Once", settings=GREEDY, max_tokens=20)
    list(generation)
    reading = generation.state
    assert isinstance(reading, Reading)
    tokens = [t for t in model.encode(b"Once")]
    again = TextGeneration(model, "Once", settings=GREEDY, max_tokens=20)
    tokens += [event.id for event in again if event.type == "token"]
    logits, state = model.eval(tokens)
    np.testing.assert_allclose(reading.logits, logits, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(reading.state.to_numpy(), state.to_numpy(), rtol=1e-3, atol=1e-3)


def test_going_on_in_two_parts_is_going_on_in_one(model):
    whole = TextGeneration(model, "Once", settings=GREEDY, max_tokens=20)
    list(whole)
    first = TextGeneration(model, "Once", settings=GREEDY, max_tokens=8)
    shown(first)
    second = TextGeneration(model, "", first.state, settings=GREEDY, max_tokens=12)
    list(second)
    raw = whole.text.encode("utf-8", "replace")
    assert raw.startswith(first.text.encode("utf-8", "replace")[:4])
    assert np.allclose(second.state.logits, whole.state.logits, rtol=1e-3, atol=1e-3)


class Only:
    """Guidance that lets one token through after the other, and notes what it hears."""

    name = "script"
    required = True

    def __init__(self, tokens):
        self.tokens = tokens
        self.heard = []

    def start(self, model):
        self.left = list(self.tokens)
        return self

    def adjust(self, logits):
        adjusted = np.full_like(logits, -np.inf)
        adjusted[self.left[0]] = logits[self.left[0]]
        return adjusted

    def accept(self, token, reading):
        self.heard.append((token, reading.logits.copy()))
        self.left.pop(0)


def test_guidance_has_a_say_in_each_token():
    with Model.load(random_model_bytes("7.0", n_vocab=257)) as model:
        only = Only([7, 3, 5])
        generation = TextGeneration(model, "a", guidance=[only], max_tokens=3, settings=GREEDY)
        tokens = [event for event in generation if event.type == "token"]
        assert [token.id for token in tokens] == [7, 3, 5]
        logits, _ = model.eval([*model.encode("a"), 7, 3, 5])
        # What it hears is the model's own logits, which it has not changed.
        np.testing.assert_allclose(only.heard[-1][1], logits, rtol=2e-3, atol=2e-3)
        assert np.isfinite(generation.state.logits).all()
