"""Membrane systems that several tests share: those of the laboratory, and random ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from deep_tree_echo.dtesn.multiset import Multiset
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
from deep_tree_echo.laboratory.systems import (
    Clause,
    divides,
    satisfiable,
    squares,
    subset_sum,
)
from hypothesis import strategies as st

__all__ = [
    "ENGINES",
    "Clause",
    "divides",
    "multisets",
    "random_systems",
    "satisfiable",
    "squares",
    "subset_sum",
]

ENGINES = ("python", "libecho")


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
