"""Expectations by libecho are those by NumPy, and bad input is refused."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from deep_tree_echo import core
from deep_tree_echo.adaptation.expectation import N_EXPERTS, Question, expecting
from deep_tree_echo.adaptation.mixture import N_SIGNS, START
from deep_tree_echo.adaptation.senses import projecting
from deep_tree_echo.errors import ArgumentError
from hypothesis import given
from hypothesis import strategies as st


def question(seed, n_vocab=300, n_slots=37, n_contexts=53, width=19):
    drawn = np.random.default_rng(seed)
    contexts = drawn.standard_normal((n_contexts + 1, width)).astype(np.float32)
    contexts /= np.linalg.norm(contexts, axis=1, keepdims=True)
    tokens = drawn.permutation(n_vocab)[:n_slots].astype(np.int64)
    tokens[drawn.random(n_slots) < 0.1] = -1
    logits = (4 * drawn.standard_normal(n_vocab)).astype(np.float32)
    logits[drawn.random(n_vocab) < 0.1] = -np.inf
    return Question(
        logits=logits,
        tokens=tokens,
        corrections=5 * drawn.standard_normal(n_slots + 3),
        contexts=contexts[:-1],
        followers=drawn.integers(0, n_slots, n_contexts, dtype=np.int64),
        vector=contexts[-1],
        weights=START + 0.1 * drawn.standard_normal((N_EXPERTS - 1, N_SIGNS)),
        alone=float(drawn.random()),
        count=int(drawn.integers(1, 5000)),
    )


@given(
    st.integers(0, 2**32),
    st.integers(1, 700),
    st.integers(1, 90),
    st.integers(1, 90),
    st.integers(1, 70),
)
def test_both_engines_expect_the_same(seed, n_vocab, n_slots, n_contexts, width):
    asked = question(seed, n_vocab, min(n_slots, n_vocab), n_contexts, width)
    if not np.isfinite(asked.logits).any():
        asked.logits[0] = 0.0
    one, other = expecting("libecho")(asked), expecting("python")(asked)
    for field in fields(one):
        np.testing.assert_allclose(
            getattr(one, field.name),
            getattr(other, field.name),
            rtol=2e-5,
            atol=1e-9 if field.name == "experts" else 1e-7,
            err_msg=field.name,
        )


@pytest.mark.parametrize("engine", ["libecho", "python"])
@pytest.mark.parametrize("logit", [np.nan, np.inf])
@pytest.mark.parametrize("place", [0, 150, 299])
def test_nothing_is_expected_of_what_is_no_number(engine, logit, place):
    asked = question(1)
    asked.logits[place] = logit
    assert expecting(engine)(asked) is None


@pytest.mark.parametrize("engine", ["libecho", "python"])
def test_nothing_is_expected_where_all_is_forbidden(engine):
    asked = question(1)
    asked.logits[:] = -np.inf
    assert expecting(engine)(asked) is None


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("tokens", 300, r"tokens\[5\] is 300; it must be -1 or below n_vocab, 300"),
        ("tokens", -2, r"tokens\[5\] is -2"),
        ("followers", 37, r"followers\[5\] is 37; it must be at least 0 and below n_slots, 37"),
        ("followers", -1, r"followers\[5\] is -1"),
    ],
)
def test_what_is_out_of_range_is_refused(name, value, sentence):
    asked = question(1)
    getattr(asked, name)[5] = value
    with pytest.raises(ArgumentError, match=sentence):
        expecting("libecho")(asked)


def test_of_nothing_nothing_is_expected():
    asked = question(1)
    for empty in (
        replace(asked, tokens=asked.tokens[:0]),
        replace(asked, logits=asked.logits[:0]),
        replace(asked, contexts=asked.contexts[:0], followers=asked.followers[:0]),
    ):
        with pytest.raises(ArgumentError, match="no logits, slots or contexts"):
            expecting("libecho")(empty)
    with pytest.raises(ArgumentError, match="logits is NULL"):
        core.expect(core.Expectation())


@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 70))
def test_both_engines_project_the_same(seed, n, width):
    drawn = np.random.default_rng(seed)
    matrix = drawn.standard_normal((n, width)).astype(np.float32)
    x = drawn.standard_normal(width).astype(np.float32)
    for by in (matrix, None):
        one, other = projecting("libecho")(by, x), projecting("python")(by, x)
        np.testing.assert_allclose(one, other, atol=2e-6)
        assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    assert not projecting("libecho")(None, 0 * x).any()
