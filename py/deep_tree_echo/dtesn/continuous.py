r"""Reservoirs in continuous time.

\[ \tau\,\dot x = -x + f(W x + W_{in} u + W_{fb} y + b) \]

The input is held between samples, and each sample's time is crossed by steps of an explicit
Runge-Kutta method. Euler's method with the step h is the leaky reservoir with the leak rate
\(h / \tau\) (Jaeger, Lukoševičius, Popovici and Siewert 2007).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError
from . import reservoir_checks as check
from .fields import ReservoirField
from .integration import Stepper
from .methods import RK4
from .reservoir import Reservoir
from .rungekutta import Tableau
from .sparse import SparseMatrix

__all__ = ["ContinuousReservoir"]

Real = NDArray[np.floating[Any]]


class ContinuousReservoir:
    r"""A reservoir whose state flows.

    Parameters
    ----------
    reservoir : Reservoir
        Its weights and activation; leak rate 1 and no noise. Its own state takes no part.
    time_constant : float
        \(\tau\), above 0.
    sampling : float
        The time from one sample of the input to the next, above 0.
    method : Tableau
        An explicit method.
    substeps : int
        Steps of it a sample.

    Raises
    ------
    ArgumentError
        If a value is outside what it may be, or the method is implicit.

    Examples
    --------
    >>> from deep_tree_echo.dtesn.methods import EULER
    >>> leaky = Reservoir(50, leak_rate=0.25, dtype="float64", seed=1)
    >>> flowing = ContinuousReservoir(Reservoir(50, dtype="float64", seed=1), time_constant=4.0,
    ...                               method=EULER)
    >>> wave = np.sin(np.arange(10.0))
    >>> bool(np.allclose(leaky.run(wave), flowing.run(wave)))
    True
    """

    def __init__(
        self,
        reservoir: Reservoir,
        *,
        time_constant: float = 1.0,
        sampling: float = 1.0,
        method: Tableau = RK4,
        substeps: int = 1,
    ) -> None:
        if np.any(np.asarray(reservoir.leak_rate) != 1):
            raise ArgumentError(
                f"the reservoir has the leak rate {reservoir.leak_rate}; in continuous time it "
                "must be 1, and time_constant takes its place."
            )
        if reservoir.noise:
            raise ArgumentError(
                f"the reservoir has the noise {reservoir.noise:g}; in continuous time it must be 0."
            )
        self.reservoir = reservoir
        self.time_constant = _positive(time_constant, "time_constant")
        self.sampling = _positive(sampling, "sampling")
        self.substeps = check.count(substeps, "substeps", 1)
        if not isinstance(method, Tableau):
            raise ArgumentError(f"method is {method!r}; it must be a Tableau.")
        self.method = method
        self.size = reservoir.size
        self.n_inputs = reservoir.n_inputs
        self.n_feedback = reservoir.n_feedback
        self.dtype = reservoir.dtype
        self._state = np.zeros(self.size, dtype=self.dtype)  # (size,)
        Stepper(method, lambda _, x: x, self._state)

    @property
    def state(self) -> Real:
        """(size,): a copy of the present state; assigning another one is checked."""
        return self._state.copy()

    @state.setter
    def state(self, values: ArrayLike) -> None:
        self._state = np.array(check.vector(values, "state", self.size, self.dtype))

    def reset(self, state: ArrayLike | None = None) -> None:
        """Puts the state to 0, or to the (size,) one given."""
        self.state = np.zeros(self.size) if state is None else state

    def step(self, u: ArrayLike, feedback: ArrayLike | None = None) -> Real:
        """The (size,) state after one sample, as `Reservoir.step`."""
        row = check.vector(u, "u", self.n_inputs, self.dtype)[None]
        back = None
        if feedback is not None:
            back = check.vector(feedback, "feedback", self.n_feedback, self.dtype)[None]
        found: Real = self.run(row, back)[0]
        return found

    def run(self, inputs: ArrayLike, feedback: ArrayLike | None = None) -> Real:
        """A whole sequence, beginning with the present state.

        Parameters
        ----------
        inputs : array_like
            (T, n_inputs) inputs, each held for one sampling; (T,) will do for one.
        feedback : array_like, optional
            (T, n_feedback), held likewise; needed if there is feedback.

        Returns
        -------
        ndarray
            (T, size): the state at the end of each sample.

        Raises
        ------
        ArgumentError
            As `Reservoir.run`; the state is then as it was.
        """
        u, y = self.reservoir.driving(inputs, feedback)
        found = np.empty((len(u), self.size), dtype=self.dtype)
        h = self.sampling / self.substeps
        now = slice(0, 0)
        response = np.empty((1, self.size), dtype=self.dtype)

        def slope(_: float, x: Real) -> Real:
            # With the leak rate 1 a step gives what f makes of the state.
            self.reservoir.advance(x.copy(), u[now], y[now], response)
            found: Real = (response[0] - x) / self.time_constant
            return found

        stepper = Stepper(self.method, slope, self._state)
        for t in range(len(u)):
            now = slice(t, t + 1)
            for _ in range(self.substeps):
                stepper.step(0.0, h)
            found[t] = stepper.y
        self._state = np.array(stepper.y)
        return found

    def field(self, u: ArrayLike, feedback: ArrayLike | None = None) -> ReservoirField:
        r"""The vector field \(\tau \dot x\) while this input is held, for B-series.

        Raises
        ------
        ArgumentError
            If the activation is not tanh, or shapes do not fit.
        """
        if self.reservoir.activation != "tanh":
            raise ArgumentError(
                f"the activation is {self.reservoir.activation!r}; a field in closed form needs "
                "'tanh'."
            )
        row = check.vector(u, "u", self.n_inputs, self.dtype)[None]
        back = None
        if feedback is not None:
            back = check.vector(feedback, "feedback", self.n_feedback, self.dtype)[None]
        given, fed = self.reservoir.driving(row, back)
        matrix = self.reservoir.recurrent
        dense = matrix.to_dense() if isinstance(matrix, SparseMatrix) else matrix
        reservoir = self.reservoir
        held = reservoir.inputs @ given[0] + reservoir.feedback @ fed[0] + reservoir.bias
        return ReservoirField(dense, held)


def _positive(value: Any, name: str) -> float:
    found = check.number(value, name)
    if found <= 0:
        raise ArgumentError(f"{name} is {found:g}; it must be above 0.")
    return found
