r"""How trees come apart: by cutting edges, and by contracting connected parts.

Cutting gives the coproduct of Connes and Kreimer, the structure behind composing B-series;
contracting gives that of Calaque, Ebrahimi-Fard and Manchon, behind substituting one B-series
into another. Both are recursions on the Butcher product \(\tau = \upsilon \circ \omega\).

References
----------
A. Connes and D. Kreimer, "Hopf algebras, renormalization and noncommutative geometry",
Communications in Mathematical Physics 199 (1998) 203-242.
D. Calaque, K. Ebrahimi-Fard and D. Manchon, "Two interacting Hopf algebras of trees", Advances
in Applied Mathematics 47 (2011) 282-308.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import factorial, prod
from typing import TypeVar

from ..errors import ArgumentError
from .enumeration import checked_order
from .trees import RootedTree

Number = Fraction | float
Trees = tuple[RootedTree, ...]
Key = TypeVar("Key")


@dataclass(frozen=True, slots=True, init=False)
class Forest:
    r"""A multiset of rooted trees, immutable; without any, the unit \(\mathbf{1}\).

    Parameters
    ----------
    trees : iterable of RootedTree
        In any order.

    Examples
    --------
    >>> dot, two = RootedTree(), RootedTree([[]])
    >>> forest = Forest([dot, two, dot])
    >>> print(forest, forest.order, forest.density, forest.symmetry)
    • • [•] 4 2 2
    >>> forest * Forest([two]) == Forest([two, two, dot, dot])
    True
    """

    trees: tuple[RootedTree, ...]

    def __init__(self, trees: Iterable[RootedTree] = ()) -> None:
        found = tuple(trees)
        for tree in found:
            if not isinstance(tree, RootedTree):
                raise ArgumentError(f"trees has {tree!r} in it; it must hold RootedTree only.")
        object.__setattr__(self, "trees", tuple(sorted(found)))

    @property
    def order(self) -> int:
        """The number of vertices."""
        return sum(tree.order for tree in self.trees)

    @property
    def density(self) -> int:
        """The product of the trees' densities."""
        return prod(tree.density for tree in self.trees)

    @property
    def symmetry(self) -> int:
        """The number of automorphisms, exchanges of equal trees included."""
        exchanges = prod(map(factorial, Counter(self.trees).values()))
        return exchanges * prod(tree.symmetry for tree in self.trees)

    def joined(self) -> RootedTree:
        """The tree whose root has these trees as children.

        Examples
        --------
        >>> print(Forest([RootedTree(), RootedTree()]).joined())
        [•,•]
        """
        return RootedTree(self.trees)

    def __mul__(self, other: Forest) -> Forest:
        return Forest((*self.trees, *other.trees))

    def __iter__(self) -> Iterator[RootedTree]:
        return iter(self.trees)

    def __len__(self) -> int:
        return len(self.trees)

    def __str__(self) -> str:
        return " ".join(map(str, self.trees)) or "1"


@dataclass(frozen=True, slots=True)
class Term:
    """One term of a coproduct.

    Attributes
    ----------
    count : int
        How many cuts or contractions give it.
    parts : Forest
        What falls off in a cut, or what is contracted to single vertices.
    rest : Forest
        What stays: the trunk with the root, nothing after the cut below the root, or the
        contracted tree.
    """

    count: int
    parts: Forest
    rest: Forest


def cuts(tree: RootedTree) -> tuple[Term, ...]:
    r"""The coproduct \(\Delta(\tau) = \tau\otimes\mathbf{1} + \sum_c P^c(\tau)\otimes R^c(\tau)\).

    The sum is over the admissible cuts, which have at most one edge on every way from the root
    to a leaf, the empty one included.

    Parameters
    ----------
    tree : RootedTree
        A tree of at most 12 vertices.

    Raises
    ------
    ArgumentError
        If the tree is larger.

    Examples
    --------
    >>> for term in cuts(RootedTree([[], []])):
    ...     print(term.count, "×", term.parts, "⊗", term.rest)
    1 × [•,•] ⊗ 1
    1 × • • ⊗ •
    2 × • ⊗ [•]
    1 × 1 ⊗ [•,•]
    """
    checked_order(tree.order)
    kept = _kept(tree)
    whole = Term(1, Forest([tree]), Forest())
    return (whole, *(Term(n, Forest(parts), Forest([rest])) for (parts, rest), n in kept.items()))


def contractions(tree: RootedTree) -> tuple[Term, ...]:
    r"""The coproduct \(\Delta(\tau) = \sum_{\pi} \pi \otimes \tau/\pi\) over sets of edges.

    The edges that are contracted join the vertices to the connected parts of \(\pi\), single
    vertices among them; \(\tau/\pi\) has one vertex for each part.

    Parameters
    ----------
    tree : RootedTree
        A tree of at most 12 vertices.

    Raises
    ------
    ArgumentError
        If the tree is larger.

    Examples
    --------
    >>> for term in contractions(RootedTree([[], []])):
    ...     print(term.count, "×", term.parts, "⊗", term.rest)
    1 × • • • ⊗ [•,•]
    2 × • [•] ⊗ [•]
    1 × [•,•] ⊗ •
    """
    checked_order(tree.order)
    found: Counter[tuple[Forest, RootedTree]] = Counter()
    for (parts, root, rest), n in _contracted(tree).items():
        found[Forest((*parts, root)), rest] += n
    return tuple(Term(n, parts, Forest([rest])) for (parts, rest), n in found.items())


@lru_cache(maxsize=256)
def _kept(tree: RootedTree) -> Counter[tuple[Trees, RootedTree]]:
    """How often what is cut off and the trunk occur together; the root stays."""
    if not tree.children:
        return Counter({((), tree): 1})
    left, right = tree.factors()
    found: Counter[tuple[Trees, RootedTree]] = Counter()
    for (parts, rest), n in _kept(left).items():
        found[_merged(parts, (right,)), rest] += n
        for (more, branch), m in _kept(right).items():
            found[_merged(parts, more), rest.butcher_product(branch)] += n * m
    return found


@lru_cache(maxsize=256)
def _contracted(tree: RootedTree) -> Counter[tuple[Trees, RootedTree, RootedTree]]:
    """How often the parts without the root, the part with it and the contracted tree occur."""
    if not tree.children:
        return Counter({((), tree, tree): 1})
    left, right = tree.factors()
    found: Counter[tuple[Trees, RootedTree, RootedTree]] = Counter()
    for (parts, root, rest), n in _contracted(left).items():
        for (more, part, branch), m in _contracted(right).items():
            together = _merged(parts, more)
            kept = (_merged(together, (part,)), root, rest.butcher_product(branch))
            fused = (together, root.butcher_product(part), rest.fused(branch))
            found[kept] += n * m
            found[fused] += n * m
    return found


def _merged(some: Trees, more: Trees) -> Trees:
    return tuple(sorted((*some, *more)))


def weighted_trunks(
    coefficients: Mapping[RootedTree, Number],
) -> dict[RootedTree, dict[RootedTree, Number]]:
    """For every tree its trunks, weighted by the coefficients of what is cut off.

    Parameters
    ----------
    coefficients : mapping
        One for every tree up to some order, the smaller trees first.

    Examples
    --------
    >>> from fractions import Fraction
    >>> dot, two = RootedTree(), RootedTree([[]])
    >>> weighted_trunks({dot: Fraction(3), two: Fraction(5)})[two] == {two: 1, dot: 3}
    True
    """
    dot = RootedTree()
    trunks: dict[RootedTree, dict[RootedTree, Number]] = {}
    for tree in coefficients:
        if tree is dot:
            trunks[tree] = {dot: Fraction(1)}
            continue
        left, right = tree.factors()
        found: dict[RootedTree, Number] = {}
        for rest, weight in trunks[left].items():
            _add(found, rest, weight * coefficients[right])
            for branch, more in trunks[right].items():
                _add(found, rest.butcher_product(branch), weight * more)
        trunks[tree] = found
    return trunks


class WeightedContractions:
    """The contractions of trees, weighted by the coefficients of the parts.

    Parameters
    ----------
    coefficients : mapping
        The coefficient of each part, 0 where there is none (yet): it is only read for parts of
        the trees that are asked for.
    """

    def __init__(self, coefficients: Mapping[RootedTree, Number]) -> None:
        dot = RootedTree()
        self._coefficients = coefficients
        # By the part with the root and the contracted tree, without the weight of that part.
        self._open: dict[RootedTree, dict[tuple[RootedTree, RootedTree], Number]] = {
            dot: {(dot, dot): Fraction(1)}
        }
        self._closed: dict[RootedTree, dict[RootedTree, Number]] = {}

    def of(self, tree: RootedTree) -> dict[RootedTree, Number]:
        """The contracted trees with their weights."""
        found: dict[RootedTree, Number] = {}
        for (root, rest), weight in self._pairs(tree).items():
            _add(found, rest, weight * self._coefficients.get(root, 0))
        return found

    def _pairs(self, tree: RootedTree) -> dict[tuple[RootedTree, RootedTree], Number]:
        if tree in self._open:
            return self._open[tree]
        left, right = tree.factors()
        if right not in self._closed:
            self._closed[right] = self.of(right)
        found: dict[tuple[RootedTree, RootedTree], Number] = {}
        for (root, rest), weight in self._pairs(left).items():
            for branch, more in self._closed[right].items():
                _add(found, (root, rest.butcher_product(branch)), weight * more)
            for (part, branch), more in self._pairs(right).items():
                _add(found, (root.butcher_product(part), rest.fused(branch)), weight * more)
        self._open[tree] = found
        return found


def _add(sums: dict[Key, Number], key: Key, value: Number) -> None:
    if value:
        sums[key] = sums.get(key, 0) + value
