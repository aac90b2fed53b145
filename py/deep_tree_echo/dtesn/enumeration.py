"""All rooted trees of an order, and their number."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from ..errors import ArgumentError
from .trees import RootedTree

MAX_ORDER: Final = 12
"""The greatest order of the trees that are generated and summed over: 7,813 trees in all."""

MAX_COUNTED: Final = 1000
"""The greatest order whose trees are counted."""


def checked_order(order: int, lowest: int = 1, highest: int = MAX_ORDER) -> int:
    """``order`` itself, if it is an integer within these bounds.

    Raises
    ------
    ArgumentError
        If it is not.
    """
    if isinstance(order, bool) or not isinstance(order, int) or not lowest <= order <= highest:
        raise ArgumentError(
            f"order is {order!r}; it must be an integer from {lowest} to {highest}."
        )
    return order


@lru_cache(maxsize=MAX_ORDER)
def _trees_of_order(order: int) -> tuple[RootedTree, ...]:
    levels = list(range(order))
    found = [RootedTree.from_levels(levels)]
    while max(levels) > 1:
        # Beyer and Hedetniemi 1980: the successor lowers the last vertex that is not on level 1
        # to its parent's level and repeats from there what the parent began.
        p = max(i for i in range(order) if levels[i] > 1)
        q = max(i for i in range(p) if levels[i] == levels[p] - 1)
        for i in range(p, order):
            levels[i] = levels[i - (p - q)]
        found.append(RootedTree.from_levels(levels))
    return tuple(found)


def rooted_trees(order: int) -> tuple[RootedTree, ...]:
    """All rooted trees of an order, from the tallest to the bush.

    Parameters
    ----------
    order : int
        The number of vertices, from 1 to 12.

    Raises
    ------
    ArgumentError
        If the order is anything else.

    References
    ----------
    T. Beyer and S. M. Hedetniemi, "Constant time generation of rooted trees", SIAM Journal on
    Computing 9 (1980) 706-712.

    Examples
    --------
    >>> [str(tree) for tree in rooted_trees(4)]
    ['[[[•]]]', '[[•,•]]', '[[•],•]', '[•,•,•]']
    """
    return _trees_of_order(checked_order(order))


def trees_up_to(order: int) -> tuple[RootedTree, ...]:
    """All rooted trees with 1 to ``order`` vertices, the smaller ones first.

    Examples
    --------
    >>> len(trees_up_to(8))
    200
    """
    return sum(map(rooted_trees, range(1, checked_order(order) + 1)), ())


def count_rooted_trees(order: int) -> int:
    r"""The number of rooted trees of an order (OEIS A000081), without making them.

    With \(s(k) = \sum_{d|k} d\,a_d\), \(n\,a_{n+1} = \sum_{k=1}^{n} s(k)\,a_{n-k+1}\).

    Examples
    --------
    >>> [count_rooted_trees(order) for order in range(1, 13)]
    [1, 1, 2, 4, 9, 20, 48, 115, 286, 719, 1842, 4766]
    """
    checked_order(order, highest=MAX_COUNTED)
    a = [0, 1]
    s = [0] * (order + 1)
    for n in range(1, order):
        for multiple in range(n, order + 1, n):
            s[multiple] += n * a[n]
        a.append(sum(s[k] * a[n - k + 1] for k in range(1, n + 1)) // n)
    return a[order]
