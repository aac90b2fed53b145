"""The section of rooted trees: their numbers, the methods' coefficients, and measured orders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..dtesn import ReservoirField, RootedTree, Tableau, integrate, trees_up_to
from ..dtesn.bseries import same_number
from ..dtesn.conditions import OrderCondition
from ..dtesn.enumeration import count_rooted_trees
from ..dtesn.methods import FEHLBERG_78, METHODS
from ..errors import ArgumentError

__all__ = ["PROBLEMS", "Problem", "Trees", "differential"]

MOST_ORDER = 8
"""The greatest order of the gallery: 200 trees in all."""

MOST_STAGES = 13
"""The most stages of an own tableau."""

ROUNDING = 1e-13
"""Errors below are rounding rather than the method's."""

FITTED = 5
"""The slope is that of so many of the smallest steps."""

_PRIMES = ("", "′", "″", "‴")
_POWERS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Problem:
    """An equation whose solution at the end is known."""

    id: str
    title: str
    equation: str
    f: Callable[[float, Any], Any]
    start: tuple[float, ...]
    end: float
    exact: Callable[[], Floats]


_FIELD = ReservoirField([[0.0, 1.4], [-1.2, 0.3]], bias=[0.2, -0.1])


def _right(_: float, y: Any) -> Floats:
    return _FIELD(y)


def _reservoir() -> Floats:
    """The solution by the method of the highest order with steps far below rounding."""
    last = integrate(FEHLBERG_78, _right, (0.5, -0.25), end=2.0, steps=200)[-1]
    return np.asarray(last, dtype=np.float64)


PROBLEMS = (
    Problem(
        "reservoir",
        "a reservoir of two neurons",
        "x′ = −x + tanh(Wx + b), up to t = 2",
        _right,
        (0.5, -0.25),
        2.0,
        _reservoir,
    ),
    Problem(
        "growth",
        "logistic growth",
        "y′ = y(1 − y), y(0) = 0.1, up to t = 2",
        lambda _, y: y * (1.0 - y),
        (0.1,),
        2.0,
        lambda: np.array([1.0 / (1.0 + 9.0 * np.exp(-2.0))]),
    ),
    Problem(
        "swing",
        "a driven swing",
        "y′ = y cos t, y(0) = 1, up to t = 2",
        lambda t, y: y * np.cos(t),
        (1.0,),
        2.0,
        lambda: np.array([np.exp(np.sin(2.0))]),
    ),
)
"""All test problems, in the order of the page."""


def differential(tree: RootedTree) -> str:
    """The elementary differential of a tree, as one writes it.

    Examples
    --------
    >>> [differential(RootedTree.parse(text)) for text in ("•", "[[•]]", "[[•],•]", "[•,•,•,•]")]
    ['f', 'f′f′f', 'f″(f′f, f)', 'f⁽⁴⁾(f, f, f, f)']
    """
    inner = [differential(child) for child in tree.children]
    if len(inner) < 2:
        return "f" + "".join("′" + text for text in inner)
    m = len(inner)
    prime = _PRIMES[m] if m < len(_PRIMES) else f"⁽{str(m).translate(_POWERS)}⁾"
    return f"f{prime}({', '.join(inner)})"


class Trees:
    """The trees, and a method that is weighed against the exact solution.

    Examples
    --------
    >>> bench = Trees()
    >>> weighed = bench.weigh({"name": "classical 4"}, order=5)
    >>> weighed["order"], [row["holds"] for row in weighed["holds"]]
    (4, [1, 1, 2, 4, 0])
    >>> point = bench.measure({"name": "Euler"}, "growth", steps=8)
    >>> round(point["error"], 4)
    0.0306
    """

    def __init__(self) -> None:
        self._solutions: dict[str, Floats] = {}

    def all(self, order: int = MOST_ORDER) -> dict[str, Any]:
        """All trees up to an order, the methods, and the test problems.

        Parameters
        ----------
        order : int
            From 1 to 8.
        """
        _check_order(order)
        return {
            "counts": [count_rooted_trees(n) for n in range(1, order + 1)],
            "trees": [_tree(tree) for tree in trees_up_to(order)],
            "methods": [_method(method) for method in METHODS],
            "problems": [
                {"id": item.id, "title": item.title, "equation": item.equation} for item in PROBLEMS
            ],
        }

    def weigh(self, method: Mapping[str, Any], order: int = MOST_ORDER) -> dict[str, Any]:
        """The coefficients of a method against those of the exact solution.

        Parameters
        ----------
        method : mapping
            ``name`` of one that is known; or ``a``, rows of texts, and ``b``, texts.
        order : int
            From 1 to 8.

        Returns
        -------
        dict
            The method, its ``order``, and for each tree its coefficient ``weight``, the exact
            ``wanted``, what lies between them, and whether the order condition ``holds``.

        Raises
        ------
        ArgumentError
            If a coefficient is no number, or there is no such method.
        """
        _check_order(order)
        tableau = _tableau(method)
        rows = []
        counts = [[0, 0] for _ in range(order)]
        for tree, weight in tableau.series(order).items():
            wanted = Fraction(1, tree.density)
            holds = same_number(weight, wanted)
            counts[tree.order - 1][0] += holds
            counts[tree.order - 1][1] += 1
            rows.append(
                {
                    "weight": str(weight),
                    "value": float(weight),
                    "wanted": str(wanted),
                    "difference": str(weight - wanted),
                    "holds": bool(holds),
                }
            )
        return {
            "method": _method(tableau),
            "order": tableau.order_of_accuracy(),
            "holds": [{"holds": held, "of": trees} for held, trees in counts],
            "rows": rows,
        }

    def measure(self, method: Mapping[str, Any], problem: str, steps: int) -> dict[str, Any]:
        """The error of a method at the end of a problem, in the maximum norm.

        Parameters
        ----------
        method : mapping
            As for `weigh`; it must be explicit.
        problem : str
            Its name.
        steps : int
            So many steps of one length.

        Raises
        ------
        ArgumentError
            If the method is implicit or the solution overflows.
        """
        found = _problem(problem)
        if found.id not in self._solutions:
            self._solutions[found.id] = found.exact()
        last = integrate(_tableau(method), found.f, found.start, end=found.end, steps=steps)[-1]
        error = float(np.max(np.abs(last - self._solutions[found.id])))
        return {"h": found.end / steps, "error": error, "rounding": error < ROUNDING}

    def slope(self, h: Sequence[float], error: Sequence[float]) -> dict[str, Any]:
        """The line through log error over log h, for the smallest steps, by least squares.

        Parameters
        ----------
        h, error : sequence of float
            Step lengths, falling, and errors above 0.

        Returns
        -------
        dict
            ``slope``, ``line``: its first and last (h, error), and ``fitted``, how many points
            it goes through; all ``None`` if there are fewer than two.
        """
        chosen = [(x, e) for x, e in zip(h, error, strict=True) if e >= ROUNDING][-FITTED:]
        if len(chosen) < 2:
            return {"slope": None, "line": None, "fitted": None}
        x, y = np.log(np.array(chosen)).T
        slope, level = np.polyfit(x, y, 1)
        ends = [(float(np.exp(at)), float(np.exp(level + slope * at))) for at in (x[0], x[-1])]
        return {"slope": float(slope), "line": ends, "fitted": len(chosen)}


def _check_order(order: int) -> None:
    if not isinstance(order, int) or not 1 <= order <= MOST_ORDER:
        raise ArgumentError(f"order is {order!r}; the laboratory shows 1 to {MOST_ORDER}.")


def _problem(name: str) -> Problem:
    for problem in PROBLEMS:
        if problem.id == name:
            return problem
    raise ArgumentError(f"there is no test problem {name!r}.")


def _tableau(method: Mapping[str, Any]) -> Tableau:
    if "name" in method:
        for known in METHODS:
            if known.name == method["name"]:
                return known
        raise ArgumentError(f"there is no method {method['name']!r}.")
    a, b = method["a"], method["b"]
    if len(b) > MOST_STAGES:
        raise ArgumentError(f"b has {len(b)} weights; the laboratory takes {MOST_STAGES} stages.")
    rows = [
        [_fraction(text, f"a in row {i}, column {j}") for j, text in enumerate(row, 1)]
        for i, row in enumerate(a, 1)
    ]
    weights = [_fraction(text, f"b in column {j}") for j, text in enumerate(b, 1)]
    return Tableau(rows, weights, name="own method")


def _fraction(text: str, where: str) -> Fraction:
    """A number as it was typed: ``1/3``, ``-2``, ``0.25``; nothing is 0."""
    try:
        if len(text) <= 40 and "e" not in text.lower():
            return Fraction(text.strip().replace("−", "-").replace(" ", "") or "0")
    except (ValueError, ZeroDivisionError):
        pass
    raise ArgumentError(f"{where} is {text[:40]!r}; write a number such as 1/3, -2 or 0.25.")


def _method(method: Tableau) -> dict[str, Any]:
    return {
        "name": method.name,
        "stages": method.stages,
        "explicit": method.explicit,
        "a": [[str(x) for x in row] for row in method.a],
        "b": [str(x) for x in method.b],
        "c": [str(x) for x in method.c],
    }


def _tree(tree: RootedTree) -> dict[str, Any]:
    x, y, edges = tree.layout()
    return {
        "text": str(tree),
        "order": tree.order,
        "density": tree.density,
        "symmetry": tree.symmetry,
        "alpha": tree.alpha,
        "differential": differential(tree),
        "condition": str(OrderCondition(tree)),
        "x": x,
        "y": y,
        "edges": edges,
    }
