r"""Runge-Kutta methods: tableaux with exact coefficients, their B-series and order.

A method with s stages has an s × s matrix \(A\), weights \(b\) and nodes \(c_i = \sum_j a_{ij}\):

\[ Y_i = y + h \sum_j a_{ij} f(t + c_j h, Y_j), \qquad y_1 = y + h \sum_i b_i f(t + c_i h, Y_i). \]

Its B-series has the elementary weights \(a(\tau) = \sum_i b_i \Phi_i(\tau)\) with
\(\Phi_i(\bullet) = 1\) and
\(\Phi_i([\tau_1, \dots, \tau_m]) = \prod_k \sum_j a_{ij}\Phi_j(\tau_k)\)
(Hairer, Lubich and Wanner, *Geometric Numerical Integration*, section III.1.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import isfinite
from numbers import Rational

from ..errors import ArgumentError
from .bseries import TOLERANCE, BSeries, same_number
from .coproducts import Number
from .enumeration import MAX_ORDER, checked_order, rooted_trees, trees_up_to
from .trees import RootedTree

MAX_STAGES = 64
"""The most stages of a tableau."""


@dataclass(frozen=True, slots=True, init=False)
class Tableau:
    """A Runge-Kutta method, explicit or implicit.

    Coefficients may be integers, fractions, texts such as ``"1/3"``, or floats; all but floats
    are kept exactly.

    Parameters
    ----------
    a : sequence of sequences
        (s, s) coefficients; a row may end where the rest of it is 0.
    b : sequence
        (s,) weights.
    c : sequence, optional
        (s,) nodes, the sums of the rows of ``a``; given, they are checked.
    embedded : sequence, optional
        (s,) weights of a second method, whose difference estimates the error.
    name : str
        What the method is called.

    Raises
    ------
    ArgumentError
        If shapes do not fit, a coefficient is no finite number, or a node is not its row's sum.

    Examples
    --------
    >>> heun = Tableau([[], [1]], ["1/2", "1/2"], name="Heun")
    >>> heun.order_of_accuracy(), heun.explicit, heun.c
    (2, True, (Fraction(0, 1), Fraction(1, 1)))
    """

    a: tuple[tuple[Number, ...], ...]  # (s, s)
    b: tuple[Number, ...]  # (s,)
    c: tuple[Number, ...]  # (s,)
    embedded: tuple[Number, ...] | None  # (s,)
    name: str = field(compare=False)

    def __init__(
        self,
        a: Sequence[Sequence[int | str | Number]],
        b: Sequence[int | str | Number],
        c: Sequence[int | str | Number] | None = None,
        embedded: Sequence[int | str | Number] | None = None,
        name: str = "",
    ) -> None:
        weights = _row(b, "b")
        stages = len(weights)
        if not 1 <= stages <= MAX_STAGES:
            raise ArgumentError(f"b has {stages} weights; a method has 1 to {MAX_STAGES} stages.")
        if len(a) != stages:
            raise ArgumentError(f"a has {len(a)} rows; b has {stages} weights, both must agree.")
        rows = []
        for i, given in enumerate(a):
            row = _row(given, f"a[{i}]")
            if len(row) > stages:
                raise ArgumentError(f"a[{i}] has {len(row)} coefficients; at most {stages} fit.")
            rows.append(row + (Fraction(0),) * (stages - len(row)))
        sums: tuple[Number, ...] = tuple(sum(row, Fraction(0)) for row in rows)
        if c is not None:
            nodes = _length(_row(c, "c"), stages, "c")
            for i, (node, total) in enumerate(zip(nodes, sums, strict=True)):
                if not same_number(node, total):
                    raise ArgumentError(
                        f"c[{i}] is {node}; the row a[{i}] sums to {total}, both must agree."
                    )
        second = (
            None if embedded is None else _length(_row(embedded, "embedded"), stages, "embedded")
        )
        values = {"a": tuple(rows), "b": weights, "c": sums, "embedded": second, "name": name}
        for key, value in values.items():
            object.__setattr__(self, key, value)

    @property
    def stages(self) -> int:
        """The number of stages."""
        return len(self.b)

    @property
    def explicit(self) -> bool:
        """Whether every stage needs only those before it."""
        return not any(any(row[i:]) for i, row in enumerate(self.a))

    @property
    def exact(self) -> bool:
        """Whether all coefficients are fractions."""
        numbers = (*self.b, *(self.embedded or ()), *(x for row in self.a for x in row))
        return all(isinstance(x, Fraction) for x in numbers)

    def pair(self) -> Tableau:
        """The embedded method on its own.

        Raises
        ------
        ArgumentError
            If there is none.
        """
        if self.embedded is None:
            raise ArgumentError(f"the method {self.name!r} has no embedded weights.")
        return Tableau(self.a, self.embedded, name=f"{self.name}, embedded")

    def series(self, order: int) -> BSeries:
        """The method's B-series: its elementary weights.

        Parameters
        ----------
        order : int
            From 1 to 12.

        Examples
        --------
        >>> midpoint = Tableau([[], ["1/2"]], [0, 1])
        >>> for tree, weight in midpoint.series(3).items():
        ...     print(tree, weight)
        • 1
        [•] 1/2
        [[•]] 0
        [•,•] 1/4
        """
        checked_order(order)
        weights = _Weights(self)
        return BSeries(order, {tree: weights.of(tree) for tree in trees_up_to(order)})

    def order_of_accuracy(self, tolerance: float = TOLERANCE) -> int:
        r"""The order p: \(a(\tau) = 1/\gamma(\tau)\) for all \(|\tau| \le p\); at most 12.

        Parameters
        ----------
        tolerance : float
            How far off a condition may be if coefficients are floats; fractions must be exact.
        """
        weights = _Weights(self)
        for order in range(1, MAX_ORDER + 1):
            for tree in rooted_trees(order):
                if not same_number(weights.of(tree), Fraction(1, tree.density), tolerance):
                    return order - 1
        return MAX_ORDER


class _Weights:
    """The elementary weights of a method, tree by tree."""

    def __init__(self, method: Tableau) -> None:
        self._b = method.b
        # Zeros are left out: explicit methods have more of them than numbers.
        self._rows = [[(j, x) for j, x in enumerate(row) if x] for row in method.a]
        one: tuple[Number, ...] = (Fraction(1),) * method.stages
        self._stage: dict[RootedTree, tuple[Number, ...]] = {RootedTree(): one}
        self._summed: dict[RootedTree, tuple[Number, ...]] = {}

    def of(self, tree: RootedTree) -> Number:
        return sum((b * x for b, x in zip(self._b, self._phi(tree), strict=True)), Fraction(0))

    def _phi(self, tree: RootedTree) -> tuple[Number, ...]:
        if tree not in self._stage:
            left, right = tree.factors()
            if right not in self._summed:
                phi = self._phi(right)
                self._summed[right] = tuple(
                    sum((x * phi[j] for j, x in row), Fraction(0)) for row in self._rows
                )
            pairs = zip(self._phi(left), self._summed[right], strict=True)
            self._stage[tree] = tuple(x * y for x, y in pairs)
        return self._stage[tree]


def _row(values: Sequence[int | str | Number], name: str) -> tuple[Number, ...]:
    if isinstance(values, str):
        raise ArgumentError(f"{name} is {values!r}; it must be a list of numbers.")
    return tuple(_coefficient(value, f"{name}[{i}]") for i, value in enumerate(values))


def _coefficient(value: int | str | Number, name: str) -> Number:
    try:
        if isinstance(value, (str, Fraction)):
            return Fraction(value)
        if isinstance(value, Rational):
            return Fraction(int(value.numerator), int(value.denominator))
        if isfinite(value):
            return float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        pass
    raise ArgumentError(f"{name} is {value!r}; it must be a finite number or a fraction.")


def _length(row: tuple[Number, ...], stages: int, name: str) -> tuple[Number, ...]:
    if len(row) != stages:
        raise ArgumentError(f"{name} has {len(row)} numbers; there are {stages} stages.")
    return row
