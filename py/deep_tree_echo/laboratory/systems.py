"""Membrane systems worth watching: classics from the literature, ready to run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..dtesn.multiset import Multiset
from ..dtesn.psystem import PSystem
from ..dtesn.rules import Rule, divide, evolve, send_out

__all__ = ["Clause", "dissolving", "divides", "satisfiable", "squares", "subset_sum"]

Clause = Sequence[int]
"""Literals: 2 is the second variable, -2 its negation."""


def squares(**rest: Any) -> PSystem:
    """Generates n^2 copies of c in membrane 4, for a random n (Păun 2000).

    Examples
    --------
    >>> system = squares(seed=4)
    >>> print(system.run().output)
    c*64
    """
    rules = [
        evolve("3", "a", "a, bp"),
        evolve("3", "a", "bp", dissolves=True),
        evolve("3", "f", "f*2"),
        evolve("2", "bp", "b"),
        evolve("2", "b", "b", into={"4": "c"}),
        evolve("2", "f*2", "f", name="halve"),
        evolve("2", "f", "a", dissolves=True, name="end"),
    ]
    return PSystem(
        "[[[]'3 []'4]'2]'1",
        {"3": "a, f"},
        rules,
        priorities=[("halve", "end")],
        output="4",
        **rest,
    )


def divides(k: int, n: int, **rest: Any) -> PSystem:
    """Membrane 3 ends with yes if k divides n, else with no (after Păun 2000).

    Examples
    --------
    >>> print(divides(3, 12).run().output, divides(5, 12).run().output)
    yes no
    """
    rules = [
        evolve("2", "a, c", "cp", name="there"),
        evolve("2", "a, cp", "c", name="back"),
        evolve("2", "d", "d", dissolves=True, name="out"),
        evolve("1", "d, c, cp", "", into={"3": "no"}, name="mixed"),
        evolve("1", "d", "", into={"3": "yes"}, name="pure"),
    ]
    return PSystem(
        "[[]'2 []'3]'1",
        {"2": f"a*{n}, c*{k}, d"},
        rules,
        priorities=[("there", "out"), ("back", "out"), ("mixed", "pure")],
        output="3",
        **rest,
    )


def satisfiable(n: int, clauses: Sequence[Clause], **rest: Any) -> PSystem:
    """Sends yes or no into the environment after n + m + 4 steps at most.

    Membrane 2 divides once for each variable; t and f say which value a copy took, and become
    the clauses r that this value satisfies. Then k walks over the clauses.

    Examples
    --------
    >>> print(satisfiable(2, [[1], [-2]]).run().output, satisfiable(1, [[1], [-1]]).run().output)
    yes no
    """
    m = len(clauses)
    rules: list[Rule] = []
    for i in range(1, n + 1):
        now, then = f"d{{{i}}}", f"d{{{i + 1}}}"
        rules.append(divide("2", now, f"t{{{i}}}, {then}", f"f{{{i}}}, {then}"))
        for name, literal in (("t", i), ("f", -i)):
            satisfied = [f"r{{{j}}}" for j, clause in enumerate(clauses, 1) if literal in clause]
            rules.append(evolve("2", f"{name}{{{i}}}", Multiset(satisfied)))
    rules.append(evolve("2", f"d{{{n + 1}}}", "k{1}"))
    for j in range(1, m + 1):
        rules.append(evolve("2", f"k{{{j}}}, r{{{j}}}", f"k{{{j + 1}}}"))
    rules.append(send_out("2", f"k{{{m + 1}}}", "yes"))
    rules.append(send_out("1", "yes", "yes", new_charge="+"))
    last = n + m + 3
    rules += [evolve("1", f"z{{{i}}}", f"z{{{i + 1}}}") for i in range(last)]
    rules.append(send_out("1", f"z{{{last}}}", "no", new_charge="+"))
    contents = {"1": "z{0}", "2": "d{1}"}
    return PSystem("[[]'2]'1", contents, rules, model="active", output="environment", **rest)


def subset_sum(weights: Sequence[int], target: int, **rest: Any) -> PSystem:
    """As many yes in the skin as subsets of the weights have the sum.

    Examples
    --------
    >>> print(subset_sum([1, 2, 3], 3).run().output)
    yes*2
    """
    n = len(weights)
    rules: list[Rule] = []
    for i, weight in enumerate(weights):
        after = f"d{{{i + 1}}}"
        rules.append(divide("2", f"d{{{i}}}", {after: 1, "s": weight}, after))
    rules += [
        evolve("2", {f"d{{{n}}}": 1, "s": target}, "equal"),
        evolve("2", "equal, s", "", name="more"),
        send_out("2", "equal", "yes", name="report"),
    ]
    return PSystem(
        "[[]'2]'1",
        {"2": "d{0}"},
        rules,
        model="active",
        priorities=[("more", "report")],
        output="1",
        **rest,
    )


def dissolving(depth: int, copies: int, **rest: Any) -> PSystem:
    """Nested membranes that dissolve from the inside out; what they held doubles on its way.

    Examples
    --------
    >>> system = dissolving(4, 3)
    >>> run = system.run()
    >>> print(run.output, len(system.configuration.membranes))
    a*24, d 1
    """
    structure = ""
    rules: list[Rule] = []
    for label in range(depth, 0, -1):
        structure = f"[{structure}]'{label}"
        if label > 1:
            rules.append(evolve(str(label), "a", "a*2"))
            rules.append(evolve(str(label), "d", "d", dissolves=True))
    contents = {str(depth): f"a*{copies}, d"}
    return PSystem(structure, contents, rules, output="1", **rest)
