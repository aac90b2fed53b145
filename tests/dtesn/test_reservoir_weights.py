"""Random weights: what is drawn, how many, how strong; sparse matrices and spectral radii."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from deep_tree_echo import ArgumentError
from deep_tree_echo.dtesn import SparseMatrix
from deep_tree_echo.dtesn.components import strong_components
from deep_tree_echo.dtesn.draws import Draws, normal_quantile
from deep_tree_echo.dtesn.initializers import RECURRENT, input_weights, recurrent_weights
from deep_tree_echo.dtesn.spectrum import spectral_radius
from deep_tree_echo.pcg32 import Random
from hypothesis import given
from hypothesis import strategies as st

seeds = st.integers(0, 2**64 - 1)


@given(seeds, st.integers(0, 200), st.integers(1, 2**32))
def test_draws_are_those_of_the_generator(seed: int, n: int, bound: int) -> None:
    draws, random = Draws(seed), Random(seed)
    assert draws.words(n).tolist() == [random.next() for _ in range(n)]
    assert draws.uniform(n).tolist() == [random.uniform53() for _ in range(n)]
    assert draws.below(bound, n).tolist() == [random.below(bound) for _ in range(n)]
    # A bound of 1 needs no draw one by one.
    assert bound == 1 or draws.state == random.state


@given(st.floats(1e-300, 1 - 1e-16))
def test_normal_quantiles_equal_those_of_python(p: float) -> None:
    found = normal_quantile(np.array([p]))[0]
    assert found == pytest.approx(NormalDist().inv_cdf(p), rel=1e-14, abs=1e-15)


def test_normal_numbers_have_the_moments() -> None:
    drawn = Draws(3).normal(200_000)
    # Five standard errors.
    assert abs(drawn.mean()) < 5 / 200_000**0.5
    assert abs(drawn.std() - 1) < 5 / 400_000**0.5
    assert abs((drawn**4).mean() - 3) < 5 * (96 / 200_000) ** 0.5


@given(st.integers(1, 60), st.floats(0.01, 1), seeds)
def test_random_matrices_have_the_density(size: int, density: float, seed: int) -> None:
    for kind in ("uniform", "normal", "bernoulli"):
        matrix, known = recurrent_weights(kind, size, density, Draws(seed))
        assert matrix.nnz == max(1, round(density * size * size))
        assert known is None
    weights = input_weights("bernoulli", size, 3, density, Draws(seed))
    assert np.count_nonzero(weights) == max(1, round(density * 3 * size))
    assert set(np.unique(weights)) <= {-1.0, 0.0, 1.0}


def test_places_are_equally_likely() -> None:
    hits = np.zeros((6, 6))
    for seed in range(600):
        matrix = recurrent_weights("uniform", 6, 1 / 3, Draws(seed)).matrix
        hits += matrix.to_dense() != 0
    # 600 times 12 of 36; five standard deviations of a binomial variate.
    assert np.abs(hits - 200).max() < 5 * (600 * (1 / 3) * (2 / 3)) ** 0.5


@given(st.integers(1, 40), st.floats(0.05, 1), seeds)
def test_orthogonal_matrices_are(size: int, density: float, seed: int) -> None:
    matrix, known = recurrent_weights("orthogonal", size, density, Draws(seed))
    dense = matrix.to_dense()
    np.testing.assert_allclose(dense @ dense.T, np.eye(size), rtol=0, atol=1e-12)
    assert known == 1.0


@given(st.integers(2, 40), st.floats(0.05, 1), seeds)
def test_small_worlds_have_equal_rows(size: int, density: float, seed: int) -> None:
    matrix = recurrent_weights("small_world", size, density, Draws(seed)).matrix
    assert set(np.diff(matrix.indptr)) == {min(max(1, round(density * size)), size - 1)}


def test_a_tenth_of_a_small_world_is_rewired() -> None:
    size, degree = 400, 8
    matrix = recurrent_weights("small_world", size, degree / size, Draws(1)).matrix
    around = np.abs(matrix.rows() - matrix.indices)
    far = np.minimum(around, size - around) > degree // 2
    assert far.mean() == pytest.approx(0.1, abs=5 * (0.09 / (size * degree)) ** 0.5)


@pytest.mark.parametrize("kind", RECURRENT)
def test_weights_follow_from_the_seed(kind: str) -> None:
    one, two, other = (recurrent_weights(kind, 30, 0.2, Draws(s)).matrix for s in (1, 1, 2))
    np.testing.assert_array_equal(one.to_dense(), two.to_dense())
    assert kind == "ring" or not np.array_equal(one.to_dense(), other.to_dense())


@pytest.mark.parametrize("kind", RECURRENT)
@pytest.mark.parametrize(("size", "density"), [(30, 0.1), (120, 0.03), (260, 0.1)])
def test_the_spectral_radius_is_numpys(kind: str, size: int, density: float) -> None:
    matrix, known = recurrent_weights(kind, size, density, Draws(size))
    found = spectral_radius(matrix)
    assert found == pytest.approx(np.abs(np.linalg.eigvals(matrix.to_dense())).max(), rel=1e-9)
    assert known is None or found == pytest.approx(known, rel=1e-9)


@given(st.integers(1, 12), st.integers(0, 30), seeds)
def test_parts_decide_the_spectral_radius(size: int, count: int, seed: int) -> None:
    draws = Draws(seed)
    places = np.unique(draws.below(size * size, count))
    values = draws.uniform(len(places)) + 0.5
    matrix = SparseMatrix.from_triplets(places // size, places % size, values, (size, size))
    exact = np.abs(np.linalg.eigvals(matrix.to_dense())).max()
    # Where eigenvalues of a defective matrix meet, NumPy's are far off; ours come from the parts.
    assert spectral_radius(matrix) == pytest.approx(exact, rel=1e-6, abs=1e-2 * (exact < 0.1))


@given(st.integers(2, 30), seeds)
def test_without_cycles_the_spectral_radius_is_zero(size: int, seed: int) -> None:
    order = Draws(seed).permutation(size)
    dense = np.tril(np.ones((size, size)), -1)[np.ix_(order, order)]
    matrix = SparseMatrix.from_dense(dense)
    assert spectral_radius(matrix) == 0.0
    assert strong_components(matrix) == []


def test_rings_are_found_exactly() -> None:
    dense = np.zeros((300, 300))
    for i in range(200):
        dense[(i + 1) % 200, i] = 0.5 if i % 2 else 2.0
    dense[250, 250] = -0.75
    dense[260, :200] = 9.0
    assert spectral_radius(SparseMatrix.from_dense(dense)) == 1.0


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 144), seeds)
def test_sparse_matrices_are_matrices(rows: int, columns: int, count: int, seed: int) -> None:
    draws = Draws(seed)
    dense = np.zeros(rows * columns)
    places = draws.below(rows * columns, count)
    dense[places] = draws.normal(count)
    dense = dense.reshape(rows, columns)
    matrix = SparseMatrix.from_dense(dense)
    assert matrix.nnz == np.count_nonzero(dense)
    assert matrix.density == matrix.nnz / dense.size
    np.testing.assert_array_equal(matrix.to_dense(), dense)
    vector = draws.normal(columns)
    np.testing.assert_allclose(matrix @ vector, dense @ vector, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(matrix.scaled(2.0).to_dense(), 2 * dense)
    assert matrix.astype("float32").dtype == np.float32


@pytest.mark.parametrize(
    ("data", "indices", "indptr", "sentence"),
    [
        ([1.0], [0], [0, 1], "indptr has the shape"),
        ([1.0], [0, 1], [0, 1, 2], "data has the shape"),
        ([1.0], [0], [0, 2, 1], "indptr must rise"),
        ([1.0], [0], [0, 1, 2], "indptr must rise"),
        ([1.0], [2], [0, 1, 1], "indices go from 2 to 2"),
        ([1.0, 1.0], [1, 0], [0, 2, 2], "indices must rise"),
        ([1.0, 1.0], [1, 1], [0, 2, 2], "indices must rise"),
        ([np.nan], [0], [0, 1, 1], "not finite"),
    ],
)
def test_what_is_no_matrix_is_refused(
    data: list[float], indices: list[int], indptr: list[int], sentence: str
) -> None:
    with pytest.raises(ArgumentError, match=sentence):
        SparseMatrix(data, indices, indptr, (2, 2))
