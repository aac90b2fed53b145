"""One input on its way through a hierarchy: beat by beat, with nothing shared but the weights."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..events import Event
from .activity import QUANTUM, Activity
from .hierarchy import Hierarchy
from .inputs import Feed
from .prediction import NextInput
from .processor_events import HierarchyReady, MembranesStepped, ReservoirsMoved
from .report import integration_report
from .reservoir import Reservoir
from .sparse import SparseMatrix

__all__ = ["BEAT", "Body", "Passage"]

Floats = NDArray[np.float64]

BEAT: Final = 4
"""Tokens that the reservoirs take in between two steps of the membrane system."""
SATURATED: Final = 0.9
"""A unit beyond this modulus counts as saturated."""


@dataclass(frozen=True, slots=True)
class Body:
    """What passages of one depth and size share: the membranes and their fixed weights.

    Attributes
    ----------
    hierarchy : Hierarchy
        The membranes.
    reservoir : Reservoir
        Its weights are read; its state is put in before and taken out after every use.
    spectral_radius : float
        To which the weights of every membrane were scaled, and so that of all.
    """

    hierarchy: Hierarchy
    reservoir: Reservoir
    spectral_radius: float


class Passage:
    """The state of one input.

    Parameters
    ----------
    body : Body
        The membranes.
    feed : Feed
        The input.
    trace : bool
        Whether the events tell which rules were applied.
    """

    def __init__(self, body: Body, feed: Feed, *, trace: bool = False) -> None:
        self._body = body
        self._feed = feed
        self._trace = trace
        hierarchy, reservoir = body.hierarchy, body.reservoir
        self._starts = np.array(hierarchy.starts)
        self._units = np.array(hierarchy.units)
        self._state: NDArray[Any] = np.zeros(reservoir.size, dtype=reservoir.dtype)
        self._before = self._state
        self._driven = np.zeros(reservoir.n_inputs)
        self._activity = Activity(hierarchy)
        self._signal = self._activity.signal()
        self._readout = NextInput(reservoir.size, reservoir.n_inputs - hierarchy.depth)
        self._bits: list[float] = []
        self._moved = np.zeros(len(self._units))
        self.seconds = {"input": 0.0, "reservoir": 0.0, "readout": 0.0, "membranes": 0.0}

    @property
    def finished(self) -> bool:
        """Whether every token has been read."""
        return self._feed.done >= self._feed.total

    def opening(self) -> Event:
        """What there is before the first beat."""
        hierarchy = self._body.hierarchy
        return HierarchyReady(
            ["∅" if tree is None else str(tree) for tree in hierarchy.trees],
            list(hierarchy.levels),
            list(hierarchy.parents),
            list(hierarchy.units),
            self._feed.total,
        )

    def beat(self) -> Iterator[Event]:
        """Reads up to four tokens; to be exhausted before anything else happens.

        Raises
        ------
        BackendError
            If the engine's model gives no finite numbers.
        """
        clock = _Clock(self.seconds)
        vectors, bits = self._feed.take(BEAT)
        clock.stop("input")
        driven = np.hstack([vectors, np.tile(self._signal, (len(vectors), 1))])
        reservoir = self._body.reservoir
        # Another passage may have used it since; between here and the end of run nobody can.
        reservoir.state = self._state
        states = reservoir.run(driven)
        clock.stop("reservoir")
        for u, state in zip(vectors, states, strict=True):
            self._readout.see(u, state, self._signal)
        clock.stop("readout")
        path = np.vstack([self._state[None], states])
        self._before, self._state, self._driven = path[-2], path[-1], driven[-1]
        change = self._by_membrane(np.abs(np.diff(path, axis=0)).sum(axis=0))
        step = self._activity.beat(change, trace=self._trace)
        self._signal = self._activity.signal()
        clock.stop("membranes")
        self._bits += bits
        self._moved += change
        if self._trace:
            yield ReservoirsMoved(
                self._feed.done,
                self._feed.total,
                self._by_membrane(np.abs(self._state)).tolist(),
                change.tolist(),
                bits,
                self._readout.mean_square_error,
            )
            assert step is not None
            yield MembranesStepped(
                self._activity.system.steps,
                self._activity.held,
                self._activity.emitted,
                [
                    {"rule": one.name, "membrane": one.membrane - 1, "times": one.times}
                    for one in step.applied
                ],
            )

    def output(self) -> dict[str, Any]:
        """``output`` of the result."""
        bits = self._bits
        return {
            "tokens": self._feed.total,
            "source": self._feed.kind,
            "surprise_bits": sum(bits) / len(bits) if bits else None,
            "prediction": self._readout.report(),
            "membranes": self._membranes(),
        }

    def esn_state(self) -> dict[str, Any]:
        """``esn_state`` of the result."""
        reservoir = self._body.reservoir
        modulus = np.abs(self._state)
        weights = reservoir.recurrent
        values = weights.data if isinstance(weights, SparseMatrix) else weights
        return {
            "size": reservoir.size,
            "n_inputs": reservoir.n_inputs,
            "connections": int(np.count_nonzero(values)),
            "spectral_radius": self._body.spectral_radius,
            "leak_rate": float(np.max(reservoir.leak_rate)),
            "steps": self._feed.done,
            "norm": float(np.linalg.norm(self._state.astype(np.float64))),
            "mean_activity": float(modulus.mean()),
            "saturated_share": float((modulus > SATURATED).mean()),
            "membrane_activity": self._by_membrane(modulus).tolist(),
            "state": self._state.astype(np.float64).tolist(),
        }

    def bseries(self, max_order: int) -> dict[str, Any]:
        """``bseries_computation`` of the result."""
        return integration_report(
            self._body.reservoir, self._before, self._driven, self._state, max_order
        )

    def _membranes(self) -> dict[str, Any]:
        hierarchy, activity = self._body.hierarchy, self._activity
        held = activity.by_level().tolist()
        changes = [float(self._moved[np.array(hierarchy.levels) == n].mean())
                   for n in range(hierarchy.depth)]  # fmt: skip
        return {
            "quantum": QUANTUM,
            "steps": activity.system.steps,
            "received": activity.received,
            "emitted": activity.emitted,
            "levels": [
                {"level": n, "membranes": width, "objects": held[n], "change": changes[n]}
                for n, width in enumerate(hierarchy.widths)
            ],
        }

    def _by_membrane(self, values: NDArray[Any]) -> Floats:
        """(n,) means of (size,) values."""
        sums: Floats = np.add.reduceat(values.astype(np.float64), self._starts) / self._units
        return sums


class _Clock:
    """Adds up where the time goes."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds = seconds
        self._last = time.perf_counter()

    def stop(self, name: str) -> None:
        now = time.perf_counter()
        self._seconds[name] += now - self._last
        self._last = now
