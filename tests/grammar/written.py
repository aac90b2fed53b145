"""JSON Schemas as people and their tools write them: records of a trade, put together at random.

Where `Schemas` draws rare ways, these have what is common: titles, nested records, lists with
bounds, choices, patterns, formats, optional values as pydantic writes them, unions told apart by a
constant, references, trees, and names in several scripts.
"""

from __future__ import annotations

import random
from typing import Any

NAMES = [
    "name", "title", "first_name", "lastName", "description", "comment", "status", "kind", "id",
    "city", "country", "street", "postal-code", "price", "amount", "unit", "quantity", "rating",
    "created_at", "updated", "due", "email", "author", "owner", "tags", "items", "score", "notes",
    "größe", "prénom", "名前", "город", "naïve?", "e-mail", "a.b", "$ref-like", "emoji 🦘", "x",
]  # fmt: skip
CHOICES = [
    ["draft", "sent", "paid", "overdue"], ["low", "medium", "high"], ["EUR", "USD", "GBP", "JPY"],
    ["rouge", "vert", "bleu"], ["はい", "いいえ"], ["yes", "no", None], [1, 2, 3, 5, 8],
    ["a \"quoted\" one", "a\\b", "two\nlines"], [True, "auto"], [0.5, 1, 1.5],
    [["a", "b"], {"all": True}],
]  # fmt: skip
PATTERNS = [
    "^[A-Z]{2,3}-[0-9]{4}$", r"^\d{5}(-\d{4})?$", "^#[0-9a-fA-F]{6}$", "^[a-z][a-z0-9_]{0,15}$",
    r"^\+?[0-9][0-9 ]{5,14}$", r"^v\d+\.\d+\.\d+$", "^(Mr|Ms|Dr)\\. [A-Z][a-z]+$", "^[^@]+@example",
    "^[A-HJ-NP-Z1-9]{4}( [A-HJ-NP-Z1-9]{4}){2}$", "^[а-я]{2,8}$", r"\.(png|jpe?g)$", "^.{3,12}$",
]  # fmt: skip
FORMATS = ["date", "time", "date-time", "uuid", "ipv4", "email"]


class WrittenSchemas:
    """Draws schemas; any value of each can be written."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(f"written {seed}")
        self._defs: dict[str, Any] = {}

    def root(self) -> dict[str, Any]:
        """A whole schema: mostly a record, now and then a list, a union or a tree."""
        draw = self._draw
        choice = draw.random()
        if choice < 0.65:
            schema = self._record(draw.randint(1, 3))
        elif choice < 0.8:
            schema = self._list(2)
        elif choice < 0.9:
            schema = self._union(2)
        else:
            schema = self._tree()
        if draw.random() < 0.3:
            schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
        return schema | ({"$defs": self._defs} if self._defs else {})

    def _any(self, depth: int) -> dict[str, Any]:
        plain = [self._text, self._text, self._whole, self._decimal, self._choice, self._small]
        nested = [self._record, self._list, self._optional, self._union, self._named, self._all]
        return self._draw.choice(plain if depth <= 0 else plain + nested)(depth)

    def _text(self, depth: int = 0) -> dict[str, Any]:
        draw = self._draw
        schema: dict[str, Any] = {"type": "string"}
        choice = draw.randrange(8)
        if choice < 2:
            schema["pattern"] = draw.choice(PATTERNS)
        elif choice == 2:
            schema["format"] = draw.choice(FORMATS)
        elif choice < 6:
            schema["maxLength"] = draw.choice([8, 16, 30, 60])
            if draw.random() < 0.5:
                schema["minLength"] = draw.choice([1, 2, 5])
        if draw.random() < 0.3:
            schema["description"] = "What people call it."
        return schema

    def _whole(self, depth: int = 0) -> dict[str, Any]:
        draw = self._draw
        low, span = draw.choice([0, 1, -40, 1900, 10**6]), draw.choice([5, 99, 150, 10**9])
        bounds = draw.choice(
            [{}, {"minimum": low}, {"exclusiveMinimum": low - 1}, {"maximum": low + span},
             {"minimum": low, "maximum": low + span},
             {"exclusiveMinimum": low, "exclusiveMaximum": low + span}]
        )  # fmt: skip
        return {"type": "integer", **bounds}

    def _decimal(self, depth: int = 0) -> dict[str, Any]:
        bounds = self._draw.choice(
            [{}, {"minimum": 0}, {"minimum": 0, "maximum": 1}, {"minimum": -90, "maximum": 90.5},
             {"exclusiveMinimum": 0, "maximum": 9.99}, {"exclusiveMaximum": 0}]
        )  # fmt: skip
        return {"type": "number", **bounds}

    def _choice(self, depth: int = 0) -> dict[str, Any]:
        draw = self._draw
        if draw.random() < 0.2:
            return {"const": draw.choice(["v1", 3, True, None, "naïve", 0.25])}
        values = draw.choice(CHOICES)
        typed = all(isinstance(value, str) for value in values) and draw.random() < 0.6
        return {"type": "string", "enum": values} if typed else {"enum": values}

    def _small(self, depth: int = 0) -> dict[str, Any]:
        return self._draw.choice(
            [{"type": "boolean"}, {"type": "boolean", "default": False}, {"type": "null"},
             {"type": ["string", "null"], "maxLength": 12}, {"type": ["integer", "boolean"]}]
        )  # fmt: skip

    def _record(self, depth: int) -> dict[str, Any]:
        draw = self._draw
        names = draw.sample(NAMES, draw.randint(1, 5))
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {name: self._any(depth - 1) for name in names},
        }
        if draw.random() < 0.8:
            schema["required"] = [name for name in names if draw.random() < 0.7]
        choice = draw.random()
        if choice < 0.4:
            schema["additionalProperties"] = False
        elif choice < 0.5:
            schema["additionalProperties"] = self._choice()
        elif choice < 0.55:  # a dictionary
            return {"type": "object", "additionalProperties": self._any(depth - 1)}
        if draw.random() < 0.3:
            schema["title"] = draw.choice(["Order", "Person", "Événement"])
        return schema

    def _list(self, depth: int) -> dict[str, Any]:
        draw = self._draw
        schema: dict[str, Any] = {"type": "array", "items": self._any(depth - 1)}
        least = draw.choice([0, 0, 1, 2])
        if least:
            schema["minItems"] = least
        if draw.random() < 0.85:
            schema["maxItems"] = least + draw.randint(0, 4)
        if draw.random() < 0.15:
            schema["prefixItems"] = [self._any(0) for _ in range(draw.randint(1, 3))]
            if draw.random() < 0.5:
                schema["items"] = False
                schema.pop("minItems", None)
        return schema

    def _optional(self, depth: int) -> dict[str, Any]:
        return {"anyOf": [self._any(depth - 1), {"type": "null"}], "default": None}

    def _union(self, depth: int) -> dict[str, Any]:
        draw = self._draw
        if draw.random() < 0.3:
            some = [{"type": "string", "maxLength": 20}, {"type": "integer"}, {"type": "null"}]
            return {"oneOf": draw.sample(some, 2)}
        kinds = draw.sample(["circle", "square", "straße", "line"], draw.randint(2, 3))
        shapes = []
        for kind in kinds:
            record = self._record(depth - 1)
            record.setdefault("properties", {})
            record["properties"] = {"type": {"const": kind}, **record["properties"]}
            record["required"] = ["type", *record.get("required", ())]
            shapes.append(record)
        return {draw.choice(["oneOf", "anyOf"]): shapes}

    def _named(self, depth: int) -> dict[str, Any]:
        """A reference to a definition, which may be shared."""
        name = self._draw.choice(["Address", "Money", "Größe", "a/b~c"])
        if name not in self._defs:
            self._defs[name] = {"type": "null"}  # while its own parts are drawn
            self._defs[name] = self._record(depth - 1)
        return {"$ref": f"#/$defs/{name.replace('~', '~0').replace('/', '~1')}"}

    def _all(self, depth: int) -> dict[str, Any]:
        """What is put together from a base and an addition."""
        names = self._draw.sample(NAMES, 3)
        base = {
            "type": "object",
            "properties": {names[0]: self._any(0), names[1]: self._any(0)},
            "required": names[:1],
        }
        more = {"properties": {names[2]: self._any(depth - 1)}, "required": names[1:]}
        return {"allOf": [base, more]}

    def _tree(self) -> dict[str, Any]:
        """What holds others of its kind."""
        most = self._draw.randint(1, 3)
        node = {
            "type": "object",
            "properties": {
                "label": self._text(),
                "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}, "maxItems": most},
                "parent": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
            },
            "required": ["label"],
            "additionalProperties": False,
        }
        self._defs["Node"] = node
        return {"$ref": "#/$defs/Node"}
