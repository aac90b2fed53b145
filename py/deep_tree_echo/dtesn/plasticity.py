r"""Intrinsic plasticity: units change their gain and bias until their outputs spread as wanted.

A unit computes \(y = f(g z + c)\) of what comes in, \(z\). Its gain g and bias c follow the
gradient that brings the distribution of y closest to a target one (in Kullback and Leibler's
sense): a normal one for tanh (Schrauwen and others 2008), an exponential one for the logistic
function (Triesch 2005, Steil 2007).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError
from . import reservoir_checks as check
from .reservoir import Reservoir
from .sparse import SparseMatrix

__all__ = ["Adapted", "intrinsic_plasticity"]

Floats = NDArray[np.float64]


class Adapted(NamedTuple):
    """What intrinsic plasticity made of a reservoir."""

    reservoir: Reservoir
    """With gain and bias in its weights; a new one."""
    gain: Floats
    """(size,) the factor of each unit's weights."""
    bias: Floats
    """(size,) what was added to each unit's gained input."""


def intrinsic_plasticity(
    reservoir: Reservoir,
    inputs: ArrayLike,
    *,
    mean: float | None = None,
    deviation: float = 0.2,
    rate: float = 5e-4,
    epochs: int = 1,
    washout: int = 0,
) -> Adapted:
    r"""Adapts the units of a reservoir to the inputs that they will see.

    With \(\eta\) the rate, each step changes c by \(\Delta\) and g by \(\eta/g + z\,\Delta\),

    \[ \Delta_{\tanh} = -\eta\left(-\frac{\mu}{\sigma^2}
          + \frac{y}{\sigma^2}\,(2\sigma^2 + 1 - y^2 + \mu y)\right), \qquad
       \Delta_{\text{sigmoid}} = \eta\left(1 - \Bigl(2 + \frac1\mu\Bigr) y
          + \frac{y^2}{\mu}\right) \]

    Parameters
    ----------
    reservoir : Reservoir
        With the activation ``tanh`` or ``sigmoid``, and without feedback. It stays as it is.
    inputs : array_like
        (T, n_inputs) what it is adapted to, from a state of 0 on.
    mean : float, optional
        \(\mu\) of the target: of the normal distribution for tanh (0 if absent), of the
        exponential one for the logistic function (0.2 if absent).
    deviation : float
        \(\sigma\) of the normal distribution; the exponential one has none.
    rate : float
        \(\eta\), above 0.
    epochs : int
        How often the inputs are gone through.
    washout : int
        First steps of each that change nothing.

    Returns
    -------
    Adapted
        A new reservoir, its gain and its bias. What is brought to the target is the output of f;
        with a leak rate below 1 the state is a running mean of it.

    Raises
    ------
    ArgumentError
        If a value is not such, or the rate is so large that a gain does not stay above 0.

    Examples
    --------
    >>> from deep_tree_echo.dtesn.tasks import uniform
    >>> inputs = uniform(2000, seed=1)
    >>> wild = Reservoir(50, input_scaling=3.0, dtype="float64", seed=1)
    >>> calm, gain, bias = intrinsic_plasticity(wild, inputs, deviation=0.2, rate=1e-3, epochs=5)
    >>> bool(abs(calm.run(inputs).std() - 0.2) < 0.05 < abs(wild.run(inputs).std() - 0.2))
    True
    """
    if not isinstance(reservoir, Reservoir):
        raise ArgumentError(f"reservoir is {reservoir!r}; it must be a Reservoir.")
    if reservoir.activation not in ("tanh", "sigmoid"):
        raise ArgumentError(
            f"The activation is {reservoir.activation!r}; plasticity has rules for 'tanh' and "
            "'sigmoid'."
        )
    if reservoir.n_feedback:
        raise ArgumentError("The reservoir has feedback; plasticity knows inputs only.")
    normal = reservoir.activation == "tanh"
    centre = check.number((0.0 if normal else 0.2) if mean is None else mean, "mean")
    width, step = check.number(deviation, "deviation"), check.number(rate, "rate")
    for name, value in (("deviation", width), ("rate", step)):
        if value <= 0:
            raise ArgumentError(f"{name} is {value:g}; it must be above 0.")
    if (normal and abs(centre) >= 1) or (not normal and not 0 < centre < 1):
        bounds = "(-1, 1)" if normal else "(0, 1)"
        raise ArgumentError(f"mean is {centre:g}; it must lie in {bounds}.")
    double = np.dtype(np.float64)
    u = check.sequence(inputs, "inputs", reservoir.n_inputs, double)
    skip, times = check.count(washout, "washout", 0), check.count(epochs, "epochs", 1)
    weights = reservoir.recurrent.astype(double)
    drive = u @ reservoir.inputs.T.astype(double) + reservoir.bias
    leak = np.asarray(reservoir.leak_rate, dtype=np.float64)
    gain, bias = np.ones(reservoir.size), np.zeros(reservoir.size)
    square = width**2
    for _ in range(times):
        x = np.zeros(reservoir.size)
        for t, driven in enumerate(drive):
            z = weights @ x + driven
            total = gain * z + bias
            if normal:
                y = np.tanh(total)
                slope = (centre - y * (2 * square + 1 - y**2 + centre * y)) / square
            else:
                y = 0.5 * (1.0 + np.tanh(0.5 * total))
                slope = 1 - (2 + 1 / centre) * y + y**2 / centre
            x = (1 - leak) * x + leak * y
            if t >= skip:
                gain = gain + step * (1 / gain + slope * z)
                bias = bias + step * slope
                if not (gain > 0).all():
                    raise ArgumentError(
                        f"rate is {step:g}, and the gain of unit {int(np.argmin(gain > 0))} does "
                        "not stay above 0; take a smaller one."
                    )
    return Adapted(_with(reservoir, weights, gain, bias), gain, bias)


def _with(reservoir: Reservoir, weights: Any, gain: Floats, bias: Floats) -> Reservoir:
    """The same reservoir with g z + c for z."""
    if isinstance(weights, SparseMatrix):
        scaled: Any = SparseMatrix(
            weights.data * gain[weights.rows()], weights.indices, weights.indptr, weights.shape
        )
    else:
        scaled = gain[:, None] * weights
    return Reservoir.from_matrices(
        scaled,
        gain[:, None] * reservoir.inputs,
        bias=gain * reservoir.bias + bias,
        leak_rate=reservoir.leak_rate,
        activation=reservoir.activation,
        noise=reservoir.noise,
        dtype=reservoir.dtype,
    )
