"""Steps and trajectories, and the order that methods show when they run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from deep_tree_echo import ArgumentError
from deep_tree_echo.dtesn import (
    ReservoirField,
    SmoothField,
    Tableau,
    elementary_differentials,
    evaluate,
    integrate,
    measured_order,
    step,
    step_with_error,
)
from deep_tree_echo.dtesn.methods import (
    BOGACKI_SHAMPINE,
    DORMAND_PRINCE,
    EULER,
    FEHLBERG_78,
    METHODS,
    MIDPOINT,
    RK4,
)

from tests.dtesn.golden import golden

GOLDEN = golden("mpmath")
# Polynomials, as precise as the numbers are on every machine; their errors follow the leading term
# while they can still be told from rounding.
PROBLEMS = {
    "quadratic at 2": (
        lambda t, y: np.stack([y[1] * y[2], y[2] - y[0] * y[2], y[0] * y[1] - y[1]]),
        [-1.25, -0.25, -0.375],
    ),
    "rigid body at 2": (
        lambda t, y: np.stack([-2 * y[1] * y[2], 1.25 * y[2] * y[0], -0.5 * y[0] * y[1]]),
        [1.0, 0.5, 0.875],
    ),
}
PAIRS = [method.pair() for method in METHODS if method.embedded]
# The smallest error that is measured: where rounding is far below it, or time runs short.
SMALLEST = max(3000 * float(np.finfo(np.longdouble).eps), 3e-16)


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("method", [*METHODS, *PAIRS], ids=lambda method: method.name)
def test_the_measured_slope_is_the_order(method: Tableau, problem: str) -> None:
    f, start = PROBLEMS[problem]
    exact = np.array([np.longdouble(text) for text in GOLDEN[problem]])
    order = method.order_of_accuracy()
    # Errors well above rounding, and steps as short as that allows; powers of two are exact.
    counts = [8]
    while counts[-1] < 256:
        last = integrate(method, f, np.longdouble(start), end=2.0, steps=2 * counts[-1])[-1]
        if np.max(np.abs(last - exact)) < SMALLEST:
            break
        counts.append(2 * counts[-1])
    slope = measured_order(method, f, np.longdouble(start), end=2.0, exact=exact, steps=counts[-2:])
    assert slope == pytest.approx(order, abs=0.1)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_a_reservoir_is_integrated_with_the_order(method: Tableau) -> None:
    field = ReservoirField(GOLDEN["weights"], GOLDEN["bias"])
    exact = [float(text) for text in GOLDEN["reservoir at 2"]]
    steps = [6, 12] if method is FEHLBERG_78 else [64, 96]
    slope = measured_order(
        method, lambda t, y: field(y), GOLDEN["point"], end=2.0, exact=exact, steps=steps
    )
    assert slope == pytest.approx(method.order_of_accuracy(), abs=0.2)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_a_step_is_its_series(method: Tableau) -> None:
    """The B-series of the method, summed to order 6, is the step up to h^7."""
    field = SmoothField(lambda y: [y[1], -np.sin(y[0])])
    point = np.array([0.75, -0.5])
    series = method.series(6)
    errors = [
        np.abs(
            step(method, lambda t, y: field(y), 0.0, point, h) - evaluate(series, field, point, h)
        )
        for h in (0.2, 0.1)
    ]
    assert errors[1].max() <= 5e-9
    if errors[0].max() > 1e-11:
        assert np.log2(errors[0].max() / errors[1].max()) > 6.5


@pytest.mark.parametrize("method", [EULER, MIDPOINT, RK4], ids=lambda method: method.name)
def test_the_modified_equation_is_what_a_method_solves(method: Tableau) -> None:
    """Backward error analysis: the method is closer to its own equation by two orders of h."""
    field = SmoothField(lambda y: [y[1], -np.sin(y[0])])
    order = method.order_of_accuracy()
    modified = method.series(order + 2).modified_equation()
    start, end, count = np.array([0.75, -0.5]), 0.5, 5
    h = end / count
    slope = lambda t, y: evaluate(modified, field, y, h) / h  # noqa: E731
    theirs = integrate(FEHLBERG_78, slope, start, end=end, steps=count)[-1]
    plain = integrate(FEHLBERG_78, lambda t, y: field(y), start, end=end, steps=count)[-1]
    ours = integrate(method, lambda t, y: field(y), start, end=end, steps=count)[-1]
    assert np.abs(ours - theirs).max() < 1e-2 * np.abs(ours - plain).max()


def test_time_reaches_the_stages() -> None:
    seen = []

    def f(t: float, y: np.ndarray) -> np.ndarray:
        seen.append(t)
        return np.full_like(y, t**3)

    after = step(RK4, f, 2.0, [0.0], 1.0)
    assert seen == [2.0, 2.5, 2.5, 3.0]
    assert after == pytest.approx([(3**4 - 2**4) / 4])


def test_a_trajectory_has_every_state() -> None:
    path = integrate(RK4, lambda t, y: -y, np.ones((2, 3)), start=1.0, end=0.0, steps=10)
    assert path.shape == (11, 2, 3)
    assert path[0].tolist() == np.ones((2, 3)).tolist()
    expected = np.exp(np.linspace(0, 1, 11))
    np.testing.assert_allclose(path[:, 0, 0], expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
def test_the_type_of_the_state_is_kept(dtype: Any) -> None:
    types = []

    def f(t: float, y: np.ndarray) -> np.ndarray:
        types.append(y.dtype)
        return -y

    path = integrate(DORMAND_PRINCE, f, np.ones(3, dtype), end=1.0, steps=20)
    assert path.dtype == dtype
    assert set(types) == {np.dtype(dtype)}
    expected = np.exp(-np.longdouble(1))
    assert np.abs(path[-1] - expected).max() < max(2e-9, 20 * float(np.finfo(dtype).eps))


@pytest.mark.parametrize("start", [[1], [True], np.ones(1, np.float16), np.ones(1, np.int8)])
def test_other_numbers_become_float64(start: Any) -> None:
    assert integrate(EULER, lambda t, y: -y, start, end=1.0, steps=2).dtype == np.float64


def test_float32_follows_float64() -> None:
    field = ReservoirField(GOLDEN["weights"], GOLDEN["bias"])
    start = np.array(GOLDEN["point"])

    def f(t: float, y: np.ndarray) -> np.ndarray:
        return field(y).astype(y.dtype)

    low = integrate(RK4, f, start.astype(np.float32), end=2.0, steps=40)
    high = integrate(RK4, f, start, end=2.0, steps=40)
    assert 0 < np.abs(low - high).max() < 2e-6


def test_the_embedded_method_estimates_the_error() -> None:
    def f(t: float, y: np.ndarray) -> np.ndarray:
        return -y

    after, error = step_with_error(BOGACKI_SHAMPINE, f, 0.0, [1.0], 0.1)
    lower = step(BOGACKI_SHAMPINE.pair(), f, 0.0, [1.0], 0.1)
    np.testing.assert_allclose(after - error, lower, rtol=1e-14)
    assert 1e-6 < abs(error[0]) < 1e-4


def test_a_right_side_may_change_what_it_gets() -> None:
    def f(t: float, y: np.ndarray) -> np.ndarray:
        y *= -1
        return y

    assert step(RK4, f, 0.0, [1.0], 0.5) == pytest.approx([np.exp(-0.5)], abs=1e-3)


def test_zero_differentials_of_a_constant() -> None:
    found = elementary_differentials(SmoothField(lambda y: [1.0, 2.0]), [0.0, 0.0], 4)
    assert {str(tree) for tree, value in found.items() if value.any()} == {"•"}


GAUSS = Tableau([["1/2"]], [1], name="implicit midpoint")
NAN = float("nan")


def decay(t: float, y: Any) -> Any:
    return -y


def steady(t: float, y: Any) -> Any:
    return [2.0]


BAD = [
    (
        lambda: step(GAUSS, decay, 0.0, [1.0], 0.1),
        "the method 'implicit midpoint' is implicit; only explicit methods make steps.",
    ),
    (lambda: step(RK4, decay, NAN, [1.0], 0.1), "t is nan; it must be a finite number."),
    (lambda: step(RK4, decay, 0.0, [1.0], "x"), "h is 'x'; it must be a finite number."),
    (
        lambda: step(RK4, decay, 0.0, [NAN], 0.1),
        "y has numbers that are not finite; a state must be finite.",
    ),
    (lambda: step(RK4, decay, 0.0, [1j], 0.1), "y is [1j]; it must hold real numbers only."),
    (lambda: step(RK4, decay, 0.0, "x", 0.1), "y is 'x'; it must hold real numbers only."),
    (
        lambda: step(RK4, lambda t, y: [1.0, 2.0], 0.0, [1.0], 0.1),
        "f gives float64 of the shape (2,); it must give real numbers of the shape of y, (1,).",
    ),
    (
        lambda: step(RK4, lambda t, y: [None], 0.0, [1.0], 0.1),
        "f gives object of the shape (1,); it must give real numbers of the shape of y, (1,).",
    ),
    (
        lambda: step_with_error(RK4, decay, 0.0, [1.0], 0.1),
        "the method 'classical 4' has no embedded weights.",
    ),
    (
        lambda: integrate(RK4, decay, [1.0], end=1.0, steps=0),
        "steps is 0; it must be an integer of at least 1.",
    ),
    (
        lambda: integrate(RK4, decay, [1.0], end=1.0, steps=2.5),
        "steps is 2.5; it must be an integer of at least 1.",
    ),
    (
        lambda: integrate(RK4, decay, np.ones(1 << 20), end=1.0, steps=128),
        "steps is 128; with 1048576 numbers a state at most 127 steps fit.",
    ),
    (
        lambda: integrate(RK4, decay, [1.0], end=float("inf"), steps=5),
        "end is inf; it must be a finite number.",
    ),
    (
        lambda: integrate(EULER, lambda t, y: y**2, [10.0], end=100.0, steps=100),
        "the solution is not finite after the step from t = 8 of length 1; take smaller steps.",
    ),
    (
        lambda: measured_order(RK4, decay, [1.0], end=1.0, exact=[0.4], steps=[8, 8]),
        "steps is [8, 8]; a slope needs two different numbers of steps.",
    ),
    (
        lambda: measured_order(
            EULER, lambda t, y: [2.0], [1.0], end=1.0, exact=[3.0], steps=[1, 2]
        ),
        "the error after 1 steps is 0.0; take fewer steps.",
    ),
]


@pytest.mark.parametrize(("call", "sentence"), BAD)
def test_bad_input_is_one_sentence(call: Any, sentence: str) -> None:
    with pytest.raises(ArgumentError) as error:
        call()
    assert str(error.value) == sentence
