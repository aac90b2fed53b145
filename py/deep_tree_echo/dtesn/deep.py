r"""Deep reservoirs: several of them, one behind or beside another.

In one step, layer \(l\) sees (Gallicchio, Micheli and Pedrelli 2017)

- ``series``: the new state of layer \(l - 1\); the first one sees the input;
- ``parallel``: the input;
- ``dense``: both, the input first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError
from . import reservoir_checks as check
from .reservoir import Reservoir

__all__ = ["DeepReservoir"]

Real = NDArray[np.floating[Any]]

_WIRINGS = ("series", "parallel", "dense")


class DeepReservoir:
    """Layers of reservoirs that take a step together.

    Parameters
    ----------
    layers : sequence of Reservoir
        All of one type and without feedback. Their inputs must fit the wiring.
    wiring : {"series", "parallel", "dense"}
        What a layer sees.

    Attributes
    ----------
    layers : tuple of Reservoir
        The same.
    size, n_inputs : int
        Units of all layers, and numbers that come in a step.

    Raises
    ------
    ArgumentError
        If there is no layer, one stands there twice, or they do not fit.

    Examples
    --------
    >>> deep = DeepReservoir.of_sizes([20, 10], seed=1)
    >>> deep.run(np.ones(5)).shape
    (5, 30)
    """

    def __init__(self, layers: Sequence[Reservoir], *, wiring: str = "series") -> None:
        if wiring not in _WIRINGS:
            raise ArgumentError(f"wiring is {wiring!r}; it must be one of {', '.join(_WIRINGS)}.")
        self.layers = tuple(layers)
        if not self.layers:
            raise ArgumentError("layers is empty; give at least one reservoir.")
        if len({id(layer) for layer in self.layers}) < len(self.layers):
            raise ArgumentError("one reservoir stands in two layers; each layer needs its own.")
        self.wiring = wiring
        first = self.layers[0]
        self.n_inputs = first.n_inputs
        self.n_feedback = 0
        self.dtype = first.dtype
        self.size = sum(layer.size for layer in self.layers)
        for at, layer in enumerate(self.layers):
            wanted = self._seen(at)
            if layer.n_inputs != wanted:
                raise ArgumentError(
                    f"layer {at} takes {layer.n_inputs} inputs; wired {wiring}, it sees {wanted}."
                )
            if layer.n_feedback:
                raise ArgumentError(
                    f"layer {at} takes {layer.n_feedback} numbers fed back; a layer takes none."
                )
            if layer.dtype != first.dtype:
                raise ArgumentError(
                    f"layer {at} is of {layer.dtype} and layer 0 of {first.dtype}; all must be of "
                    "one type."
                )

    @classmethod
    def of_sizes(
        cls,
        sizes: Sequence[int],
        *,
        n_inputs: int = 1,
        wiring: str = "series",
        input_scaling: float | ArrayLike = 1.0,
        layer_scaling: float = 1.0,
        seed: int = 0,
        **settings: Any,
    ) -> Self:
        """Random layers.

        Parameters
        ----------
        sizes : sequence of int
            Units of each layer.
        n_inputs : int
            Numbers that come in a step.
        wiring : str
            As for the class.
        input_scaling, layer_scaling : float
            What the weights of the input, and those from a layer to the next, are scaled by.
        seed : int
            Layer l is made from ``seed + l``.
        **settings
            Of `Reservoir`, the same for all.

        Raises
        ------
        ArgumentError
            As for `Reservoir`.
        """
        seed = check.seed(seed)
        entry = check.scaling(input_scaling, "input_scaling", n_inputs)
        between = check.number(layer_scaling, "layer_scaling")
        layers: list[Reservoir] = []
        for at, size in enumerate(sizes):
            above = np.full(layers[-1].size, between) if layers else np.empty(0)
            scale = {
                "series": above if layers else entry,
                "parallel": entry,
                "dense": np.concatenate([entry, above]),
            }.get(wiring, entry)
            layers.append(
                Reservoir(
                    size,
                    n_inputs=len(scale),
                    input_scaling=scale,
                    seed=(seed + at) % 2**64,
                    **settings,
                )
            )
        return cls(layers, wiring=wiring)

    def _seen(self, at: int) -> int:
        if at == 0 or self.wiring == "parallel":
            return self.n_inputs
        above = self.layers[at - 1].size
        return above if self.wiring == "series" else self.n_inputs + above

    @property
    def state(self) -> Real:
        """(size,): a copy of the states of all layers, the first one first."""
        return np.concatenate([layer.state for layer in self.layers])

    @state.setter
    def state(self, values: ArrayLike) -> None:
        whole = check.vector(values, "state", self.size, self.dtype)
        for layer, part in zip(self.layers, self.split(whole), strict=True):
            layer.state = part

    def reset(self, state: ArrayLike | None = None) -> None:
        """Puts all states to 0, or to the (size,) ones given."""
        self.state = np.zeros(self.size) if state is None else state

    def split(self, states: Real) -> Iterator[Real]:
        """The parts (..., size of a layer) of states (..., size)."""
        start = 0
        for layer in self.layers:
            yield states[..., start : start + layer.size]
            start += layer.size

    def step(self, u: ArrayLike) -> Real:
        """One step: the (size,) new state for the (n_inputs,) input."""
        found: Real = self.run(check.vector(u, "u", self.n_inputs, self.dtype)[None])[0]
        return found

    def run(self, inputs: ArrayLike) -> Real:
        """A whole sequence, beginning with the present states.

        Parameters
        ----------
        inputs : array_like
            (T, n_inputs); (T,) will do for one.

        Returns
        -------
        ndarray
            (T, size): the states of all layers after each step.

        Raises
        ------
        ArgumentError
            As `Reservoir.run`; all layers are then as they were.
        """
        u = check.sequence(inputs, "inputs", self.n_inputs, self.dtype)
        parts: list[Real] = []
        with ExitStack() as stack:
            for layer in self.layers:
                stack.enter_context(layer.kept_on_failure())
            for layer in self.layers:
                seen = u
                if parts and self.wiring == "series":
                    seen = parts[-1]
                elif parts and self.wiring == "dense":
                    seen = np.hstack([u, parts[-1]])
                parts.append(layer.run(seen))
        return np.hstack(parts)
