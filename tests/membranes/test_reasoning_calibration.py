"""Confidence that is right as often as it says, on data whose truth is known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from deep_tree_echo import Chain, ModelFile
from deep_tree_echo.database import open_database
from deep_tree_echo.errors import ArgumentError
from deep_tree_echo.membranes.reasoning import (
    Calibration,
    Evidence,
    ReasoningMembrane,
    calibration_error,
    measure,
    reliability,
)
from deep_tree_echo.membranes.reasoning.calibration import (
    OptionEvidence,
    bundled,
    fit_logistic,
    fit_temperature,
    softmax,
)
from deep_tree_echo.membranes.reasoning.measure import choose_all, draw_all
from deep_tree_echo.membranes.reasoning.options import option_scores, read
from deep_tree_echo.membranes.reasoning.tasks import FAMILIES, tasks
from deep_tree_echo.platform import bundled_model_path
from hypothesis import given
from hypothesis import strategies as st

from tests.random_models import random_model_bytes

FILE = ModelFile.from_bytes("model.bin", random_model_bytes())
OPTION = (0.0, 1.0, *[0.0] * 8)
SOME = Calibration(2.0, OPTION, (-1, 0, -1, 0, 0, 0), (0, 1, 0, 0, 0, 0), "")


def test_the_temperature_of_known_probabilities_is_found():
    random = np.random.default_rng(1)
    scores = random.normal(0, 3, (4000, 4))
    right = [int(random.choice(4, p=softmax(row, 2.5))) for row in scores.tolist()]
    assert fit_temperature(scores.tolist(), right) == pytest.approx(2.5, rel=0.08)


def test_known_weights_are_found():
    random = np.random.default_rng(1)
    features = np.c_[np.ones(5000), random.normal(size=(5000, 2))]
    truth = np.array([-0.5, 1.0, -2.0])
    right = random.random(5000) < 1 / (1 + np.exp(-features @ truth))
    assert fit_logistic(features, right) == pytest.approx(truth, abs=0.15)


def test_weights_stay_finite_where_all_are_right():
    weights = fit_logistic([[1.0, 0.3], [1.0, -0.7]] * 20, [True] * 40)
    assert all(map(math.isfinite, weights))
    assert 1 / (1 + math.exp(-weights[0])) < 1


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_the_error_is_a_mean_distance(answers):
    sure, right = [one[0] for one in answers], [one[1] for one in answers]
    error = calibration_error(sure, right)
    assert 0 <= error <= 1
    assert error >= abs(np.mean(sure) - np.mean(right)) - 1e-9
    table = reliability(sure, right)
    assert sum(row[0] for row in table) == len(answers)
    counts = [row[0] for row in table]
    assert max(counts) - min(counts) <= 1


def test_the_error_by_hand():
    sure = [0.9, 0.1, 0.7, 0.2]
    right = [True, False, True, True]
    assert calibration_error(sure, right, 2) == pytest.approx((abs(0.15 - 0.5) + 0.2) / 2)


def test_more_agreement_and_likelier_words_make_surer():
    known = replace(SOME, vote=(0.0, 1.0, -1.0, 0.0, 0.0, 0.0))
    evidence = Evidence(5, 0.6, -1.0, 10)
    base = known.judge(evidence).confidence
    assert known.judge(replace(evidence, share=1.0)).confidence > base
    assert known.judge(replace(evidence, per_token=-0.1)).confidence > base
    assert known.judge(replace(evidence, share=1.0, n_candidates=50)).confidence < 1


def test_without_probabilities_there_is_no_confidence():
    evidence = Evidence(3, 0.7, None, 4)
    for judgement in (SOME.judge(evidence), ReasoningMembrane().judge(evidence, "")):
        assert (judgement.confidence, judgement.calibrated) == (None, False)


def test_an_unknown_model_is_said_to_be_uncalibrated():
    judgement = ReasoningMembrane().judge(Evidence(3, 0.7, -1.0, 4), "unknown")
    assert (judgement.confidence, judgement.calibrated) == (0.7, False)
    alone = ReasoningMembrane().judge(Evidence(1, 1.0, -1.0, 4), "unknown")
    assert alone.confidence == pytest.approx(math.exp(-1))


@given(st.lists(st.tuples(st.floats(-90, 0), st.integers(1, 50)), min_size=1, max_size=6))
def test_weights_of_options_sum_to_one(options):
    evidence = OptionEvidence(tuple(o[0] for o in options), tuple(o[1] for o in options))
    for known in (SOME, *bundled().values()):
        found = known.weigh(evidence)
        assert math.fsum(found) == pytest.approx(1)
        assert all(0 <= chance <= 1 for chance in found)


def test_calibrations_are_kept_in_the_database():
    database = open_database(None)
    ReasoningMembrane(database=database).keep("abc", SOME)
    ReasoningMembrane(database=database).keep("abc", replace(SOME, temperature=3.0))
    again = ReasoningMembrane(database=database)
    assert again.calibration("abc") == replace(SOME, temperature=3.0)
    assert again.judge(Evidence(3, 0.7, -1.0, 4), "abc").calibrated
    assert ReasoningMembrane().calibration("abc") is None
    with pytest.raises(ArgumentError, match="fingerprint is ''"):
        again.keep("", SOME)
    database.close()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"vote": (1.0,)}, "vote is"),
        ({"single": (math.nan,) * 6}, "single is"),
    ],
)
def test_numbers_that_are_no_calibration_are_refused(change, message):
    with pytest.raises(ArgumentError, match=message):
        replace(SOME, **change)


def test_tasks_are_the_same_for_a_seed_and_have_one_right_option():
    found = tasks(3, 12)
    assert found == tasks(3, 12)
    assert {task.family for task in found} == set(FAMILIES)
    assert len({(task.prompt, *sorted(task.options)) for task in found}) == len(found)
    for task in found:
        assert len(set(task.options)) == 4
        assert task.options[task.right] == f" {task.answers[0]}"
    with pytest.raises(ArgumentError, match="families holds 'magic'"):
        tasks(1, 1, ["magic"])


def test_options_have_the_probability_of_their_tokens():
    chain = Chain.load(FILE)
    model = chain.backend.model
    start = read(model, "Say")
    [score] = option_scores(model, start, ["ab"])
    first, _ = model.eval(model.encode("a"), start.state)
    parts = [(start.logits, model.encode("a")[0]), (first, model.encode("b")[0])]
    total = 0.0
    for logits, token in parts:
        wide = np.asarray(logits, np.float64)
        total += wide[token] - np.log(np.exp(wide).sum())
    assert score == pytest.approx(total, rel=1e-5)
    for bad in ([], [""]):
        with pytest.raises(ArgumentError, match="options"):
            option_scores(model, start, bad)


def test_a_model_calibrates_itself(monkeypatch):
    monkeypatch.setattr(measure, "_COUNT", 18)
    chain = Chain.load(FILE)
    model = chain.backend.model
    *shares, found = measure.calibrate(chain, model)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    membrane = ReasoningMembrane()
    assert not membrane.choose(model, read(model, "Say"), [" yes", " no"])[1]
    membrane.keep(model.fingerprint, found)
    options, calibrated = membrane.choose(model, read(model, "Say"), [" yes", " no"])
    assert calibrated
    assert math.fsum(option.probability for option in options) == pytest.approx(1)
    # A random model knows nothing, and now it says so.
    given = tasks(99, 5)
    seen = list(choose_all(model, given))
    sure = [found.weigh(one.evidence)[one.evidence.best] for one in seen]
    assert np.mean(sure) < 0.5
    drawn = next(iter(draw_all(chain, given)))
    assert found.judge(drawn.vote).confidence < 0.2


def test_too_few_answers_calibrate_nothing():
    with pytest.raises(ArgumentError, match="chosen has 0 answers; a fit needs at least 100"):
        measure.fit([], [], "")


def test_the_bundled_model_is_calibrated():
    chain = Chain.load(ModelFile.from_path(bundled_model_path()))
    assert chain.backend.model.fingerprint in bundled()
