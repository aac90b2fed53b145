r"""Rooted trees, on which the theory of Runge-Kutta methods stands.

A rooted tree is a root with a multiset of rooted trees above it, written
\(\tau = [\tau_1, \dots, \tau_m]\); the tree of one vertex is \(\bullet\). Numbers and
conventions are those of Hairer, Lubich and Wanner, *Geometric Numerical Integration*
(2nd ed., Springer 2006), section III.1.1:

- order \(|\tau|\): the number of vertices;
- density \(\gamma(\tau) = |\tau|\,\gamma(\tau_1)\cdots\gamma(\tau_m)\);
- symmetry \(\sigma(\tau) = \mu_1!\,\mu_2!\cdots\sigma(\tau_1)\cdots\sigma(\tau_m)\), with
  \(\mu_i\) the multiplicities of equal \(\tau_j\): the number of automorphisms;
- \(\alpha(\tau) = |\tau|! / (\gamma(\tau)\,\sigma(\tau))\): the monotone labellings.

Trees of one shape are one object, so comparing and hashing cost nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import factorial, prod
from operator import attrgetter
from threading import Lock
from typing import Any, NamedTuple, Self, final
from weakref import WeakValueDictionary

from ..errors import ArgumentError
from .levels import MAX_VERTICES, check_count, integers, levels_of_text

__all__ = ["MAX_VERTICES", "RootedTree", "TreeLayout"]


class TreeLayout(NamedTuple):
    """Where to draw the vertices of a tree, in preorder, the root first.

    Attributes
    ----------
    x : tuple of float
        (order,) distances to the right of the leftmost leaf; leaves are 1 apart.
    y : tuple of int
        (order,) levels: 0 for the root, which Butcher draws at the bottom.
    edges : tuple of tuple of int
        (order - 1,) pairs of a parent's and a child's place in ``x`` and ``y``.
    """

    x: tuple[float, ...]
    y: tuple[int, ...]
    edges: tuple[tuple[int, int], ...]


@final
class RootedTree:
    r"""A rooted tree without labels: immutable, hashable, and the same object if equal.

    Trees are sorted by order, then from the tallest to the bush, as `rooted_trees` gives them.

    Parameters
    ----------
    children : sequence
        The trees above the root: `RootedTree`, or lists of lists.

    Attributes
    ----------
    children : tuple of RootedTree
        The same, sorted by level sequence, the greatest first.
    levels : tuple of int
        (order,) levels of the vertices in preorder, 0 for the root: of all that describe the
        tree, the lexicographically greatest.
    order, density, symmetry : int
        \(|\tau|\), \(\gamma(\tau)\) and \(\sigma(\tau)\).
    height : int
        Edges from the root to the highest leaf.

    Raises
    ------
    ArgumentError
        If ``children`` is no nest of lists, or has too many vertices.

    Examples
    --------
    >>> tree = RootedTree([[], [[]]])
    >>> print(tree)
    [[•],•]
    >>> tree.order, tree.density, tree.symmetry, tree.alpha, tree.height
    (4, 8, 1, 3, 2)
    >>> tree is RootedTree([[[]], []])
    True
    """

    __slots__ = (
        "__weakref__",
        "children",
        "density",
        "height",
        "levels",
        "order",
        "symmetry",
    )

    children: tuple[RootedTree, ...]
    levels: tuple[int, ...]
    order: int
    density: int
    symmetry: int
    height: int

    def __new__(cls, children: Sequence[Any] = ()) -> Self:
        """The one object with these children."""
        return cls.from_levels(_levels_of_nest(children))

    @staticmethod
    def from_levels(levels: Sequence[int]) -> RootedTree:
        """The tree of a level sequence: each vertex's distance from the root, in preorder.

        Parameters
        ----------
        levels : sequence of int
            (order,) levels; the first one is the root's and may be any number.

        Raises
        ------
        ArgumentError
            If no tree has these levels.

        Examples
        --------
        >>> print(RootedTree.from_levels([0, 1, 1, 2]))
        [[•],•]
        """
        levels = integers(levels, "levels")
        for i in range(1, len(levels)):
            if not levels[0] < levels[i] <= levels[i - 1] + 1:
                raise ArgumentError(
                    f"levels[{i}] is {levels[i]}; after {levels[i - 1]} it must be from "
                    f"{levels[0] + 1} to {levels[i - 1] + 1}."
                )
        pending: dict[int, list[RootedTree]] = {}
        for level in reversed(levels):
            tree = _tree(pending.pop(level + 1, ()))
            pending.setdefault(level, []).append(tree)
        return tree

    @staticmethod
    def from_parents(parents: Sequence[int]) -> RootedTree:
        """The tree in which vertex ``i`` hangs on vertex ``parents[i]``, and the root on -1.

        Raises
        ------
        ArgumentError
            If there is not exactly one root, a parent does not exist, or there is a cycle.

        Examples
        --------
        >>> print(RootedTree.from_parents([1, -1, 1, 2]))
        [[•],•]
        """
        parents = integers(parents, "parents")
        above: list[list[int]] = [[] for _ in parents]
        roots: list[int] = []
        for vertex, parent in enumerate(parents):
            if not -1 <= parent < len(parents):
                raise ArgumentError(
                    f"parents[{vertex}] is {parent}; it must be a vertex from 0 to "
                    f"{len(parents) - 1}, or -1 for the root."
                )
            (above[parent] if parent >= 0 else roots).append(vertex)
        if len(roots) != 1:
            raise ArgumentError(
                f"parents has {len(roots)} times -1; exactly one vertex must be the root."
            )
        levels = []
        stack = [(roots[0], 0)]
        while stack:
            vertex, level = stack.pop()
            levels.append(level)
            stack += [(child, level + 1) for child in above[vertex]]
        if len(levels) < len(parents):
            raise ArgumentError(
                f"parents has a cycle; only {len(levels)} of {len(parents)} vertices hang on the "
                "root."
            )
        return RootedTree.from_levels(levels)

    @staticmethod
    def parse(text: str) -> RootedTree:
        """The tree of a bracket notation, which `str` gives; commas and blanks are optional.

        Parameters
        ----------
        text : str
            A vertex is ``•``, ``*`` or ``[]``; a tree is its subtrees in brackets.

        Raises
        ------
        ArgumentError
            If the text is no tree; the message has the position.

        Examples
        --------
        >>> RootedTree.parse("[[],[[]]]") is RootedTree.parse("[• [•]]")
        True
        """
        return RootedTree.from_levels(levels_of_text(text))

    @property
    def alpha(self) -> int:
        """The number of ways to label the vertices so that labels grow away from the root."""
        return factorial(self.order) // (self.density * self.symmetry)

    @property
    def width(self) -> int:
        """The most vertices on one level."""
        return max(Counter(self.levels).values())

    def butcher_product(self, other: RootedTree) -> RootedTree:
        r"""\([\tau_1, \dots, \tau_m, \upsilon]\): ``other`` hung on the root.

        Examples
        --------
        >>> print(RootedTree([[]]).butcher_product(RootedTree([[]])))
        [[•],•]
        """
        return _tree((*self.children, other))

    def fused(self, other: RootedTree) -> RootedTree:
        """The tree whose root has the children of both.

        Examples
        --------
        >>> print(RootedTree([[]]).fused(RootedTree([[[]]])))
        [[•],•]
        """
        return _tree((*self.children, *other.children))

    def factors(self) -> tuple[RootedTree, RootedTree]:
        """Two trees whose Butcher product is this one; the second is the last child.

        Raises
        ------
        ArgumentError
            If the tree is a single vertex.
        """
        if not self.children:
            raise ArgumentError("a single vertex is no Butcher product; it has no children.")
        return _tree(self.children[:-1]), self.children[-1]

    def parents(self) -> tuple[int, ...]:
        """The (order,) parents of the vertices in preorder, -1 for the root.

        Examples
        --------
        >>> RootedTree([[[]], []]).parents()
        (-1, 0, 1, 0)
        """
        last = [-1] * (self.height + 2)
        found = []
        for vertex, level in enumerate(self.levels):
            last[level + 1] = vertex
            found.append(last[level])
        return tuple(found)

    def layout(self) -> TreeLayout:
        """Where to draw it: leaves side by side, every other vertex midway above its children.

        Examples
        --------
        >>> RootedTree([[], []]).layout()
        TreeLayout(x=(0.5, 0.0, 1.0), y=(0, 1, 1), edges=((0, 1), (0, 2)))
        """
        parents = self.parents()
        ends: list[list[float]] = [[] for _ in parents]
        leaves = sum(1 for _ in self._leaves())
        x = [0.0] * self.order
        for vertex in range(self.order - 1, -1, -1):
            if ends[vertex]:
                x[vertex] = (ends[vertex][0] + ends[vertex][-1]) / 2
            else:
                leaves -= 1
                x[vertex] = float(leaves)
            if vertex:
                ends[parents[vertex]].append(x[vertex])
        edges = tuple((parents[vertex], vertex) for vertex in range(1, self.order))
        return TreeLayout(tuple(x), self.levels, edges)

    def _leaves(self) -> Iterator[int]:
        for vertex, level in enumerate(self.levels):
            if vertex + 1 == self.order or self.levels[vertex + 1] <= level:
                yield vertex

    def __lt__(self, other: RootedTree) -> bool:
        return self.order < other.order or (
            self.order == other.order and self.levels > other.levels
        )

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a RootedTree is immutable; {name!r} cannot be set.")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a RootedTree is immutable; {name!r} cannot be deleted.")

    def __reduce__(self) -> tuple[Any, ...]:
        return RootedTree.from_levels, (self.levels,)

    def __str__(self) -> str:
        text = []
        before = -1
        for vertex, level in enumerate(self.levels):
            text.append("]" * (before - level) + ("," if level <= before else ""))
            leaf = vertex + 1 == self.order or self.levels[vertex + 1] <= level
            text.append("•" if leaf else "[")
            before = level
        return "".join(text) + "]" * before

    def __repr__(self) -> str:
        return f"RootedTree.parse('{self}')"


# Every tree that is alive, by its sorted children.
_ALIVE: WeakValueDictionary[tuple[RootedTree, ...], RootedTree] = WeakValueDictionary()
_LOCK = Lock()
_by_levels = attrgetter("levels")


def _tree(children: Sequence[RootedTree]) -> RootedTree:
    """The one tree with these children."""
    key = tuple(sorted(children, key=_by_levels, reverse=True))
    tree = _ALIVE.get(key)
    if tree is not None:
        return tree
    tree = object.__new__(RootedTree)
    levels = [0]
    for child in key:
        levels += [level + 1 for level in child.levels]
    multiplicities = Counter(key).values()
    values = {
        "children": key,
        "levels": tuple(levels),
        "order": len(levels),
        "density": len(levels) * prod(child.density for child in key),
        "symmetry": prod(child.symmetry for child in key) * prod(map(factorial, multiplicities)),
        "height": max((child.height + 1 for child in key), default=0),
    }
    for name, value in values.items():
        object.__setattr__(tree, name, value)
    with _LOCK:
        return _ALIVE.setdefault(key, tree)


def _levels_of_nest(children: Sequence[Any]) -> list[int]:
    levels: list[int] = []
    stack: list[tuple[Any, int]] = [(children, 0)]
    while stack:
        node, level = stack.pop()
        if isinstance(node, RootedTree) and level:
            levels += [level + above for above in node.levels]
        elif isinstance(node, (list, tuple)):
            levels.append(level)
            stack += [(child, level + 1) for child in reversed(node)]
        else:
            raise ArgumentError(
                f"children has {node!r} in it; it must be a list of trees or of lists of lists."
            )
        check_count(len(levels) + len(stack), "children")
    return levels
