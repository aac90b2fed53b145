"""One turn of the engine: what comes in which order, and what it is made of."""

from __future__ import annotations

import json
from typing import Any

import pytest
from deep_tree_echo import Chain, CognitiveEngine, ModelFile
from deep_tree_echo.context import CognitiveContext
from deep_tree_echo.conversation import Conversation
from deep_tree_echo.errors import ArgumentError, LimitError
from deep_tree_echo.events import Error
from deep_tree_echo.sampling import SamplingSettings

from tests import event_loop
from tests.engine.asking import ask, context, said
from tests.engine.conftest import FILE, SETTINGS, Make


def test_the_order_of_a_turn(engine: CognitiveEngine) -> None:
    events, result = ask(engine, "Hello")
    steps = [(event.name, event.step, event.phase) for event in events if event.type == "membrane"]
    assert steps == [
        (name, step, phase)
        for name, step in (
            ("memory", "prepare"),
            ("grammar", "begin"),
            ("reasoning", "begin"),
            ("reasoning", "finish"),
            ("grammar", "finish"),
            ("memory", "learn"),
        )
        for phase in ("begin", "end")
    ]
    kinds = [event.type for event in events]
    assert kinds.index("prompt") > kinds.index("membrane")
    assert kinds.count("token") == 8
    assert result.type == "done"
    assert "".join(e.text for e in events if e.type == "token").strip() == result.text
    for event in [*events, result]:
        assert json.loads(json.dumps(event.to_json()))["type"] == event.type


def test_the_result_is_the_answer_of_the_conversation(chain: Chain, make: Make) -> None:
    chat = Conversation(chain, settings=SamplingSettings(**SETTINGS), max_tokens=8)
    *_, done = chat.say("Hello")
    _, result = ask(make(), "Hello")
    assert result.integrated_response == result.text == done.text
    assert (result.backend_used, result.model) == ("rwkv_cpp", "model.bin")
    assert (result.context_tokens, result.n_tokens) == (done.context_tokens, 8)
    assert not result.fallback_mode
    assert result.error is None
    assert result.enhancement_metadata.rwkv_cpp_enhanced


def test_what_else_happened_is_in_the_record(engine: CognitiveEngine) -> None:
    _, result = ask(engine, "Hello", temporal_context=[{"at": 3, "what": "rain"}])
    assert result.temporal_context == [{"at": 3, "what": "rain"}]


def test_what_was_recalled_is_read_before_the_message(engine: CognitiveEngine) -> None:
    ask(engine, "Ada likes tea")
    _, result = ask(engine, "What does Ada like?", session="other")
    assert said(engine, "other").startswith("Notes: Ada likes tea\n\nUser: What does Ada like?")
    memory = result.memory_response
    assert memory.output_text == "Notes: Ada likes tea"
    assert memory.confidence == 0.25
    assert memory.internal_state == {
        "active": True,
        "prepare": {"recalled": 1},
        "learn": {"stored": 2},
    }
    assert memory.processing_time > 0


def test_the_confidence_is_the_mean_of_those_that_have_one(make: Make) -> None:
    engine = make()
    _, first = ask(engine, "Ada likes tea")
    assert first.memory_response.confidence is None
    assert first.overall_confidence == first.grammar_response.confidence
    _, second = ask(engine, "Ada?")
    confidences = [second.memory_response.confidence, second.grammar_response.confidence]
    assert second.overall_confidence == pytest.approx(sum(filter(None, confidences)) / 2)
    _, none = ask(make(memory=None, grammar=None, reasoning=None), "Ada?")
    assert none.overall_confidence is None
    assert none.grammar_response.internal_state == {"active": False}


def test_a_grammar_holds(engine: CognitiveEngine) -> None:
    _, result = ask(engine, "Say a or b", metadata={"grammar": "ab"})
    assert set(result.text) <= set("ab")
    assert len(result.text) == 8
    _, free = ask(engine, "Say it", session="other")
    assert not set(free.text) <= set("ab")


def test_reasoning_may_answer_by_branches(engine: CognitiveEngine) -> None:
    metadata = {"settings": SETTINGS | {"temperature": 3.0, "top_k": 0, "seed": None}}
    _, result = ask(engine, "Hello", processing_goals=["twice"], metadata=metadata)
    chat = engine.conversation("s")
    assert chat is not None
    assert chat.current is not None
    assert len(chat.all_turns) == 2
    assert chat.current.reply == result.text
    assert len(result.text) == max(len(turn.reply) for turn in chat.all_turns)
    assert result.reasoning_response.internal_state["n"] == 2


def test_nothing_is_read_twice(engine: CognitiveEngine) -> None:
    _, first = ask(engine, "Hello")
    metrics = first.enhancement_metadata.performance_metrics
    assert metrics["prompt_tokens"] == len("User: Hello\n\nAssistant:")
    assert metrics["reused_tokens"] == 0
    _, second = ask(engine, "Again")
    metrics = second.enhancement_metadata.performance_metrics
    assert metrics["reused_tokens"] == first.context_tokens
    assert metrics["prompt_tokens"] == len("\n\nUser: Again\n\nAssistant:")


def test_a_history_that_is_known_is_not_read_again(make: Make) -> None:
    engine = make(memory=None)
    _, first = ask(engine, "One")
    _, second = ask(engine, "Two")
    history = [
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": first.text},
    ]
    _, other = ask(engine, "2", conversation_history=history)
    metrics = other.enhancement_metadata.performance_metrics
    assert metrics["prompt_tokens"] == len("\n\nUser: 2\n\nAssistant:")
    chat = engine.conversation("s")
    assert chat is not None
    assert [turn.user for turn in chat.turns] == ["One", "2"]
    assert len(chat.all_turns) == 3
    assert chat.all_turns[1].reply == second.text
    # A session that knows nothing reads all of it.
    fresh = make(memory=None)
    ask(fresh, "2", conversation_history=history)
    assert said(fresh).startswith(f"User: One\n\nAssistant: {first.text}\n\nUser: 2\n\nAssistant:")


def test_an_answer_goes_on(make: Make) -> None:
    engine = make(memory=None)
    _, first = ask(engine, "Hello")
    metadata = {"continues": first.text}
    events, longer = ask(engine, "Hello", metadata=metadata)
    assert not [event for event in events if event.type == "prompt"]
    assert longer.text.startswith(first.text)
    assert len(longer.text) > len(first.text)
    _, whole = ask(make(memory=None, values={"max_tokens": 16}), "Hello")
    assert whole.text == longer.text
    # An answer of an earlier talk, too.
    _, new = ask(engine, "Hello", session="other", metadata={"continues": "It is"})
    assert new.text.startswith("It is")


def test_two_sessions_in_turns_are_what_they_are_alone(make: Make) -> None:
    alone = make(memory=None)
    texts = {name: ask(alone, f"I am {name}", session=name)[1].text for name in "ab"}
    engine = make(memory=None)
    streams = {name: engine.process(context(f"I am {name}", name)) for name in "ab"}
    results: dict[str, Any] = {}
    while streams:
        for name, stream in list(streams.items()):
            event = next(stream, None)
            if event is None:
                del streams[name]
            else:
                results[name] = event
    assert {name: result.text for name, result in results.items()} == texts
    assert all(r.enhancement_metadata.parallel_processing for r in results.values())
    assert engine.summary()["answers"] == 2


def test_two_sessions_by_asyncio(make: Make) -> None:
    import asyncio

    engine = make(memory=None)
    order = []

    async def one(name: str) -> str:
        events = []
        async for event in engine.aprocess(context(f"I am {name}", name)):
            order.append(name)
            events.append(event)
        return events[-1].text  # type: ignore[attr-defined, no-any-return]

    async def both() -> list[str]:
        return await asyncio.gather(one("a"), one("b"))

    texts = event_loop.run(both())
    assert order[:6] == ["a", "b"] * 3
    assert texts == [ask(make(memory=None), f"I am {name}")[1].text for name in "ab"]


def test_a_session_gives_one_answer_at_a_time(engine: CognitiveEngine) -> None:
    events = engine.process(context("Hello"))
    next(events)
    with pytest.raises(ArgumentError, match="under way in that session"):
        engine.process(context("And?"))
    events.close()
    ask(engine, "And?")


def test_sessions_are_limited_and_time_out(chain: Chain) -> None:
    from deep_tree_echo import EngineConfig

    now = [0.0]
    config = EngineConfig(session_limit=2, session_timeout_s=60, max_tokens=2)
    engine = CognitiveEngine(chain, config=config, clock=lambda: now[0])
    ask(engine, "1", session="a")
    now[0] = 30
    ask(engine, "1", session="b")
    with pytest.raises(LimitError, match="There are 2 sessions already"):
        engine.process(context("1", "c"))
    ask(engine, "2", session="b")
    now[0] = 61
    ask(engine, "1", session="c")
    assert [session.id for session in engine.sessions] == ["b", "c"]
    engine.forget("b")
    assert engine.conversation("b") is None


def test_the_oldest_session_may_go(chain: Chain) -> None:
    from deep_tree_echo import EngineConfig

    now = iter(range(1000))
    config = EngineConfig(session_limit=2, when_full="forget", max_tokens=2)
    engine = CognitiveEngine(chain, config=config, clock=lambda: float(next(now)))
    for name in ("a", "b", "a", "c"):
        ask(engine, "1", session=name)
    assert [session.id for session in engine.sessions] == ["a", "c"]


def test_stopping_keeps_what_was_said(make: Make) -> None:
    engine = make(values={"max_tokens": 100})
    shown = ""
    for event in engine.process(context("Hello")):
        if event.type == "token":
            shown += event.text
            if event.index == 5:
                engine.stop("s")
    assert event.stop_reason == "cancelled"
    assert event.text == shown.strip()
    assert engine.summary()["cancelled"] == 1
    # Also before there is an answer to stop.
    events = engine.process(context("More"))
    next(events)
    engine.stop("s")
    *_, result = events
    assert (result.stop_reason, result.text) == ("cancelled", "")


@pytest.mark.parametrize("at", ["membrane", "prompt", "token", "metrics"])
def test_leaving_takes_everything_back(make: Make, at: str) -> None:
    engine = make(values={"max_tokens": 4000})
    ask(engine, "Hello", metadata={"max_tokens": 4})
    before, notes = said(engine), list(engine.memory.notes)  # type: ignore[union-attr]
    events = engine.process(context("And?"))
    for event in events:
        if event.type == at:
            break
    events.close()
    assert said(engine) == before
    assert engine.memory.notes == notes  # type: ignore[union-attr]
    chat = engine.conversation("s")
    assert chat is not None
    assert len(chat.all_turns) == 1
    assert engine.summary()["left"] == 1
    # A session that has nothing to show for is not kept.
    events = engine.process(context("Hello", "new"))
    next(events)
    events.close()
    assert engine.conversation("new") is None


def test_a_talk_beyond_the_context_length_is_read_anew_from_its_latest_turns(make: Make) -> None:
    engine = make(memory=None, values={"context_length": 120})
    lengths = [ask(engine, f"Message {number}")[1].context_tokens for number in range(12)]
    # One answer may go beyond by its own tokens.
    assert max(lengths) <= 120 + 8 + len("User: \n\nAssistant:")
    assert sorted(lengths) != lengths
    assert "Message 11" in said(engine)
    assert "Message 0" not in said(engine)
    *_, error = engine.process(context("x" * 121))
    assert isinstance(error, Error)
    assert "context_length is 120; shorten it" in error.message


def test_without_cached_states_everything_is_read_again(make: Make) -> None:
    engine = make(memory=None, values={"cache_tokens": False})
    plain = make(memory=None)
    for text in ("One", "Two"):
        _, result = ask(engine, text)
        _, same = ask(plain, text)
        assert result.text == same.text
    chat = engine.conversation("s")
    assert chat is not None
    assert chat.state_bytes == 0
    assert result.enhancement_metadata.performance_metrics["reused_tokens"] == 0
    assert not result.enhancement_metadata.cache_enabled


@pytest.mark.parametrize("preference", ["python_rwkv", "mock"])
def test_every_backend_answers(make: Make, preference: Any) -> None:
    engine = make(Chain.load(FILE, preference))
    _, result = ask(engine, "Hello")
    assert result.backend_used == preference
    assert result.text
    assert result.fallback_mode == (preference == "mock")
    assert not result.enhancement_metadata.rwkv_cpp_enhanced
    assert result.model_state["backend"] == preference


def test_a_grammar_that_the_backend_cannot_follow_is_an_error(make: Make) -> None:
    engine = make(Chain.load(ModelFile.from_bytes("none", b""), "mock"))
    *_, error = engine.process(context("Hello", metadata={"grammar": "ab"}))
    assert isinstance(error, Error)
    assert "mock cannot follow the grammar" in error.message
    assert engine.conversation("s") is None


def test_the_model_state_is_measured(engine: CognitiveEngine) -> None:
    _, first = ask(engine, "Hello")
    _, second = ask(engine, "Again")
    one, two = first.model_state, second.model_state
    assert one["state_norm"] > 0
    assert one["state_norm"] != two["state_norm"]
    assert one["context_tokens"] == first.context_tokens < two["context_tokens"]
    assert (one["architecture"], one["n_vocab"]) == ("7.0", 257)
    assert first.performance_summary["answers"] == 1
    assert second.performance_summary["answers"] == 2
    assert second.performance_summary["tokens"] == 16
    assert second.performance_summary["max_latency"] >= second.performance_summary["min_latency"]


def test_no_field_is_a_constant(engine: CognitiveEngine) -> None:
    results = [
        ask(engine, f"Ada asks about {'x' * (3 * n)} {n}", metadata={"max_tokens": 3 + n % 5})[1]
        for n in range(20)
    ]
    flat = [flattened(result.to_json()) for result in results]
    constant = {key for key in flat[0] if len({one.get(key) for one in flat}) == 1}
    allowed = {
        # What is the same for every request to the same model must be.
        "backend", "backend_used", "model", "stop_reason", "type", "fallback_mode", "error",
        "enhancement_metadata.rwkv_cpp_enhanced", "enhancement_metadata.parallel_processing",
        "enhancement_metadata.cache_enabled", "temporal_context",
    }  # fmt: skip
    unexpected = {
        key
        for key in constant - allowed
        if not key.startswith(("model_state.", "failures"))
        and not key.endswith(("membrane_type", "active", "memory_bytes", "_latency"))
    }
    summary = {f"performance_summary.{n}" for n in (
        "errors", "left", "cancelled", "success_rate",
    )}  # fmt: skip
    reasoning = {"reasoning_response.confidence", "reasoning_response.internal_state.n"}
    assert unexpected <= summary | reasoning | {"grammar_response.output_text"}


def flattened(value: Any, key: str = "") -> dict[str, str]:
    if isinstance(value, dict):
        return {k: v for name, one in value.items() for k, v in
                flattened(one, f"{key}.{name}".lstrip(".")).items()}  # fmt: skip
    return {key: json.dumps(value)}


@pytest.mark.parametrize(
    ("metadata", "sentence"),
    [
        ({"settings": {"top_p": 0}}, "top_p is 0; it must be above 0"),
        ({"settings": {"heat": 1}}, "metadata['settings'] has 'heat'"),
        ({"settings": 3}, "metadata['settings'] is 3"),
        ({"max_tokens": -1}, "metadata['max_tokens'] is -1"),
        ({"max_tokens": True}, "metadata['max_tokens'] is True"),
        ({"continues": 1}, "metadata['continues'] is 1"),
    ],
)
def test_bad_options_are_refused_at_once(
    engine: CognitiveEngine, metadata: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ArgumentError) as refused:
        engine.process(CognitiveContext("s", "Hello", metadata=metadata))
    assert sentence in str(refused.value)
    assert engine.sessions == []


@pytest.mark.parametrize(
    ("history", "sentence"),
    [
        (["Hello"], "conversation_history[0] is 'Hello'; give a dictionary."),
        ([{"role": "assistant", "content": "x"}], "[0] has the role 'assistant'; it must be 'use"),
        ([{"role": "user", "content": 3}], "[0] has the content 3; give a text."),
        ([{"role": "user", "content": "x"}], "[0] has no reply"),
    ],
)
def test_bad_histories_are_refused_at_once(
    engine: CognitiveEngine, history: list[Any], sentence: str
) -> None:
    with pytest.raises(ArgumentError) as refused:
        engine.process(CognitiveContext("s", "Hello", conversation_history=history))
    assert sentence in str(refused.value)


def test_what_is_no_context_is_refused(engine: CognitiveEngine) -> None:
    with pytest.raises(ArgumentError, match="context is of type str"):
        engine.process("Hello")  # type: ignore[arg-type]


def test_a_conversation_of_ones_own(chain: Chain, make: Make) -> None:
    engine = make(memory=None, values={"session_limit": 1})
    ask(engine, "Hello")
    chat = Conversation(chain)
    text = context("Hello", "mine")
    *_, first = engine.process(text, chat=chat)
    *_, longer = engine.process(text, chat=chat, ask=lambda preface: chat.go_on())
    assert longer.text.startswith(first.text)
    assert [turn.reply for turn in chat.turns] == [longer.text]
    assert longer.reasoning_response.internal_state == {"active": False}
    assert [session.id for session in engine.sessions] == ["s"]
    heard = []

    class Ear:
        name, required = "ear", False

        def start(self, model: Any) -> Any:
            return self

        def adjust(self, logits: Any) -> Any:
            return logits

        def accept(self, token: int, reading: Any) -> None:
            heard.append(token)

    *_, second = engine.process(context("And?", "mine"), chat=chat, guidance=[Ear()])
    assert len(heard) == second.n_tokens == 8
