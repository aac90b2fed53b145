"""What is kept of an answer's words: what was likely, what was chosen, and the states between."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from deep_tree_echo import Chain, Model, ModelFile, SamplingSettings
from deep_tree_echo.alternatives import likeliest, log_normaliser
from deep_tree_echo.backends.chain import Position
from deep_tree_echo.backends.rwkv_cpp import RwkvCpp
from deep_tree_echo.errors import ArgumentError
from deep_tree_echo.events import Token
from deep_tree_echo.generation import Reading, TextGeneration
from deep_tree_echo.replay import Replay, Spot, reading_at
from deep_tree_echo.turns import Place
from deep_tree_echo.words import Chosen, Record, Words
from hypothesis import given
from hypothesis import strategies as st

from tests.random_models import random_model_bytes


@pytest.fixture(scope="module")
def chain() -> Iterator[Chain]:
    data = random_model_bytes("7.0", n_embed=64, n_layer=2)
    chain = Chain.load(ModelFile.from_bytes("m.bin", data))
    assert isinstance(chain.backend, RwkvCpp)
    yield chain
    chain.close()


def model_of(chain: Chain) -> Model:
    assert isinstance(chain.backend, RwkvCpp)
    return chain.backend.model


def recorded(
    chain: Chain, record: Record, *guidance: Any, max_tokens: int = 40
) -> tuple[list[Token], list[Any]]:
    """The tokens of an answer, and what the record tells of each."""
    generation = TextGeneration(
        model_of(chain),
        "Hello",
        max_tokens=max_tokens,
        settings=SamplingSettings(seed=3, temperature=1.3),
        guidance=[record, *guidance],
    )
    tokens = [event for event in generation if isinstance(event, Token)]
    return tokens, tokens and [record.word(tokens[-1])]


@given(
    st.integers(1, 5000),
    st.integers(1, 9),
    st.sampled_from([-50.0, 0.0, 8.0]),
    st.integers(0, 2**32 - 1),
)
def test_the_likeliest_are_those_of_sorting(
    size: int, count: int, middle: float, seed: int
) -> None:
    logits = np.random.default_rng(seed).normal(middle, 2, size).astype(np.float32)
    expected = np.argsort(-logits, kind="stable")[:count]
    found = likeliest(logits, count)
    # Equal logits, which float32 makes of different numbers, may stand for one another.
    assert logits[found].tolist() == logits[expected].tolist()
    assert len(set(found.tolist())) == min(count, size)


def test_what_is_impossible_is_no_obstacle() -> None:
    logits = np.full(3000, -np.inf, dtype=np.float32)
    logits[2999] = 1.0
    assert likeliest(logits, 1).tolist() == [2999]
    assert log_normaliser(logits) == 1.0


def test_each_word_has_the_models_own_probabilities(chain: Chain) -> None:
    model = model_of(chain)
    record = Record()
    generation = TextGeneration(
        model,
        "Hello",
        max_tokens=30,
        settings=SamplingSettings(seed=3, temperature=1.3),
        guidance=[record],
    )
    logits, state = model.eval(model.encode("Hello"))
    for event in generation:
        if not isinstance(event, Token):
            continue
        word = record.word(event)
        assert word is not None
        assert record.word(event) is None
        share = np.exp(logits - log_normaliser(logits))
        assert word.probability == pytest.approx(float(share[word.id]), rel=1e-4)
        ranked = [int(t) for t in np.argsort(-logits, kind="stable") if t != word.id][:4]
        assert [other[0] for other in word.others] == ranked
        for token, probability, _ in word.others:
            assert probability == pytest.approx(float(share[token]), rel=1e-4)
        logits, state = model.eval([word.id], state)


def test_guided_words_keep_the_models_own_probabilities(chain: Chain) -> None:
    tokens, (word,) = recorded(chain, Record(guided=math.inf), Chosen([200]), max_tokens=1)
    logits, _ = model_of(chain).eval(model_of(chain).encode("Hello"))
    assert tokens[0].id == 200
    assert tokens[0].probability == pytest.approx(1.0)
    expected = math.exp(float(logits[200]) - log_normaliser(logits))
    assert word.probability == pytest.approx(expected, rel=1e-5)


def test_chosen_tokens_come_first_and_the_model_goes_on(chain: Chain) -> None:
    record = Record(guided=2)
    tokens, _ = recorded(chain, record, Chosen([72, 105]), max_tokens=6)
    assert [token.id for token in tokens[:2]] == [72, 105]
    assert record.ids == [token.id for token in tokens]


def test_a_token_of_another_model_is_refused(chain: Chain) -> None:
    with pytest.raises(ArgumentError, match="token is 70000; this model's tokens are 0 to"):
        recorded(chain, Record(), Chosen([70000]))


@pytest.mark.parametrize("most", [2, 5, 64])
def test_a_long_answer_keeps_few_states_spread_over_all_of_it(chain: Chain, most: int) -> None:
    record = Record(most_states=most)
    recorded(chain, record, max_tokens=60)
    places = sorted(record.readings)
    assert 1 <= len(places) <= most
    assert max(np.diff([0, *places, 60])) <= 2 * 60 / min(most, 60) + 2


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("singly", [True, False])
def test_any_place_is_reached_again(chain: Chain, kept: bool, singly: bool) -> None:
    model = model_of(chain)
    live = Record()
    recorded(chain, live, max_tokens=50)
    ids = live.ids
    record = live if kept else Record()
    asked = Place(None, "Hello")
    for n in (37, 12, 0, 50):
        spot = Spot(chain.backend, model, asked, record, ids[:n])
        *_, (done, total, reading) = reading_at(spot, singly=singly)
        assert done == total
        if kept and n:
            assert total <= 8
        logits, state = model.eval([*model.encode("Hello"), *ids[:n]])
        np.testing.assert_allclose(reading.state.to_numpy(), state.to_numpy(), atol=2e-4)
        np.testing.assert_allclose(reading.logits, logits, atol=2e-3)
        assert spot.context_tokens == len(model.encode("Hello")) + n
        if singly:
            assert set(range(1, n + 1)) <= set(record.hidden)


def test_nothing_is_read_twice_that_a_kept_state_covers(chain: Chain) -> None:
    model = model_of(chain)
    logits, state = model.eval(model.encode("A question"))
    position = Position("A question", 10, chain.backend, Reading(state, logits))
    record = Record()
    spot = Spot(chain.backend, model, Place(position), record, [])
    assert [(done, total) for done, total, _ in reading_at(spot)] == [(0, 0)]
    spot = Spot(chain.backend, model, Place(position), record, [65, 66, 67])
    assert [(done, total) for done, total, _ in reading_at(spot)] == [(3, 3)]
    assert [(done, total) for done, total, _ in reading_at(spot)] == [(0, 0)]
    # The same place of another answer has another text before it.
    spot = Spot(chain.backend, model, Place(position), record, [65, 90, 67])
    assert [(done, total) for done, total, _ in reading_at(spot)] == [(3, 3)]


def test_states_of_another_backend_are_read_again(chain: Chain) -> None:
    model = model_of(chain)
    lost = Position("A question", 10, None, None)
    spot = Spot(chain.backend, model, Place(lost, " more"), Record(), [65])
    *_, (_, total, reading) = reading_at(spot)
    assert total == len(model.encode("A question more")) + 1
    expected, _ = model.eval([*model.encode("A question more"), 65])
    np.testing.assert_allclose(reading.logits, expected, atol=2e-3)


def test_a_replay_goes_in_slices_and_shows_the_last_change(chain: Chain) -> None:
    model = model_of(chain)
    replay = Replay()
    ids = list(range(65, 90))
    spot = Spot(chain.backend, model, Place(None, "Hello " * 60), Record(), ids)
    replay.go(spot)
    steps = []
    while (step := replay.advance(0.0)) is not None:
        assert replay.spot is None
        steps.append(step)
    assert len(steps) > 3
    assert steps == sorted(steps)
    assert replay.spot is spot
    assert replay.before is not None
    assert replay.reading is not None
    _, state = model.eval([ids[-1]], replay.before.state)
    np.testing.assert_allclose(replay.reading.state.to_numpy(), state.to_numpy(), atol=2e-4)
    replay.leave()
    assert replay.reading is None


def test_records_stay_within_their_budget_newest_first(chain: Chain) -> None:
    words = Words(600_000)
    for name in ("a1", "a2", "a3"):
        record = words.begin(name, state_bytes=model_of(chain).state_bytes)
        recorded(chain, record, max_tokens=30)
        words.trim()
    assert words.of("a3") is not None
    assert words.n_bytes <= 600_000 or words.of("a1") is words.of("a2") is None
    words.forget(["a3"])
    assert words.of("a3") is None
    words.forget()
    assert words.n_bytes == 0
