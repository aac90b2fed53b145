from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from deep_tree_echo import Chain, CognitiveEngine, EngineConfig, ModelFile

from tests.engine.membranes import Letters, Notebook, Twice
from tests.random_models import random_model_bytes

# Random models write invalid UTF-8, which cannot be read again from a text: keep to ASCII.
ASCII = {byte + 1: -1e9 for byte in range(128, 256)} | {0: -1e9}
SETTINGS = {"temperature": 0.0, "seed": 0, "bias": ASCII}
FILE = ModelFile.from_bytes("model.bin", random_model_bytes())

Make = Callable[..., CognitiveEngine]


@pytest.fixture(scope="session")
def chain() -> Iterator[Chain]:
    chain = Chain.load(FILE)
    yield chain
    chain.close()


@pytest.fixture
def make(chain: Chain) -> Make:
    def make(chain: Chain = chain, **options: Any) -> CognitiveEngine:
        values = options.pop("values", {})
        membranes = {"memory": Notebook(), "reasoning": Twice(), "grammar": Letters()} | options
        return CognitiveEngine(
            chain, config=EngineConfig(**{"max_tokens": 8} | values), **membranes
        )

    return make


@pytest.fixture
def engine(make: Make) -> CognitiveEngine:
    return make()
