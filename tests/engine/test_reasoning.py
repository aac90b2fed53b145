"""The reasoning membrane in the engine: answers by branches, with a confidence."""

from __future__ import annotations

import json

import pytest
from deep_tree_echo import Conversation
from deep_tree_echo.engine import CognitiveEngine
from deep_tree_echo.events import Done
from deep_tree_echo.membranes.reasoning import ReasoningMembrane
from deep_tree_echo.store import ConversationStore
from deep_tree_echo.store.recorder import Recorder

from tests.engine.asking import ask, context, said
from tests.engine.conftest import ASCII, Make

HOT = {"settings": {"temperature": 1.5, "seed": 3, "bias": ASCII}}
QUESTION = "If all birds fly, then do swans fly?"


@pytest.fixture
def engine(make: Make) -> CognitiveEngine:
    return make(memory=None, reasoning=ReasoningMembrane())


def test_an_answer_by_branches(engine: CognitiveEngine) -> None:
    events, result = ask(engine, QUESTION, metadata=HOT)
    kinds = {event.type for event in events}
    assert {"branch", "choice", "token", "membrane"} <= kinds
    assert result.error is None
    reasoning = result.reasoning_response
    assert reasoning.internal_state["plan"]["kind"] == "deductive"
    assert reasoning.output_text == result.text
    assert reasoning.confidence is not None
    assert 0 <= reasoning.confidence <= 1
    confidences = [reasoning.confidence, result.grammar_response.confidence]
    assert result.overall_confidence == pytest.approx(sum(filter(None, confidences)) / 2)
    chat = engine.conversation("s")
    assert chat is not None
    assert [turn.reply for turn in chat.turns] == [result.text]
    assert len(chat.all_turns) == len(reasoning.internal_state["branches"])
    # The talk goes on from the chosen one without reading anything again.
    _, second = ask(engine, "And?", metadata=HOT)
    metrics = second.enhancement_metadata.performance_metrics
    assert metrics["reused_tokens"] >= result.context_tokens - 1


def test_a_grammar_holds_in_every_branch(engine: CognitiveEngine) -> None:
    _, result = ask(engine, QUESTION, metadata=HOT | {"grammar": "ab"})
    texts = [one["text"].strip() for one in result.reasoning_response.internal_state["branches"]]
    assert all(set(text) <= set("ab") for text in [*texts, result.text])


@pytest.mark.parametrize("at", ["branch", "choice", "token"])
def test_leaving_takes_everything_back(engine: CognitiveEngine, at: str) -> None:
    ask(engine, "Hello")
    before = said(engine)
    chat = engine.conversation("s")
    assert chat is not None
    turns = list(chat.all_turns)
    events = engine.process(context(QUESTION, metadata=HOT))
    for event in events:
        if event.type == at:
            break
    events.close()
    assert said(engine) == before
    assert chat.all_turns == turns


def test_stopping_gives_the_best_so_far(engine: CognitiveEngine) -> None:
    seen = 0
    for event in engine.process(context(QUESTION, metadata=HOT | {"max_tokens": 2000})):
        seen += event.type == "branch"
        if seen == 10:
            engine.stop("s")
    assert event.type == "done"
    assert event.stop_reason == "cancelled"
    assert seen < 100


def test_a_stored_session_reasons_too(engine: CognitiveEngine) -> None:
    with ConversationStore.open(None) as store:
        engine.store = store
        _, result = ask(engine, QUESTION, metadata=HOT)
        assert result.error is None
        assert result.reasoning_response.output_text == result.text
        messages = store.path(store.conversation("s").leaf)
        assert [message.text for message in messages] == [QUESTION, result.text]
        ask(engine, "And?", metadata=HOT)


def test_a_store_keeps_an_answers_figures_and_not_all_its_candidates(
    engine: CognitiveEngine,
) -> None:
    with ConversationStore.open(None) as store:
        chat = Conversation(engine.chain)
        conversation = store.create()
        question = store.add(conversation, None, "user", QUESTION, id="q")
        store.add(conversation, question.id, "assistant", "", id="a", status="streaming")
        recorder = Recorder(store, "a", snapshot_tokens=None)
        events = engine.process(context(QUESTION, metadata=HOT), chat=chat)
        result = list(recorder.follow(events, chat))[-1]
        kept = store.message("a").figures
        assert kept is not None
        assert isinstance(result, Done)
        assert (kept["n_tokens"], kept["failures"]) == (result.n_tokens, [])
        assert len(json.dumps(kept)) < 1000
