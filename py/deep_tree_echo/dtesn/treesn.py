r"""Tree echo state networks: a reservoir that reads trees from the leaves to the root.

Every vertex has a state that follows from its label and the states of its children
(Gallicchio and Micheli, *Tree Echo State Networks*, Neurocomputing 101, 2013):

\[ x(v) = (1 - a)\,s(v) + a\,f\bigl(W s(v) + W_{in}\,u(v) + b\bigr), \qquad
   s(v) = \sum_{c\ \text{child of}\ v} x(c) \]

The paper has a = 1. A sequence is a tree without branches, on which this is the usual reservoir.
With at most k children a vertex, states forget what is deep below if \(k\,\lVert W\rVert < 1\).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ArgumentError
from . import reservoir_checks as check
from .reservoir import Reservoir
from .trees import RootedTree

__all__ = ["TreeReservoir"]

Real = NDArray[np.floating[Any]]


class TreeReservoir:
    """A reservoir over trees.

    Parameters
    ----------
    reservoir : Reservoir
        Without feedback. Its own state takes no part and stays as it is.
    mapping : {"root", "mean"}
        What stands for a whole tree: the state of its root, or the mean of all.

    Raises
    ------
    ArgumentError
        If the reservoir takes feedback, or there is no such mapping.

    Examples
    --------
    >>> trees = TreeReservoir(Reservoir(30, seed=1))
    >>> cherry = RootedTree([[], []])
    >>> trees.states(cherry, [0.5, 1.0, -1.0]).shape
    (3, 30)
    >>> trees.state(cherry, [0.5, 1.0, -1.0]).shape
    (30,)
    """

    def __init__(self, reservoir: Reservoir, *, mapping: str = "root") -> None:
        if reservoir.n_feedback:
            raise ArgumentError(
                f"the reservoir takes {reservoir.n_feedback} numbers fed back; over trees it can "
                "take none."
            )
        if mapping not in ("root", "mean"):
            raise ArgumentError(f"mapping is {mapping!r}; it must be 'root' or 'mean'.")
        self.reservoir = reservoir
        self.mapping = mapping
        self.size = reservoir.size

    def states(self, tree: RootedTree | Sequence[int], labels: ArrayLike | None = None) -> Real:
        """The states of all vertices.

        Parameters
        ----------
        tree : RootedTree or sequence of int
            The tree; or, to keep the order of one's own vertices, the (order,) parents, each
            before its children, -1 for the root.
        labels : array_like, optional
            (order, n_inputs) of the vertices, the root first and for a `RootedTree` in preorder;
            (order,) will do for one input. Absent: 1 everywhere.

        Returns
        -------
        ndarray
            (order, size).

        Raises
        ------
        ArgumentError
            If the parents are no tree, the labels do not fit, or a state overflows.
        """
        parents = tree.parents() if isinstance(tree, RootedTree) else _parents(tree)
        reservoir = self.reservoir
        order = len(parents)
        given = np.ones((order, reservoir.n_inputs)) if labels is None else labels
        u = check.sequence(given, "labels", reservoir.n_inputs, reservoir.dtype)
        if len(u) != order:
            raise ArgumentError(f"labels has {len(u)} rows; the tree has {order} vertices.")
        found = np.empty((order, self.size), dtype=reservoir.dtype)
        sums = np.zeros((order, self.size), dtype=reservoir.dtype)
        none = np.empty((1, 0), dtype=reservoir.dtype)
        with reservoir.kept_on_failure():
            for vertex in range(order - 1, -1, -1):
                at = slice(vertex, vertex + 1)
                reservoir.advance(sums[vertex], u[at], none, found[at])
                if vertex:
                    sums[parents[vertex]] += found[vertex]
        return found

    def state(self, tree: RootedTree | Sequence[int], labels: ArrayLike | None = None) -> Real:
        """(size,): what stands for the whole tree; parameters and errors are those of `states`."""
        states = self.states(tree, labels)
        found: Real = states[0] if self.mapping == "root" else states.mean(axis=0)
        return found


def _parents(values: Sequence[int]) -> tuple[int, ...]:
    parents = tuple(values)
    for vertex, parent in enumerate(parents):
        whole = isinstance(parent, int | np.integer) and not isinstance(parent, bool)
        if not whole or not (parent == -1 if vertex == 0 else 0 <= parent < vertex):
            wanted = "-1, the root" if vertex == 0 else f"from 0 to {vertex - 1}"
            raise ArgumentError(
                f"the parent of vertex {vertex} is {parent!r}; it must be {wanted}."
            )
    if not parents:
        raise ArgumentError("tree is empty; a tree has at least its root.")
    return parents
