"""Whether a JSON Schema is one, and uses only what is kept to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import ArgumentError
from .formats import FORMATS

__all__ = ["TYPES", "check_schema", "resolved"]

TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")

_SAY_NOTHING = {
    "$schema",
    "$id",
    "$comment",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
}
_ONE = {"additionalProperties", "items"}
_SEVERAL = {"prefixItems", "allOf", "anyOf", "oneOf"}
_COUNTS = {"minLength", "maxLength", "minItems", "maxItems"}
_NUMBERS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
_OTHERS = {"type", "enum", "const", "properties", "required", "pattern", "format", "$ref"}
_KNOWN = _SAY_NOTHING | _ONE | _SEVERAL | _COUNTS | _NUMBERS | _OTHERS
_MOST_DEPTH = 100


def resolved(root: Any, reference: str) -> Any:
    """The schema that a ``$ref`` names.

    Raises
    ------
    ArgumentError
        If there is none.
    """
    place = root
    if reference != "#":
        if not reference.startswith("#/"):
            raise ArgumentError(
                f"$ref is {reference!r}; json_schema may refer to itself only, by '#' or '#/...'."
            )
        for part in reference[2:].split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(place, Mapping) and key in place:
                place = place[key]
            elif isinstance(place, list) and key.isdigit() and int(key) < len(place):
                place = place[int(key)]
            else:
                raise ArgumentError(f"$ref is {reference!r}; json_schema has nothing there.")
    return place


def check_schema(root: Any) -> None:
    """Refuses what is no schema, and by name what is not supported.

    Raises
    ------
    ArgumentError
        With the place, as the path of a ``$ref``.
    """
    pending = [("#", root, 0)]
    seen: set[str] = set()
    while pending:
        path, schema, depth = pending.pop()
        if path in seen or isinstance(schema, bool):
            continue
        seen.add(path)
        if not isinstance(schema, Mapping):
            raise _error(path, schema, "a dictionary, True or False")
        if depth > _MOST_DEPTH:
            raise ArgumentError(
                f"{path[:60]} ... of json_schema is inside of more than {_MOST_DEPTH} schemas; "
                "move some of them to $defs."
            )
        for key, value in schema.items():
            if key not in _KNOWN:
                raise ArgumentError(
                    f"{path} of json_schema uses {key!r}, which is not supported; leave it out."
                )
            here = f"{path}/{key}"
            _check_value(here, key, value)
            if key == "$ref":
                pending.append((value, resolved(root, value), 0))
            else:
                pending += [(p, s, depth + 1) for p, s in _inner(here, key, value)]


def _inner(path: str, key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if key in _ONE:
        yield path, value
    elif key in _SEVERAL:
        for i, item in enumerate(value):
            yield f"{path}/{i}", item
    elif key == "properties":
        for name, item in value.items():
            yield f"{path}/{name.replace('~', '~0').replace('/', '~1')}", item


def _check_value(path: str, key: str, value: Any) -> None:
    if key in _COUNTS and not (
        type(value) in (int, float) and 0 <= value < 2**31 and value == int(value)
    ):
        raise _error(path, value, "a whole number of at least 0")
    if key in _NUMBERS and not (type(value) in (int, float) and abs(value) < 1e100):
        raise _error(path, value, "a number")
    if key in _SEVERAL and not (isinstance(value, list) and value):
        raise _error(path, value, "a list of schemas")
    if key == "properties" and not (
        isinstance(value, Mapping) and all(isinstance(name, str) for name in value)
    ):
        raise _error(path, value, "a dictionary of schemas")
    if key == "required" and not (
        isinstance(value, list) and all(isinstance(name, str) for name in value)
    ):
        raise _error(path, value, "a list of names")
    if key == "enum" and not (isinstance(value, list) and value):
        raise _error(path, value, "a list of values")
    if key in ("pattern", "$ref") and not isinstance(value, str):
        raise _error(path, value, "a text")
    if key == "format" and value not in FORMATS:
        raise _error(path, value, f"one of {', '.join(FORMATS)}; others are not supported")
    if key == "type":
        names = value if isinstance(value, list) else [value]
        if not names or any(name not in TYPES for name in names):
            raise _error(path, value, f"one or several of {', '.join(TYPES)}")


def _error(path: str, value: Any, wanted: str) -> ArgumentError:
    return ArgumentError(f"{path} of json_schema is {value!r:.80}; it must be {wanted}.")
