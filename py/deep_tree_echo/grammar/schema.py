"""JSON Schema (draft 2020-12) as rules.

What is written is a part of what fits: properties in the order of the schema, a space or none
after commas and colons, and no other; each character of a string in one way. So every text that
the rules match fits the schema, whoever checks it; the documentation says what is left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..errors import ArgumentError
from .expressions import (
    Alternatives,
    Call,
    Characters,
    Expression,
    Graph,
    Literal,
    Machine,
    Repeat,
    Sequence,
)
from .formats import FORMATS
from .numbers import any_number, decimals, integers
from .pattern import TEXT, machine, matching_both, pattern_machine, without
from .program import compile_rules
from .reference import ReferenceMatcher
from .schema_cases import Case, Schemas, cases, kinds_of, only
from .schema_check import check_schema

__all__ = ["read_schema"]

MOST_LENGTH = 1000
"""Characters of a string at most where a larger ``maxLength`` is given; likewise items."""

_SPACE = Repeat(Literal(" "), 0, 1)
_COMMA = Sequence((Literal(","), _SPACE))
_COLON = Sequence((Literal(":"), _SPACE))
_QUOTE = Literal('"')
_CHARACTER = Machine((tuple((low, high, 1) for low, high in TEXT), ()), frozenset([1]), True)
_ANY_CHARACTER = Characters(((0, 0xD7FF), (0xE000, 0x10FFFF)))


def read_schema(schema: Mapping[str, Any] | bool) -> dict[str, Expression]:
    """The rules of the JSON texts that fit a schema.

    Raises
    ------
    ArgumentError
        If it is no schema, or uses what is not supported.
    LimitError
        If it combines to too much.

    Examples
    --------
    >>> sorted(read_schema({"const": 1}))
    ['root']
    """
    check_schema(schema)
    return _Reader(schema).rules()


class _Reader:
    def __init__(self, root: Any) -> None:
        self._root = root
        self._rules: dict[str, Expression] = {}
        self._names: dict[str, str] = {}
        self._pending: list[tuple[str, Schemas]] = []

    def rules(self) -> dict[str, Expression]:
        self._call((self._root,), "root")
        while self._pending:
            name, schemas = self._pending.pop()
            found = [self._case(case) for case in cases(schemas, self._root)]
            self._rules[name] = found[0] if len(found) == 1 else Alternatives(tuple(found))
        return self._rules

    def _call(self, schemas: Schemas, name: str = "") -> Expression:
        """The rule of schemas that all hold; each once, so that they may hold themselves."""
        key = json.dumps([one for one in schemas if one is not True and one != {}])
        if key not in self._names:
            self._names[key] = name or f"value {len(self._names)}"
            self._pending.append((self._names[key], schemas))
        return Call(self._names[key])

    def _case(self, case: Case) -> Expression:
        if case.values is not None:
            return self._values(case)
        found: list[Expression] = []
        if "null" in case.kinds:
            found.append(Literal("null"))
        if "boolean" in case.kinds:
            found += (Literal("true"), Literal("false"))
        if "integer" in case.kinds:
            found.append(integers(case.bounds))
        if "number" in case.kinds:
            free = case.bounds.low is None and case.bounds.high is None
            found.append(any_number() if free else decimals(case.bounds))
        if "string" in case.kinds:
            found.append(Sequence((_QUOTE, _string(case), _QUOTE)))
        if "array" in case.kinds:
            found.append(self._array(case))
        if "object" in case.kinds:
            found.append(self._object(case))
        return Alternatives(tuple(found))

    def _values(self, case: Case) -> Expression:
        """Those of an enum that fit whatever else is said."""
        found = []
        for value in case.values or ():
            kind = kinds_of(value)
            text = _written(value)
            if kind in case.kinds and self._fits(text, only(case, kind)):
                found.append(Literal(text))
        return Alternatives(tuple(found))

    def _fits(self, text: str, case: Case) -> bool:
        if case == Case(case.kinds):
            return True
        reader = _Reader(self._root)
        rules = reader.rules() if case.kinds & {"array", "object"} else {}
        reader._rules, reader._pending = dict(rules), []
        inner = reader._case(case)
        while reader._pending:
            name, schemas = reader._pending.pop()
            some = tuple(reader._case(one) for one in cases(schemas, self._root))
            reader._rules[name] = Alternatives(some)
        try:
            program = compile_rules({**reader._rules, "enum": inner}, "enum")
            matcher = ReferenceMatcher(program)
            matcher.feed(text.encode())
        except ArgumentError:
            return False
        return matcher.ending != 0

    def _array(self, case: Case) -> Expression:
        most = case.most_items
        n_first = len(case.prefix) if most is None else min(len(case.prefix), most)
        # Node i stands behind the first i items, the last one behind the bracket.
        end = n_first + 1
        edges: list[tuple[int, Expression, int]] = []
        for i, schemas in enumerate(case.prefix[:n_first]):
            item = self._call(schemas)
            edges.append((i, Sequence((_COMMA, item)) if i else item, i + 1))
            if i >= case.least_items:
                edges.append((i, Literal("]"), end))
        rest = self._call(case.items)
        further = Sequence((_COMMA, rest))
        least = max(0, case.least_items - n_first)
        if most is not None:
            most = min(max(most - n_first, 0), max(least, MOST_LENGTH))
        if n_first:
            tail: Expression = Repeat(further, least, most)
        else:
            fewer = None if most is None else max(most - 1, 0)
            some = Sequence((rest, Repeat(further, max(least - 1, 0), fewer)))
            tail = some if least else Repeat(some, 0, 1)
        if most == 0:
            tail = Literal("") if least == 0 else Alternatives(())
        elif most is not None and most < least:
            tail = Alternatives(())
        edges.append((n_first, Sequence((tail, Literal("]"))), end))
        return Sequence((Literal("["), Graph(end + 1, tuple(edges))))

    def _object(self, case: Case) -> Expression:
        properties = dict(case.properties)
        for name in case.required:
            properties.setdefault(name, case.additional or ())
        names = list(properties)
        # Nodes 2i and 2i + 1 stand before property i: none, or some, have been written.
        edges: list[tuple[int, Expression, int]] = []
        for i, name in enumerate(names):
            nothing, something = 2 * i, 2 * i + 1
            member = Sequence((Literal(_written(name)), _COLON, self._call(properties[name])))
            edges.append((nothing, member, something + 2))
            edges.append((something, Sequence((_COMMA, member)), something + 2))
            if name not in case.required:
                edges.append((nothing, Literal(""), nothing + 2))
                edges.append((something, Literal(""), something + 2))
        last, end = 2 * len(names), 2 * len(names) + 2
        others = case.additional
        if others is None and not properties:
            others = ()
        if others is not None:
            key = _as_json(without(names))
            member = Sequence((_QUOTE, key, _QUOTE, _COLON, self._call(others)))
            edges.append((last, member, last + 1))
            edges.append((last + 1, Sequence((_COMMA, member)), last + 1))
        edges += [(last, Literal("}"), end), (last + 1, Literal("}"), end)]
        return Sequence((Literal("{"), Graph(end + 1, tuple(edges))))


def _string(case: Case) -> Expression:
    """The inside of a string."""
    least, most = case.least_length, case.most_length
    if most is not None and most < least:
        return Alternatives(())
    found = [pattern_machine(pattern) for pattern in case.patterns]
    found += [pattern_machine(FORMATS[name]) for name in case.formats]
    if not found:
        if most is not None:
            most = min(most, max(least, MOST_LENGTH))
        return Repeat(_CHARACTER, least, most)
    whole = found[0]
    for other in found[1:]:
        whole = matching_both(whole, other)
    if least or most is not None:
        whole = matching_both(whole, machine(Repeat(_ANY_CHARACTER, least, most)))
    return _as_json(whole)


def _as_json(found: Machine) -> Machine:
    return Machine(found.edges, found.final, True)


def _written(value: Any) -> str:
    """A value in one line, as the rules write it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        text = json.dumps(value, allow_nan=False)
    return text
