r"""Reservoirs: recurrent networks of leaky units that are never trained.

\[ x_t = (1 - a)\,x_{t-1}
        + a\,f\bigl(W x_{t-1} + W_{in} u_t + W_{fb} y_t + b + \nu_t\bigr) \]

with the leak rate a, the input u, the feedback y and normal noise of a given deviation inside the
activation f (Jaeger 2001; Lukoševičius 2012). The first state is 0.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError
from . import reservoir_checks as check
from .activations import activation as check_activation
from .draws import Draws
from .initializers import input_weights, recurrent_weights
from .reservoir_engines import ReservoirWeights, make_engine
from .reservoir_file import read_reservoir, write_reservoir
from .sparse import SparseMatrix
from .spectrum import spectral_radius as measured_radius

__all__ = ["Reservoir"]

Real = NDArray[np.floating[Any]]


class Reservoir:
    r"""A random network of leaky units that echoes what drives it.

    Parameters
    ----------
    size : int
        Units, 1 to 65536.
    n_inputs, n_feedback : int
        Numbers that come in and that are fed back a step; either may be 0.
    leak_rate : float or array_like
        \(a\) in (0, 1], one for all or (size,).
    spectral_radius : float
        The largest modulus of an eigenvalue of \(W\), which is scaled to it.
    density : float
        The share of non-zeros of \(W\), in (0, 1].
    input_scaling, feedback_scaling : float or array_like
        What the weights are multiplied with, one factor for all or one a column.
    input_density : float
        The share of non-zeros of \(W_{in}\) and \(W_{fb}\), in (0, 1].
    bias_scaling : float
        The bias is uniform between this and its negative.
    recurrent : str
        How \(W\) is made: one of ``uniform``, ``normal``, ``bernoulli``, ``orthogonal``, ``ring``,
        ``small_world``; see `recurrent_weights`.
    inputs : str
        How \(W_{in}\) and \(W_{fb}\) are made: ``uniform``, ``normal`` or ``bernoulli``.
    activation : str
        \(f\): ``tanh``, ``relu``, ``sigmoid``, ``identity`` or ``softplus``.
    noise : float
        The standard deviation of \(\nu\).
    dtype : {"float32", "float64"}
        The type of all numbers.
    seed : int
        In [0, 2**64). Weights and noise follow from it.
    engine : {"auto", "libecho", "python"}
        What makes the steps: libecho where it is, else NumPy, which gives the same but for
        rounding.

    Raises
    ------
    ArgumentError
        If a value is outside what it may be, or all eigenvalues of \(W\) are 0, so that no factor
        gives it a spectral radius.
    BackendError
        If the engine is to be libecho and that is missing.

    Examples
    --------
    >>> reservoir = Reservoir(100, leak_rate=0.5, seed=1)
    >>> states = reservoir.run(np.sin(np.arange(20.0)))
    >>> states.shape, states.dtype
    ((20, 100), dtype('float32'))
    >>> round(reservoir.spectral_radius, 4)
    0.9
    """

    def __init__(
        self,
        size: int,
        *,
        n_inputs: int = 1,
        n_feedback: int = 0,
        leak_rate: float | ArrayLike = 1.0,
        spectral_radius: float = 0.9,
        density: float = 0.1,
        input_scaling: float | ArrayLike = 1.0,
        input_density: float = 1.0,
        feedback_scaling: float | ArrayLike = 1.0,
        bias_scaling: float = 0.0,
        recurrent: str = "uniform",
        inputs: str = "uniform",
        activation: str = "tanh",
        noise: float = 0.0,
        dtype: Any = "float32",
        seed: int = 0,
        engine: str = "auto",
    ) -> None:
        size = check.count(size, "size", 1)
        n_inputs = check.count(n_inputs, "n_inputs", 0)
        n_feedback = check.count(n_feedback, "n_feedback", 0)
        radius = check.number(spectral_radius, "spectral_radius", least=0.0)
        density = check.fraction(density, "density")
        input_density = check.fraction(input_density, "input_density")
        width = check.number(bias_scaling, "bias_scaling")
        factors = check.scaling(input_scaling, "input_scaling", n_inputs)
        back_factors = check.scaling(feedback_scaling, "feedback_scaling", n_feedback)
        draws = Draws(check.seed(seed))
        matrix, known = recurrent_weights(recurrent, size, density, draws)
        found = measured_radius(matrix) if known is None else known
        if found == 0.0:
            raise ArgumentError(
                f"spectral_radius is {radius:g}, and all eigenvalues of the {recurrent} matrix of "
                f"{size} units with the density {density:g} are 0; take more units, a higher "
                "density or another seed."
            )
        matrix = matrix.scaled(radius / found)
        w_in = input_weights(inputs, size, n_inputs, input_density, draws) * factors
        w_back = input_weights(inputs, size, n_feedback, input_density, draws) * back_factors
        bias = width * (2.0 * draws.uniform(size) - 1.0)
        self._set(
            matrix.to_dense() if matrix.density == 1.0 else matrix,
            w_in,
            w_back,
            bias,
            leak_rate,
            activation,
            noise,
            dtype,
            draws.state,
            engine,
        )

    @classmethod
    def from_matrices(
        cls,
        recurrent: SparseMatrix | ArrayLike,
        inputs: ArrayLike,
        feedback: ArrayLike | None = None,
        bias: ArrayLike | None = None,
        *,
        leak_rate: float | ArrayLike = 1.0,
        activation: str = "tanh",
        noise: float = 0.0,
        dtype: Any = "float32",
        seed: int = 0,
        engine: str = "auto",
    ) -> Self:
        r"""A reservoir of given weights.

        Parameters
        ----------
        recurrent : SparseMatrix or array_like
            (size, size) \(W\); a sparse matrix of SciPy will do, too.
        inputs : array_like
            (size, n_inputs) \(W_{in}\).
        feedback : array_like, optional
            (size, n_feedback) \(W_{fb}\); no feedback if absent.
        bias : array_like, optional
            (size,) \(b\), or one number for all; 0 if absent.
        leak_rate, activation, noise, dtype, seed, engine
            As for the class.

        Raises
        ------
        ArgumentError
            If shapes do not fit, or numbers are not finite.

        Examples
        --------
        >>> delay = Reservoir.from_matrices([[0.0, 0.0], [1.0, 0.0]], [[1.0], [0.0]],
        ...                                 activation="identity", dtype="float64")
        >>> delay.run([5.0, 7.0])
        array([[5., 0.],
               [7., 5.]])
        """
        kind = check.element_type(dtype)
        matrix = check.square(recurrent, kind)
        size = matrix.shape[0]
        w_in = check.matrix_of(inputs, "inputs", size, kind)
        none = np.zeros((size, 0), dtype=kind)
        w_back = none if feedback is None else check.matrix_of(feedback, "feedback", size, kind)
        if bias is None or np.ndim(bias) == 0:
            b = np.full(size, 0.0 if bias is None else check.number(bias, "bias"), dtype=kind)
        else:
            b = check.vector(bias, "bias", size, kind)
        made = cls.__new__(cls)
        random = Draws(check.seed(seed)).state
        made._set(matrix, w_in, w_back, b, leak_rate, activation, noise, kind, random, engine)
        return made

    def _set(
        self,
        matrix: SparseMatrix | Real,
        w_in: Real,
        w_back: Real,
        bias: Real,
        leak_rate: float | ArrayLike,
        activation: str,
        noise: float,
        dtype: Any,
        random: int,
        engine: str,
    ) -> None:
        self.dtype = check.element_type(dtype)
        self.size = int(matrix.shape[0])
        self.n_inputs = int(w_in.shape[1])
        self.n_feedback = int(w_back.shape[1])
        self.leak_rate = check.leak(leak_rate, self.size, self.dtype)
        check_activation(activation)
        self.activation = activation
        self.noise = check.number(noise, "noise", least=0.0)
        self._weights = ReservoirWeights(
            recurrent=matrix.astype(self.dtype),
            inputs=np.array(w_in, dtype=self.dtype, order="C"),
            feedback=np.array(w_back, dtype=self.dtype, order="C"),
            bias=np.array(bias, dtype=self.dtype),
            leak=np.array(np.broadcast_to(self.leak_rate, self.size), dtype=self.dtype),
            activation=activation,
            noise=self.noise,
        )
        self._engine = make_engine(engine, self._weights)
        self._random = random
        self._state = np.zeros(self.size, dtype=self.dtype)  # (size,)

    @property
    def engine(self) -> str:
        """What makes the steps: ``libecho`` or ``python``."""
        return self._engine.name

    @property
    def recurrent(self) -> SparseMatrix | Real:
        """(size, size): the recurrent weights."""
        return self._weights.recurrent

    @property
    def inputs(self) -> Real:
        """(size, n_inputs): the input weights."""
        return self._weights.inputs

    @property
    def feedback(self) -> Real:
        """(size, n_feedback): the feedback weights."""
        return self._weights.feedback

    @property
    def bias(self) -> Real:
        """(size,): the bias."""
        return self._weights.bias

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
        """One step.

        Parameters
        ----------
        u : array_like
            (n_inputs,) input; a number if there is one only.
        feedback : array_like, optional
            (n_feedback,) likewise; needed if there is feedback.

        Returns
        -------
        ndarray
            (size,): the new state.

        Raises
        ------
        ArgumentError
            If shapes do not fit or a number is not finite; the state is then as it was.
        """
        row = check.vector(u, "u", self.n_inputs, self.dtype)[None]
        back = None
        if feedback is not None:
            back = check.vector(feedback, "feedback", self.n_feedback, self.dtype)[None]
        found: Real = self.run(row, back)[0]
        return found

    def run(
        self,
        inputs: ArrayLike,
        feedback: ArrayLike | None = None,
        *,
        out: Real | None = None,
    ) -> Real:
        """A whole sequence, beginning with the present state.

        Parameters
        ----------
        inputs : array_like
            (T, n_inputs) inputs; (T,) will do for one.
        feedback : array_like, optional
            (T, n_feedback) what is fed back into each step: with teacher forcing, the wanted
            output of the step before. Needed if there is feedback.
        out : ndarray, optional
            (T, size) of the reservoir's type, C-contiguous: where the states go.

        Returns
        -------
        ndarray
            (T, size): the state after each step.

        Raises
        ------
        ArgumentError
            If shapes do not fit, a number is not finite, or the states overflow; the state is
            then as it was.
        """
        u, y = self.driving(inputs, feedback)
        if out is None:
            out = np.empty((len(u), self.size), dtype=self.dtype)
        elif (
            not isinstance(out, np.ndarray)
            or out.shape != (len(u), self.size)
            or out.dtype != self.dtype
            or not (out.flags.c_contiguous and out.flags.writeable)
        ):
            raise ArgumentError(
                f"out must be a writable C-contiguous {self.dtype} array of the shape "
                f"{(len(u), self.size)}."
            )
        state = self._state.copy()
        self.advance(state, u, y, out)
        self._state = state
        return out

    def advance(self, state: Real, inputs: Real, feedback: Real, states: Real) -> None:
        """Runs a sequence from a given state, for callers who have checked everything.

        Parameters
        ----------
        state : ndarray
            (size,), C-contiguous as all others: before, and afterwards.
        inputs, feedback : ndarray
            (T, n_inputs) and (T, n_feedback), as `driving` gives them.
        states : ndarray
            (T, size): what is written.

        Raises
        ------
        ArgumentError
            If a state is not finite; ``state`` is then as it was.
        """
        self._random = self._engine.run(inputs, feedback, state, self._random, states)

    def driving(self, inputs: ArrayLike, feedback: ArrayLike | None) -> tuple[Real, Real]:
        """Inputs (T, n_inputs) and feedback (T, n_feedback) of the reservoir's type, checked."""
        u = check.sequence(inputs, "inputs", self.n_inputs, self.dtype)
        return u, self._feedback_of(feedback, len(u))

    @contextmanager
    def kept_on_failure(self) -> Iterator[None]:
        """Puts the state and the noise back if what is done inside fails."""
        state, random = self._state, self._random
        try:
            yield
        except BaseException:
            self._state, self._random = state, random
            raise

    def _feedback_of(self, feedback: ArrayLike | None, steps: int) -> Real:
        if feedback is None:
            if self.n_feedback:
                raise ArgumentError(
                    f"feedback is missing; this reservoir takes {self.n_feedback} numbers a step."
                )
            return np.zeros((steps, 0), dtype=self.dtype)
        y = check.sequence(feedback, "feedback", self.n_feedback, self.dtype)
        if len(y) != steps:
            raise ArgumentError(f"feedback has {len(y)} steps and inputs {steps}; give as many.")
        return y

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes weights, settings, state and noise to a file (NumPy's npz).

        Raises
        ------
        ArgumentError
            If there is no such folder.
        FileError
            If the file cannot be written.
        """
        write_reservoir(path, self._weights, self.leak_rate, self._state, self._random)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, engine: str = "auto") -> Self:
        """Reads a reservoir that `save` has written; it goes on as that would have.

        Raises
        ------
        FileError
            If the file cannot be read.
        ModelFormatError
            If it is no reservoir's, damaged, or of another version.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Reservoir(10, seed=1).save(f"{folder}/small.npz")
        ...     Reservoir.load(f"{folder}/small.npz").size
        10
        """
        weights, leak_rate, state, random = read_reservoir(path)
        made = cls.__new__(cls)
        made._set(
            weights.recurrent,
            weights.inputs,
            weights.feedback,
            weights.bias,
            leak_rate,
            weights.activation,
            weights.noise,
            state.dtype,
            random,
            engine,
        )
        made._state = state
        return made

    @property
    def spectral_radius(self) -> float:
        """The largest modulus of an eigenvalue of the recurrent weights, measured."""
        matrix = self._weights.recurrent
        if not isinstance(matrix, SparseMatrix):
            matrix = SparseMatrix.from_dense(matrix)
        return measured_radius(matrix)

    def eigenvalues(self) -> NDArray[np.complex128]:
        """(size,) complex128: all eigenvalues of the recurrent weights."""
        matrix = self._weights.recurrent
        dense = matrix.to_dense() if isinstance(matrix, SparseMatrix) else matrix
        return np.linalg.eigvals(dense.astype(np.float64)).astype(np.complex128)
