"""Ridge regression, recursive least squares and LMS: against reservoirpy, NumPy and each other."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from deep_tree_echo import RLS, ArgumentError, ModelFormatError, Ridge, core
from deep_tree_echo.dtesn.least_squares import NativeAlgebra, ReferenceAlgebra
from deep_tree_echo.dtesn.lms import LMS
from deep_tree_echo.errors import FileError
from hypothesis import given
from hypothesis import strategies as st

from tests.dtesn.readout_golden import answers

ENGINES = ("libecho", "python")
STATES, TARGETS = answers()["states"], answers()["targets"]
KINDS = (Ridge, RLS, LMS)


def drawn(*shape: int, seed: int = 1) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


def same(a: Any, b: Any, tolerance: float = 1e-9) -> None:
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


# ------------------------------------------------------------ the peers


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("regularisation", [1e-6, 1e-2])
@pytest.mark.parametrize("bias", [True, False])
def test_ridge_gives_reservoirpys_weights(engine: str, regularisation: float, bias: bool) -> None:
    ridge = Ridge(regularisation, bias, engine=engine).fit(STATES, TARGETS)
    name = f"ridge {regularisation:g} {'bias' if bias else 'plain'}"
    same(ridge.weights, answers()[f"{name} weights"])
    same(ridge.bias, answers()[f"{name} bias"])
    assert ridge.engine == engine


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("forgetting", [1.0, 0.98])
def test_rls_gives_reservoirpys_weights(engine: str, forgetting: float) -> None:
    rls = RLS(1e-2, forgetting, engine=engine)
    for start, end in ((0, 50), (50, len(STATES))):
        rls.partial_fit(STATES[start:end], TARGETS[start:end])
        expected = answers()[f"rls {forgetting:g} after {end}"]
        same(rls.weights, expected[:, :-1], 1e-8)
        same(rls.bias, expected[:, -1], 1e-8)
    same(rls.covariance, answers()[f"rls {forgetting:g} covariance"], 1e-8)


@pytest.mark.parametrize("engine", ENGINES)
def test_lms_gives_reservoirpys_weights(engine: str) -> None:
    lms = LMS(rate=0.02, engine=engine).fit(STATES, TARGETS)
    same(lms.weights, answers()["lms"][:, :-1], 1e-12)
    same(lms.bias, answers()["lms"][:, -1], 1e-12)


# ---------------------------------------------------------- mathematics


@given(
    sizes=st.tuples(st.integers(1, 40), st.integers(1, 5), st.integers(1, 600)),
    bias=st.booleans(),
    seed=st.integers(0, 99),
)
def test_libecho_and_numpy_compute_the_same(
    sizes: tuple[int, int, int], bias: bool, seed: int
) -> None:
    n, m, steps = sizes
    x, y = drawn(steps, n, seed=seed), drawn(steps, m, seed=seed + 1)
    for make in (
        lambda engine: Ridge(1e-3, bias, engine=engine),
        lambda engine: RLS(1e-3, 0.99, bias, engine=engine),
        lambda engine: LMS(0.5, True, bias=bias, engine=engine),
    ):
        ours, reference = (make(engine).fit(x, y) for engine in ENGINES)
        same(ours.weights, reference.weights, 1e-8)
        same(ours.bias, reference.bias, 1e-8)
        same(ours.predict(x[:3]), x[:3] @ ours.weights.T + ours.bias)


def test_every_simd_target_computes_the_same() -> None:
    x, y = drawn(700, 61), drawn(700, 3)
    expected = [kind(engine="python").fit(x, y).weights for kind in (Ridge, RLS)]
    try:
        for target in core.simd_targets():
            core.check(core.library().echo_simd_force(target.encode()))
            for kind, weights in zip((Ridge, RLS), expected, strict=True):
                same(kind(engine="libecho").fit(x, y).weights, weights, 1e-8)
    finally:
        core.check(core.library().echo_simd_force(None))


@given(rows=st.integers(0, 600), width=st.integers(1, 70), features=st.integers(0, 70))
def test_gram_matrices_have_the_sums_of_all_pairs(rows: int, width: int, features: int) -> None:
    n = min(features, width)
    z = drawn(rows, width)
    start = drawn(n, width)
    found = start.copy()
    core.gram_add(z, n, found)
    expected = start + np.triu(z[:, :n].T @ z)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)
    # Below the diagonal nothing is touched.
    assert (np.tril(found, -1) == np.tril(start, -1)).all()


@given(n=st.integers(1, 50), m=st.integers(1, 4), seed=st.integers(0, 99))
def test_positive_definite_systems_are_solved(n: int, m: int, seed: int) -> None:
    root = drawn(n, n + 3, seed=seed)
    matrix, right = root @ root.T + 1e-3 * np.eye(n), drawn(m, n, seed=seed + 1)
    for algebra in (NativeAlgebra(), ReferenceAlgebra()):
        # Only the lower triangle counts.
        found = algebra.gram_solve(np.tril(matrix), right, 0.0)
        np.testing.assert_allclose(found @ matrix, right, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("where", [0, 5, 12])
def test_what_is_not_positive_definite_is_refused(engine: str, where: int) -> None:
    algebra = {"libecho": NativeAlgebra, "python": ReferenceAlgebra}[engine]()
    root = drawn(13, 20)
    root[where] = 0.0 if where == 0 else root[where - 1] * 2
    with pytest.raises(ArgumentError, match="not positive definite"):
        algebra.gram_solve(root @ root.T, np.ones((1, 13)), 1e-14)


@pytest.mark.parametrize("kind", KINDS)
@given(cuts=st.lists(st.integers(0, 240), max_size=6))
def test_a_series_may_come_in_any_pieces(kind: Any, cuts: list[int]) -> None:
    whole, pieces = kind().fit(STATES, TARGETS), kind()
    edges = [0, *sorted(cuts), len(STATES)]
    for start, end in pairwise(edges):
        pieces.partial_fit(STATES[start:end], TARGETS[start:end])
    same(pieces.weights, whole.weights, 1e-7)
    assert pieces.n_samples == whole.n_samples == len(STATES)


def test_ridge_is_the_minimum_that_it_claims() -> None:
    ridge = Ridge(0.5).fit(STATES, TARGETS)

    def cost(weights: Any, bias: Any) -> float:
        errors = TARGETS - STATES @ weights.T - bias
        return float((errors**2).sum() + 0.5 * (weights**2).sum())

    least = cost(ridge.weights, ridge.bias)
    for seed in range(20):
        away = 1e-3 * drawn(2, 13, seed=seed)
        assert cost(ridge.weights + away[:, :-1], ridge.bias + away[:, -1]) > least


def test_ridge_tries_other_regularisations_on_the_same_sums() -> None:
    ridge = Ridge(1e-6).fit(STATES, TARGETS).solve(0.1)
    assert ridge.regularisation == 0.1
    same(ridge.weights, Ridge(0.1).fit(STATES, TARGETS).weights, 1e-12)


def test_ridge_is_right_far_from_zero() -> None:
    # Plain sums of products would keep no digit of these differences.
    offset = 1e6
    near, far = Ridge(1e-6).fit(STATES, TARGETS), Ridge(1e-6).fit(STATES + offset, TARGETS)
    same(far.weights, near.weights, 1e-6)
    same(far.predict(STATES + offset), near.predict(STATES), 1e-6)


def test_float32_states_are_summed_in_double() -> None:
    single = STATES.astype(np.float32)
    same(Ridge().fit(single, TARGETS).weights, Ridge().fit(single * 1.0, TARGETS).weights, 1e-4)
    assert Ridge().fit(single, TARGETS).weights.dtype == np.float64


def test_rls_is_ridge_after_every_sample() -> None:
    constant = np.hstack([STATES, np.ones((len(STATES), 1))])
    rls = RLS(1e-3)
    for t, (x, y) in enumerate(zip(STATES, TARGETS, strict=True), 1):
        rls.update(x, y)
        if t in (1, 5, 20, 100, 240):
            ridge = Ridge(1e-3, bias=False).fit(constant[:t], TARGETS[:t])
            same(np.hstack([rls.weights, rls.bias[:, None]]), ridge.weights, 1e-7)


def test_forgetting_weighs_samples_by_their_age() -> None:
    forgetting, steps = 0.9, 60
    rls = RLS(1e-2, forgetting, bias=False).fit(STATES[:steps], TARGETS[:steps])
    weight = np.sqrt(forgetting ** np.arange(steps - 1, -1, -1))[:, None]
    old = Ridge(1e-2 * forgetting**steps, bias=False)
    same(rls.weights, old.fit(weight * STATES[:steps], weight * TARGETS[:steps]).weights, 1e-7)


def test_rls_follows_what_changes() -> None:
    x = drawn(2000, 5)
    y = np.where(np.arange(2000) < 1000, 1.0, -1.0) * x[:, 0]
    errors = {}
    for forgetting in (1.0, 0.98):
        found = RLS(1e-3, forgetting).follow(x, y)[:, 0]
        errors[forgetting] = np.abs(found - y)[1500:].mean()
    # 0.98^500 is 4e-5.
    assert errors[0.98] < 1e-4 < 0.1 < errors[1.0]


@pytest.mark.parametrize("engine", ENGINES)
def test_updates_say_what_was_predicted_before(engine: str) -> None:
    rls = RLS(1e-2, engine=engine)
    found = rls.follow(STATES, TARGETS)
    again = RLS(1e-2, engine=engine)
    for t in range(60):
        before = again.predict(STATES[t : t + 1])[0] if t else np.zeros(2)
        said = again.update(STATES[t], TARGETS[t])
        same(said, before)
        same(said, found[t], 1e-8)


@pytest.mark.parametrize("engine", ENGINES)
def test_p_stays_bounded_where_nothing_comes_in(engine: str) -> None:
    rls = RLS(1.0, 0.5, bias=False, engine=engine)
    x = np.zeros((400, 3))
    x[:, 0] = drawn(400)
    rls.partial_fit(x, x[:, :1])
    # Halved forgetting would have reached 2^400.
    assert 1e6 < rls.covariance.diagonal().max() < 1e9
    same(rls.weights, [[1.0, 0.0, 0.0]])
    # What comes in at last is learned at once.
    x[:, 1:] = drawn(400, 2)
    rls.partial_fit(x, (x @ [1.0, 2.0, 3.0])[:, None])
    same(rls.weights, [[1.0, 2.0, 3.0]])


def test_p_is_symmetric_to_the_last_bit() -> None:
    rls = RLS(1e-3, 0.99).fit(drawn(3000, 37), drawn(3000, 2))
    p = rls.covariance
    assert (p == p.T).all()
    assert np.linalg.eigvalsh(p).min() > 0


def test_normalised_lms_does_not_mind_the_scale() -> None:
    x = drawn(3000, 6)
    y = x @ np.arange(6.0)
    for scale in (1e-3, 1.0, 1e3):
        lms = LMS(0.5, normalised=True, offset=1e-12, bias=False).fit(scale * x, y)
        same(lms.weights[0] * scale, np.arange(6.0), 1e-6)


# ------------------------------------------------------------------ files


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_file_goes_on_as_if_nothing_had_stopped(kind: Any, engine: str, tmp_path: Path) -> None:
    straight = kind(bias=False, engine=engine).fit(STATES, TARGETS)
    first = kind(bias=False, engine=engine).fit(STATES[:100], TARGETS[:100])
    first.save(tmp_path / "readout")
    second = kind.load(tmp_path / "readout", engine=engine)
    assert (second.weights == first.weights).all()
    assert repr(second) == repr(first)
    second.partial_fit(STATES[100:], TARGETS[100:])
    same(second.weights, straight.weights, 1e-8)
    assert [path.name for path in tmp_path.iterdir()] == ["readout"]


def test_files_of_another_kind_or_damaged_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "ridge.npz"
    Ridge().fit(STATES, TARGETS).save(path)
    with pytest.raises(ModelFormatError, match="holds ridge; it must hold rls"):
        RLS.load(path)
    good = path.read_bytes()
    for damaged in (good[:-50], good[: len(good) // 2], b"", b"\x93NUMPY rubbish", b"PK\x03\x04"):
        path.write_bytes(damaged)
        with pytest.raises(ModelFormatError):
            Ridge.load(path)
    with pytest.raises(FileError, match="cannot be read"):
        Ridge.load(tmp_path / "nowhere.npz")
    with pytest.raises(ArgumentError, match="there is no folder"):
        Ridge().fit(STATES, TARGETS).save(tmp_path / "no" / "where")


def test_files_of_other_shapes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rls.npz"
    RLS().fit(STATES, TARGETS).save(path)
    with np.load(path) as file:
        held = dict(file)
    for name, value in (
        ("covariance", np.eye(4)),
        ("weights", held["weights"] * np.nan),
        ("shape", [12]),
        ("forgetting", np.array(2.0)),
        ("with_bias", np.array(3)),
    ):
        np.savez(path, **(held | {name: value}))
        with pytest.raises(ModelFormatError, match="damaged"):
            RLS.load(path)
    np.savez(path, **(held | {"version": 99}))
    with pytest.raises(ModelFormatError, match="version 99"):
        RLS.load(path)
