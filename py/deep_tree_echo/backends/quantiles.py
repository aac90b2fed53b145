r"""Quantiles of a stream in bounded memory: Masson, Rim and Lee, *DDSketch*, VLDB 2019."""

from __future__ import annotations

import math
from collections import Counter
from typing import Final

from ..errors import ArgumentError

__all__ = ["QuantileSketch"]

_LEAST: Final = 1e-6
_MOST: Final = 1e6


class QuantileSketch:
    r"""Counts values in buckets that grow geometrically, so that quantiles are within ``error``.

    Bucket \(i\) holds \(\gamma^{i-1} < x \le \gamma^i\) with \(\gamma = (1+e)/(1-e)\), and stands
    for \(2\gamma^i / (\gamma + 1)\), which is off by a share of at most \(e\). Values are clipped
    to 1e-6 and 1e6, so with an error of 1 % there are at most 1,383 buckets, whatever comes.

    Parameters
    ----------
    error : float
        The greatest relative error of a quantile, in (0, 1).

    Raises
    ------
    ArgumentError
        If the error is outside.

    Examples
    --------
    >>> sketch = QuantileSketch(0.01)
    >>> for value in range(1, 1001):
    ...     sketch.add(value)
    >>> 495 < sketch.quantile(0.5) < 506, 980 < sketch.quantile(0.99) < 1000
    (True, True)
    """

    def __init__(self, error: float = 0.01) -> None:
        if not 0 < error < 1:
            raise ArgumentError(f"error is {error!r}; it must be above 0 and below 1.")
        self._gamma = (1 + error) / (1 - error)
        self._log_gamma = math.log(self._gamma)
        self._buckets: Counter[int] = Counter()
        self.count = 0
        """How many values there were."""
        self.total = 0.0
        """Their sum."""
        self.least = math.inf
        """The least of them."""
        self.most = -math.inf
        """The greatest of them."""

    def add(self, value: float) -> None:
        """Counts a value, such as a time in seconds."""
        clipped = min(max(value, _LEAST), _MOST)
        self._buckets[math.ceil(math.log(clipped) / self._log_gamma)] += 1
        self.count += 1
        self.total += value
        self.least, self.most = min(self.least, value), max(self.most, value)

    def quantile(self, q: float) -> float | None:
        """The value that a share ``q`` of all lies below; ``None`` if there are none.

        Raises
        ------
        ArgumentError
            If ``q`` is not from 0 to 1.
        """
        if not 0 <= q <= 1:
            raise ArgumentError(f"q is {q!r}; it must be from 0 to 1.")
        if not self.count:
            return None
        rank, seen = q * (self.count - 1), 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen > rank:
                break
        middle = 2 * self._gamma**bucket / (self._gamma + 1)
        return min(max(middle, self.least), self.most)
