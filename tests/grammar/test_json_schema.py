"""Whatever is written by a JSON Schema fits it, as PyPI jsonschema says."""

from __future__ import annotations

from typing import Any

import pytest
from deep_tree_echo import core
from deep_tree_echo.errors import ArgumentError, LimitError
from deep_tree_echo.grammar import Grammar

from tests.grammar.answers import check_json
from tests.grammar.schemas import Schemas
from tests.grammar.writing import draw, tokenizer, vocabulary


@pytest.mark.native("PyPI jsonschema, its oracle, is not among the wheels")
@pytest.mark.parametrize("block", range(20))
def test_a_thousand_schemas(block: int) -> None:
    """Tokens at random, so that every rare way is gone."""
    words, pieces = tokenizer(), vocabulary()
    whole = 0
    for seed in range(50 * block, 50 * (block + 1)):
        schema = Schemas(seed).root()
        grammar = Grammar.json_schema(schema)
        text = draw(core.Grammar(grammar.program.words, words), pieces, seed)
        if text is not None:
            check_json(schema, text)
            assert grammar.matches(text)
            whole += 1
    assert whole >= 45


FITS: list[tuple[Any, list[str], list[str]]] = [
    (True, ["1", "null", '{"a": [1.5e3, "x"]}', "[]"], ["", "[1,]", "01", "nul", '"\x01"']),
    ({"type": "integer"}, ["0", "-12", "999999999999999"], ["1.0", "-0", "1e3", "+1"]),
    ({"type": "integer", "minimum": -3, "maximum": 25}, ["-3", "0", "25"], ["-4", "26", "03"]),
    ({"type": "integer", "exclusiveMinimum": 9, "maximum": 100}, ["10", "100"], ["9", "101"]),
    ({"type": "number", "minimum": 0.2, "maximum": 0.8}, ["0.20", "0.55", "0.80"], ["0.19", "1"]),
    ({"type": "number", "exclusiveMaximum": 0}, ["-1", "-0.01"], ["0", "0.00", "-0.00"]),
    ({"type": "string", "maxLength": 2}, ['""', '"é☺"', r'"\n\""'], ['"abc"', '"\n"']),
    ({"type": "string", "pattern": "^a+$"}, ['"aa"'], ['""', '"ab"']),
    ({"type": "string", "pattern": "b"}, ['"abc"', '"b"'], ['"ac"']),
    ({"type": "string", "pattern": "^a|b$"}, ['"ax"', '"xb"'], ['"xa"']),
    ({"pattern": "^x", "maxLength": 2, "type": "string"}, ['"x"', '"xy"'], ['"xyz"', '"y"']),
    ({"type": "string", "format": "date"}, ['"2024-02-28"'], ['"2024-02-30"', '"24-1-1"']),
    ({"enum": [1, "a", None]}, ["1", '"a"', "null"], ["2", "a"]),
    ({"enum": [1, 5, 9], "minimum": 4}, ["5", "9"], ["1"]),
    ({"const": {"a": [1]}}, ['{"a": [1]}'], ['{"a":[1]}']),
    ({"type": "array", "maxItems": 2, "items": {"const": 1}}, ["[]", "[1, 1]"], ["[1,1,1]"]),
    ({"type": "array", "minItems": 1, "items": True}, ['["x"]'], ["[]"]),
    ({"prefixItems": [{"const": 1}], "items": False, "type": "array"}, ["[1]", "[]"], ["[1,1]"]),
    (
        {"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 2}}},
        ["{}", '{"a":1}', '{"b": 2}', '{"a": 1, "b":2}'],
        ['{"b":2,"a":1}', '{"a":1,}', '{"c":1}'],
    ),
    (
        {"type": "object", "additionalProperties": {"type": "null"}, "properties": {"a": True}},
        ['{"b": null}', '{"a":1, "b":null}', '{"aa":null,"":null}'],
        ['{"b":1}', '{"b":null,"a":1}'],
    ),
    ({"anyOf": [{"type": "null"}, {"const": 1}]}, ["null", "1"], ["2"]),
    ({"allOf": [{"minimum": 3}, {"maximum": 5}], "type": "integer"}, ["3", "5"], ["2", "6"]),
    (
        {"$defs": {"l": {"type": "array", "items": {"$ref": "#/$defs/l"}}}, "$ref": "#/$defs/l"},
        ["[]", "[[], [[]]]"],
        ["[1]", "[[]"],
    ),
]


@pytest.mark.parametrize(("schema", "fit", "others"), FITS, ids=lambda one: str(one)[:40])
def test_what_fits(schema: Any, fit: list[str], others: list[str]) -> None:
    grammar = Grammar.json_schema(schema)
    assert [text for text in fit if not grammar.matches(text)] == []
    assert [text for text in others if grammar.matches(text)] == []


REFUSED: list[tuple[Any, str]] = [
    ({"multipleOf": 3}, "# of json_schema uses 'multipleOf', which is not supported; leave it"),
    (
        {"properties": {"a/b": {"uniqueItems": True}}},
        "#/properties/a~1b of json_schema uses 'uniqueItems'",
    ),
    ({"type": "text"}, "#/type of json_schema is 'text'; it must be one or several of null"),
    ({"format": "iri"}, "#/format of json_schema is 'iri'; it must be one of date, time"),
    ({"minLength": -1}, "#/minLength of json_schema is -1; it must be a whole number"),
    (7, "# of json_schema is 7; it must be a dictionary, True or False"),
    ({"$ref": "other.json"}, "$ref is 'other.json'; json_schema may refer to itself only"),
    ({"$ref": "#/x"}, "$ref is '#/x'; json_schema has nothing there."),
    ({"$ref": "#"}, "$ref is '#' and leads back to itself"),
    ({"type": "string", "pattern": "a(?=b)"}, "pattern is 'a(?=b)'; '(?=' near character 3"),
    ({"type": "string", "pattern": "^(a"}, "'( without )'"),
    ({"type": "string", "pattern": r"\bword"}, r"'\\b' near character 2"),
    ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "alternatives 0 and 1 of a oneOf"),
    ({"type": "integer", "minimum": 3, "maximum": 2}, "json_schema allows no value"),
    (False, "json_schema allows no value"),
    (
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        "json_schema allows no value",
    ),
    ("{", "json_schema is not JSON"),
]


@pytest.mark.parametrize(("schema", "sentence"), REFUSED, ids=lambda one: str(one)[:40])
def test_what_is_refused(schema: Any, sentence: str) -> None:
    with pytest.raises(ArgumentError) as error:
        Grammar.json_schema(schema)
    assert sentence in str(error.value)
    assert str(error.value).count("\n") == 0


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "minItems": 2**31 - 1},
        {"type": "string", "minLength": 10**6},
        {"type": "string", "pattern": "(a|b)*a(a|b){18}"},
        {"allOf": [{"anyOf": [{"const": i}, {"minimum": i}]} for i in range(12)]},
    ],
)
def test_hostile_sizes(schema: Any) -> None:
    with pytest.raises((LimitError, ArgumentError)) as error:
        Grammar.json_schema(schema)
    assert len(str(error.value)) < 300


def test_deep_schemas() -> None:
    schema: Any = {"type": "null"}
    for _ in range(100):
        schema = {"type": "array", "items": schema, "minItems": 1, "maxItems": 1}
    assert Grammar.json_schema(schema).matches("[" * 100 + "null" + "]" * 100)
    with pytest.raises(ArgumentError, match="inside of more than 100 schemas"):
        Grammar.json_schema({"items": schema})
