"""Asks kauri, nodepy and mpmath about trees, B-series and Runge-Kutta methods.

Without arguments it writes the golden files, which hold exact fractions as texts; with ``--check``
it asks again and compares. Run it by ``./build.sh oracles``, or with a Python that has the three.
Nothing of the package is imported: the answers are theirs alone.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).resolve().parent / "golden"
ORDER = 8
COUNTED = 12
DIGITS = 40

# A method with nothing special about it, for elementary weights: implicit, three stages.
METHOD_A = [["1/3", "-1/2", "2/7"], ["2/5", "1", "-3/4"], ["-1", "1/6", "5/9"]]
METHOD_B = ["1/4", "2/3", "-3/5"]


def brackets(representation: Any) -> str:
    """kauri's nested tuple, whose last element is a colour, as brackets."""
    return "[" + ",".join(sorted(map(brackets, representation[:-1]))) + "]"


def arbitrary(i: int, salt: int) -> Fraction:
    """A fraction without a pattern, the same everywhere."""
    return Fraction((7 * i * i + 5 * i * salt + 3 * salt) % 19 - 9, (i * salt + i) % 5 + 2)


def kauri_answers() -> dict[str, Any]:
    """Numbers of trees; of two characters: products, inverses, substitutions, logarithms."""
    import kauri
    from kauri import Map, Tree
    from kauri.cem.cem import antipode_impl

    trees = [tree for n in range(1, ORDER + 1) for tree in kauri.trees_of_order(n)]
    place = {tree: i for i, tree in enumerate(trees)}

    def character(values: list[Fraction]) -> Map:
        return Map(lambda tree: 1 if tree == Tree(None) else values[place[tree.sorted()]])

    place |= {tree.sorted(): i for i, tree in enumerate(trees)}
    # kauri's substitution has the single vertex as its unit, so its value there is 1.
    first, second = (
        [Fraction(1) if i == 0 else arbitrary(i, salt) for i in range(len(trees))]
        for salt in (1, 2)
    )
    f, g = character(first), character(second)
    method = kauri.RK(
        [[Fraction(x) for x in row] for row in METHOD_A], [Fraction(x) for x in METHOD_B]
    ).elementary_weights_map()
    exact = Map(lambda tree: Fraction(1, tree.factorial()))
    undone = Map(antipode_impl)

    def all_of(function: Callable[[Any], Any]) -> list[str]:
        return [str(Fraction(function(tree))) for tree in trees]

    return {
        "counts": [len(list(kauri.trees_of_order(n))) for n in range(1, COUNTED + 1)],
        "trees": [brackets(tree.list_repr) for tree in trees],
        "symmetry": [tree.sigma() for tree in trees],
        "density": [tree.factorial() for tree in trees],
        "alpha": [tree.alpha() for tree in trees],
        "vertices on the longest path": [tree.height() for tree in trees],
        "exact": all_of(exact),
        "first": all_of(f),
        "second": all_of(g),
        "method": all_of(method),
        "first then second": all_of(f * g),
        "method then first": all_of(method * f),
        "inverse of first": all_of(f**-1),
        "first substituted into second": all_of(f ^ g),
        "first substituted into exact": all_of(f ^ exact),
        "modified equation of first": all_of(f ^ (exact & undone)),
        "modifying integrator of first": all_of(exact ^ (f & undone)),
    }


def kauri_coproducts() -> dict[str, Any]:
    """Both coproducts of all trees up to order 5: count, parts, rest."""
    import kauri
    from kauri.cem.cem import _coproduct_raw

    def terms(coproduct: Any) -> list[list[Any]]:
        found = []
        for count, parts, rest in coproduct:
            named = [
                sorted(brackets(t.list_repr) for t in side.tree_list if t.list_repr is not None)
                for side in (parts, rest)
            ]
            found.append([int(count), *named])
        return sorted(found)

    trees = [tree for n in range(1, 6) for tree in kauri.trees_of_order(n)]
    return {
        brackets(tree.list_repr): {
            "cuts": terms(kauri.bck.coproduct(tree)),
            "contractions": terms(_coproduct_raw(tree)),
        }
        for tree in trees
    }


def nodepy_answers() -> dict[str, Any]:
    """The coefficients and the order of all of nodepy's methods."""
    from nodepy import rk

    def answer(method: Any) -> dict[str, Any]:
        numbers = [*method.A.ravel(), *method.b]
        exact = all(getattr(x, "is_Rational", False) for x in numbers)
        kind: Callable[[Any], Any] = str if exact else float
        return {
            "a": [list(map(kind, row)) for row in method.A],
            "b": list(map(kind, method.b)),
            "order": int(method.order(tol=1e-11)),
            "explicit": bool(method.is_explicit()),
        }

    return {name: answer(method) for name, method in sorted(rk.loadRKM("All").items())}


RESERVOIR_W = [[0.5, -1.25, 0.75], [1.5, 0.25, -0.5], [-0.25, 1.0, 0.875]]
RESERVOIR_B = [0.25, -0.5, 0.125]
POINT = [0.375, -0.625, 1.125]


def mpmath_answers() -> dict[str, Any]:
    """Elementary differentials to order 5 and solutions at a time, with 40 digits inside."""
    from mpmath import mp

    mp.dps = DIGITS

    def reservoir(*x: Any) -> list[Any]:
        rows = zip(x, RESERVOIR_W, RESERVOIR_B, strict=True)
        return [
            -own + mp.tanh(mp.fsum(w * v for w, v in zip(row, x, strict=True)) + b)
            for own, row, b in rows
        ]

    def mixed(*x: Any) -> list[Any]:
        a, b, c = x
        return [
            mp.sin(a * c) / (2 + b**2),
            mp.exp(-a) * mp.sqrt(c) - b**3 + mp.tan(b),
            mp.log(c) * mp.cosh(b) - mp.cos(a) + mp.sinh(a * b) + 1 / c,
        ]

    trees = [("[]", ())]
    by_order: dict[int, list[tuple[str, tuple[Any, ...]]]] = {1: trees}
    for order in range(2, 6):
        smaller = [t for n in range(1, order) for t in by_order[n]]
        found = {}
        for k in range(1, order):
            for children in itertools.combinations_with_replacement(smaller, k):
                if sum(name.count("[") for name, _ in children) == order - 1:
                    name = "[" + ",".join(sorted(name for name, _ in children)) + "]"
                    found[name] = (name, children)
        by_order[order] = list(found.values())

    def differentials(field: Callable[..., list[Any]]) -> dict[str, list[float]]:
        # No directional derivative: the tensors of all partial ones, and sums over indices.
        partial: dict[tuple[int, ...], list[Any]] = {}

        def tensor(indices: tuple[int, ...]) -> list[Any]:
            counts = tuple(indices.count(i) for i in range(3))
            if counts not in partial:
                partial[counts] = [
                    mp.diff(lambda *x, i=i: field(*x)[i], tuple(map(mp.mpf, POINT)), counts)
                    for i in range(3)
                ]
            return partial[counts]

        values: dict[str, list[Any]] = {"[]": field(*map(mp.mpf, POINT))}
        for order in range(2, 6):
            for name, children in by_order[order]:
                total = [mp.mpf(0)] * 3
                for indices in itertools.product(range(3), repeat=len(children)):
                    weight = mp.mpf(1)
                    for (child, _), i in zip(children, indices, strict=True):
                        weight *= values[child][i]
                    total = [x + weight * d for x, d in zip(total, tensor(indices), strict=True)]
                values[name] = total
        return {name: [float(x) for x in value] for name, value in values.items()}

    def solution(field: Callable[..., list[Any]], start: list[float], end: int) -> list[str]:
        flow = mp.odefun(lambda _, y: field(*y), 0, list(map(mp.mpf, start)))
        return [mp.nstr(x, DIGITS - 6) for x in flow(mp.mpf(end))]

    def quadratic(x: Any, y: Any, z: Any) -> list[Any]:
        return [y * z, z - x * z, x * y - y]

    def rigid_body(x: Any, y: Any, z: Any) -> list[Any]:
        return [-2 * y * z, mp.mpf(5) / 4 * z * x, -x * y / 2]

    return {
        "weights": RESERVOIR_W,
        "bias": RESERVOIR_B,
        "point": POINT,
        "reservoir": differentials(reservoir),
        "mixed": differentials(mixed),
        "reservoir at 2": solution(reservoir, POINT, 2),
        "quadratic at 2": solution(quadratic, [-1.25, -0.25, -0.375], 2),
        "rigid body at 2": solution(rigid_body, [1.0, 0.5, 0.875], 2),
    }


ANSWERS: dict[str, Callable[[], dict[str, Any]]] = {
    "kauri": kauri_answers,
    "kauri-coproducts": kauri_coproducts,
    "nodepy": nodepy_answers,
    "mpmath": mpmath_answers,
}


def main() -> int:
    """Writes or checks all golden files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument("names", nargs="*", help="only these files")
    arguments = parser.parse_args()
    status = 0
    for name, ask in ANSWERS.items():
        if arguments.names and name not in arguments.names:
            continue
        path = GOLDEN / f"{name}.json"
        # Through JSON, so that tuples and numbers compare as they are stored.
        answers = json.loads(json.dumps(ask()))
        if arguments.check:
            same = answers == json.loads(path.read_text(encoding="utf-8"))
            print(f"{path.name}: {'the same' if same else 'DIFFERS'}", flush=True)
            status |= int(not same)
        else:
            lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in answers.items())
            path.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
            print(f"{path.name}: {path.stat().st_size} bytes", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
