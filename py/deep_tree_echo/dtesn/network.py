"""Echo state networks: a reservoir, a readout, and what runs between them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError
from . import reservoir_checks as check
from .deep import DeepReservoir
from .readout import Readout
from .reservoir import Reservoir
from .ridge import Ridge
from .samples import rows_of

__all__ = ["EchoStateNetwork"]

Floats = NDArray[np.float64]

_STEPS = 1024
"""States that are held at a time."""


class EchoStateNetwork:
    """A reservoir with a trained readout (Jaeger 2001).

    With feedback (``reservoir.n_feedback``) the output of each step enters the next one: the
    wanted output while it learns (teacher forcing), its own afterwards. A network without
    feedback whose outputs are as many as its inputs runs freely by taking its output for the next
    input.

    Parameters
    ----------
    reservoir : Reservoir or DeepReservoir
        Its state moves on with every step.
    readout : Readout, optional
        `Ridge`, `RLS` or `LMS`; a `Ridge` if absent.
    inputs_to_readout : bool
        Whether the readout sees the input beside the state.

    Raises
    ------
    ArgumentError
        If an argument is not such.

    Examples
    --------
    >>> from deep_tree_echo.dtesn.tasks import sine
    >>> series = sine(600)
    >>> network = EchoStateNetwork(Reservoir(50, dtype="float64", seed=1))
    >>> network.train(series[:-1], series[1:], washout=100)
    >>> following = network.generate(20)
    >>> bool(np.abs(following[:, 0] - sine(620)[600:]).max() < 1e-2)
    True
    """

    def __init__(
        self,
        reservoir: Reservoir | DeepReservoir,
        readout: Readout | None = None,
        *,
        inputs_to_readout: bool = False,
    ) -> None:
        if not isinstance(reservoir, Reservoir | DeepReservoir):
            raise ArgumentError(f"reservoir is {reservoir!r}; it must be a Reservoir.")
        readout = Ridge() if readout is None else readout
        if not isinstance(readout, Readout):
            raise ArgumentError(f"readout is {readout!r}; it must be a Ridge, RLS or LMS.")
        if not isinstance(inputs_to_readout, bool):
            raise ArgumentError(
                f"inputs_to_readout is {inputs_to_readout!r}; it must be True or False."
            )
        self.reservoir = reservoir
        self.readout = readout
        self.inputs_to_readout = inputs_to_readout
        self.last: Floats | None = None
        """(n_feedback,) what the next step is fed back, or (n_inputs,) the next input."""

    @property
    def n_features(self) -> int:
        """Numbers that the readout sees at a step."""
        found: int = self.reservoir.size
        return found + self.reservoir.n_inputs if self.inputs_to_readout else found

    def train(self, inputs: ArrayLike | None, targets: ArrayLike, *, washout: int = 0) -> None:
        """Forgets what was learned and learns from a series.

        Parameters
        ----------
        inputs : array_like, optional
            (T, n_inputs); ``None`` if the reservoir has no inputs.
        targets : array_like
            (T, n_outputs): the wanted outputs of the same steps.
        washout : int
            First steps that are not learned from, while the state still shows where it started.

        Raises
        ------
        ArgumentError
            If shapes do not fit, a number is not finite, or nothing is left after the washout;
            the network is then as it was.
        """
        with self.readout.unchanged_on_failure():
            self.readout.reset()
            self.learn(inputs, targets, washout=washout)

    def learn(self, inputs: ArrayLike | None, targets: ArrayLike, *, washout: int = 0) -> None:
        """Learns from one more series, beside those before; the parameters are those of `train`.

        The state starts at 0. The series is never held as states, 1024 steps of them at a time.
        """
        for _ in self.learning(inputs, targets, washout=washout):
            pass

    def learning(
        self, inputs: ArrayLike | None, targets: ArrayLike, *, washout: int = 0, steps: int = _STEPS
    ) -> Generator[tuple[int, Any]]:
        """As `learn`, in parts, for who wants to look on or to stop.

        Parameters
        ----------
        inputs, targets, washout
            As for `train`.
        steps : int
            Of the series, in each part.

        Yields
        ------
        int
            Steps of the series that have been learned from or washed out.
        ndarray
            (steps, size): the part's states, valid until the next one.

        Raises
        ------
        ArgumentError
            As `train`. After a failure, and if the generator is closed before its end, the
            network is as it was.

        Examples
        --------
        >>> from deep_tree_echo.dtesn.tasks import sine
        >>> network = EchoStateNetwork(Reservoir(20, seed=1))
        >>> series = sine(601)
        >>> [done for done, _ in network.learning(series[:-1], series[1:], washout=50, steps=250)]
        [250, 500, 600]
        """
        u, y = self.series(inputs, targets)
        skip = check.number(washout, "washout", least=0)
        if skip != int(skip) or skip >= len(y):
            raise ArgumentError(
                f"washout is {washout!r} and the series has {len(y)} steps; it must be an integer "
                "that leaves some."
            )
        length = check.count(steps, "steps", 1)
        with self.readout.unchanged_on_failure(), self.kept_on_failure():
            self.reset()
            for start, states, features in self._driven(u, y, length):
                used = max(0, int(skip) - start)
                end = start + len(features)
                if used < len(features):
                    self.readout.partial_fit(features[used:], y[start + used : end])
                yield end, states
            if self.reservoir.n_feedback:
                self.last = y[-1]
            else:
                self.last = self.readout.predict(features[-1:])[0]

    def drive(self, inputs: ArrayLike | None, targets: ArrayLike | None = None) -> None:
        """Runs over a series without learning, so that a free run starts from its end.

        Parameters
        ----------
        inputs : array_like, optional
            (T, n_inputs); ``None`` if the reservoir has no inputs.
        targets : array_like, optional
            (T, n_outputs) the true outputs, which are fed back; needed if there is feedback.

        Raises
        ------
        ArgumentError
            If shapes do not fit or a number is not finite; the network is then as it was.
        """
        if targets is None:
            if self.reservoir.n_feedback:
                raise ArgumentError("targets is missing; this reservoir takes them as feedback.")
            u = self._inputs(inputs, None)
            self._predict(u)
            return
        u, y = self.series(inputs, targets)
        with self.kept_on_failure():
            for _, _, features in self._driven(u, y):
                if self.reservoir.n_feedback:
                    self.last = y[-1]
                elif self.readout.n_features is not None:
                    self.last = self.readout.predict(features[-1:])[0]

    def predict(self, inputs: ArrayLike) -> Floats:
        """The outputs for a series, beginning with the present state.

        Parameters
        ----------
        inputs : array_like
            (T, n_inputs).

        Returns
        -------
        ndarray
            (T, n_outputs) float64. With feedback its own outputs are fed back.

        Raises
        ------
        ArgumentError
            If nothing has been learned, or the inputs are not such.
        """
        u = self._inputs(inputs, None)
        if self.reservoir.n_feedback:
            return self._free(u, len(u))
        return self._predict(u)

    def generate(self, n_steps: int, inputs: ArrayLike | None = None) -> Floats:
        """Runs freely, each output entering the next step.

        Parameters
        ----------
        n_steps : int
            How many.
        inputs : array_like, optional
            (n_steps, n_inputs) if there are inputs beside the feedback.

        Returns
        -------
        ndarray
            (n_steps, n_outputs) float64.

        Raises
        ------
        ArgumentError
            If nothing has been learned, or neither feedback nor inputs fit the outputs. If the
            run leaves all bounds, the network is as it was.
        """
        steps = check.number(n_steps, "n_steps", least=0)
        if steps != int(steps):
            raise ArgumentError(f"n_steps is {n_steps!r}; it must be an integer.")
        if self.reservoir.n_feedback:
            u = self._inputs(inputs, int(steps))
            if len(u) != steps:
                raise ArgumentError(f"inputs has {len(u)} rows; it must have {int(steps)}.")
            return self._free(u, int(steps))
        if inputs is not None:
            raise ArgumentError(
                "inputs is given, but this reservoir has no feedback; use predict, or leave it out "
                "to feed outputs to the inputs."
            )
        return self._free(None, int(steps))

    @contextmanager
    def kept_on_failure(self) -> Iterator[None]:
        """Puts the state and what is fed back to where they were if what is done inside fails."""
        last, reservoir = self.last, self.reservoir
        layers = reservoir.layers if isinstance(reservoir, DeepReservoir) else (reservoir,)
        with ExitStack() as stack:
            for layer in layers:
                stack.enter_context(layer.kept_on_failure())
            try:
                yield
            except BaseException:
                self.last = last
                raise

    def reset(self) -> None:
        """Puts the state and what is fed back to 0; what was learned stays."""
        self.reservoir.reset()
        self.last = None

    def _inputs(self, inputs: ArrayLike | None, steps: int | None) -> Any:
        width = self.reservoir.n_inputs
        if inputs is None:
            if width or steps is None:
                raise ArgumentError(f"inputs is missing; this reservoir takes {width} a step.")
            return np.zeros((steps, 0), dtype=self.reservoir.dtype)
        return check.sequence(inputs, "inputs", width, self.reservoir.dtype)

    def series(self, inputs: ArrayLike | None, targets: ArrayLike) -> tuple[Any, Floats]:
        """Checked inputs (T, n_inputs) and targets (T, n_outputs) of one length.

        Raises
        ------
        ArgumentError
            If they are not such.
        """
        n_outputs = self.reservoir.n_feedback or self.readout.n_outputs
        y = rows_of(targets, "targets", n_outputs)
        u = self._inputs(inputs, len(y))
        if len(u) != len(y):
            raise ArgumentError(f"inputs has {len(u)} steps and targets {len(y)}; give as many.")
        return u, y

    def _driven(self, u: Any, y: Floats, length: int = _STEPS) -> Iterator[tuple[int, Any, Any]]:
        """Where each part starts, its states (steps, size) and features (steps, n_features)."""
        back = None
        if self.reservoir.n_feedback:
            first = np.zeros(y.shape[1]) if self.last is None else self.last
            back = np.vstack([first, y[:-1]]) if len(y) else y
        buffer = np.empty((min(length, len(u)), self.reservoir.size), self.reservoir.dtype)
        for start in range(0, len(u), length):
            part = u[start : start + length]
            fed = None if back is None else back[start : start + length]
            if isinstance(self.reservoir, DeepReservoir):
                states = self.reservoir.run(part)
            else:
                states = self.reservoir.run(part, fed, out=buffer[: len(part)])
            yield start, states, np.hstack([states, part]) if self.inputs_to_readout else states

    def _predict(self, u: Any) -> Floats:
        self._check_readout()
        parts = []
        with self.kept_on_failure():
            for start in range(0, len(u), _STEPS):
                part = u[start : start + _STEPS]
                states = self.reservoir.run(part)
                features = np.hstack([states, part]) if self.inputs_to_readout else states
                parts.append(self.readout.predict(features))
        if not parts:
            return np.empty((0, self.readout.n_outputs or 0))
        found = np.concatenate(parts)
        self.last = found[-1]
        return found

    def _check_readout(self) -> tuple[Floats, Floats]:
        weights, bias = self.readout.weights, self.readout.bias
        if weights.shape[1] != self.n_features:
            raise ArgumentError(
                f"The readout has {weights.shape[1]} features and the network {self.n_features}; "
                "train it here."
            )
        return weights, bias

    def _free(self, u: Any, steps: int) -> Floats:
        """Runs with its own outputs fed back, or for inputs where ``u`` is None."""
        weights, bias = self._check_readout()
        reservoir = self.reservoir
        n_back = reservoir.n_inputs if u is None else reservoir.n_feedback
        if len(weights) != n_back:
            raise ArgumentError(
                f"The readout has {len(weights)} outputs, and {n_back} can be fed back; a free run "
                "needs as many."
            )
        y = np.zeros(n_back) if self.last is None else self.last
        found = np.empty((steps, n_back))
        with self.kept_on_failure():
            for t in range(steps):
                given = y if u is None else u[t]
                if isinstance(reservoir, DeepReservoir):
                    state = reservoir.step(given)
                else:
                    state = reservoir.step(given, None if u is None else y)
                y = weights[:, : reservoir.size] @ state + bias
                if self.inputs_to_readout:
                    y += weights[:, reservoir.size :] @ given
                found[t] = y
        self.last = y
        return found
