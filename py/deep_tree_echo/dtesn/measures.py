r"""How good a prediction or a memory is."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError
from . import reservoir_checks as check
from .ridge import Ridge
from .samples import rows_of
from .tasks import delays, uniform

__all__ = ["Runs", "memory_capacity", "nmse", "nrmse", "valid_time"]

Floats = NDArray[np.float64]


class Runs(Protocol):
    """What a memory is measured of: a reservoir of any kind."""

    def reset(self) -> Any:
        """Puts the state to where it starts."""

    def run(self, inputs: Any, /) -> Any:
        """(T, features) states for (T,) inputs."""


def nmse(targets: ArrayLike, outputs: ArrayLike) -> float:
    r"""The normalised mean square error.

    \[ \frac{\langle \lVert y - \hat y \rVert^2 \rangle}
            {\langle \lVert y - \langle y \rangle \rVert^2 \rangle} \]

    0 is perfect, and 1 is what the mean of the targets reaches.

    Parameters
    ----------
    targets : array_like
        (T, n_outputs) or (T,): what is wanted; it must not be constant.
    outputs : array_like
        Of the same shape: what came.

    Raises
    ------
    ArgumentError
        If shapes do not fit, numbers are not finite, or the targets are constant.

    Examples
    --------
    >>> nmse([1.0, 2.0, 3.0], [2.0, 2.0, 2.0])
    1.0
    """
    y, found = _pair(targets, outputs)
    spread = float(((y - y.mean(axis=0)) ** 2).sum())
    if not spread > 0.0:
        raise ArgumentError("targets is constant or empty; errors cannot be normalised by it.")
    return float(((y - found) ** 2).sum()) / spread


def nrmse(targets: ArrayLike, outputs: ArrayLike) -> float:
    """The square root of `nmse`: the error in standard deviations of the targets.

    Examples
    --------
    >>> nrmse([1.0, -1.0], [1.5, -0.5])
    0.5
    """
    return float(np.sqrt(nmse(targets, outputs)))


def valid_time(
    targets: ArrayLike,
    outputs: ArrayLike,
    *,
    interval: float = 1.0,
    exponent: float = 1.0,
    threshold: float = 0.4,
) -> float:
    r"""How long a free prediction of chaos holds, in Lyapunov times.

    It holds until its error, in root mean square amplitudes of the targets about their mean, is
    above the threshold (Pathak and others 2018, Vlachas and others 2020).

    Parameters
    ----------
    targets : array_like
        (T, n_outputs) or (T,): the truth.
    outputs : array_like
        Of the same shape: the prediction. What is not finite counts as wrong.
    interval : float
        Time between two rows.
    exponent : float
        The largest Lyapunov exponent; with 1 the answer is in the unit of ``interval``.
    threshold : float
        The largest error that is still right.

    Raises
    ------
    ArgumentError
        If shapes do not fit or the targets are constant.

    Examples
    --------
    >>> valid_time([1.0, -1.0, 1.0, -1.0], [1.0, -1.1, 3.0, -1.0], interval=0.5)
    1.0
    """
    y = rows_of(targets, "targets")
    found = np.asarray(outputs, dtype=np.float64).reshape(len(y), -1)
    if found.shape != y.shape:
        raise ArgumentError(f"outputs has the shape {found.shape} and targets {y.shape}.")
    spread = float(((y - y.mean(axis=0)) ** 2).sum(axis=1).mean()) if len(y) else 0.0
    if not spread > 0.0:
        raise ArgumentError("targets is constant or empty; errors cannot be normalised by it.")
    with np.errstate(over="ignore", invalid="ignore"):
        errors = np.sqrt(((y - found) ** 2).sum(axis=1) / spread)
    wrong = np.flatnonzero(~(errors <= check.number(threshold, "threshold", least=0.0)))
    held = int(wrong[0]) if len(wrong) else len(y)
    return held * check.number(interval, "interval") * check.number(exponent, "exponent")


def memory_capacity(
    reservoir: Runs,
    k_max: int,
    *,
    inputs: ArrayLike | None = None,
    n_test: int | None = None,
    washout: int | None = None,
    regularisation: float = 1e-8,
    seed: int = 0,
) -> Floats:
    r"""How well a reservoir gives back its inputs of 1 to ``k_max`` steps before.

    \[ MC_k = \frac{\operatorname{cov}^2(u_{t-k}, y_{k,t})}
                   {\operatorname{var}(u_t)\,\operatorname{var}(y_{k,t})} \]

    (Jaeger 2001), with readouts \(y_k\) by ridge regression, on inputs that they have not seen.
    The sum over all k is at most the number of units.

    Parameters
    ----------
    reservoir : Reservoir
        With one input; it is reset first.
    k_max : int
        The longest delay.
    inputs : array_like, optional
        (T,) independent numbers; if absent, 20 times ``k_max`` and at least 2000, uniform in
        [-0.8, 0.8).
    n_test : int, optional
        How many of the last inputs are for testing; a fifth if absent.
    washout : int, optional
        States that are not learned from; ``k_max`` if absent.
    regularisation : float
        Of the ridge regression.
    seed : int
        Of the inputs, if they are absent.

    Returns
    -------
    ndarray
        (k_max,) the \(MC_k\), each from 0 to 1; their sum is the memory capacity.

    Raises
    ------
    ArgumentError
        If a value is not such, or nothing is left to learn from.

    Examples
    --------
    >>> from deep_tree_echo import Reservoir
    >>> line = np.eye(10, k=-1)
    >>> shift = Reservoir.from_matrices(line, np.eye(10)[:, :1], activation="identity")
    >>> memory_capacity(shift, 12).round(1)
    array([1., 1., 1., 1., 1., 1., 1., 1., 1., 0., 0., 0.])
    """
    most = check.count(k_max, "k_max", 1)
    if inputs is None:
        series = uniform(max(20 * most, 2000), seed=seed)
    else:
        series = rows_of(inputs, "inputs", 1)[:, 0]
    targets = delays(series, most)
    n_rows = len(targets)
    last = len(series) // 5 if n_test is None else check.count(n_test, "n_test", 2)
    first = most if washout is None else check.count(washout, "washout", 0)
    if last < 2 or n_rows - last - first < 2:
        raise ArgumentError(
            f"inputs has {len(series)} numbers, and {first} of washout and {last} for testing "
            f"leave too few with k_max {most}; give more."
        )
    reservoir.reset()
    # Row t of the targets belongs to the input that comes right after them.
    states = reservoir.run(series[most:])
    ridge = Ridge(regularisation).fit(states[first : n_rows - last], targets[first : n_rows - last])
    found = ridge.predict(states[n_rows - last :])
    truth = targets[n_rows - last :]
    u, y = truth - truth.mean(axis=0), found - found.mean(axis=0)
    products = (u * y).sum(axis=0) ** 2
    scale = (u**2).sum(axis=0) * (y**2).sum(axis=0)
    capacities: Floats = np.divide(products, scale, out=np.zeros(most), where=scale > 0)
    return capacities


def _pair(targets: ArrayLike, outputs: ArrayLike) -> tuple[Floats, Floats]:
    """Targets and outputs of one shape."""
    y = rows_of(targets, "targets")
    found = rows_of(outputs, "outputs")
    if found.shape != y.shape:
        raise ArgumentError(
            f"outputs has the shape {found.shape} and targets {y.shape}; both must be the same."
        )
    return y, found
