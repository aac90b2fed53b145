r"""The order conditions of Runge-Kutta methods, tree by tree, as equations to read.

A method has order p if \(\sum_i b_i \Phi_i(\tau) = 1/\gamma(\tau)\) for all trees of at most p
vertices (Butcher; Hairer, Lubich and Wanner, *Geometric Numerical Integration*, section III.1.1).
With \(c_i = \sum_j a_{ij}\) every leaf is a factor c, so only the other vertices need an index.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ..errors import ArgumentError
from .coproducts import Number
from .enumeration import checked_order, trees_up_to
from .rungekutta import Tableau
from .trees import RootedTree

# The path of twelve vertices has eleven that are no leaf.
_INDICES = "ijklmnpqrst"


@dataclass(frozen=True, slots=True)
class OrderCondition:
    r"""One order condition.

    Attributes
    ----------
    tree : RootedTree
        The tree it comes from, of at most 12 vertices.

    Raises
    ------
    ArgumentError
        If it is larger, or no tree.

    Examples
    --------
    >>> condition = OrderCondition(RootedTree([[], [[]]]))
    >>> print(condition)
    Σ b_i c_i a_ij c_j = 1/8
    >>> condition.latex
    '\\sum b_i c_i a_{ij} c_j = \\frac{1}{8}'
    """

    tree: RootedTree

    def __post_init__(self) -> None:
        if not isinstance(self.tree, RootedTree):
            raise ArgumentError(f"tree is {self.tree!r}; it must be a RootedTree.")
        checked_order(self.tree.order)

    @property
    def right(self) -> Fraction:
        """The right side, one over the density."""
        return Fraction(1, self.tree.density)

    @property
    def latex(self) -> str:
        """The equation for a page with mathematics."""
        left = " ".join(_factors(self.tree, "a_{{{}{}}}", "^{{{}}}"))
        right = "1" if self.tree.density == 1 else rf"\frac{{1}}{{{self.tree.density}}}"
        return rf"\sum {left} = {right}"

    def residual(self, method: Tableau) -> Number:
        """The left side less the right one: 0 if the method fulfils it.

        Examples
        --------
        >>> euler = Tableau([[]], [1])
        >>> OrderCondition(RootedTree([[]])).residual(euler)
        Fraction(-1, 2)
        """
        return method.series(self.tree.order)[self.tree] - self.right

    def __str__(self) -> str:
        left = " ".join(_factors(self.tree, "a_{}{}", "^{}"))
        return f"Σ {left} = {self.right}"


def order_conditions(order: int) -> list[OrderCondition]:
    """All conditions for an order, those for the lower ones first.

    Parameters
    ----------
    order : int
        From 1 to 12.

    Examples
    --------
    >>> for condition in order_conditions(3):
    ...     print(condition)
    Σ b_i = 1
    Σ b_i c_i = 1/2
    Σ b_i a_ij c_j = 1/6
    Σ b_i c_i^2 = 1/3
    >>> len(order_conditions(8))
    200
    """
    return [OrderCondition(tree) for tree in trees_up_to(order)]


def _factors(tree: RootedTree, edge: str, power: str) -> list[str]:
    names = iter(_INDICES)
    found = []

    def visit(vertex: RootedTree, parent: str) -> None:
        name = next(names)
        found.append(edge.format(parent, name) if parent else f"b_{name}")
        leaves = sum(1 for child in vertex.children if not child.children)
        if leaves:
            found.append(f"c_{name}" + (power.format(leaves) if leaves > 1 else ""))
        for child in vertex.children:
            if child.children:
                visit(child, name)

    visit(tree, "")
    return found
