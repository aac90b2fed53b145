"""Membrane systems that several tests share: classics from the literature, and random ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from deep_tree_echo.dtesn.multiset import Multiset
from deep_tree_echo.dtesn.psystem import PSystem
from deep_tree_echo.dtesn.rules import (
    Rule,
    antiport,
    create,
    dissolve,
    divide,
    evolve,
    send_in,
    send_out,
)
from hypothesis import strategies as st

ENGINES = ("python", "libecho")


def squares(**rest: Any) -> PSystem:
    """Generates n^2 copies of c in membrane 4, for a random n (Păun 2000)."""
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
    """Membrane 3 ends with yes if k divides n, else with no (after Păun 2000)."""
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


Clause = Sequence[int]
"""Literals: 2 is the second variable, -2 its negation."""


def satisfiable(n: int, clauses: Sequence[Clause], **rest: Any) -> PSystem:
    """Sends yes or no into the environment after n + m + 4 steps at most.

    Membrane 2 divides once for each variable; t and f say which value a copy took, and become
    the clauses r that this value satisfies. Then k walks over the clauses.
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
    """As many yes in the skin as subsets of the weights have the sum."""
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


# ------------------------------------------------------------------- random

OBJECTS = st.sampled_from(["a", "b", "c", "d"])
CHARGES = st.sampled_from(["0", "0", "0", "+", "-"])
INNER = st.sampled_from(["2", "3", "4"])
LABELS = st.sampled_from(["1", "2", "3", "4"])
STRUCTURES = (
    "[]'1 [[]'2]'1 [[]'2 []'3]'1 [[[]'3]'2 []'4]'1 [[]'2 []'2 +[[]'4 []'4]'3]'1 "
    "[[[[]'4]'3]'2]'1".replace("1 [", "1|[").split("|")
)


def multisets(least: int = 0, most: int = 3) -> st.SearchStrategy[Multiset]:
    return st.lists(OBJECTS, min_size=least, max_size=most).map(Multiset)


@st.composite
def random_rules(draw: st.DrawFn) -> Rule:
    kind = draw(st.sampled_from(["evolve"] * 4 + ["in", "out", "anti", "end", "divide", "create"]))
    charge = {"charge": draw(CHARGES)}
    some = multisets(1)
    if kind == "evolve":
        into = draw(st.dictionaries(INNER, some, max_size=1))
        label = draw(LABELS)
        out = draw(multisets(0, 1))
        return evolve(label, draw(multisets(1, 2)), draw(multisets()), out=out, into=into, **charge)
    if kind == "create":
        return create(draw(LABELS), draw(some), draw(INNER), draw(multisets()), **charge)
    if kind == "anti":
        return antiport(draw(LABELS), draw(multisets(1, 2)), draw(multisets(0, 2)))
    label = draw(INNER)
    turned = charge | {"new_charge": draw(CHARGES)}
    if kind == "in":
        return send_in(label, draw(some), draw(multisets()), **turned)
    if kind == "out":
        return send_out(label, draw(some), draw(multisets()), **turned)
    if kind == "end":
        return dissolve(label, draw(some), draw(multisets()), **charge)
    halves = turned | {"second_charge": draw(CHARGES)}
    return divide(label, draw(some), draw(multisets()), draw(multisets()), **halves)


@st.composite
def random_systems(draw: st.DrawFn) -> dict[str, Any]:
    """Arguments of `PSystem`: a structure, contents, some rules, perhaps priorities."""
    structure = draw(st.sampled_from(STRUCTURES))
    at_start = {label for label in "1234" if f"'{label}" in structure}
    rules = draw(st.lists(random_rules(), min_size=1, max_size=7))
    for _ in range(len(rules)):
        known = at_start | {new.label for rule in rules for new in rule.create}
        rules = [
            rule
            for rule in rules
            if {rule.label, *(label for label, _ in rule.give_inner)} <= known
        ]
    at = draw(st.integers(0, 9))
    if at < len(rules) and rules[at].effect == "keep" and not rules[at].give_inner:
        rule = replace(rules[at], probability=0.25)
        rules[at] = rule
        rules.append(replace(rule, create=(), give=draw(multisets()), probability=0.75))
    first, second = (draw(st.integers(0, 6)) for _ in range(2))
    pairs = []
    if first < second < len(rules) and rules[first].label == rules[second].label:
        pairs = [(f"r{first + 1}", f"r{second + 1}")]
    contents = {label: draw(multisets(0, 9)) for label in sorted(at_start)}
    return {
        "structure": structure,
        "contents": contents,
        "rules": rules,
        "model": draw(st.sampled_from(["transition", "active"])),
        "priorities": pairs,
        "environment": draw(multisets(0, 2)),
        "seed": draw(st.integers(0, 2**64 - 1)),
    }
