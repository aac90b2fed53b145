"""Sessions that a store keeps: there again after a restart, and never half changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from deep_tree_echo import Chain, CognitiveEngine
from deep_tree_echo.errors import ArgumentError, EchoError
from deep_tree_echo.events import Error
from deep_tree_echo.store import ConversationStore

from tests.engine.asking import ask, context
from tests.engine.conftest import FILE, Make
from tests.engine.test_faults import Dying


@pytest.fixture
def store() -> Iterator[ConversationStore]:
    with ConversationStore.open(None) as store:
        yield store


def texts(store: ConversationStore, session: str = "s") -> list[str]:
    return [message.text for message in store.path(store.conversation(session).leaf)]


def count(store: ConversationStore, session: str = "s") -> int:
    return len(store.messages(session))


def test_a_session_goes_on_after_a_restart(make: Make, store: ConversationStore) -> None:
    _, one = ask(make(memory=None, store=store), "One")
    again = make(memory=None, store=store)
    _, two = ask(again, "Two")
    assert texts(store) == ["One", one.text, "Two", two.text]
    plain = make(memory=None)
    assert (ask(plain, "One")[1].text, ask(plain, "Two")[1].text) == (one.text, two.text)
    metrics = two.enhancement_metadata.performance_metrics
    assert metrics["reused_tokens"] == one.context_tokens


def test_what_was_recalled_is_read_and_is_no_part_of_the_message(
    engine: CognitiveEngine, store: ConversationStore
) -> None:
    engine.store = store
    ask(engine, "Ada likes tea", session="a")
    _, result = ask(engine, "And Ada?")
    assert texts(store) == ["And Ada?", result.text]
    chat = engine.conversation("s")
    assert chat is not None
    position = chat._talk.position  # type: ignore[union-attr]
    assert position.text.startswith("Notes: Ada likes tea\n\nUser: And Ada?")  # type: ignore[union-attr]


def test_a_history_finds_its_place(make: Make, store: ConversationStore) -> None:
    engine = make(memory=None, store=store)
    _, one = ask(engine, "One")
    ask(engine, "Two")
    history = [{"role": "user", "content": "One"}, {"role": "assistant", "content": one.text}]
    _, other = ask(engine, "2", conversation_history=history)
    assert texts(store) == ["One", one.text, "2", other.text]
    assert count(store) == 6
    foreign = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]
    _, third = ask(engine, "z", conversation_history=foreign)
    assert texts(store) == ["x", "y", "z", third.text]


def test_an_answer_goes_on(make: Make, store: ConversationStore) -> None:
    engine = make(memory=None, store=store)
    _, one = ask(engine, "One")
    _, longer = ask(engine, "One", metadata={"continues": one.text})
    assert longer.text.startswith(one.text)
    assert texts(store) == ["One", longer.text]
    assert count(store) == 2


@pytest.mark.parametrize("history", [False, True])
def test_leaving_takes_everything_back(make: Make, store: ConversationStore, history: bool) -> None:
    engine = make(store=store)
    _, one = ask(engine, "One")
    said = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]
    for at in ("membrane", "prompt", "token"):
        events = engine.process(context("And?", conversation_history=said if history else []))
        for event in events:
            if event.type == at:
                break
        events.close()
        assert texts(store) == ["One", one.text]
        assert count(store) == 2
    events = engine.process(context("Hello", "new"))
    next(events)
    events.close()
    with pytest.raises(ArgumentError):
        store.conversation("new")


def test_an_answer_that_fails_changes_nothing(make: Make, store: ConversationStore) -> None:
    chain = Chain.load(FILE)
    engine = make(chain, store=store)
    _, one = ask(engine, "One")
    Dying(chain, 4, EchoError("It is over."))
    *_, last = engine.process(context("And?"))
    assert last == Error("It is over.", "EchoError")
    assert texts(store) == ["One", one.text]
    assert count(store) == 2


def test_a_store_keeps_whole_talks(chain: Chain, make: Make, store: ConversationStore) -> None:
    with pytest.raises(ArgumentError, match="context_length is 100, and a store keeps whole"):
        make(store=store, values={"context_length": 100})
