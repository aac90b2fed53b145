r"""A membrane system whose objects are the activity of the reservoirs in its membranes.

After each beat a membrane receives one object ``a`` for each :data:`QUANTUM` of change, the sum of
\(|x_t - x_{t-1}|\) over the tokens of the beat, averaged over its units. Three rules at every
level, maximally parallel:

- ``join``: two ``a`` of one membrane become a ``b``;
- ``rise``: a ``b`` leaves its membrane and is an ``a`` outside;
- ``emerge``: at the skin it leaves for the environment as an ``o``.

So the membranes count in binary: what rises stands for two objects, a single ``a`` waits for a
second one, and only activity that lasts is seen from outside. With the weights
\(2^{d-\ell-1}\) for ``a`` and \(2^{d-\ell}\) for ``b`` on level \(\ell\) of \(d\), and \(2^d\)
for ``o``, no rule changes the sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .hierarchy import Hierarchy
from .multiset import Multiset
from .psystem import PSystem
from .records import Step
from .rules import evolve, send_out

__all__ = ["MOST", "QUANTUM", "Activity", "weight_of"]

QUANTUM: Final = 1 / 16
"""The change of a membrane's mean unit that is worth one object."""
HALF: Final = 4
"""So many objects a membrane are a signal of one half."""
MOST: Final = 1000
"""The most objects that a membrane receives in one beat."""


class Activity:
    """The objects of one hierarchy.

    Parameters
    ----------
    hierarchy : Hierarchy
        The membranes.

    Attributes
    ----------
    received : int
        How many objects have come in.

    Examples
    --------
    >>> activity = Activity(Hierarchy.build(2, 32))
    >>> activity.beat([0.0, 0.4])
    >>> activity.held
    [{}, {'b': 3}]
    >>> activity.beat([0.0, 0.0])
    >>> activity.held, activity.emitted
    ([{'a': 3}, {}], 0)
    """

    def __init__(self, hierarchy: Hierarchy) -> None:
        rules = []
        for level in range(hierarchy.depth):
            rules.append(evolve(f"L{level}", "a*2", "b", name=f"join{level}"))
            given, verb = ("o", "emerge") if level == 0 else ("a", "rise")
            rules.append(send_out(f"L{level}", "b", given, name=f"{verb}{level}"))
        self.system = PSystem(hierarchy.structure, {}, rules, output="environment")
        self.received = 0
        self._levels = np.array(hierarchy.levels)
        self._widths = np.array(hierarchy.widths)
        self._quanta = np.zeros(len(hierarchy.levels))

    def beat(self, change: ArrayLike, *, trace: bool = False) -> Step | None:
        """Takes in what the reservoirs did, and makes one step.

        Parameters
        ----------
        change : array_like
            (n,) how much the mean unit of each membrane has moved. What is short of an object is
            kept for the next beat.
        trace : bool
            Whether to tell what was applied.
        """
        self._quanta += np.asarray(change, dtype=np.float64) / QUANTUM
        objects = np.minimum(np.floor(self._quanta), MOST).astype(np.int64)
        self._quanta -= np.floor(self._quanta)
        self.received += int(objects.sum())
        self.system.add({int(m) + 1: _quanta(int(objects[m])) for m in np.flatnonzero(objects)})
        if trace:
            return self.system.step()
        self.system.advance()
        return None

    @property
    def held(self) -> list[dict[str, int]]:
        """(n,) the objects of each membrane."""
        holdings = self.system.holdings
        return [holdings[m + 1] for m in range(len(self._levels))]

    @property
    def emitted(self) -> int:
        """How many objects have left the skin."""
        return self.system.holdings[0].get("o", 0)

    def by_level(self) -> NDArray[np.int64]:
        """(depth,) how many objects there are on each level."""
        counts = [sum(held.values()) for held in self.held]
        return np.bincount(self._levels, weights=counts, minlength=len(self._widths)).astype(
            np.int64
        )

    def signal(self) -> NDArray[np.float64]:
        """(depth,) the same as numbers in [0, 1) for the reservoirs: n / (n + 4) of the mean n."""
        mean = self.by_level() / self._widths
        found: NDArray[np.float64] = mean / (mean + HALF)
        return found


@lru_cache(maxsize=MOST)
def _quanta(count: int) -> Multiset:
    return Multiset({"a": count})


def weight_of(held: Sequence[Mapping[str, int]], levels: Sequence[int], emitted: int) -> int:
    """The sum that no rule changes; each object received on level l adds 2^(depth - l - 1).

    Examples
    --------
    >>> weight_of([{"a": 1}, {"a": 3, "b": 1}], [0, 1], emitted=2)
    15
    """
    depth = max(levels) + 1
    inside = sum(
        (one.get("a", 0) + 2 * one.get("b", 0)) << (depth - level - 1)
        for one, level in zip(held, levels, strict=True)
    )
    return inside + (emitted << depth)
