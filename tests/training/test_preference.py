"""Preference: the gradient by differences, and that the fitting answers gain."""

import numpy as np
import pytest
from deep_tree_echo.errors import ArgumentError
from deep_tree_echo.training.dialogues import Dialogues
from deep_tree_echo.training.parameters import Parameters, Shape, initial_parameters
from deep_tree_echo.training.phrasings import plain
from deep_tree_echo.training.preference import Pair, Preference, draw_pairs

pytestmark = pytest.mark.native("compiles kernels for this machine")
TINY = Shape(width=16, layers=2, head_size=8, rank=4, gate_rank=6, hidden=2, vocabulary=257)
PAIRS = [Pair(f"q{n}", f"yes {n}", "no, no") for n in range(6)]


def encode(text: bytes) -> list[int]:
    return [byte + 1 for byte in text]


def tiny(dtype=np.float64) -> Parameters:
    parameters = Parameters(TINY, dtype)
    parameters.flat[:] = initial_parameters(TINY, 1).flat
    parameters.flat += np.random.default_rng(0).normal(0, 0.1, parameters.flat.shape)
    return parameters


def test_gradient_agrees_with_differences():
    parameters = tiny()
    preference = Preference(parameters, PAIRS, encode, batch=2, time=40, beta=0.7)
    random = np.random.default_rng(3)
    parameters.flat += random.normal(0, 0.05, parameters.flat.shape)  # off the reference
    numbers = [4, 1]
    preference.step(numbers)
    gradient = preference.network.gradients.flat.copy()
    for at in random.choice(np.flatnonzero(np.abs(gradient) > 1e-4), 25, replace=False):
        kept, step = parameters.flat[at], 1e-5
        parameters.flat[at] = kept + step
        above = preference.step(numbers)[0]
        parameters.flat[at] = kept - step
        below = preference.step(numbers)[0]
        parameters.flat[at] = kept
        assert gradient[at] == pytest.approx((above - below) / (2 * step), rel=1e-4, abs=1e-8)


def test_before_the_first_step_no_answer_is_preferred():
    preference = Preference(tiny(), PAIRS, encode, batch=3, time=40, anchor=0.0)
    loss, margin = preference.step([0, 3, 5])
    assert margin == pytest.approx(0, abs=1e-9)
    assert loss == pytest.approx(np.log(2))


def test_fitting_answers_gain():
    said: list[dict[str, float]] = []
    preference = Preference(tiny(np.float32), PAIRS, encode, batch=3, time=40)
    preference.run(12, peak=2e-3, say=said.append)
    assert [line["step"] for line in said] == list(range(1, 13))
    assert said[-1]["margin"] > 1
    assert said[-1]["loss"] < said[0]["loss"]


def test_pairs_that_are_too_long_are_left_out():
    with pytest.raises(ArgumentError, match="0 pairs are of at most 8 tokens; a step needs 2"):
        Preference(tiny(), PAIRS, encode, batch=2, time=8)


def test_pairs_are_what_the_model_gets_wrong():
    topics = [t for group in Dialogues(3, held_out=True).topics.values() for t in group]
    kept = {plain(q) for topic in topics for q in topic.held_out if "{" not in q}
    pairs = draw_pairs(lambda question, seed: "I am a teapot.", 120)
    assert len(pairs) == 120
    assert {pair.other for pair in pairs} == {"I am a teapot."}
    assert not {plain(pair.question) for pair in pairs} & kept
    assert pairs == draw_pairs(lambda question, seed: "I am a teapot.", 120)

    answers = {pair.question: pair.fitting for pair in pairs}
    right = draw_pairs(lambda question, seed: answers[question], 120)
    assert right == []
