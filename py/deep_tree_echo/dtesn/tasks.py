r"""Series that reservoirs are measured by: the field's common tasks, from seeds.

All of them are float64 and come from the project's one generator, so a seed gives the same series
everywhere.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, LimitError
from ..pcg32 import Random
from . import reservoir_checks as check
from .draws import Draws

__all__ = [
    "LORENZ_EXPONENT",
    "MACKEY_GLASS_EXPONENT",
    "delays",
    "lorenz",
    "mackey_glass",
    "narma",
    "sine",
    "uniform",
]

Floats = NDArray[np.float64]

LORENZ_EXPONENT = 0.9056
"""The largest Lyapunov exponent of the Lorenz system as it is here (Viswanath 1998)."""
MACKEY_GLASS_EXPONENT = 0.0058
"""That of Mackey and Glass's equation with a delay of 17, to two digits."""

MAX_STEPS = 1 << 26
"""The most steps of a series."""


def uniform(n_steps: int, *, low: float = -0.8, high: float = 0.8, seed: int = 0) -> Floats:
    """Independent numbers, each equally likely in [low, high).

    Parameters
    ----------
    n_steps : int
        How many.
    low, high : float
        The bounds.
    seed : int
        In [0, 2**64).

    Returns
    -------
    ndarray
        (n_steps,).

    Examples
    --------
    >>> uniform(3, seed=1).round(3)
    array([0.171, 0.491, 0.127])
    """
    n = _steps(n_steps)
    bottom, top = check.number(low, "low"), check.number(high, "high")
    if not bottom < top:
        raise ArgumentError(f"low is {bottom:g} and high {top:g}; high must be the larger one.")
    return bottom + (top - bottom) * Draws(check.seed(seed)).uniform(n)


def delays(series: Floats, k_max: int) -> Floats:
    """What a memory has to give back: the series of 1 to ``k_max`` steps before.

    Parameters
    ----------
    series : ndarray
        (T,).
    k_max : int
        The longest delay, less than T.

    Returns
    -------
    ndarray
        (T - k_max, k_max): row t has the values before ``series[t + k_max]``, the latest first.

    Examples
    --------
    >>> delays(np.array([1.0, 2.0, 3.0, 4.0]), 2)
    array([[2., 1.],
           [3., 2.]])
    """
    found = np.asarray(series, dtype=np.float64)
    most = check.count(k_max, "k_max", 1)
    if found.ndim != 1 or len(found) <= most:
        raise ArgumentError(
            f"series has the shape {found.shape}; it must be (steps,), of more than {most} steps."
        )
    rows = np.lib.stride_tricks.sliding_window_view(found[:-1], most)
    return np.ascontiguousarray(rows[:, ::-1])


def sine(n_steps: int, *, period: float = 20.0, phase: float = 0.0) -> Floats:
    """sin(2 pi t / period + phase) for t = 0, 1, ...: (n_steps,).

    Examples
    --------
    >>> sine(4, period=4.0).round(9) + 0.0
    array([ 0.,  1.,  0., -1.])
    """
    n = _steps(n_steps)
    length = _positive(period, "period")
    found: Floats = np.sin(2 * math.pi / length * np.arange(n) + check.number(phase, "phase"))
    return found


def mackey_glass(
    n_steps: int,
    *,
    tau: float = 17.0,
    beta: float = 0.2,
    gamma: float = 0.1,
    power: float = 10.0,
    interval: float = 1.0,
    step: float = 0.1,
    settle: float = 1000.0,
    seed: int = 0,
) -> Floats:
    r"""The equation of Mackey and Glass (1977) for the production of blood cells.

    \[ \dot x(t) = \beta\,\frac{x(t-\tau)}{1 + x(t-\tau)^p} - \gamma\,x(t) \]

    by the classical Runge-Kutta method of order 4. Between two steps the delayed value comes from
    Hermite's cubic, so the order is really 4. The history is a constant near 1.2, drawn from the
    seed.

    Parameters
    ----------
    n_steps : int
        Values to return.
    tau : float
        The delay, a multiple of ``step``. 17 is mildly chaotic, 30 more so.
    beta, gamma, power : float
        The equation's constants.
    interval : float
        Time between two values, a multiple of ``step``.
    step : float
        Of the integration.
    settle : float
        Time that passes before the first value.
    seed : int
        In [0, 2**64).

    Returns
    -------
    ndarray
        (n_steps,).

    Raises
    ------
    ArgumentError
        If a value is not such.

    Examples
    --------
    >>> series = mackey_glass(500)
    >>> round(float(series.mean()), 2), round(float(series.std()), 2)
    (0.93, 0.23)
    """
    n = _steps(n_steps)
    h = _positive(step, "step")
    d, every = _multiple(tau, h, "tau"), _multiple(interval, h, "interval")
    b, g, p = (
        _positive(value, name)
        for value, name in ((beta, "beta"), (gamma, "gamma"), (power, "power"))
    )
    first = round(check.number(settle, "settle", least=0.0) / h)
    total = _steps(first + n * every)
    start = 1.2 + 0.2 * (Random(check.seed(seed)).uniform53() - 0.5)
    x, slope = [start], [0.0] * total
    old = middle = new = b * start / (1 + start**p)
    for i in range(total - 1):
        if i >= d:
            here, there = x[i - d], x[i - d + 1]
            between = (here + there) / 2 + h / 8 * (slope[i - d] - slope[i - d + 1])
            old = new
            middle = b * between / (1 + between**p)
            new = b * there / (1 + there**p)
        now = x[i]
        k1 = old - g * now
        k2 = middle - g * (now + h / 2 * k1)
        k3 = middle - g * (now + h / 2 * k2)
        k4 = new - g * (now + h * k3)
        slope[i] = k1
        x.append(now + h / 6 * (k1 + 2 * (k2 + k3) + k4))
    return np.array(x[first::every][:n])


def lorenz(
    n_steps: int,
    *,
    sigma: float = 10.0,
    rho: float = 28.0,
    beta: float = 8 / 3,
    interval: float = 0.02,
    step: float = 0.005,
    settle: float = 20.0,
    seed: int = 0,
) -> Floats:
    r"""The system of Lorenz (1963).

    \[ \dot x = \sigma (y - x), \quad \dot y = x (\rho - z) - y, \quad \dot z = x y - \beta z \]

    by the classical Runge-Kutta method of order 4, from a point near (1, 1, 1) drawn from the seed.

    Parameters
    ----------
    n_steps : int
        Values to return.
    sigma, rho, beta : float
        The system's constants.
    interval : float
        Time between two values, a multiple of ``step``.
    step : float
        Of the integration.
    settle : float
        Time that passes before the first value.
    seed : int
        In [0, 2**64).

    Returns
    -------
    ndarray
        (n_steps, 3).

    Raises
    ------
    ArgumentError
        If a value is not such.
    LimitError
        If the constants or the step let the values grow beyond all bounds.

    Examples
    --------
    >>> lorenz(1000, seed=1).shape
    (1000, 3)
    """
    n = _steps(n_steps)
    h = _positive(step, "step")
    every = _multiple(interval, h, "interval")
    s, r, b = (
        check.number(value, name)
        for value, name in ((sigma, "sigma"), (rho, "rho"), (beta, "beta"))
    )
    first = round(check.number(settle, "settle", least=0.0) / h)
    _steps(first + n * every)
    random = Random(check.seed(seed))
    x, y, z = (0.5 + random.uniform53() for _ in range(3))
    found = np.empty((n, 3))

    def slopes(x: float, y: float, z: float) -> tuple[float, float, float]:
        return s * (y - x), x * (r - z) - y, x * y - b * z

    for i in range(-first, (n - 1) * every + 1):
        if i >= 0 and i % every == 0:
            found[i // every] = x, y, z
        ax, ay, az = slopes(x, y, z)
        bx, by, bz = slopes(x + h / 2 * ax, y + h / 2 * ay, z + h / 2 * az)
        cx, cy, cz = slopes(x + h / 2 * bx, y + h / 2 * by, z + h / 2 * bz)
        dx, dy, dz = slopes(x + h * cx, y + h * cy, z + h * cz)
        x += h / 6 * (ax + 2 * (bx + cx) + dx)
        y += h / 6 * (ay + 2 * (by + cy) + dy)
        z += h / 6 * (az + 2 * (bz + cz) + dz)
    if not np.isfinite(found).all():
        raise LimitError(
            f"step is {h:g}, and the values grow beyond all bounds; take a smaller one or other "
            "constants."
        )
    return found


def narma(
    n_steps: int,
    *,
    order: int = 10,
    coefficients: tuple[float, float, float, float] = (0.3, 0.05, 1.5, 0.1),
    seed: int = 0,
) -> tuple[Floats, Floats]:
    r"""The nonlinear moving average of Atiya and Parlos (2000).

    \[ y_{t+1} = \alpha y_t + \beta y_t \sum_{i=0}^{n-1} y_{t-i}
               + \gamma u_{t-n+1} u_t + \delta, \qquad u_t \text{ uniform in } [0, 0.5) \]

    Parameters
    ----------
    n_steps : int
        Pairs to return.
    order : int
        n. Above 10 the usual coefficients let the series grow beyond all bounds sooner or later;
        for 20, (0.25, 0.05, 1.5, 0.01) is usual.
    coefficients : tuple of float
        \(\alpha, \beta, \gamma, \delta\).
    seed : int
        In [0, 2**64).

    Returns
    -------
    inputs : ndarray
        (n_steps,), \(u_t\).
    targets : ndarray
        (n_steps,), \(y_{t+1}\): the first that \(u_t\) enters.

    Raises
    ------
    ArgumentError
        If a value is not such.
    LimitError
        If the series of this seed grows beyond all bounds.

    Examples
    --------
    >>> inputs, targets = narma(1000, seed=1)
    >>> inputs.shape, bool(0.1 < targets.mean() < 0.5)
    ((1000,), True)
    """
    n = _steps(n_steps)
    m = check.count(order, "order", 1)
    if len(coefficients) != 4:
        raise ArgumentError(f"coefficients has {len(coefficients)} numbers; it must have 4.")
    a, b, c, d = (check.number(value, "coefficients") for value in coefficients)
    # The zeros that it starts from are forgotten before the first pair.
    first = 20 * m
    total = _steps(first + n)
    inputs = 0.5 * Draws(check.seed(seed)).uniform(total)
    u = inputs.tolist()
    y = [0.0] * (total + 1)
    for t in range(m - 1, total):
        now = y[t]
        y[t + 1] = a * now + b * now * sum(y[t - m + 1 : t + 1]) + c * u[t - m + 1] * u[t] + d
        if not abs(y[t + 1]) < 1e3:
            raise LimitError(
                f"seed is {seed}, and the series of order {m} grows beyond all bounds at step "
                f"{t - first}; take another seed, fewer steps or smaller coefficients."
            )
    return inputs[first:], np.array(y[first + 1 :])


def _steps(value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ArgumentError(f"n_steps is {value!r}; it must be an integer.")
    if not 1 <= value <= MAX_STEPS:
        raise ArgumentError(
            f"{value} steps, those before the first value included, are too few or too many; take "
            f"1 to {MAX_STEPS}."
        )
    return int(value)


def _positive(value: float, name: str) -> float:
    found = check.number(value, name)
    if found <= 0:
        raise ArgumentError(f"{name} is {found:g}; it must be above 0.")
    return found


def _multiple(value: float, step: float, name: str) -> int:
    found = _positive(value, name)
    times = round(found / step)
    if times < 1 or abs(times * step - found) > 1e-9 * found:
        raise ArgumentError(f"{name} is {found:g}; it must be a multiple of the step, {step:g}.")
    return times
