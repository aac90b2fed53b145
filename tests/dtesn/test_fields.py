"""Derivatives of fields, elementary differentials, and series as numbers."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from deep_tree_echo import ArgumentError
from deep_tree_echo.dtesn import (
    BSeries,
    ReservoirField,
    RootedTree,
    SmoothField,
    elementary_differentials,
    evaluate,
    rooted_trees,
)
from deep_tree_echo.dtesn.fields import tanh_derivative
from deep_tree_echo.dtesn.jets import Jet
from hypothesis import given
from hypothesis import strategies as st

from tests.dtesn.golden import golden

GOLDEN = golden("mpmath")
POINT = np.array(GOLDEN["point"])
RESERVOIR = ReservoirField(GOLDEN["weights"], GOLDEN["bias"])


def mixed(y: Any) -> Any:
    """Every operation at least once; the field of tests/oracles/trees_reference.py."""
    a, b, c = y
    return [
        np.sin(a * c) / (2 + b**2),
        np.exp(-a) * np.sqrt(c) - b**3 + np.tan(b),
        np.log(c) * np.cosh(b) - np.cos(a) + np.sinh(a * b) + 1 / c,
    ]


def reservoir(y: Any) -> Any:
    return np.tanh(np.array(GOLDEN["weights"]) @ y + GOLDEN["bias"]) - y


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("reservoir", RESERVOIR),
        ("reservoir", SmoothField(reservoir)),
        ("mixed", SmoothField(mixed)),
    ],
    ids=["closed form", "reservoir", "mixed"],
)
def test_elementary_differentials_agree_with_mpmath(name: str, field: Any) -> None:
    found = elementary_differentials(field, POINT, 5)
    assert len(found) == len(GOLDEN[name]) == 17
    for text, expected in GOLDEN[name].items():
        np.testing.assert_allclose(found[RootedTree.parse(text)], expected, rtol=1e-11, atol=1e-12)


def test_the_closed_form_is_that_of_any_field_to_order_7() -> None:
    ours = elementary_differentials(RESERVOIR, POINT, 7)
    theirs = elementary_differentials(SmoothField(reservoir), POINT, 7)
    for tree, value in ours.items():
        np.testing.assert_allclose(value, theirs[tree], rtol=1e-9, atol=1e-9)


directions = st.lists(
    st.lists(st.floats(-1, 1, width=32), min_size=3, max_size=3), min_size=1, max_size=4
)


@pytest.mark.parametrize("field", [RESERVOIR, SmoothField(mixed)], ids=["reservoir", "mixed"])
@given(some=directions)
def test_derivatives_agree_with_finite_differences(field: Any, some: list[list[float]]) -> None:
    """One direction more than before: a central difference of the derivative without it."""
    *before, last = map(np.array, some)

    def lower(t: float) -> np.ndarray:
        y = POINT + t * last
        return field.at(y)(before) if before else field(y)

    h = 1e-3
    # Of fourth order, so that the difference is off by h^4 and rounding by 1e-13 / h.
    slope = (8 * (lower(h) - lower(-h)) - (lower(2 * h) - lower(-2 * h))) / (12 * h)
    np.testing.assert_allclose(field.at(POINT)([*before, last]), slope, atol=2e-7, rtol=1e-7)


@pytest.mark.parametrize("field", [RESERVOIR, SmoothField(mixed)], ids=["reservoir", "mixed"])
def test_derivatives_are_symmetric_and_linear(field: Any) -> None:
    random = np.random.default_rng(3)
    some = list(random.normal(size=(3, 3)))
    value = field.at(POINT)(some)
    for order in permutations(some):
        np.testing.assert_allclose(field.at(POINT)(list(order)), value, rtol=1e-12)
    doubled = field.at(POINT)([some[0] * 2, some[1] - some[2], some[2]])
    parts = [field.at(POINT)([some[0], v, some[2]]) for v in (some[1], some[2])]
    np.testing.assert_allclose(doubled, 2 * (parts[0] - parts[1]), rtol=1e-11, atol=1e-12)


def test_a_direction_may_change_between_calls() -> None:
    derivative, direction = RESERVOIR.at(POINT), np.array([1.0, -2.0, 0.5])
    once = derivative([direction, direction])
    direction *= 2
    np.testing.assert_allclose(derivative([direction, direction]), 4 * once, rtol=1e-15)


def test_derivatives_of_tanh() -> None:
    # Abramowitz and Stegun 4.5.74 and its derivatives.
    assert tanh_derivative(0) == [0, 1]
    assert tanh_derivative(3) == [-2, 0, 8, 0, -6]


# A function, a point and its third derivative there, from tables.
CASES = [
    (lambda y: y * y * y, 2.0, 6.0),
    (lambda y: y**-2, 2.0, -24 / 2**5),
    (lambda y: y**2.5, 4.0, 2.5 * 1.5 * 0.5 / 2),
    (lambda y: y**2, 0.0, 0.0),
    (lambda y: 3 / y, 2.0, -18 / 2**4),
    (lambda y: y / 4 + 1 - (2 - y), 2.0, 0.0),
    (lambda y: -(+y) * 2.0, 2.0, 0.0),
    (lambda y: y * (y @ y), 1.0, 6.0),
    (lambda y: (y**3) @ [[2.0]], 1.0, 12.0),
    (lambda y: y * ([2.0] @ y**2), 1.0, 12.0),
    (np.exp, 1.0, np.e),
    (np.log, 2.0, 2 / 2**3),
    (np.sin, 1.0, -np.cos(1.0)),
    (np.cos, 1.0, np.sin(1.0)),
    (np.tan, 0.5, 2 * (1 + np.tan(0.5) ** 2) * (1 + 3 * np.tan(0.5) ** 2)),
    (np.sinh, 1.0, np.cosh(1.0)),
    (np.cosh, 1.0, np.sinh(1.0)),
    (np.tanh, 0.5, 2 * (1 - np.tanh(0.5) ** 2) * (3 * np.tanh(0.5) ** 2 - 1)),
    (np.sqrt, 4.0, 3 / 8 / 32),
    (np.square, 4.0, 0.0),
    (np.reciprocal, 2.0, -6 / 2**4),
    (lambda y: np.power(y, 4), 2.0, 48.0),
    (lambda y: np.subtract(1.0, np.multiply(y, np.add(y, 2.0))), 2.0, 0.0),
    (lambda y: np.divide(y, np.negative(np.positive(y))), 2.0, 0.0),
    (lambda y: np.divide(2.0, y), 2.0, -12 / 2**4),
    (lambda y: np.array([[3.0]]) @ (y * y * y), 1.0, 18.0),
    (lambda y: np.matmul([[3.0]], y**3), 1.0, 18.0),
    (lambda y: np.float64(2.0) * y**3 + np.ones(1), 1.0, 12.0),
]


@pytest.mark.parametrize(("function", "at", "expected"), CASES)
def test_third_derivatives(function: Any, at: float, expected: float) -> None:
    one = np.ones(1)
    found = SmoothField(function).at(np.array([at]))([one, one, one])
    assert found == pytest.approx([expected], rel=1e-12, abs=1e-12)


def test_fields_may_return_arrays_and_lists() -> None:
    point, direction = np.array([0.5, 2.0]), [np.array([1.0, -1.0])]
    for function in (
        lambda y: [y[1], -np.sin(y[0])],
        lambda y: np.array([y[1], -np.sin(y[0])]),
        lambda y: (y[-1], -np.sin(y[0])),
        lambda y: np.array([[0.0, 1.0], [0.0, 0.0]]) @ y + np.array([0.0, -1.0]) * np.sin(y[0]),
    ):
        field = SmoothField(function)
        assert field(point) == pytest.approx([2.0, -np.sin(0.5)])
        assert field.at(point)(direction) == pytest.approx([-1.0, -np.cos(0.5)])


def test_a_linear_field_sums_to_the_exponential() -> None:
    matrix = np.array([[0.0, 1.0], [-1.0, 0.0]])
    found = evaluate(BSeries.exact(12), SmoothField(lambda y: matrix @ y), [1.0, 0.0], 0.5)
    np.testing.assert_allclose(found, [np.cos(0.5), -np.sin(0.5)], rtol=0, atol=1e-13)


def test_the_exact_series_is_the_flow() -> None:
    """y' = y² from 1 is 1 / (1 - t), whose Taylor coefficients are all 1."""
    found = evaluate(BSeries.exact(8), SmoothField(lambda y: y * y), [1.0], 0.25)
    assert found == pytest.approx([sum(0.25**k for k in range(9))], rel=1e-14)


def test_the_series_of_the_reservoir_approaches_its_solution() -> None:
    expected = np.array([float(text) for text in GOLDEN["reservoir at 2"]])
    y, steps = POINT, 16
    for _ in range(steps):
        y = evaluate(BSeries.exact(8), RESERVOIR, y, 2 / steps)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-9)


def test_each_term_is_divided_by_the_symmetry() -> None:
    """Only the bush of order 4 in dimension 1: h^4 / 3! f''' f³ with f = y³ at 2."""
    bush = rooted_trees(4)[-1]
    found = evaluate(BSeries(4, {bush: 1}, empty=0), SmoothField(lambda y: y**3), [2.0], 0.5)
    assert found == pytest.approx([0.5**4 / 6 * 6 * 8**3])


class Decay:
    """A field of one's own."""

    def __call__(self, y: np.ndarray, /) -> np.ndarray:
        return -y

    def at(self, y: np.ndarray, /) -> Any:
        return lambda directions: -directions[0] if len(directions) == 1 else np.zeros_like(y)


def test_a_field_of_ones_own() -> None:
    assert evaluate(BSeries.exact(10), Decay(), [1.0], 0.5) == pytest.approx([np.exp(-0.5)])


class Wrong(Decay):
    def at(self, y: np.ndarray, /) -> Any:
        return lambda directions: np.zeros(5)


KNOWN = (
    "a SmoothField can use add, cos, cosh, divide, exp, log, matmul, multiply, negative, positive, "
    "power, reciprocal, sin, sinh, sqrt, square, subtract, tan, tanh"
)


def differentials(function: Any, at: float = 1.0) -> Any:
    return elementary_differentials(SmoothField(function), [at], 3)


BAD = [
    (lambda: ReservoirField([1.0]), "weights has the shape (1,); it must be a square matrix."),
    (lambda: ReservoirField([[]]), "weights has the shape (1, 0); it must be a square matrix."),
    (lambda: ReservoirField([["x"]]), "weights is [['x']]; it must hold numbers only."),
    (
        lambda: ReservoirField([[1.0, np.inf], [0.0, 0.0]]),
        "weights has inf at [0, 1]; all numbers must be finite.",
    ),
    (lambda: ReservoirField(np.eye(2), [1.0]), "bias has the shape (1,); it must be (2,)."),
    (lambda: SmoothField(3), "function is 3; it must be a function of y."),
    (
        lambda: elementary_differentials(RESERVOIR, [[1.0]], 2),
        "y has the shape (1, 1); it must be a vector.",
    ),
    (
        lambda: elementary_differentials(RESERVOIR, [0.0, np.nan, 0.0], 2),
        "y has nan at [1]; all numbers must be finite.",
    ),
    (
        lambda: elementary_differentials(RESERVOIR, POINT, 13),
        "order is 13; it must be an integer from 1 to 12.",
    ),
    (
        lambda: elementary_differentials(RESERVOIR, [1.0, 2.0], 2),
        "y has 2 numbers; the reservoir has 3.",
    ),
    (
        lambda: evaluate(BSeries.exact(2), RESERVOIR, POINT, np.inf),
        "h is inf; it must be a finite number.",
    ),
    (
        lambda: elementary_differentials(Wrong(), [1.0], 2),
        "the field gives the shape (5,) for [•]; it must be that of y, (1,).",
    ),
    (
        lambda: differentials(lambda y: [y[0], y[0]]),
        "the field gives the shape (2,) at y of the shape (1,); both must be the same.",
    ),
    (
        lambda: differentials(np.sqrt, 0.0),
        "the elementary differential of [•] is not finite; take another y or a lower order.",
    ),
    (lambda: differentials(np.arctan), f"the field uses numpy.arctan; {KNOWN}."),
    (
        lambda: differentials(lambda y: np.stack([y[0]])),
        f"the field uses numpy.stack; {KNOWN}, and return a list.",
    ),
    (lambda: differentials(lambda y: [np.add.reduce(y)]), f"the field uses numpy.add; {KNOWN}."),
    (
        lambda: differentials(lambda y: y ** np.ones(2)),
        "the field gives the shape (2,) at y of the shape (1,); both must be the same.",
    ),
    (
        lambda: differentials(lambda y: y[0] ** [1.0] if isinstance(y, Jet) else y),
        "the field has the exponent [1.0]; it must be one number.",
    ),
    (
        lambda: differentials(lambda y: y**y),
        "the field raises to a power that depends on y; write it with exp and log.",
    ),
    (
        lambda: differentials(lambda y: 2.0**y),
        "the field raises to a power that depends on y; write it with exp and log.",
    ),
    (
        lambda: differentials(lambda y: (y * np.ones((1, 1))) @ y),
        "the field multiplies matrices that depend on y; write out the sums.",
    ),
]


@pytest.mark.parametrize(("call", "sentence"), BAD)
def test_bad_input_is_one_sentence(call: Any, sentence: str) -> None:
    with pytest.raises(ArgumentError) as error:
        call()
    assert str(error.value) == sentence
