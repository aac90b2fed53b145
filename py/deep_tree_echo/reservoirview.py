"""A reservoir that hears every word of an answer: its states, as something to look at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .dtesn.listening import (
    DENSITY,
    LEAK_RATE,
    SEED,
    SPECTRAL_RADIUS,
    driving,
    listening_reservoir,
)
from .dtesn.plane import principal_plane

__all__ = ["SHOWN", "ListeningReservoir", "ReservoirView"]

Floats = NDArray[np.float32]

SIZE = 256
"""Units; their eigenvalues are all computed within a moment, even in a browser."""

SHOWN = 160
"""Last tokens that are shown."""

_PIECE = 64
"""Tokens heard at once; the hidden vectors are copied for it."""


class ListeningReservoir:
    """The reservoir of `dtesn.listening`, at rest where an answer begins, with its states.

    Parameters
    ----------
    n_embed : int
        Numbers of a hidden vector.

    Examples
    --------
    >>> listening = ListeningReservoir(8)
    >>> rows = {n: np.ones(8, np.float32) for n in (1, 2, 3)}
    >>> listening.hear(rows, rows, 3), listening.states.shape
    (3, (3, 256))
    """

    def __init__(self, n_embed: int) -> None:
        self.n_embed = n_embed
        self.reservoir = listening_reservoir(SIZE)
        self.states: Floats = np.empty((0, SIZE), dtype=np.float32)  # (tokens heard, SIZE)
        self._answer: object = None
        self._axes: NDArray[np.float64] | None = None  # (2, SIZE)
        self._eigenvalues: Floats | None = None  # (SIZE, 2)

    def hear(self, answer: object, hidden: Mapping[int, Floats], tokens: int) -> int:
        """Hears an answer's hidden vectors, by the tokens read; those heard before are kept.

        Parameters
        ----------
        answer : object
            Tells one answer from another.
        hidden : mapping of int to ndarray
            (n_embed,) after 1, 2, ... tokens of the answer.
        tokens : int
            How many are wanted.

        Returns
        -------
        int
            How many have been heard: fewer, where one is missing.
        """
        if answer is not self._answer:
            self._answer = answer
            self.states = self.states[:0]
            self.reservoir.reset()
        while len(self.states) < tokens:
            begin = len(self.states)
            rows = []
            for n in range(begin + 1, min(begin + _PIECE, tokens) + 1):
                if n not in hidden:
                    break
                rows.append(hidden[n])
            if not rows:
                break
            heard = self.reservoir.run(driving(np.stack(rows).astype(np.float32)))
            self.states = np.concatenate([self.states, heard])
        return min(len(self.states), tokens)

    def view(self, tokens: int) -> ReservoirView:
        """The last states up to ``tokens`` tokens of the answer, at least one of them."""
        first = max(0, tokens - SHOWN)
        states = self.states[first:tokens]
        path, shares, self._axes = principal_plane(states, self._axes)
        if self._eigenvalues is None:
            values = self.reservoir.eigenvalues()
            plane = np.stack([values.real, values.imag], axis=1)
            self._eigenvalues = plane.astype(np.float32)
        facts = {
            "first": first,
            "steps": len(states),
            "size": SIZE,
            "shares": list(shares),
            "spectralRadius": SPECTRAL_RADIUS,
            "leakRate": LEAK_RATE,
            "density": DENSITY,
            "seed": SEED,
            "inputs": self.n_embed,
        }
        return ReservoirView(facts, states=states, path=path, eigenvalues=self._eigenvalues)


class ReservoirView:
    """A reservoir as JavaScript takes it: facts as JSON, arrays one by one.

    Parameters
    ----------
    facts : mapping
        JSON only.
    states : ndarray of float32, shape (steps, SIZE)
    path : ndarray of float32, shape (steps, 2)
    eigenvalues : ndarray of float32, shape (SIZE, 2)
    """

    def __init__(self, facts: Mapping[str, Any], **arrays: Floats) -> None:
        self._facts = dict(facts)
        self._arrays = arrays

    def facts(self) -> str:
        """Sizes, shares and settings, as JSON."""
        return json.dumps(self._facts)

    def array(self, name: str) -> Any:
        """``states``, ``path`` or ``eigenvalues``: flat float32."""
        return np.ascontiguousarray(self._arrays[name]).reshape(-1)
