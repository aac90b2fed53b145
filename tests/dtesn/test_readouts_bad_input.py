"""Readouts refuse what they cannot use in one sentence, and stay as they were."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from deep_tree_echo import RLS, ArgumentError, Ridge, core
from deep_tree_echo.dtesn.lms import LMS

GOOD_X, GOOD_Y = np.eye(4)[[0, 1, 2, 3, 0, 2]], np.arange(12.0).reshape(6, 2)
KINDS = (Ridge, RLS, LMS)


def learned(readout: Any) -> Any:
    return readout.weights.tolist(), readout.bias.tolist(), readout.n_samples


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("engine", ["libecho", "python"])
@pytest.mark.parametrize(
    ("states", "targets", "sentence"),
    [
        (np.full((1, 4), np.nan), [[1, 2]], r"states has nan at \[0, 0\]; all numbers must be"),
        (np.eye(4)[:1], [[1, np.inf]], r"targets has inf at \[0, 1\]"),
        (np.eye(4)[:1] * 1e70, [[1, 2]], r"at most 1e\+60"),
        (np.eye(3), np.ones((3, 2)), "states has 3 columns; it must have 4"),
        (np.eye(4), np.ones((4, 3)), "targets has 3 columns; it must have 2"),
        (np.eye(4), np.ones((3, 2)), "states has 4 rows and targets 3; give as many"),
        (np.ones(4), [[1, 2]], r"states has the shape \(4,\); it must be \(samples, 4\)"),
        (np.ones((1, 4, 1)), [[1, 2]], r"states has the shape \(1, 4, 1\)"),
        (5.0, [[1, 2]], r"states has the shape \(\)"),
        ([["a"] * 4], [[1, 2]], "states must hold real numbers only"),
        (np.ones((1, 4)) * 1j, [[1, 2]], "states must hold real numbers only"),
        ([[None] * 4], [[1, 2]], "states must hold real numbers only"),
    ],
)
def test_bad_samples_change_nothing(
    kind: Any, engine: str, states: Any, targets: Any, sentence: str
) -> None:
    readout = kind(engine=engine).fit(GOOD_X, GOOD_Y)
    before = learned(readout)
    with pytest.raises(ArgumentError, match=sentence):
        readout.partial_fit(states, targets)
    assert learned(readout) == before


@pytest.mark.parametrize(
    ("state", "target", "sentence"),
    [
        ([1.0, 2.0, 3.0, np.nan], [1.0, 2.0], r"states has nan at \[0, 3\]"),
        ([1.0, 2.0, 3.0], [1.0, 2.0], "states has 3 columns; it must have 4"),
        ([1.0, 2.0, 3.0, 4.0], 1.0, r"targets has"),
        (np.eye(4), [1.0, 2.0], r"states has the shape \(1, 4, 4\)"),
    ],
)
def test_a_bad_single_sample(state: Any, target: Any, sentence: str) -> None:
    rls = RLS().fit(GOOD_X, GOOD_Y)
    before = learned(rls)
    with pytest.raises(ArgumentError, match=sentence):
        rls.update(state, target)
    assert learned(rls) == before


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_learned_is_said(kind: Any) -> None:
    readout = kind()
    for use in (lambda: readout.weights, lambda: readout.bias, lambda: readout.predict([[1.0]])):
        with pytest.raises(ArgumentError, match="has learned nothing yet; give it samples"):
            use()
    readout.partial_fit(np.empty((0, 4)), np.empty((0, 2)))
    with pytest.raises(ArgumentError, match="nothing yet"):
        readout.weights  # noqa: B018
    # A failed fit is as if it had never been.
    with pytest.raises(ArgumentError):
        readout.partial_fit([[np.nan]], [1.0])
    assert readout.n_features is None
    readout.fit(GOOD_X, GOOD_Y)
    readout.reset()
    with pytest.raises(ArgumentError, match="nothing yet"):
        readout.predict(GOOD_X)


@pytest.mark.parametrize("engine", ["libecho", "python"])
@pytest.mark.parametrize(
    "states",
    [GOOD_X[:3], GOOD_X[:, [0, 1, 1, 2]], np.hstack([GOOD_X, GOOD_X.sum(axis=1, keepdims=True)])],
    ids=["too few", "twice the same", "dependent"],
)
def test_a_singular_gram_matrix_without_regularisation(engine: str, states: Any) -> None:
    ridge = Ridge(0.0, engine=engine).partial_fit(states, GOOD_Y[: len(states)])
    sentence = f"{len(states)} samples of {states.shape[1]} features do not determine the weights"
    with pytest.raises(ArgumentError, match=sentence):
        ridge.solve()
    # With regularisation it is no matter.
    ridge.solve(1e-6)
    good = ridge.weights.copy()
    with pytest.raises(ArgumentError, match="with the regularisation 0; take a larger one"):
        ridge.solve(0.0)
    assert (ridge.weights == good).all()
    assert ridge.regularisation == 1e-6


@pytest.mark.parametrize("engine", ["libecho", "python"])
def test_rounding_does_not_pass_for_independence(engine: str) -> None:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        states = rng.normal(size=(60, 12))
        states[:, 11] = states[:, :11] @ rng.normal(size=11)
        with pytest.raises(ArgumentError, match="do not determine the weights"):
            Ridge(0.0, engine=engine).fit(states, rng.normal(size=60)).solve()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Ridge(-1.0), "regularisation is -1; it must be at least 0"),
        (lambda: Ridge(float("nan")), "regularisation is nan; it must be finite"),
        (lambda: Ridge("much"), "regularisation is 'much'; it must be a number"),  # type: ignore
        (lambda: Ridge(bias=1), "bias is 1; it must be True or False"),  # type: ignore
        (lambda: Ridge(engine="cuda"), "the engine is 'cuda'"),
        (lambda: RLS(0.0), "regularisation is 0; it must lie in"),
        (lambda: RLS(-1.0), "regularisation is -1; it must lie in"),
        (lambda: RLS(forgetting=0.0), "forgetting is 0; it must be above 0 and at most 1"),
        (lambda: RLS(forgetting=1.5), "forgetting is 1.5; it must be above 0 and at most 1"),
        (lambda: RLS(forgetting=float("nan")), "forgetting is nan"),
        (lambda: LMS(rate=0.0), "rate is 0; it must be above 0"),
        (lambda: LMS(offset=-1.0), "offset is -1; it must be above 0"),
        (lambda: LMS(normalised="yes"), "normalised is 'yes'"),  # type: ignore
    ],
)
def test_bad_settings(make: Any, sentence: str) -> None:
    with pytest.raises(ArgumentError, match=sentence):
        make()


@pytest.mark.parametrize("engine", ["libecho", "python"])
def test_a_rate_beyond_all_bounds(engine: str) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(1000, 5)), rng.normal(size=1000)
    lms = LMS(rate=0.01, engine=engine).fit(x, y)
    good = lms.weights.copy()
    wild = LMS(rate=100.0, engine=engine)
    with pytest.raises(ArgumentError, match="rate is 100, and the weights grow beyond all bounds"):
        wild.fit(x, y)
    with pytest.raises(ArgumentError, match="nothing yet"):
        wild.predict(x)
    assert (lms.weights == good).all()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((0, 1, 1.0, 1.0, False), "0 features and 1 outputs"),
        ((1, 0, 1.0, 1.0, False), "1 features and 0 outputs"),
        ((1 << 40, 1, 1.0, 1.0, False), "too few or too many"),
        ((8, 1 << 40, 1.0, 1.0, False), "too few or too many"),
        ((1, 1, 0.0, 1.0, False), "The start of P is 0"),
        ((1, 1, float("nan"), 1.0, False), "The start of P is nan"),
        ((1, 1, 1.0, float("nan"), False), "forgetting is nan"),
    ],
)
def test_libecho_itself_refuses(arguments: Any, sentence: str) -> None:
    with pytest.raises(ArgumentError, match=sentence):
        core.Rls(*arguments)


def test_libecho_refuses_numbers_before_it_learns() -> None:
    rls = core.Rls(2, 1, 1.0, 1.0, bias=True)
    rls.update(np.ones((3, 2)), np.ones((3, 1)))
    before = rls.weights(), rls.covariance()
    bad = np.ones((5, 2))
    bad[4, 1] = np.nan
    with pytest.raises(ArgumentError, match="states has nan at number 9"):
        rls.update(bad, np.ones((5, 1)))
    with pytest.raises(ArgumentError, match="targets has inf at number 0"):
        rls.update(np.ones((1, 2)), np.full((1, 1), np.inf))
    with pytest.raises(ArgumentError, match="weights has nan"):
        rls.set(np.full((1, 3), np.nan), before[1])
    assert (rls.weights() == before[0]).all()
    assert (rls.covariance() == before[1]).all()
    rls.close()
    with pytest.raises(ArgumentError, match="This readout is closed"):
        rls.weights()
