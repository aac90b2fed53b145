"""JSON Schemas at random, of everything that is kept to."""

from __future__ import annotations

import random
from typing import Any

NAMES = ["a", "b", "name", "näme", 'quo"te', "x/y", "long name", "n0", "", "😀"]
PATTERNS = ["^a+b?$", "ab|cd", "^[A-Z][a-z]{1,4}$", r"\d{2}-\d{2}", '^"[^"]*"$', r"^\\$", "é[^x]."]
FORMATS = ["date", "time", "date-time", "uuid", "ipv4", "email"]
VALUES: list[Any] = [
    None, True, False, 0, 1, -3, 2.5, 1e20, "", "a", "né\n", '"\\', "\x01", "\ud800",
    [], [1, "x"], {}, {"a": [None]},
]  # fmt: skip


class Schemas:
    """Draws schemas; each has a value that fits, as far as its parts are drawn with care."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def root(self) -> Any:
        """A whole schema, now and then with definitions."""
        schema = self.schema(3)
        if isinstance(schema, dict) and self._random.random() < 0.2:
            # A list of itself, and a schema to refer to.
            tree = {"type": "object", "properties": {"value": schema}, "required": ["value"]}
            tree["properties"]["next"] = {"type": "array", "items": {"$ref": "#/$defs/tree"}}
            tree["properties"]["next"]["maxItems"] = 2
            return {"$defs": {"tree": tree}, "$ref": "#/$defs/tree"}
        return schema

    def schema(self, depth: int) -> Any:
        """A schema with at most so many others inside of each other."""
        kinds = [self._string, self._integer, self._number, self._values, self._small]
        if depth:
            kinds += [self._object, self._object, self._array, self._combined]
        return self._random.choice(kinds)(depth)

    def _small(self, depth: int) -> Any:
        choice = self._random.randrange(5)
        if choice == 0:
            return {"type": ["null", "boolean"]}
        if choice == 1:
            return {"type": ["string", "null"], "maxLength": 3}
        if choice == 2:
            return True
        return {"type": self._random.choice(["null", "boolean", "integer"]), "title": "small"}

    def _values(self, depth: int) -> Any:
        if self._random.random() < 0.3:
            return {"const": self._random.choice(VALUES)}
        return {"enum": self._random.sample(VALUES, self._random.randint(1, 5))}

    def _string(self, depth: int) -> Any:
        draw = self._random
        schema: dict[str, Any] = {"type": "string"}
        choice = draw.randrange(4)
        if choice == 0:
            schema["pattern"] = draw.choice(PATTERNS)
        elif choice == 1:
            schema["format"] = draw.choice(FORMATS)
        else:
            least = draw.randint(0, 4)
            schema |= {"minLength": least, "maxLength": least + draw.randint(0, 6)}
        return schema

    def _bounds(self, schema: dict[str, Any], low: float, high: float) -> Any:
        draw = self._random
        if draw.random() < 0.7:
            schema["minimum" if draw.random() < 0.7 else "exclusiveMinimum"] = low
        if draw.random() < 0.7:
            schema["maximum" if draw.random() < 0.7 else "exclusiveMaximum"] = high
        return schema

    def _integer(self, depth: int) -> Any:
        low = self._random.randint(-1200, 1200)
        return self._bounds({"type": "integer"}, low, low + self._random.randint(2, 10**4))

    def _number(self, depth: int) -> Any:
        low = round(self._random.uniform(-20, 20), self._random.randint(0, 3))
        high = round(low + self._random.uniform(0.1, 30), 3)
        return self._bounds({"type": "number"}, low, high)

    def _array(self, depth: int) -> Any:
        draw = self._random
        schema: dict[str, Any] = {"type": "array"}
        least = draw.randint(0, 2)
        schema |= {"minItems": least, "maxItems": least + draw.randint(0, 3)}
        if draw.random() < 0.8:
            schema["items"] = self.schema(depth - 1)
        if draw.random() < 0.3:
            schema["prefixItems"] = [self.schema(depth - 1) for _ in range(draw.randint(1, 3))]
        return schema

    def _object(self, depth: int) -> Any:
        draw = self._random
        names = draw.sample(NAMES, draw.randint(0, 4))
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {name: self.schema(depth - 1) for name in names},
            "required": [name for name in names if draw.random() < 0.5],
        }
        choice = draw.random()
        if choice < 0.4:
            schema["additionalProperties"] = False
        elif choice < 0.6:
            schema["additionalProperties"] = self.schema(depth - 1)
        return schema

    def _combined(self, depth: int) -> Any:
        draw = self._random
        choice = draw.randrange(4)
        if choice == 0:
            return {"anyOf": [self.schema(depth - 1) for _ in range(draw.randint(1, 3))]}
        if choice == 1:
            kinds = draw.sample(["null", "boolean", "integer", "string", "array"], 2)
            return {"oneOf": [{"type": kind, "maxLength": 3, "maxItems": 2} for kind in kinds]}
        if choice == 2:
            shapes = [
                {
                    "type": "object",
                    "properties": {"kind": {"const": name}, "value": self.schema(depth - 1)},
                    "required": ["kind", "value"],
                }
                for name in draw.sample(NAMES, 2)
            ]
            return {"oneOf": shapes}
        low = draw.randint(-50, 50)
        some = {"minimum": low, "type": ["integer", "null"]}
        other = {"maximum": low + 30, "properties": {"a": True}}
        return {"allOf": [some, other]}
