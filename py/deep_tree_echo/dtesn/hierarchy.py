r"""Nested membranes that are rooted trees: who lies in whom, and how many units each has.

The skin is the empty tree \(\emptyset\), and level \(n\) holds the rooted trees of \(n\) vertices:
1, 1, 1, 2, 4, 9, 20, ... membranes (OEIS A000081), the same index set as that of a B-series. The
membrane of a tree lies in that of the tree without its last vertex in preorder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Final

from .enumeration import count_rooted_trees
from .processor_config import checked_depth, checked_size
from .trees import RootedTree

__all__ = ["Hierarchy"]

LEAST_UNITS: Final = 8
"""Fewer units than that a membrane has only where the depth demands it."""


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """The membranes of one depth and size, the skin first, each before those in it.

    Attributes
    ----------
    trees : tuple of (RootedTree or None)
        (n,) the tree of each membrane; ``None``, the empty one, for the skin.
    parents : tuple of int
        (n,) the membrane around each, -1 for the skin.
    levels : tuple of int
        (n,) 0 for the skin.
    units : tuple of int
        (n,) units of each membrane's reservoir.

    Examples
    --------
    >>> hierarchy = Hierarchy.build(depth=5, size=512)
    >>> hierarchy.widths
    (1, 1, 1, 2, 4)
    >>> hierarchy.structure
    "[[[[[]'L4[]'L4[]'L4]'L3[[]'L4]'L3]'L2]'L1]'L0"
    >>> sum(hierarchy.units)
    512
    """

    trees: tuple[RootedTree | None, ...]  # (n,)
    parents: tuple[int, ...]  # (n,)
    levels: tuple[int, ...]  # (n,)
    units: tuple[int, ...]  # (n,)

    @staticmethod
    def build(depth: int, size: int) -> Hierarchy:
        """The hierarchy of ``depth`` levels with ``size`` units in all.

        A level has all its trees while each membrane can have 8 units; beyond, every level has at
        most so many trees, the tallest first, that they can.

        Parameters
        ----------
        depth : int
            From 1 to 16.
        size : int
            From 32 to 4096.

        Raises
        ------
        ArgumentError
            If one of them is out of bounds.
        """
        return _build(checked_depth(depth), checked_size(size))

    @property
    def depth(self) -> int:
        """How many levels there are."""
        return max(self.levels) + 1

    @property
    def size(self) -> int:
        """Units of all membranes together."""
        return sum(self.units)

    @property
    def widths(self) -> tuple[int, ...]:
        """The (depth,) numbers of membranes on each level."""
        return tuple(self.levels.count(level) for level in range(self.depth))

    @property
    def starts(self) -> tuple[int, ...]:
        """The (n,) first units of the membranes."""
        return (0, *accumulate(self.units))[:-1]

    @property
    def structure(self) -> str:
        """The membranes as brackets, labelled by level, for a `PSystem`.

        Membrane ``i`` here has the number ``i + 1`` there.
        """
        text = []
        before = -1
        for level in self.levels:
            text += [f"]'L{closed}" for closed in range(before, level - 1, -1)]
            text.append("[")
            before = level
        text += [f"]'L{closed}" for closed in range(before, -1, -1)]
        return "".join(text)


@lru_cache(maxsize=64)
def _build(depth: int, size: int) -> Hierarchy:
    most = max(depth, size // LEAST_UNITS)
    grown = _levels(depth, _width(depth, most))
    order: list[tuple[int, int]] = []
    parents: list[int] = []
    stack = [(0, 0, -1)]
    while stack:
        level, place, parent = stack.pop()
        own = len(order)
        order.append((level, place))
        parents.append(parent)
        if level + 1 < depth:
            inner = [i for i, (_, outer) in enumerate(grown[level + 1]) if outer == place]
            stack += [(level + 1, i, own) for i in reversed(inner)]
    each, rest = divmod(size, len(order))
    return Hierarchy(
        tuple(grown[level][place][0] for level, place in order),
        tuple(parents),
        tuple(level for level, _ in order),
        tuple(each + (i < rest) for i in range(len(order))),
    )


def _width(depth: int, most: int) -> int:
    """The widest that a level may be, so that there are at most ``most`` membranes."""
    counts = [1, *(count_rooted_trees(level) for level in range(1, depth))]
    low, high = 1, most
    while low < high:
        middle = (low + high + 1) // 2
        if sum(min(count, middle) for count in counts) <= most:
            low = middle
        else:
            high = middle - 1
    return low


def _levels(depth: int, width: int) -> list[list[tuple[RootedTree | None, int]]]:
    """The trees of every level with the place of the one that each lies in."""
    found: list[list[tuple[RootedTree | None, int]]] = [[(None, -1)]]
    if depth > 1:
        found.append([(RootedTree(), 0)])
    while len(found) < depth:
        # Trees go from the greatest level sequence down, and so do their beginnings: the first
        # trees of a level lie in the first of the level before.
        level: list[tuple[RootedTree | None, int]] = []
        for place, (outer, _) in enumerate(found[-1]):
            assert outer is not None
            level += [(tree, place) for tree in _grown(outer.levels)]
            if len(level) >= width:
                break
        found.append(level[:width])
    return found


def _grown(levels: Sequence[int]) -> list[RootedTree]:
    """The trees with one vertex more at the end of the level sequence, the greatest first."""
    found = []
    for last in range(levels[-1] + 1, 0, -1):
        longer = (*levels, last)
        tree = RootedTree.from_levels(longer)
        if tree.levels == longer:
            found.append(tree)
    return found
