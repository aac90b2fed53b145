"""Sessions side by side, with answers that are left, stopped and that fail: nothing is mixed up."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from deep_tree_echo import Chain, CognitiveEngine, EngineConfig
from deep_tree_echo.errors import ArgumentError, EchoError
from deep_tree_echo.events import Event
from deep_tree_echo.store import ConversationStore
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.asking import context
from tests.engine.conftest import FILE
from tests.engine.membranes import Notebook

CHAIN = Chain.load(FILE)


class Failing:
    """Guidance that the answer cannot do without, and that fails at once where it is told to."""

    name = "test"
    required = True
    fails = False

    def start(self, model: Any) -> Any:
        return self

    def adjust(self, logits: Any) -> Any:
        if self.fails:
            raise EchoError("It is over.")
        return logits

    def accept(self, token: int, reading: Any) -> None:
        pass


class World:
    """An engine, the answers under way in it, and what each session should hold."""

    def __init__(self, store: ConversationStore | None) -> None:
        self.failing = Failing()
        self.engine = CognitiveEngine(
            CHAIN, store=store, memory=Notebook(), config=EngineConfig(max_tokens=5)
        )
        self.store = store
        self.running: dict[str, Generator[Event, None, None]] = {}
        self.asked: dict[str, str] = {}
        self.told: dict[str, list[tuple[str, str]]] = {name: [] for name in "abc"}
        self.notes = 0

    def begin(self, name: str, number: int) -> None:
        text = context(f"Message {number}", name)
        if name in self.running:
            with pytest.raises(ArgumentError):
                self.engine.process(text)
            return
        self.running[name] = self.engine.process(text, guidance=[self.failing])
        self.asked[name] = f"Message {number}"
        self.step(name)

    def step(self, name: str) -> None:
        if name not in self.running:
            return
        event: Any = next(self.running[name])
        if event.type == "done":
            self.told[name].append((self.asked[name], event.text))
            self.notes += 1
        if event.type in ("done", "error"):
            self.running.pop(name).close()

    def go(self, name: str) -> None:
        for _ in range(5):
            self.step(name)

    def end(self, name: str) -> None:
        while name in self.running:
            self.step(name)

    def leave(self, name: str) -> None:
        if name in self.running:
            self.running.pop(name).close()

    def stop(self, name: str) -> None:
        self.engine.stop(name)
        self.end(name)

    def fail(self, name: str) -> None:
        self.failing.fails = True
        self.end(name)
        self.failing.fails = False

    def check(self) -> None:
        for name in "abc":
            self.leave(name)
        found = {name: self.turns(name) for name in "abc"}
        assert found == self.told
        assert len(self.engine.memory.notes) == self.notes  # type: ignore[union-attr]

    def turns(self, name: str) -> list[tuple[str, str]]:
        if self.store is not None:
            known = {record.id: record.leaf for record in self.store.conversations()}
            texts = [message.text for message in self.store.path(known.get(name))]
            assert not texts or len(self.store.messages(name)) == len(texts)
            return list(zip(texts[::2], texts[1::2], strict=True))
        chat: Any = self.engine.conversation(name)
        return [(turn.user, turn.reply) for turn in chat.turns] if chat else []


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["begin", "begin", "step", "go", "go", "end", "leave", "stop", "fail"]),
        st.sampled_from("abc"),
    ),
    max_size=40,
)


@pytest.mark.parametrize("stored", [False, True])
@given(operations=OPERATIONS)
def test_whatever_happens_each_session_holds_what_was_answered(
    stored: bool, operations: list[tuple[str, str]]
) -> None:
    store = ConversationStore.open(None) if stored else None
    try:
        world = World(store)
        for number, (operation, name) in enumerate(operations):
            if operation == "begin":
                world.begin(name, number)
            else:
                getattr(world, operation)(name)
        world.check()
    finally:
        if store is not None:
            store.close()
