"""From the tree of a P-Lingua text to a system: modules, parameters, ranges and rules."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from ..errors import ArgumentError
from .multiset import Multiset
from .plingua_rules import (
    charge_of,
    has_kind,
    place_of,
    read_label,
    read_objects,
    read_rule,
    refuse,
)
from .plingua_values import Scope, compare, evaluate, name_of
from .rules import Charge, Model, Rule

__all__ = ["Reader"]

_MODELS: dict[str, Model] = {
    "transition": "transition",
    "transition_psystem": "transition",
    "symport_antiport": "transition",
    "symport_antiport_psystem": "transition",
    "membrane_division": "active",
    "membrane_creation": "active",
}
_MOST_SENTENCES = 100_000
_DEEPEST = 100
_MOST_PAIRS = 1_000_000


class Reader:
    """Carries out ``main`` of a parsed text.

    Parameters
    ----------
    tree : lark.Tree
        The text, parsed.

    Raises
    ------
    ArgumentError
        With line and column, for what means nothing.
    """

    def __init__(self, tree: Any) -> None:
        self._modules: dict[str, Any] = {}
        self._globals = Scope(None)
        self._model: Model | None = None
        self._structure: list[tuple[int, str, Charge]] = []  # (membranes) parent, label, charge
        self._contents: dict[str, dict[str, int]] = {}
        self._contents_at: dict[str, Any] = {}
        self._rules: list[Rule] = []
        self._rules_at: list[Any] = []
        self._priorities: dict[int, int] = {}
        self._count = 0
        self._depth = 0
        for item in tree.children:
            self._take(item)
        if self._model is None:
            raise ArgumentError("P-Lingua: the text names no model; begin with @model<transition>.")
        if "main" not in self._modules:
            raise ArgumentError("P-Lingua: there is no module main; write def main() { ... }.")
        self._call("main", [], self._modules["main"])

    def system(self) -> dict[str, Any]:
        """The arguments of `PSystem`."""
        if not self._structure:
            raise ArgumentError("P-Lingua: main makes no membranes; write @mu = []'1 there.")
        environment = self._contents.pop("environment", {})
        supply = self._contents.pop("supply", {})
        return {
            "structure": self._brackets(),
            "contents": {label: Multiset(held) for label, held in self._contents.items()},
            "rules": self._rules,
            "model": self._model,
            "priorities": self._pairs(),
            "environment": Multiset(environment),
            "supply": list(supply),
        }

    def place_of(self, error: ArgumentError) -> str:
        """Where the rule or the multiset stands that an error of the system speaks of."""
        sentence = str(error)
        for rule, tree in zip(self._rules, self._rules_at, strict=True):
            if str(rule) in sentence:
                return place_of(tree)
        for label, tree in self._contents_at.items():
            if f"{label!r}" in sentence:
                return place_of(tree)
        return "in main"

    # ------------------------------------------------------------ sentences

    def _take(self, item: Any) -> None:
        if item.data == "model":
            name = str(item.children[0])
            if name not in _MODELS:
                known = ", ".join(_MODELS)
                refuse(item, f"the model {name!r} is not known; known are {known}")
            self._model = _MODELS[name]
        elif item.data == "include":
            name = str(item.children[0]).strip('"')
            if not name.removesuffix(".pli").endswith("_model"):
                refuse(item, f"{name!r} cannot be included; put its text here")
        elif item.data == "module":
            name = str(item.children[0])
            if name in self._modules:
                refuse(item, f"there are two modules {name!r}; give each its own name")
            self._modules[name] = item
        else:
            for scope in self._ranges(item, self._globals):
                self._assign(item.children[0], scope, self._globals)

    def _call(self, name: str, values: list[Any], at: Any) -> None:
        module = self._modules.get(name)
        if module is None:
            refuse(at, f"there is no module {name!r}; define it with def {name}() {{ ... }}")
        names = [
            str(word)
            for part in module.children
            if has_kind(part, "names")
            for word in part.children
        ]
        if len(names) != len(values):
            refuse(at, f"{name!r} takes {len(names)} values and got {len(values)}")
        scope = Scope(self._globals)
        for parameter, value in zip(names, values, strict=True):
            scope.set(parameter, value)
        for sentence in module.children:
            if has_kind(sentence, "sentence") or has_kind(sentence, "block"):
                self._sentence(sentence, scope, scope)

    def _sentence(self, sentence: Any, scope: Scope, module: Scope) -> None:
        parts = [part for part in sentence.children if not has_kind(part, "ranges")]
        self._enter(sentence)
        for inner in self._ranges(sentence, scope):
            for part in parts:
                if part.data in ("sentence", "block"):
                    self._sentence(part, inner, module)
                else:
                    self._instruct(part, inner, module)
        self._depth -= 1

    def _enter(self, tree: Any) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            refuse(tree, f"blocks and calls nest more than {_DEEPEST} deep; end the recursion")

    def _instruct(self, part: Any, scope: Scope, module: Scope) -> None:
        if part.data == "call":
            values = [evaluate(e, scope) for v in part.children[1:] for e in v.children]
            self._call(str(part.children[0]), values, part)
        elif part.data == "assignment":
            self._assign(part, scope, module)
        elif part.data == "structure":
            self._structure.clear()
            self._build(part.children[0], 0, scope)
        elif part.data == "inner_structure":
            label = read_label(part.children[0], scope)
            places = [i for i, (_, known, _) in enumerate(self._structure, 1) if known == label]
            if not places:
                refuse(part, f"there is no membrane {label!r} to put another one into")
            for place in places:
                self._build(part.children[1], place, scope)
        elif part.data == "contents":
            self._fill(part, scope)
        else:
            rule, priority = read_rule(part, scope)
            if priority is not None:
                self._priorities[len(self._rules)] = priority
            self._rules.append(rule)
            self._rules_at.append(part)

    def _assign(self, assignment: Any, scope: Scope, target: Scope) -> None:
        name, value = assignment.children
        target.set(name_of(name, scope), evaluate(value, scope))

    def _ranges(self, tree: Any, scope: Scope) -> Iterator[Scope]:
        """A scope for each way to satisfy the ranges; the last one changes fastest."""
        found = [part for part in tree.children if has_kind(part, "ranges")]
        ranges = [part for ranges in found for part in ranges.children]
        stack: list[tuple[int, Scope]] = [(0, scope)]
        while stack:
            level, inner = stack.pop()
            self._count += 1
            if self._count > _MOST_SENTENCES:
                why = f"the text comes to more than {_MOST_SENTENCES} sentences; shorten the ranges"
                refuse(ranges[0] if ranges else tree, why)
            if level == len(ranges):
                yield inner
                continue
            part = ranges[level]
            name = _running(part, inner)
            if name is None:
                if compare(part, inner):
                    stack.append((level + 1, inner))
                continue
            low, high = _bounds(part, inner)
            if high - low >= _MOST_SENTENCES:
                refuse(part, f"{name} would run over more than {_MOST_SENTENCES} values")
            for value in range(high, low - 1, -1):
                following = Scope(inner)
                following.set(name, value)
                stack.append((level + 1, following))

    # ------------------------------------------------ membranes and contents

    def _build(self, membrane: Any, parent: int, scope: Scope) -> None:
        todo = [(membrane, parent)]
        while todo:
            tree, around = todo.pop()
            sign, content, close = tree.children
            if not close.children:
                refuse(tree, "a membrane has no label; write ]'label after it")
            if any(not has_kind(part, "membrane") for part in content.children):
                refuse(tree, "objects stand in the membrane structure; set them with @ms(label)")
            label = read_label(close.children[0], scope)
            self._structure.append((around, label, charge_of(sign)))
            place = len(self._structure)
            todo.extend((inner, place) for inner in reversed(content.children))

    def _brackets(self) -> str:
        inside: dict[int, list[int]] = {}
        for place, (parent, _, _) in enumerate(self._structure, 1):
            inside.setdefault(parent, []).append(place)
        words: list[str] = []
        todo: list[int | str] = list(reversed(inside.get(0, [])))
        while todo:
            item = todo.pop()
            if isinstance(item, str):
                words.append(item)
                continue
            _, label, charge = self._structure[item - 1]
            words.append(f" {'' if charge == '0' else charge}[")
            todo.append(f"]'{label}")
            todo.extend(reversed(inside.get(item, [])))
        return "".join(words).strip()

    def _fill(self, part: Any, scope: Scope) -> None:
        label = read_label(part.children[0], scope)
        held, dissolves = read_objects(part.children[2:], scope)
        if dissolves:
            refuse(part, "@d stands in a multiset; it belongs to rules")
        known = self._contents.setdefault(label, {})
        if str(part.children[1]) == "=":
            known.clear()
        for name, count in held.items():
            known[name] = known.get(name, 0) + count
        self._contents_at[label] = part

    def _pairs(self) -> list[tuple[str, str]]:
        """Priorities as pairs of names; the smaller number is the stronger rule."""
        levels: dict[str, dict[int, list[int]]] = {}
        for rule, number in self._priorities.items():
            levels.setdefault(self._rules[rule].label, {}).setdefault(number, []).append(rule)
        pairs: list[tuple[str, str]] = []
        for label, found in levels.items():
            ordered = [found[number] for number in sorted(found)]
            for strong, weak in pairwise(ordered):
                pairs += [(f"r{i + 1}", f"r{j + 1}") for i in strong for j in weak]
                if len(pairs) > _MOST_PAIRS:
                    raise ArgumentError(
                        f"P-Lingua: the priorities of membrane {label!r} compare more than "
                        f"{_MOST_PAIRS} pairs of rules; give fewer rules priorities."
                    )
        return pairs


def _running(part: Any, scope: Scope) -> str | None:
    """The variable that a range runs over, if it is one with two bounds."""
    if len(part.children) != 5:
        return None
    middle = part.children[2]
    if not has_kind(middle, "variable"):
        return None
    name = name_of(middle.children[0], scope)
    return None if scope.knows(name) else name


def _bounds(part: Any, scope: Scope) -> tuple[int, int]:
    low, first, _, second, high = part.children
    least, most = evaluate(low, scope), evaluate(high, scope)
    if not isinstance(least, int) or not isinstance(most, int):
        refuse(part, f"a range goes from {least!r} to {most!r}; both must be whole")
    signs = {"<=": 0, "=<": 0, "<": 1}
    if str(first) not in signs or str(second) not in signs:
        refuse(part, "a range is written with < or <=, the smaller end first")
    return least + signs[str(first)], most - signs[str(second)]
