r"""Recursive least squares: a readout that is right after every sample.

After t samples the weights are those of the least

\[ \sum_{s \le t} \lambda^{t-s} \lVert y_s - W x_s \rVert^2
   + \lambda^t \rho \lVert W \rVert^2 \]

with the forgetting factor \(\lambda\) and the regularisation \(\rho\), at the cost of one product
of a matrix with a vector a sample (Plackett 1950; Haykin, Adaptive Filter Theory, chapter 10).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError
from . import reservoir_checks as check
from .least_squares import Recursion
from .readout import Readout
from .samples import LARGEST

__all__ = ["RLS"]

Floats = NDArray[np.float64]


class RLS(Readout):
    r"""A readout by recursive least squares.

    \[ k = P x,\quad g = \frac{1}{\lambda + x \cdot k},\quad W \leftarrow W + e\,(g k)^\top,\quad
       P \leftarrow \frac{P - g\,k k^\top}{\lambda} \]

    with the error \(e = y - W x\) before the update. Where samples never excite a direction,
    forgetting makes P grow without end; beyond a million times its start nothing is forgotten
    until samples have held it down again.

    Parameters
    ----------
    regularisation : float
        \(\rho\), above 0: P begins as the identity over \(\rho\).
    forgetting : float
        \(\lambda\) in (0, 1]. Samples count for about \(1/(1-\lambda)\) steps; 1 forgets nothing.
    bias : bool
        Whether a constant 1 is the last feature. Like all others it is held down by \(\rho\).
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
    >>> rls = RLS(regularisation=1e-9)
    >>> for x in range(5):
    ...     before = rls.update([float(x)], [2.0 * x + 1.0])
    >>> before.round(6), rls.weights.round(6), rls.bias.round(6)
    (array([9.]), array([[2.]]), array([1.]))
    """

    _kind = "rls"
    _settings = ("regularisation", "forgetting", "with_bias")
    _arrays = ("weights", "covariance")

    def __init__(
        self,
        regularisation: float = 1e-6,
        forgetting: float = 1.0,
        bias: bool = True,
        *,
        engine: str = "auto",
    ) -> None:
        super().__init__(bias, engine)
        self._regularisation = check.number(regularisation, "regularisation")
        if not 1 / LARGEST <= self._regularisation <= LARGEST:
            raise ArgumentError(
                f"regularisation is {self._regularisation:g}; it must lie in "
                f"[{1 / LARGEST:g}, {LARGEST:g}]."
            )
        self._forgetting = check.fraction(forgetting, "forgetting")
        self._recursion: Recursion | None = None

    @property
    def regularisation(self) -> float:
        r"""\(\rho\)."""
        return self._regularisation

    @property
    def forgetting(self) -> float:
        r"""\(\lambda\)."""
        return self._forgetting

    @property
    def covariance(self) -> Floats:
        """(width, width) float64: P, where width is n_features, and one more with a bias."""
        if self._recursion is None:
            raise self._nothing_learned()
        return self._recursion.covariance()

    def update(self, state: ArrayLike, target: ArrayLike) -> Floats:
        """Learns from one sample.

        Parameters
        ----------
        state : array_like
            (n_features,).
        target : array_like
            (n_outputs,).

        Returns
        -------
        ndarray
            (n_outputs,) float64: what was predicted before.

        Raises
        ------
        ArgumentError
            As for `partial_fit`.
        """
        x, y = self._samples(np.asarray(state)[None], np.asarray(target)[None])
        found: Floats = self._taught(x, y)[0]
        return found

    def follow(self, states: ArrayLike, targets: ArrayLike) -> Floats:
        """As `partial_fit`, and says what was predicted before each sample, (T, n_outputs)."""
        x, y = self._samples(states, targets)
        return self._taught(x, y)

    @contextmanager
    def unchanged_on_failure(self) -> Iterator[None]:
        """A block of work after whose failure the readout is as it was before."""
        recursion, before = self._recursion, self.__dict__.copy()
        learned = None if recursion is None else (recursion.weights(), recursion.covariance())
        try:
            yield
        except BaseException:
            self.__dict__.update(before)
            if recursion is not None and learned is not None:
                recursion.set(*learned)
            raise

    def partial_fit(self, states: ArrayLike, targets: ArrayLike) -> Self:
        """As for all readouts; nothing can fail once the samples are checked."""
        self.follow(states, targets)
        return self

    def reset(self) -> None:
        """Forgets all samples."""
        super().reset()
        self._recursion = None

    def _make_room(self, n_features: int, n_outputs: int) -> None:
        self._recursion = self._algebra.rls(
            n_features, n_outputs, 1 / self._regularisation, self._forgetting, self._with_bias
        )

    def _taught(self, x: Floats, y: Floats) -> Floats:
        if not len(x):
            return np.empty_like(y)
        assert self._recursion is not None
        found = self._recursion.update(x, y)
        self._n_samples += len(x)
        return found

    def _learn(self, x: Floats, y: Floats) -> None:
        self._taught(x, y)

    def _learned(self) -> Floats:
        if self._recursion is None:
            raise self._nothing_learned()
        return self._recursion.weights()

    def _array(self, name: str) -> Any:
        return {"weights": self._learned(), "covariance": self.covariance}[name]

    def _restore(self, arrays: dict[str, Floats]) -> None:
        for name, array in arrays.items():
            here = self._array(name)
            if array.shape != here.shape or not np.isfinite(array).all():
                raise ArgumentError(f"{name} has the shape {array.shape}, not {here.shape}.")
        assert self._recursion is not None
        self._recursion.set(arrays["weights"], arrays["covariance"])

    def __repr__(self) -> str:
        """The settings, and how much was learned."""
        return (
            f"RLS(regularisation={self._regularisation:g}, forgetting={self._forgetting:g}, "
            f"bias={self._with_bias}, n_samples={self._n_samples})"
        )
