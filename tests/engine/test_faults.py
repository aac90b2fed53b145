"""Membranes and backends that fail: the answer comes all the same, or nothing has changed."""

from __future__ import annotations

from typing import Any

import pytest
from deep_tree_echo import Chain, CognitiveEngine
from deep_tree_echo.errors import BackendError, EchoError
from deep_tree_echo.events import Error, Fallback

from tests.engine.asking import ask, context, said
from tests.engine.conftest import FILE, Make
from tests.engine.membranes import Broken, Letters, Notebook, Only, Twice

MEMBRANES = {"memory": Notebook, "reasoning": Twice, "grammar": Letters}
STEPS = [
    ("memory", "prepare"),
    ("memory", "learn"),
    ("reasoning", "begin"),
    ("reasoning", "finish"),
    ("grammar", "begin"),
    ("grammar", "finish"),
]


@pytest.mark.parametrize(("name", "step"), STEPS)
@pytest.mark.parametrize("junk", [None, 7])
def test_a_membrane_that_fails_is_reported_and_the_answer_comes(
    make: Make, name: str, step: str, junk: Any
) -> None:
    _, whole = ask(make(), "Hello")
    engine = make(**{name: Broken(MEMBRANES[name](), step, junk)})
    events, result = ask(engine, "Hello")
    assert result.text == whole.text
    response = getattr(result, f"{name}_response")
    wanted = "ZeroDivisionError: broken on purpose" if junk is None else "Error"
    assert wanted in response.metadata["error"]
    assert response.internal_state["active"] is False
    assert result.error is not None
    assert result.error.startswith(f"{name}: ")
    [told] = [event.error for event in events if event.type == "membrane" and event.error]
    assert told == response.metadata["error"]
    others = [f"{other}_response" for other in MEMBRANES if other != name]
    assert all(getattr(result, other).internal_state["active"] for other in others)


def test_reasoning_that_fails_in_the_middle_leaves_a_plain_answer(make: Make) -> None:
    engine = make(reasoning=Broken(Twice(), "answer"))
    events, result = ask(engine, "Hello", processing_goals=["twice"])
    [fallback] = [event for event in events if isinstance(event, Fallback)]
    assert fallback.failure.backend == "reasoning"
    assert result.text == ask(make(), "Hello")[1].text
    assert "broken on purpose" in result.reasoning_response.metadata["error"]
    chat = engine.conversation("s")
    assert chat is not None
    assert len(chat.all_turns) == 1


def test_a_grammar_that_was_asked_for_must_not_be_missing(make: Make) -> None:
    engine = make(grammar=Broken(Letters(), "begin"))
    *_, error = engine.process(context("Hello", metadata={"grammar": "ab"}))
    assert isinstance(error, Error)
    assert error.message.startswith("The grammar that was asked for cannot be followed: It failed")
    assert engine.memory.notes == []  # type: ignore[union-attr]
    assert engine.summary()["errors"] == 1


@pytest.mark.parametrize("name", ["grammar", "json_schema"])
def test_an_engine_without_a_grammar_membrane_refuses_a_grammar(make: Make, name: str) -> None:
    *_, error = make(grammar=None).process(context("Hello", metadata={name: "ab"}))
    assert isinstance(error, Error)
    assert error.message.startswith(f"metadata has {name!r}, and this engine has no grammar memb")


class Ear:
    """Wants a and b only, and hears all text."""

    def __init__(self, model: Any, heard: list[int], breaks: str) -> None:
        self._inner = Only("ab", required=False).start(model)
        self._heard = heard
        self._breaks = breaks

    def _note(self, name: str) -> None:
        if self._breaks == name:
            raise ZeroDivisionError("broken on purpose")

    def begin(self, reading: Any) -> None:
        self._note("begin")

    def read(self, token: int, reading: Any) -> None:
        self._note("read")
        self._heard.append(token)

    def adjust(self, logits: Any) -> Any:
        self._note("adjust")
        return self._inner.adjust(logits)

    def accept(self, token: int, reading: Any) -> None:
        self._note("accept")


class Fragile:
    """Adaptation that breaks in one of its methods."""

    name = "adaptation"
    required = False

    def __init__(self, breaks: str = "") -> None:
        self.heard: list[int] = []
        self._breaks = breaks

    def start(self, model: Any) -> Any:
        if self._breaks == "start":
            raise ZeroDivisionError("broken on purpose")
        return Ear(model, self.heard, self._breaks)


@pytest.mark.parametrize("method", ["start", "begin", "read", "adjust", "accept"])
def test_adaptation_that_fails_is_left_out(make: Make, method: str) -> None:
    engine = make(adaptation=Fragile(method))
    _, result = ask(engine, "Hello")
    assert result.n_tokens == 8
    assert result.error is not None
    assert result.error.startswith("adaptation: It failed with ZeroDivisionError")
    assert result.error.count("adaptation") == 1


def test_adaptation_hears_all_text(make: Make) -> None:
    adaptation = Fragile()
    _, result = ask(make(adaptation=adaptation), "Hello")
    assert result.error is None
    assert set(result.text) <= set("ab")
    assert len(adaptation.heard) == len("User: Hello\n\nAssistant:")


class Dying:
    """Wraps a backend: after some tokens its model cannot work any more."""

    def __init__(self, chain: Chain, after: int, error: Exception) -> None:
        self._model = chain.backend.model  # type: ignore[attr-defined]
        self._eval = self._model.eval
        self._left = after
        self._error = error
        self._model.eval = self.eval

    def eval(self, tokens: Any, state: Any = None) -> Any:
        self._left -= 1
        if self._left == -1:
            raise self._error
        return self._eval(tokens, state)


def test_a_backend_that_dies_gives_way_to_the_next(make: Make) -> None:
    chain = Chain.load(FILE)
    engine = make(chain, memory=None)
    Dying(chain, 4, BackendError("libecho has vanished."))
    events, result = ask(engine, "Hello")
    assert [event.backend for event in events if event.type == "fallback"] == ["python_rwkv"]
    assert result.backend_used == "python_rwkv"
    assert result.fallback_mode
    assert result.failures[0].reason == "libecho has vanished."
    assert result.enhancement_metadata.performance_metrics["n_tokens"] == 8
    assert engine.summary()["answers_by_backend"] == {"python_rwkv": 1}


@pytest.mark.parametrize("error", [EchoError("It is over."), ZeroDivisionError("over")])
def test_an_answer_that_fails_changes_nothing(make: Make, error: Exception) -> None:
    chain = Chain.load(FILE)
    engine = make(chain)
    ask(engine, "Hello")
    before, notes = said(engine), list(engine.memory.notes)  # type: ignore[union-attr]
    Dying(chain, 4, error)
    if isinstance(error, EchoError):
        *_, last = engine.process(context("And?"))
        assert last == Error("It is over.", "EchoError")
    else:
        with pytest.raises(ZeroDivisionError):
            list(engine.process(context("And?")))
    assert said(engine) == before
    assert engine.memory.notes == notes  # type: ignore[union-attr]
    assert engine.summary()["errors"] == 1
    chain.backend.model.eval = chain.backend.model.eval.__self__._eval  # type: ignore[attr-defined]
    ask(engine, "And?")


def test_a_closed_engine_says_so(make: Make) -> None:
    chain = Chain.load(FILE)
    engine: CognitiveEngine = make(chain)
    ask(engine, "Hello")
    engine.close()
    assert engine.sessions == []
    *_, error = engine.process(context("Hello"))
    assert isinstance(error, Error)
    assert "is closed; load it again" in error.message


@pytest.mark.parametrize("router", [False, True])
def test_a_backend_that_dies_in_one_session_hands_over_the_others_too(
    make: Make, router: bool
) -> None:
    from deep_tree_echo.backends.router import Router

    chain = Chain.load(FILE)
    Dying(chain, 12, BackendError("libecho has vanished."))
    engine = make(Router.from_chain(chain) if router else chain, memory=None)
    streams = {name: engine.process(context(f"I am {name}", name)) for name in "abc"}
    last: dict[str, Any] = {}
    while streams:
        for name, stream in list(streams.items()):
            event = next(stream, None)
            if event is None:
                del streams[name]
            else:
                last[name] = event
    answers = {name: getattr(event, "text", event) for name, event in last.items()}
    alone = make(Chain.load(FILE, "python_rwkv"), memory=None)
    assert answers == {name: ask(alone, f"I am {name}", session=name)[1].text for name in "abc"}
