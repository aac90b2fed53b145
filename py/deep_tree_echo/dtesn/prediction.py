r"""A readout that learns, while it reads, what comes next.

After token \(t\) it sees a share of the units, the input \(u_t\) and the signals of the membranes,
and predicts \(u_{t+1}\), the projected hidden state of the token to come. Recursive least squares
learn from each token once it is there, so every prediction is made before its answer is known.
Three forecasts that need no reservoir are the measure: that nothing changes (\(u_t\)), the mean of
what there was so far, and the same readout that sees \(u_t\) alone.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .rls import RLS

__all__ = ["NextInput"]

Floats = NDArray[np.float64]

OBSERVED: Final = 128
"""Most units that the readout sees, evenly over all membranes."""
REGULARISATION: Final = 30.0
"""Inputs have about unit variance: so the first hundred samples cannot make the weights large."""


class NextInput:
    """The readout and its errors.

    Parameters
    ----------
    size : int
        Units of the reservoirs.
    n_inputs : int
        Numbers of an input.

    Examples
    --------
    >>> readout = NextInput(size=4, n_inputs=1)
    >>> for t in range(50):
    ...     u = np.array([(-1.0) ** t])
    ...     readout.see(u, np.full(4, 0.1), np.zeros(1))
    >>> found = readout.report()
    >>> found["predictions"], found["mse"] < found["persistence_mse"]
    (49, True)
    """

    def __init__(self, size: int, n_inputs: int) -> None:
        chosen = np.linspace(0, size - 1, min(size, OBSERVED)).round()
        self._observed = np.unique(chosen).astype(np.int64)
        self._rls = RLS(REGULARISATION)
        self._memoryless = RLS(REGULARISATION)
        self._n_inputs = n_inputs
        self._features: Floats | None = None
        self._last = np.zeros(n_inputs)
        self._sum = np.zeros(n_inputs)
        self._errors = np.zeros(4)  # of the readout, of persistence, of the mean, without a memory
        self._predictions = 0
        self._seen = 0

    @property
    def mean_square_error(self) -> float | None:
        """Of all predictions so far; ``None`` before the first."""
        return float(self._errors[0]) / self._predictions if self._predictions else None

    def see(self, u: Floats, state: Floats, signal: Floats) -> None:
        """Takes in a token: learns from it what was to be predicted, and looks at what follows.

        Parameters
        ----------
        u : ndarray
            (n_inputs,) the input.
        state : ndarray
            (size,) the units after it.
        signal : ndarray
            (depth,) the membranes' signals.
        """
        if self._features is not None:
            predicted = self._rls.update(self._features, u)
            alone = self._memoryless.update(self._last, u)
            rivals = (predicted, self._last, self._sum / self._seen, alone)
            self._errors += [float(np.mean((u - rival) ** 2)) for rival in rivals]
            self._predictions += 1
        self._features = np.concatenate([state[self._observed], u, signal])
        self._last = u
        self._sum += u
        self._seen += 1

    def report(self) -> dict[str, Any]:
        """The errors, and what comes next; ``None`` where a single token allows no answer.

        ``nrmse`` is relative to the mean, ``skill`` the share of the better of persistence and mean
        that is gained, ``reservoir_gain`` that of the readout without a memory.
        """
        if self._features is None or not self._predictions:
            return {
                "target": "next_input",
                "predictions": 0,
                "features": 0,
                "mse": None,
                "persistence_mse": None,
                "mean_mse": None,
                "memoryless_mse": None,
                "nrmse": None,
                "skill": None,
                "reservoir_gain": None,
                "next": None,
            }
        mse, persistence, mean, memoryless = (
            float(error) / self._predictions for error in self._errors
        )
        best = min(persistence, mean)
        return {
            "target": "next_input",
            "predictions": self._predictions,
            "features": len(self._features) + 1,
            "mse": mse,
            "persistence_mse": persistence,
            "mean_mse": mean,
            "memoryless_mse": memoryless,
            "nrmse": (mse / mean) ** 0.5 if mean > 0 else None,
            "skill": 1 - mse / best if best > 0 else None,
            "reservoir_gain": 1 - mse / memoryless if memoryless > 0 else None,
            "next": self._rls.predict(self._features[None])[0].tolist(),
        }
