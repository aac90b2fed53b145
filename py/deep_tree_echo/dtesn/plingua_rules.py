"""Rules, multisets and labels of P-Lingua, from the trees that the parser makes."""

from __future__ import annotations

from typing import Any, NoReturn

from ..errors import ArgumentError
from .multiset import EMPTY, Multiset
from .plingua_values import Scope, evaluate, name_of
from .rules import Charge, Created, Rule

__all__ = [
    "charge_of",
    "has_kind",
    "place_of",
    "read_label",
    "read_objects",
    "read_rule",
    "refuse",
]


def read_label(tree: Any, scope: Scope) -> str:
    """The label after a bracket."""
    child = tree.children[0]
    if not hasattr(child, "data"):
        return str(child)
    return str(evaluate(child, scope))


def read_objects(found: list[Any], scope: Scope) -> tuple[Multiset, bool]:
    """The multiset among some trees, and whether it dissolves."""
    counts: dict[str, int] = {}
    dissolves = False
    for multiset in (part for part in found if has_kind(part, "multiset")):
        for term in multiset.children:
            if term.data == "dissolution":
                dissolves = True
            elif term.data == "objects":
                name = name_of(term.children[0], scope)
                times = evaluate(term.children[1], scope) if len(term.children) > 1 else 1
                if not isinstance(times, int):
                    refuse(term, f"the multiplicity of {name!r} is {times!r}; it must be whole")
                if times < 0:
                    refuse(term, f"the multiplicity of {name!r} is {times}; it must not be "
                                  "negative")  # fmt: skip
                counts[name] = counts.get(name, 0) + times
    try:
        return Multiset(counts), dissolves
    except ArgumentError as error:
        refuse(found[0], str(error).rstrip("."))


def read_rule(tree: Any, scope: Scope) -> tuple[Rule, int | None]:
    """A rule, and the number of its priority if it has one."""
    parts = {part.data: part for part in tree.children}
    if "inside" in parts:
        values = _inside(parts.pop("inside"), scope)
    else:
        values = _across(parts.pop("across"), scope)
    priority = None
    if "priority" in parts:
        number = evaluate(parts.pop("priority").children[0], scope)
        if not isinstance(number, int):
            refuse(tree, f"the priority is {number!r}; it must be whole")
        priority = number
    chance = next((float(evaluate(part, scope)) for part in parts.values()), None)
    try:
        return Rule(**values, probability=chance), priority
    except ArgumentError as error:
        refuse(tree, str(error).rstrip("."))


def _inside(tree: Any, scope: Scope) -> dict[str, Any]:
    sign, left, right, close = tree.children
    label = _rule_label(close, tree, scope)
    take, _ = read_objects(left.children, scope)
    give, dissolves = read_objects(right.children, scope)
    return {
        "label": label,
        "charge": charge_of(sign),
        "take": take,
        "give": give,
        "effect": "dissolve" if dissolves else "keep",
        **_inner(left, right, scope),
    }


def _across(tree: Any, scope: Scope) -> dict[str, Any]:
    left, right = tree.children
    before = [part for part in left.children if has_kind(part, "membrane")]
    after = [part for part in right.children if has_kind(part, "membrane")]
    if len(before) != 1 or len(after) > 2:
        refuse(tree, "a rule has one membrane on its left and at most two on its right")
    sign, content, close = before[0].children
    label = _rule_label(close, tree, scope)
    for membrane in after:
        found = membrane.children[2].children
        if found and read_label(found[0], scope) != label:
            refuse(membrane, f"a membrane {label!r} cannot become one with another label")
    take, _ = read_objects(content.children, scope)
    take_outside, _ = read_objects(left.children, scope)
    give_outside, dissolves = read_objects(right.children, scope)
    if dissolves:
        refuse(tree, "@d stands outside a membrane; leave the membrane out on the right")
    values: dict[str, Any] = {
        "label": label,
        "charge": charge_of(sign),
        "take": take,
        "take_outside": take_outside,
        "give_outside": give_outside,
    }
    if not after:
        if any(has_kind(part, "membrane") for part in content.children):
            refuse(tree, "a membrane that dissolves has others inside; write it as "
                          "[... --> ..., @d]'label")  # fmt: skip
        return values | {"effect": "dissolve"}
    give, _ = read_objects(after[0].children[1].children, scope)
    values |= {"give": give, "new_charge": charge_of(after[0].children[0])}
    values |= _inner(content, after[0].children[1], scope)
    if len(after) == 2:
        second, _ = read_objects(after[1].children[1].children, scope)
        values |= {"effect": "divide", "second": second}
        values["second_charge"] = charge_of(after[1].children[0])
    return values


def _inner(left: Any, right: Any, scope: Scope) -> dict[str, Any]:
    """Targets of objects, which stand on both sides, and new membranes, on the right only."""
    targets: dict[str, Multiset] = {}
    for membrane in (part for part in left.children if has_kind(part, "membrane")):
        _, content, close = membrane.children
        if content.children and read_objects(content.children, scope)[0]:
            refuse(membrane, "a rule takes objects from an inner membrane; make it a rule of "
                              "that membrane")  # fmt: skip
        targets[_rule_label(close, membrane, scope)] = EMPTY
    made: list[Created] = []
    for membrane in (part for part in right.children if has_kind(part, "membrane")):
        sign, content, close = membrane.children
        if any(has_kind(part, "membrane") for part in content.children):
            refuse(membrane, "a rule makes membranes inside inner ones; make them in two steps")
        label = _rule_label(close, membrane, scope)
        objects, _ = read_objects(content.children, scope)
        if label in targets:
            targets[label] = targets[label] + objects
        else:
            made.append(Created(label, objects, charge_of(sign)))
    return {"give_inner": tuple(targets.items()), "create": tuple(made)}


def _rule_label(close: Any, tree: Any, scope: Scope) -> str:
    if not close.children:
        refuse(tree, "a membrane of a rule has no label; write ]'label after it")
    return read_label(close.children[0], scope)


def charge_of(tree: Any) -> Charge:
    """The charge before a bracket."""
    charges: dict[str, Charge] = {"plus": "+", "minus": "-", "neutral": "0"}
    return charges[tree.data]


def has_kind(tree: Any, name: str) -> bool:
    """Whether something is a tree of that kind, and not a word."""
    return getattr(tree, "data", None) == name


def place_of(tree: Any) -> str:
    """Where a tree begins, for a sentence."""
    meta = getattr(tree, "meta", None)
    if meta is None or meta.empty:
        return "in main"
    return f"line {meta.line}, column {meta.column}"


def refuse(tree: Any, why: str) -> NoReturn:
    """Raises `ArgumentError` with the place of a tree."""
    raise ArgumentError(f"P-Lingua, {place_of(tree)}: {why}.")
