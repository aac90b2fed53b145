"""What models write by a grammar, in the product's own way, and who says whether it fits."""

from __future__ import annotations

import datetime as dt
import json
import random
from typing import Any

import lark
from deep_tree_echo import Model
from deep_tree_echo.generation import TextGeneration
from deep_tree_echo.grammar import Grammar, GrammarGuidance
from deep_tree_echo.sampling import SamplingSettings

from tests.random_models import random_model_bytes

__all__ = ["answer", "check_json", "earley", "world_model"]

PROMPTS = ("Hello", "User: Tell me about it, please.\n\nAssistant:", "{", "Zürich, 12. März: ", "")


def world_model() -> Model:
    """Random weights over the World vocabulary: it has no notion of JSON, or of an end."""
    return Model.load(random_model_bytes(n_vocab=65536, n_layer=1))


def answer(model: Model, grammar: Grammar, seed: int, most: int) -> tuple[str, str]:
    """A text and why it ended, by settings that differ from seed to seed."""
    draw = random.Random(seed)
    settings = SamplingSettings(
        temperature=draw.choice([0.0, 0.7, 0.7, 0.9, 1.0, 1.2, 1.5]),
        top_p=draw.choice([0.9, 1.0]),
        top_k=draw.choice([0, 40]),
        repetition_penalty=draw.choice([1.0, 1.0, 1.2]),
        presence_penalty=draw.choice([0.0, 0.5]),
        seed=seed,
    )
    generation = TextGeneration(
        model,
        draw.choice(PROMPTS),
        max_tokens=most,
        settings=settings,
        stop=["\n\nUser:"],
        guidance=[GrammarGuidance(grammar)],
    )
    for _ in generation:
        pass
    return generation.text, str(generation.stop_reason)


def check_json(schema: Any, text: str | bytes) -> None:
    """Raises unless PyPI jsonschema says that a text fits."""
    import jsonschema

    value = json.loads(text)
    checker = jsonschema.FormatChecker(["date", "uuid", "ipv4", "email"])
    # Those of the draft; jsonschema's own "time" is that of draft 3, without a zone.
    checker.checks("time", ValueError)(lambda text: bool(dt.time.fromisoformat(text)) or True)
    checker.checks("date-time", ValueError)(lambda text: bool(dt.datetime.fromisoformat(text)))
    jsonschema.Draft202012Validator(schema, format_checker=checker).validate(value)


def earley(grammar: str) -> lark.Lark:
    """PyPI lark's parser of a grammar, which knows every way to read a text."""
    return lark.Lark(grammar, parser="earley", lexer="dynamic_complete", start="root")
