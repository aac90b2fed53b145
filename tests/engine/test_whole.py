"""The engine with all its real parts."""

from __future__ import annotations

from pathlib import Path

import pytest
from deep_tree_echo import CognitiveEngine, EngineConfig
from deep_tree_echo.errors import ArgumentError
from deep_tree_echo.events import Error
from deep_tree_echo.loading import complete
from deep_tree_echo.store import ConversationStore

from tests.engine.asking import ask, context, said
from tests.random_models import write_random_model


@pytest.fixture
def config(tmp_path: Path) -> EngineConfig:
    path = tmp_path / "model.bin"
    write_random_model(path)
    return EngineConfig(model_path=str(path), max_tokens=8, database_path=str(tmp_path / "echo.db"))


def load(config: EngineConfig, store: ConversationStore | None = None) -> CognitiveEngine:
    from deep_tree_echo.engine.loading import load_engine

    return complete(load_engine(config, store, share_loop=False))


def test_what_was_told_is_recalled_in_another_session_and_after_a_restart(
    config: EngineConfig,
) -> None:
    engine = load(config)
    _, first = ask(engine, "My sister Anna plays the cello.")
    assert first.memory_response.internal_state["learn"]["stored"]
    assert first.memory_response.confidence is None
    engine.close()
    engine = load(config)
    _, second = ask(engine, "Which instrument does Anna play?", session="other")
    memory = second.memory_response
    assert "cello" in memory.output_text
    assert said(engine, "other").startswith(memory.output_text.strip()[:20])
    assert memory.confidence is not None
    assert second.reasoning_response.confidence is not None
    confidences = [
        response.confidence
        for response in (memory, second.reasoning_response, second.grammar_response)
        if response.confidence is not None
    ]
    assert second.overall_confidence == pytest.approx(sum(confidences) / len(confidences))
    assert second.error is None
    engine.close()


def test_what_a_request_asks_not_to_remember_is_not(config: EngineConfig) -> None:
    engine = load(config)
    ask(engine, "My sister Anna plays the cello.", memory_state={"nothing": True})
    assert len(engine.memory) == 0  # type: ignore[arg-type]
    engine.close()


SCHEMA = {
    "type": "object",
    "properties": {"town": {"enum": ["Rome", "Oslo"]}, "large": {"type": "boolean"}},
    "required": ["town", "large"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("reasons", [False, True])
def test_a_schema_holds(config: EngineConfig, reasons: bool) -> None:
    import json
    from dataclasses import replace

    engine = load(replace(config, enable_reasoning=reasons, max_tokens=200))
    metadata = {"json_schema": SCHEMA, "settings": {"temperature": 1.5, "seed": 4}}
    _, result = ask(engine, "Name a town.", metadata=metadata)
    answer = json.loads(result.text)
    assert answer["town"] in ("Rome", "Oslo")
    assert isinstance(answer["large"], bool)
    assert result.stop_reason == "end"
    assert result.grammar_response.confidence is not None
    assert result.grammar_response.internal_state["complete"]
    assert result.error is None
    # The next answer is free again.
    _, free = ask(engine, "And now?")
    assert free.grammar_response.confidence is None
    assert free.grammar_response.internal_state["answer"]["words"] >= 0
    *_, error = engine.process(context("x", metadata={"json_schema": {"type": "colour"}}))
    assert isinstance(error, Error)
    assert "colour" in error.message
    engine.close()


def test_adaptation_learns_and_is_gauged(config: EngineConfig) -> None:
    from dataclasses import replace

    engine = load(replace(config, enable_adaptation=True, enable_reasoning=False))
    _, result = ask(engine, "The quokka hops. The quokka eats. The quokka sleeps.")
    gauge = result.enhancement_metadata.performance_metrics["adaptation"]
    assert gauge["tokens"] > 40
    assert result.error is None
    engine.close()


def test_a_store_holds_the_memories_too(config: EngineConfig, tmp_path: Path) -> None:
    from dataclasses import replace

    config = replace(config, database_path=None)
    for session in ("a", "b"):
        with ConversationStore.open(tmp_path / "talks.db") as store:
            engine = load(config, store)
            _, result = ask(engine, "My sister Anna plays the cello.", session=session)
            engine.close()
    assert "cello" in result.memory_response.output_text


def test_a_database_that_cannot_be_opened_is_one_sentence(config: EngineConfig) -> None:
    from dataclasses import replace

    with pytest.raises((ArgumentError, OSError), match="nowhere"):
        load(replace(config, database_path="/nowhere/echo.db"))
