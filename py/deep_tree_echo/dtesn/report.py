r"""How well the reservoirs' step follows their differential equation, by B-series.

The leaky integrator \(x_{t+1} = (1-a)x_t + a \tanh(W x_t + d_t)\) is one explicit Euler step of the
length \(h = a\) of \(x' = -x + \tanh(Wx + d_t)\) with the input held. Its B-series has the
elementary weights 1 for \(\bullet\) and 0 for all larger trees, so it agrees with the exact flow,
\(1/\gamma(\tau)\), to order 1, and its local error begins with

\[ \sum_{|\tau| = 2} \frac{h^2}{\sigma(\tau)} \Bigl(a(\tau) - \frac{1}{\gamma(\tau)}\Bigr)
   F(\tau)(x) = -\tfrac{1}{2} h^2 f'(x) f(x). \]

Here this is compared with the measured error, against two steps of Fehlberg's method of order 8.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .bseries import BSeries
from .differentials import elementary_differentials
from .enumeration import count_rooted_trees, rooted_trees, trees_up_to
from .fields import ReservoirField
from .integration import integrate
from .methods import EULER, FEHLBERG_78
from .reservoir import Reservoir
from .rungekutta import Tableau
from .sparse import SparseMatrix
from .trees import RootedTree

__all__ = ["MembraneField", "integration_report"]

Floats = NDArray[np.float64]
Real = NDArray[np.floating[Any]]

CHECKED_ORDER: Final = 8
"""Conditions are checked in exact fractions up to this order: those of 200 trees."""
EVALUATED_ORDER: Final = 5
"""Elementary differentials are evaluated up to this order: those of 17 trees."""


class MembraneField(ReservoirField):
    r"""\(f(x) = -x + \tanh(Wx + d)\) with a sparse matrix.

    Parameters
    ----------
    weights : SparseMatrix or ndarray
        (n, n) \(W\).
    drive : ndarray
        (n,) \(d\): bias and input.
    """

    def __init__(self, weights: SparseMatrix | Real, drive: Real) -> None:
        self.weights = weights.astype(np.float64)  # type: ignore[assignment]  # (n, n)
        self.bias = np.asarray(drive, dtype=np.float64)  # (n,)


def integration_report(
    reservoir: Reservoir, state: Real, u: Floats, after: Real, max_order: int
) -> dict[str, Any]:
    """The report for one step of the reservoirs.

    Parameters
    ----------
    reservoir : Reservoir
        The reservoirs, with one leak rate for all units.
    state : ndarray
        (n,) state before the step.
    u : ndarray
        (n_inputs,) input.
    after : ndarray
        (n,) state that the reservoir came to.
    max_order : int
        The greatest order of the trees counted, 1 to 16.

    Returns
    -------
    dict
        Numbers, texts and lists; errors are root mean squares over the units.
    """
    h = float(np.max(reservoir.leak_rate))
    drive = reservoir.inputs.astype(np.float64) @ u + reservoir.bias
    field = MembraneField(reservoir.recurrent, drive)
    x: Floats = np.asarray(state, dtype=np.float64)
    order = EULER.order_of_accuracy()
    highest = max(min(max_order, EVALUATED_ORDER), order + 1)
    differentials = elementary_differentials(field, x, highest)
    weights = EULER.series(highest)
    path = integrate(FEHLBERG_78, lambda _, y: field(y.astype(np.float64)), x, end=h, steps=2)
    middle, exact = path[1].astype(np.float64), path[2].astype(np.float64)
    slope = field(x)
    error = x + h * slope - exact
    half_error = x + h / 2 * slope - middle
    leading = sum(
        (
            float((weights[tree] - _inverse_density(tree)) / tree.symmetry) * h**tree.order
            * differentials[tree]
            for tree in rooted_trees(order + 1)
        ),
        np.zeros_like(x),
    )  # fmt: skip
    flow = x.copy()
    remainders = []
    for n in range(1, highest + 1):
        for tree in rooted_trees(n):
            flow = flow + h**n / (tree.symmetry * tree.density) * differentials[tree]
        remainders.append(_rms(flow - exact))
    both = _rms(error) > 0 and _rms(half_error) > 0
    return {
        **_of_method(EULER, max_order),
        "step": h,
        "terms": [
            {
                "tree": str(tree),
                "order": tree.order,
                "density": tree.density,
                "symmetry": tree.symmetry,
                "alpha": tree.alpha,
                "weight": str(weights[tree]),
                "exact_weight": str(_inverse_density(tree)),
                "flow_term": _rms(
                    h**tree.order / (tree.symmetry * tree.density) * differentials[tree]
                ),
            }
            for tree in trees_up_to(highest)
        ],
        "local_error": _rms(error),
        "leading_error": _rms(leading),
        "error_ratio": _rms(error) / _rms(leading) if _rms(leading) > 0 else None,
        "measured_order": float(np.log2(_rms(error) / _rms(half_error))) - 1 if both else None,
        "flow_remainders": remainders,
        "step_defect": float(np.abs(x + h * slope - after).max()),
    }


@lru_cache(maxsize=64)
def _conditions(method: Tableau, order: int) -> tuple[tuple[int, int], ...]:
    """For each order, how many conditions there are and how many hold."""
    series, exact = method.series(order), BSeries.exact(order)
    return tuple(
        (
            len(rooted_trees(n)),
            sum(series[tree] == exact[tree] for tree in rooted_trees(n)),
        )
        for n in range(1, order + 1)
    )


def _of_method(method: Tableau, max_order: int) -> dict[str, Any]:
    """What does not depend on the state."""
    checked = min(max_order, CHECKED_ORDER)
    order = method.order_of_accuracy()
    weights = method.series(order + 1)
    square = sum(
        float((weights[tree] - _inverse_density(tree)) / tree.symmetry) ** 2
        for tree in rooted_trees(order + 1)
    )
    return {
        "method": method.name,
        "stages": method.stages,
        "order": order,
        "max_order": max_order,
        "trees_per_order": [count_rooted_trees(n) for n in range(1, max_order + 1)],
        "conditions": [
            {"order": n, "conditions": known, "satisfied": held}
            for n, (known, held) in enumerate(_conditions(method, checked), 1)
        ],
        "leading_error_coefficient": square**0.5,
    }


def _inverse_density(tree: RootedTree) -> Fraction:
    """The coefficient of the exact flow."""
    return Fraction(1, tree.density)


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(values * values)))
