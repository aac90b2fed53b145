r"""B-series with exact coefficients: composition, inverse, substitution, modified equations.

A B-series is a map \(a\) from trees to numbers, and stands for

\[ B(a, y) = a(\emptyset)\,y + \sum_\tau \frac{h^{|\tau|}}{\sigma(\tau)}\, a(\tau)\, F(\tau)(y) \]

with the elementary differentials \(F(\tau)\) of a vector field \(f\) (Hairer, Lubich and Wanner,
*Geometric Numerical Integration*, 2nd ed. 2006, section III.1.2; "HLW" below). The division by
\(\sigma\) belongs to the series and not to its coefficients, so

- the exact flow has \(a(\tau) = 1/\gamma(\tau)\), in all \(1/(\sigma\gamma)\);
- a Runge-Kutta method has the elementary weight \(a(\tau) = \sum_i b_i \Phi_i(\tau)\),
  see `Tableau.series`;
- the field \(h f\) itself has 1 at \(\bullet\) and 0 elsewhere.

Butcher's book and kauri's ``elementary_weights_map`` use the same coefficients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from math import isfinite
from numbers import Rational, Real
from typing import Final

from ..errors import ArgumentError
from .coproducts import Number, WeightedContractions, weighted_trunks
from .enumeration import checked_order, trees_up_to
from .trees import RootedTree

TOLERANCE: Final = 1e-12
"""How far coefficients that are floats may be apart and still count as equal."""


class BSeries:
    r"""A B-series up to some order: immutable, exact as long as its coefficients are.

    Parameters
    ----------
    order : int
        The greatest order kept, from 1 to 12.
    coefficients : callable or mapping
        \(a(\tau)\) for a `RootedTree`: integers and fractions stay exact, a float is kept as it
        is. What a mapping does not name is 0.
    empty : int, Fraction or float
        \(a(\emptyset)\): 1 for a method or a flow, 0 for a vector field.

    Raises
    ------
    ArgumentError
        If the order is out of bounds or a coefficient is no finite number.

    Examples
    --------
    The explicit Euler method, one step after another, is one of twice the length but for a term
    of second order:

    >>> euler = BSeries(3, lambda tree: 1 if tree.order == 1 else 0)
    >>> for tree, coefficient in euler.then(euler).items():
    ...     print(tree, coefficient)
    • 2
    [•] 1
    [[•]] 0
    [•,•] 1
    """

    __slots__ = ("_coefficients", "_empty", "_order")

    def __init__(
        self,
        order: int,
        coefficients: Callable[[RootedTree], int | Number] | Mapping[RootedTree, int | Number],
        empty: int | Number = 1,
    ) -> None:
        trees = trees_up_to(checked_order(order))
        if isinstance(coefficients, Mapping):
            known = set(trees)
            for tree in coefficients:
                if tree not in known:
                    raise ArgumentError(
                        f"coefficients has one for {tree}; it must be a RootedTree of an order up "
                        f"to {order}."
                    )
            found = {tree: _coefficient(coefficients.get(tree, 0), tree) for tree in trees}
        elif callable(coefficients):
            try:
                found = {tree: _coefficient(coefficients(tree), tree) for tree in trees}
            except OverflowError:
                raise ArgumentError(
                    "a coefficient is too large for a float; take smaller numbers or fractions."
                ) from None
        else:
            raise ArgumentError(
                f"coefficients is {coefficients!r}; it must be a function of a tree or a mapping."
            )
        self._order = order
        self._coefficients = found
        self._empty = _number(empty, "the coefficient of the empty tree")

    @classmethod
    def exact(cls, order: int, time: int | Number = 1) -> BSeries:
        r"""The exact flow over ``time`` steps: \(\theta^{|\tau|} / \gamma(\tau)\).

        Examples
        --------
        >>> BSeries.exact(3)[RootedTree([[[]]])]
        Fraction(1, 6)
        """
        theta = _number(time, "time")
        return cls(order, lambda tree: theta**tree.order / tree.density)

    @classmethod
    def identity(cls, order: int) -> BSeries:
        """The step that changes nothing: the unit of composition."""
        return cls(order, {})

    @classmethod
    def field(cls, order: int) -> BSeries:
        """The vector field itself, times h: the unit of substitution."""
        return cls(order, {RootedTree(): 1}, empty=0)

    @property
    def order(self) -> int:
        """The greatest order kept."""
        return self._order

    @property
    def empty(self) -> Number:
        """The coefficient of the empty tree."""
        return self._empty

    def __getitem__(self, tree: RootedTree) -> Number:
        try:
            return self._coefficients[tree]
        except (KeyError, TypeError):
            raise ArgumentError(
                f"tree is {tree}; this series has rooted trees up to order {self._order}."
            ) from None

    def items(self) -> Iterator[tuple[RootedTree, Number]]:
        """Every tree with its coefficient, the smaller trees first."""
        return iter(self._coefficients.items())

    def truncated(self, order: int) -> BSeries:
        """The same series up to a lower order."""
        checked_order(order, highest=self._order)
        return BSeries(order, self._coefficients.__getitem__, self._empty)

    def scaled(self, factor: int | Number) -> BSeries:
        r"""The series with steps of ``factor`` times the length: \(\theta^{|\tau|} a(\tau)\)."""
        theta = _number(factor, "factor")
        return self._like(lambda tree: theta**tree.order * self[tree])

    def then(self, other: BSeries) -> BSeries:
        r"""The step and then another one: \(B(b, B(a, y)) = B(ab, y)\) (HLW section III.1.4).

        \((ab)(\tau)\) sums \(b(\sigma)\prod_{\delta\in\tau\setminus\sigma} a(\delta)\) over the
        subtrees \(\sigma\) that have the root, and the empty one. Up to the lower order of both.

        Parameters
        ----------
        other : BSeries
            The second step; or a vector field, which is then taken where this step ends.

        Raises
        ------
        ArgumentError
            If this series does not start from y itself.

        Examples
        --------
        >>> half = BSeries.exact(5, Fraction(1, 2))
        >>> half.then(half) == BSeries.exact(5)
        True
        """
        first, second = _cut_alike(self, other)
        _check_empty(first, 1, "the first of two steps")
        trunks = weighted_trunks(first._coefficients)

        def composed(tree: RootedTree) -> Number:
            whole = second.empty * first[tree]
            return whole + sum(weight * second[rest] for rest, weight in trunks[tree].items())

        return BSeries(first.order, composed, second.empty)

    def inverse(self) -> BSeries:
        r"""The step back: \(a\,a^{-1} = 1\).

        Raises
        ------
        ArgumentError
            If this series does not start from y itself.

        Examples
        --------
        >>> BSeries.exact(4).inverse() == BSeries.exact(4, -1)
        True
        """
        _check_empty(self, 1, "a step that is to be undone")
        trunks = weighted_trunks(self._coefficients)
        found: dict[RootedTree, Number] = {}
        for tree, coefficient in self.items():
            # The trunk that is the whole tree has the weight 1: its coefficient is sought.
            known = sum(w * found[rest] for rest, w in trunks[tree].items() if rest is not tree)
            found[tree] = -coefficient - known
        return BSeries(self._order, found)

    def adjoint(self) -> BSeries:
        r"""The inverse step with \(-h\); equal to the series if the method is symmetric.

        Examples
        --------
        >>> BSeries.exact(4).adjoint() == BSeries.exact(4)
        True
        """
        return self.inverse().scaled(-1)

    def substituted(self, field: BSeries) -> BSeries:
        r"""The series of another vector field: \(B(a)\) of the field \(h^{-1}B(b, \cdot)\).

        The result has the coefficients \((b \star a)(\tau) = \sum_\pi a(\tau/\pi)
        \prod_{\delta\in\pi} b(\delta)\), summed over the ways to contract connected parts.

        Parameters
        ----------
        field : BSeries
            \(b\), with \(b(\emptyset) = 0\).

        Raises
        ------
        ArgumentError
            If ``field`` is no vector field.

        References
        ----------
        P. Chartier, E. Hairer and G. Vilmart, "Algebraic structures of B-series", Foundations of
        Computational Mathematics 10 (2010) 407-427, section 3.2.

        Examples
        --------
        >>> BSeries.exact(4).substituted(BSeries.field(4)) == BSeries.exact(4)
        True
        """
        outer, inner = _cut_alike(self, field)
        _check_empty(inner, 0, "a vector field")
        contracted = WeightedContractions(inner._coefficients)
        return BSeries(
            outer.order,
            lambda tree: sum(weight * outer[rest] for rest, weight in contracted.of(tree).items()),
            outer.empty,
        )

    def modified_equation(self) -> BSeries:
        r"""The field whose exact flow is this method: \(b \star e = a\) (backward error analysis).

        Examples
        --------
        The explicit Euler method solves \(y' = f - \frac{h}{2} f'f + \dots\) exactly:

        >>> euler = BSeries(2, {RootedTree(): 1})
        >>> [str(b) for _, b in euler.modified_equation().items()]
        ['1', '-1/2']
        """
        return self._field_for(BSeries.exact(self._order), self)

    def modifying_integrator(self) -> BSeries:
        r"""The field for which this method gives the exact flow of f: \(b \star a = e\).

        Raises
        ------
        ArgumentError
            If the method's coefficient of the single vertex is 0: it does not move.

        References
        ----------
        P. Chartier, E. Hairer and G. Vilmart, "Numerical integrators based on modified
        differential equations", Mathematics of Computation 76 (2007) 1941-1953.
        """
        return self._field_for(self, BSeries.exact(self._order))

    def agreement(self, other: BSeries, tolerance: float = TOLERANCE) -> int:
        """The greatest order up to which two series are equal, -1 if they differ at once.

        Fractions must be equal, floats may differ by ``tolerance``.

        Examples
        --------
        >>> euler = BSeries(4, {RootedTree(): 1})
        >>> euler.agreement(BSeries.exact(4))
        1
        """
        first, second = _cut_alike(self, other)
        if not same_number(first.empty, second.empty, tolerance):
            return -1
        for tree, coefficient in first.items():
            if not same_number(coefficient, second[tree], tolerance):
                return tree.order - 1
        return first.order

    @staticmethod
    def _field_for(method: BSeries, result: BSeries) -> BSeries:
        """The field with which ``method`` gives ``result``, order by order."""
        _check_empty(method, 1, "a method")
        _check_empty(result, 1, "a method")
        dot = RootedTree()
        if method[dot] == 0:
            raise ArgumentError(
                "the coefficient of • is 0; a method that does not move has no modified field."
            )
        found: dict[RootedTree, Number] = {}
        contracted = WeightedContractions(found)
        for tree, target in result.items():
            # b(tree) occurs where all of the tree is contracted to a dot, and only there.
            known = sum(weight * method[rest] for rest, weight in contracted.of(tree).items())
            found[tree] = (target - known) / method[dot]
        return BSeries(method.order, found, empty=0)

    def _like(self, coefficients: Callable[[RootedTree], Number]) -> BSeries:
        return BSeries(self._order, coefficients, self._empty)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BSeries):
            return NotImplemented
        return (self._empty, self._coefficients) == (other._empty, other._coefficients)

    def __hash__(self) -> int:
        return hash((self._empty, tuple(self._coefficients.values())))

    def __repr__(self) -> str:
        shown = ", ".join(f"{tree}: {value}" for tree, value in list(self.items())[:4])
        more = ", ..." if self._order > 3 else ""
        return f"<BSeries to order {self._order}: ∅: {self._empty}, {shown}{more}>"


def _cut_alike(first: BSeries, second: BSeries) -> tuple[BSeries, BSeries]:
    if not isinstance(second, BSeries):
        raise ArgumentError(f"the other series is {second!r}; it must be a BSeries.")
    order = min(first.order, second.order)
    return (
        first if first.order == order else first.truncated(order),
        second if second.order == order else second.truncated(order),
    )


def _check_empty(series: BSeries, wanted: int, what: str) -> None:
    if series.empty != wanted:
        raise ArgumentError(
            f"the coefficient of the empty tree is {series.empty}; for {what} it must be {wanted}."
        )


def same_number(a: Number, b: Number, tolerance: float = TOLERANCE) -> bool:
    """Whether two coefficients are equal: fractions exactly, floats within a tolerance."""
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return a == b
    return abs(float(a) - float(b)) <= tolerance


def _coefficient(value: int | Number, tree: RootedTree) -> Number:
    return value if type(value) is Fraction else _number(value, f"the coefficient of {tree}")


def _number(value: int | Number, name: str) -> Number:
    """``value`` as a Fraction if it is exact, else as a float."""
    if isinstance(value, Rational):
        return Fraction(int(value.numerator), int(value.denominator))
    if isinstance(value, Real) and isfinite(value):
        return float(value)
    raise ArgumentError(f"{name} is {value!r}; it must be a finite number.")
