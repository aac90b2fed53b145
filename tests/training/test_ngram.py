"""The n-gram model: a distribution, and the counts that Kneser and Ney mean."""

import numpy as np
import pytest
from deep_tree_echo.training.ngram import NGram
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=8, max_size=300), st.integers(0, 3))
def test_it_is_a_distribution(text, order):
    model = NGram(np.array(text, np.uint16), order, vocabulary=5)
    for context in ([0, 1, 2], [4, 4, 4], text[:3]):
        rows = [np.array([*context, x], np.uint16) for x in range(5)]
        assert sum(2 ** -model.bits(row)[3] for row in rows) == pytest.approx(1)


def test_what_follows_many_tokens_is_likelier_than_what_follows_one():
    # 1 follows a different token each time; 2 is as frequent, but only after 9.
    text = np.array([3, 1, 4, 1, 5, 1, 6, 1, 9, 2, 9, 2, 9, 2, 9, 2, 7, 8, 3, 4], np.uint16)
    model = NGram(text, 1, vocabulary=10)
    often, seldom = (model.bits(np.array([8, x], np.uint16))[1] for x in (1, 2))
    assert often < seldom


def test_a_longer_context_helps_on_what_repeats():
    text = np.array([ord(c) + 1 for c in "the cat sat on the mat and the rat ate the hat. " * 40])
    costs = [NGram(text[:1500], order).bits(text[1500:]).mean() for order in (0, 1, 2, 5)]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] < 0.3


def test_too_long_grams_are_refused():
    with pytest.raises(ValueError, match="64 bits"):
        NGram(np.zeros(9, np.uint16), 8, 257)
