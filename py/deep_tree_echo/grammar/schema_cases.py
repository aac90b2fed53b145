"""A JSON Schema as cases: no references, no combinations, one set of assertions each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from ..errors import ArgumentError, LimitError
from .numbers import Bounds
from .schema_check import TYPES, resolved

__all__ = ["Case", "Schemas", "cases", "kinds_of"]

Schemas = tuple[Any, ...]
"""Schemas that all hold at once; none of them: anything fits."""

_MOST_CASES = 256
_ALL = frozenset(TYPES)
_NO_BOUNDS = Bounds()
# A number is an integer or a "number"; "integer" alone is only the former.
_KINDS = {name: frozenset([name]) for name in TYPES} | {"number": frozenset(["integer", "number"])}


@dataclass(frozen=True, slots=True)
class Case:
    """Assertions that all hold of a value.

    Attributes
    ----------
    kinds : frozenset of str
        Types that it may have; an integer is ``integer``, another number is ``number``.
    values : tuple or None
        The only values that it may be.
    properties : mapping of str to Schemas
        Of an object.
    additional : Schemas or None
        What other properties must fit; ``None`` where nothing was said of them.
    prefix, items : Schemas of the first items of an array, and of the others.
    """

    kinds: frozenset[str] = _ALL
    values: tuple[Any, ...] | None = None
    bounds: Bounds = _NO_BOUNDS
    least_length: int = 0
    most_length: int | None = None
    patterns: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    properties: Mapping[str, Schemas] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    additional: Schemas | None = None
    prefix: tuple[Schemas, ...] = ()
    items: Schemas = ()
    least_items: int = 0
    most_items: int | None = None


def cases(schemas: Schemas, root: Any) -> list[Case]:
    """The cases of schemas that all hold; any of them will do.

    Raises
    ------
    ArgumentError
        If a ``$ref`` leads to itself, or the alternatives of a ``oneOf`` may hold at once.
    LimitError
        If there are more than 256.
    """
    found = [Case()]
    for schema in schemas:
        found = _both(found, _of_one(schema, root, ()))
    return found


def _of_one(schema: Any, root: Any, references: tuple[str, ...]) -> list[Case]:
    if schema is True:
        return [Case()]
    if schema is False:
        return []
    found = [_own(schema)]
    if (reference := schema.get("$ref")) is not None:
        if reference in references:
            raise ArgumentError(
                f"$ref is {reference!r} and leads back to itself without a value in between; "
                "write what it stands for."
            )
        target = resolved(root, reference)
        found = _both(found, _of_one(target, root, (*references, reference)))
    for part in schema.get("allOf", ()):
        found = _both(found, _of_one(part, root, references))
    if "anyOf" in schema:
        some = [case for part in schema["anyOf"] for case in _of_one(part, root, references)]
        found = _both(found, some)
    if "oneOf" in schema:
        parts = [_of_one(part, root, references) for part in schema["oneOf"]]
        for i, one in enumerate(parts):
            for j, other in enumerate(parts[:i]):
                if not all(_apart(a, b, root) for a in one for b in other):
                    raise ArgumentError(
                        f"The alternatives {j} and {i} of a oneOf in json_schema may hold at "
                        "once; give them different types, or a property with different constants, "
                        "or use anyOf."
                    )
        found = _both(found, [case for part in parts for case in part])
    return found


def _own(schema: Mapping[str, Any]) -> Case:
    """The assertions of a schema without its combinations."""
    kinds = _ALL
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        kinds = frozenset().union(*(_KINDS[name] for name in names))
    values: tuple[Any, ...] | None = None
    if "enum" in schema:
        values = tuple(schema["enum"])
    if "const" in schema:
        values = _shared(values, (schema["const"],))
    bounds = Bounds()
    for name, low, without in (
        ("minimum", True, False),
        ("maximum", False, False),
        ("exclusiveMinimum", True, True),
        ("exclusiveMaximum", False, True),
    ):
        if name in schema:
            # As it is written: 0.1 means a tenth, not the double next to it.
            bound = Fraction(str(schema[name]))
            bounds = bounds.both(
                Bounds(bound, None, without) if low else Bounds(None, bound, False, without)
            )
    return Case(
        kinds,
        values,
        bounds,
        int(schema.get("minLength", 0)),
        _count(schema.get("maxLength")),
        (schema["pattern"],) if "pattern" in schema else (),
        (schema["format"],) if "format" in schema else (),
        {name: (inner,) for name, inner in schema.get("properties", {}).items()},
        tuple(dict.fromkeys(schema.get("required", ()))),
        (schema["additionalProperties"],) if "additionalProperties" in schema else None,
        tuple((inner,) for inner in schema.get("prefixItems", ())),
        (schema["items"],) if "items" in schema else (),
        int(schema.get("minItems", 0)),
        _count(schema.get("maxItems")),
    )


def _count(value: Any) -> int | None:
    return None if value is None else int(value)


def _both(some: list[Case], others: list[Case]) -> list[Case]:
    if len(some) * len(others) > _MOST_CASES:
        raise LimitError(
            f"json_schema combines to {len(some) * len(others)} cases, and {_MOST_CASES} are "
            "kept apart; use fewer alternatives in allOf, anyOf and oneOf."
        )
    return [_merged(a, b) for a in some for b in others]


def _merged(a: Case, b: Case) -> Case:
    names = dict.fromkeys((*a.properties, *b.properties))
    longest = max(len(a.prefix), len(b.prefix))
    additional = None
    if a.additional is not None or b.additional is not None:
        additional = (*(a.additional or ()), *(b.additional or ()))
    return Case(
        a.kinds & b.kinds,
        _shared(a.values, b.values),
        a.bounds.both(b.bounds),
        max(a.least_length, b.least_length),
        _least(a.most_length, b.most_length),
        tuple(dict.fromkeys((*a.patterns, *b.patterns))),
        tuple(dict.fromkeys((*a.formats, *b.formats))),
        {name: (*_property(a, name), *_property(b, name)) for name in names},
        tuple(dict.fromkeys((*a.required, *b.required))),
        additional,
        tuple((*_item(a, i), *_item(b, i)) for i in range(longest)),
        (*a.items, *b.items),
        max(a.least_items, b.least_items),
        _least(a.most_items, b.most_items),
    )


def _property(case: Case, name: str) -> Schemas:
    return case.properties.get(name, case.additional or ())


def _item(case: Case, place: int) -> Schemas:
    return case.prefix[place] if place < len(case.prefix) else case.items


def _least(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else min(a, b)


def _shared(a: tuple[Any, ...] | None, b: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
    if a is None or b is None:
        return b if a is None else a
    keys = {_key(value) for value in b}
    return tuple(value for value in a if _key(value) in keys)


def _key(value: Any) -> str:
    """The same text for values that are equal as JSON: 1 and 1.0 are, 1 and true are not."""
    if type(value) is float and value == int(value):
        value = int(value)
    if isinstance(value, list):
        return "[" + ",".join(map(_key, value)) + "]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(k)}:{_key(value[k])}" for k in sorted(value)) + "}"
    return json.dumps(value)


def kinds_of(value: Any) -> str:
    """The kind of a value, as `Case` counts them."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "integer" if value == int(value) else "number"
    if value is None:
        return "null"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"


def _apart(a: Case, b: Case, root: Any, depth: int = 0) -> bool:
    """Whether certainly no value fits both."""
    both = _merged(a, b)
    kinds = both.kinds
    if both.values is not None:
        kinds &= {kinds_of(value) for value in both.values}
    return all(_kind_apart(kind, both, a, b, root, depth) for kind in kinds)


def _kind_apart(kind: str, both: Case, a: Case, b: Case, root: Any, depth: int) -> bool:
    """Whether no value of a kind fits both."""
    if kind in ("integer", "number"):
        low, high = both.bounds.low, both.bounds.high
        open_end = both.bounds.without_low or both.bounds.without_high
        if low is not None and high is not None and (low > high or (low == high and open_end)):
            return True
    if kind == "string":
        return both.most_length is not None and both.least_length > both.most_length
    if kind == "array":
        return both.most_items is not None and both.least_items > both.most_items
    if kind == "object" and depth < 8:
        for name in both.required:
            one, other = cases(_property(a, name), root), cases(_property(b, name), root)
            if all(_apart(x, y, root, depth + 1) for x in one for y in other):
                return True
    return False


def only(case: Case, kind: str) -> Case:
    """A case for values of one kind, whatever else they may be."""
    return replace(case, kinds=frozenset([kind]), values=None)
