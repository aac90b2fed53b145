"""Models write by schemas and grammars as they are used, and everything finished is valid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from deep_tree_echo import Model, platform
from deep_tree_echo.errors import ArgumentError
from deep_tree_echo.grammar import Grammar

from tests.grammar.answers import answer, check_json, earley, world_model
from tests.grammar.grammars import Grammars
from tests.grammar.written import WrittenSchemas

N_SCHEMAS, N_GRAMMARS = 24, 8
MOST_TOKENS = 160


@pytest.fixture(scope="module", params=["bundled", "world"])
def model(request: pytest.FixtureRequest) -> Iterator[Model]:
    if request.param == "world" and platform.vocabulary_path() is None:
        pytest.skip("the World vocabulary is not here")
    with Model.load() if request.param == "bundled" else world_model() as loaded:
        yield loaded


@pytest.mark.native("PyPI jsonschema, its oracle, is not among the wheels")
def test_schemas(model: Model) -> None:
    """`./build.sh bench grammar` has a thousand of them."""
    finished = 0
    for seed in range(N_SCHEMAS):
        schema = WrittenSchemas(seed).root()
        grammar = Grammar.json_schema(schema)
        text, reason = answer(model, grammar, seed, MOST_TOKENS)
        if reason == "end":
            check_json(schema, text)
            assert grammar.matches(text)
            finished += 1
        else:
            assert reason == "length"
    assert finished >= N_SCHEMAS // 4


def test_grammars(model: Model) -> None:
    finished = 0
    for seed in range(N_GRAMMARS):
        text, other = Grammars(seed).both()
        written, reason = answer(model, Grammar.gbnf(text), seed, 60)
        if reason == "end" and len(written) <= 100:
            earley(other).parse(written)
            finished += 1
    assert finished >= N_GRAMMARS // 4


def test_every_schema_compiles() -> None:
    """What people write is not refused."""
    for seed in range(100, 160):
        Grammar.json_schema(WrittenSchemas(seed).root())


UNSUPPORTED: dict[str, Any] = {
    "multipleOf": 3,
    "uniqueItems": True,
    "patternProperties": {"^x": True},
    "propertyNames": {"maxLength": 3},
    "minProperties": 1,
    "maxProperties": 2,
    "dependentRequired": {"a": ["b"]},
    "dependentSchemas": {"a": True},
    "contains": {"const": 1},
    "minContains": 1,
    "maxContains": 2,
    "unevaluatedProperties": False,
    "unevaluatedItems": False,
    "not": {"const": 1},
    "if": True,
    "then": True,
    "else": False,
    "$anchor": "here",
    "$dynamicRef": "#here",
    "$dynamicAnchor": "here",
    "nullable": True,
}


@pytest.mark.parametrize("keyword", UNSUPPORTED)
def test_what_is_not_supported_is_named(keyword: str) -> None:
    schema = {"properties": {"a": {"type": "array", keyword: UNSUPPORTED[keyword]}}}
    with pytest.raises(ArgumentError) as error:
        Grammar.json_schema(schema)
    assert str(error.value).startswith(f"#/properties/a of json_schema uses {keyword!r}")
