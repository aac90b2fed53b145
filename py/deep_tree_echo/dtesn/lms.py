r"""Least mean squares: the cheapest readout that learns as it goes.

\[ W \leftarrow W + \mu\,e\,x^\top, \qquad e = y - W x \]

(Widrow and Hoff 1960), or normalised, with \(\mu / (\epsilon + x \cdot x)\) in place of \(\mu\),
which is stable for \(\mu\) in (0, 2) whatever the size of the states (Nagumo and Noda 1967).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError
from . import reservoir_checks as check
from .readout import Readout

__all__ = ["LMS"]

Floats = NDArray[np.float64]


class LMS(Readout):
    r"""A readout by least mean squares.

    Parameters
    ----------
    rate : float
        \(\mu\), above 0.
    normalised : bool
        Whether the rate is divided by \(\epsilon + x \cdot x\).
    offset : float
        \(\epsilon\), above 0; keeps small states from large steps.
    bias : bool
        Whether a constant 1 is the last feature.
    engine : {"auto", "libecho", "python"}
        Where the arithmetic is done; ``auto`` is libecho where it is there.

    Raises
    ------
    ArgumentError
        If a setting is not such.
    BackendError
        If the engine is to be libecho and that is missing.

    Examples
    --------
    >>> states = np.array([[1.0], [-1.0]] * 50)
    >>> lms = LMS(rate=0.5, normalised=True).fit(states, 3 * states + 1)
    >>> lms.weights.round(6), lms.bias.round(6)
    (array([[3.]]), array([1.]))
    """

    _kind = "lms"
    _settings = ("rate", "normalised", "offset", "with_bias")
    _arrays = ("weights",)

    def __init__(
        self,
        rate: float = 0.01,
        normalised: bool = False,
        offset: float = 1e-6,
        bias: bool = True,
        *,
        engine: str = "auto",
    ) -> None:
        super().__init__(bias, engine)
        if not isinstance(normalised, bool):
            raise ArgumentError(f"normalised is {normalised!r}; it must be True or False.")
        self._normalised = normalised
        self._rate = check.number(rate, "rate")
        self._offset = check.number(offset, "offset")
        for name, value in (("rate", self._rate), ("offset", self._offset)):
            if value <= 0:
                raise ArgumentError(f"{name} is {value:g}; it must be above 0.")
        self._weights = np.zeros((0, 0))  # (n_outputs, width)

    @property
    def rate(self) -> float:
        r"""\(\mu\)."""
        return self._rate

    def _make_room(self, n_features: int, n_outputs: int) -> None:
        self._weights = np.zeros((n_outputs, n_features + self._with_bias))

    def _learn(self, x: Floats, y: Floats) -> None:
        if not len(x):
            return
        weights = self._weights.copy()
        self._algebra.lms_update(
            x,
            y,
            weights,
            rate=self._rate,
            offset=self._offset,
            bias=self._with_bias,
            normalised=self._normalised,
        )
        if not np.isfinite(weights).all():
            raise ArgumentError(
                f"rate is {self._rate:g}, and the weights grow beyond all bounds; take a smaller "
                "one, or normalised=True."
            )
        self._weights = weights
        self._n_samples += len(x)

    def _learned(self) -> Floats:
        if self._n_features is None:
            raise self._nothing_learned()
        return self._weights

    def _array(self, name: str) -> Any:
        return {"weights": self._weights}[name]

    def _restore(self, arrays: dict[str, Floats]) -> None:
        weights = arrays["weights"]
        if weights.shape != self._weights.shape or not np.isfinite(weights).all():
            raise ArgumentError(
                f"weights has the shape {weights.shape}, not {self._weights.shape}."
            )
        self._weights = weights

    def __repr__(self) -> str:
        """The settings, and how much was learned."""
        return (
            f"LMS(rate={self._rate:g}, normalised={self._normalised}, offset={self._offset:g}, "
            f"bias={self._with_bias}, n_samples={self._n_samples})"
        )
