"""The learner: its expectations are distributions, it learns, and it cannot do much harm."""

from __future__ import annotations

import numpy as np
import pytest
from deep_tree_echo.adaptation import AdaptationSettings
from deep_tree_echo.adaptation.mixture import N_SIGNS, Mixture, softmax
from deep_tree_echo.adaptation.slots import Slots
from deep_tree_echo.errors import ArgumentError
from hypothesis import given
from hypothesis import strategies as st

from tests.adaptation.texts import SMALL, Follower, nats

MOST_BITS = 0.6
"""What any text may cost beyond the share of 0.5 %: that by which the model alone is judged."""


def harm(costs):
    without, adapted = costs.sum(1)
    return (adapted - 1.005 * without) / np.log(2)


@given(st.lists(st.integers(1, 256), min_size=2, max_size=300), st.sampled_from([0.1, 1.0, 6.0]))
def test_no_text_is_harmed(tokens, sure):
    costs, _ = nats(Follower(sure=sure), tokens)
    assert np.isfinite(costs).all()
    assert harm(costs) < MOST_BITS


@pytest.mark.parametrize("sure", [0.1, 8.0])
def test_random_bytes_cost_nothing_more(sure):
    tokens = np.random.default_rng(1).integers(1, 257, 1000).tolist()
    costs, _ = nats(Follower(sure=sure), tokens)
    assert harm(costs) < 0


def test_one_byte_without_end():
    costs, learner = nats(Follower(), [98] * 1500)
    assert np.isfinite(costs).all()
    without, adapted = costs[:, -500:].mean(1)
    assert adapted < 0.01 * without
    assert all(np.isfinite(array).all() for array in learner.arrays().values())


def test_a_model_that_is_always_right_is_left_alone():
    class Knows(Follower):
        def eval(self, tokens, state=None):
            logits, state = super().eval(tokens, state)
            logits[(tokens[-1] * 7 + 3) % 251 + 1] += 40
            return logits, state

    tokens = [1]
    for _ in range(1000):
        tokens.append((tokens[-1] * 7 + 3) % 251 + 1)
    costs, _ = nats(Knows(), tokens)
    # Per token, it may not cost more than what watching for a change costs.
    assert (costs[1] - costs[0]).sum() / np.log(2) < MOST_BITS + 1000 * 2 * SMALL.share


@given(st.lists(st.integers(0, 29), min_size=3, max_size=120), st.integers(0, 2**31))
def test_expectations_are_distributions(tokens, seed):
    model = Follower(n_vocab=30)
    _, learner = nats(model, tokens)
    logits, _ = model.eval([seed % 30])
    sensed = _sense(model)
    expected = learner.expect(logits, sensed)
    every = [learner.probabilities(expected, token) for token in range(30)]
    assert sum(one[1] for one in every) == pytest.approx(1, abs=1e-5)
    for experts in np.array([one[2] for one in every]).T:
        assert experts.sum() == pytest.approx(1, abs=1e-5)
    adjusted = expected.adjusted(learner.slots.tokens).astype(np.float64)
    shares = np.exp(adjusted - adjusted.max())
    np.testing.assert_allclose(shares / shares.sum(), [one[1] for one in every], rtol=1e-3)


def test_what_is_forbidden_stays_so():
    model = Follower(n_vocab=30)
    _, learner = nats(model, [1, 2, 3, 4] * 20)
    logits, _ = model.eval([1])
    logits[2:20] = -np.inf
    adjusted = learner.expect(logits, _sense(model)).adjusted(learner.slots.tokens)
    assert (adjusted[2:20] == -np.inf).all()
    assert np.isfinite(np.delete(adjusted, np.s_[2:20])).all()
    logits[:] = np.nan
    assert learner.expect(logits, _sense(model)) is None


def test_more_tokens_than_there_are_slots():
    settings = AdaptationSettings(window=16, features=8, reservoir=4)
    tokens = np.random.default_rng(2).integers(1, 1000, 900).tolist()
    costs, learner = nats(Follower(n_vocab=1000), tokens, settings)
    assert np.isfinite(costs).all()
    assert harm(costs) < 0
    slots = learner.slots
    assert len(slots.tokens) == slots.capacity == 16 + 128
    in_use = slots.tokens[slots.tokens >= 0]
    assert len(set(in_use.tolist())) == len(in_use)
    # The contexts speak of the tokens that really followed.
    assert sorted(slots.tokens[learner.contexts.slots]) == sorted(tokens[-16:])


def test_the_reservoir_takes_part():
    tokens = [1, 2, 3, 1, 2, 4] * 40
    with_echo, _ = nats(Follower(), tokens, AdaptationSettings(window=32, reservoir=32))
    without_echo, _ = nats(Follower(), tokens, AdaptationSettings(window=32, reservoir=0))
    assert (with_echo[1] != without_echo[1]).any()
    assert (with_echo[0] == without_echo[0]).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [("window", 8), ("features", 4.0), ("reservoir", -1), ("gain", 0), ("rate", 2), ("share", "a")],
)
def test_settings_are_checked(name, value):
    with pytest.raises(ArgumentError, match=f"{name} is {value!r}"):
        AdaptationSettings(**{name: value})


def _sense(model):
    from deep_tree_echo.adaptation.senses import Senses

    return Senses(model.n_embed, SMALL).sense(model.hidden, None)


@given(st.lists(st.integers(0, 40), max_size=200), st.integers(2, 12))
def test_slots_of_the_last_tokens_are_not_given_back(tokens, window):
    slots = Slots(window + 3)
    for place, token in enumerate(tokens):
        if slots.is_full(token):
            released = slots.release(window)
            assert len(released) >= 1
            assert (slots.tokens[released] == -1).all()
        slot = slots.of(token)
        assert slots.tokens[slot] == token
        for recent in tokens[max(0, place + 1 - window) : place + 1]:
            assert slots.tokens[slots.find(recent)] == recent


@given(st.lists(st.tuples(*[st.floats(1e-6, 1.0)] * 2), min_size=1, max_size=300))
def test_from_any_place_on_little_can_be_lost(tokens):
    mixture = Mixture(rate=0.0, share=SMALL.share)
    signs = np.zeros((3, N_SIGNS))
    trusts, lost = [], []
    for model, others in tokens:
        given_to_it = np.array([model, others, others, others])
        shares = softmax(signs, mixture.weights)
        mixed = mixture.alone * model + (1 - mixture.alone) * (shares @ given_to_it)
        trusts.append(mixture.alone)
        lost.append(np.log2(model / mixed))
        assert mixture.alone >= 0.7 * 2 ** (-mixture.bits / 400) - 1e-12
        mixture.learn(signs, shares, given_to_it)
    assert mixture.bits == pytest.approx(-np.log2(np.array(tokens)[:, 0]).sum())
    still = np.cumsum(lost[::-1])[::-1] - np.arange(len(lost), 0, -1) * SMALL.share / np.log(2)
    assert (still <= -np.log2(trusts) + 1e-9).all()


def test_half_a_text_that_turns_is_not_harmed():
    # The first half repeats itself, the second is drawn afresh: what was learned only misleads.
    model, drawn = Follower(sure=0.3), np.random.default_rng(3)
    first = [1, 2, 3, 4, 5, 6, 7, 8] * 50
    costs, _ = nats(model, first + drawn.integers(1, 257, 400).tolist())
    without, adapted = costs[:, len(first) :].sum(1)
    assert adapted < 1.005 * without
