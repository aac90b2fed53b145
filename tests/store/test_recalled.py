"""What was read before messages leaves a store again, with the states that have read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from deep_tree_echo.store import ConversationStore
from deep_tree_echo.store.recalled import take_back

PARAGRAPH = "What is known: Anna has a cat."
FACTS = {"position": -1, "fingerprint": "f", "characters": 0, "context_tokens": 1, "mark": 0}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ConversationStore]:
    with ConversationStore.open(tmp_path / "chats.db") as found:
        yield found


def talk(store: ConversationStore, *said: str) -> list[str]:
    """A talk in which some messages are answered; each message has a state at its end."""
    parent: str | None = None
    ids = []
    conversation = store.create()
    for text in said:
        question = store.add(conversation, parent, "user", text)
        parent = store.add(conversation, question.id, "assistant", "Yes.").id
        ids += [question.id, parent]
    for id in ids:
        store.states.put(id, FACTS, b"numbers", b"logits")
    return ids


def with_states(store: ConversationStore) -> set[str]:
    rows = store.database.execute(
        "SELECT id FROM messages JOIN states ON states.message = messages.number"
    )
    return {str(id) for (id,) in rows}


def read(store: ConversationStore, id: str, paragraph: str) -> None:
    store.read(id, f"{paragraph}\n\nUser: {store.message(id).text}\n\nAssistant:")


def test_a_paragraph_goes_with_all_that_came_after_it(store: ConversationStore) -> None:
    ids = talk(store, "One", "Two", "Three")
    others = talk(store, PARAGRAPH)
    read(store, ids[2], PARAGRAPH)
    read(store, ids[4], "What is known: Leo sings.")
    assert take_back(store.database, ["Anna has a cat."]) == ids[2:]
    assert store.message(ids[2]).raw == "User: Two\n\nAssistant:"
    assert "Leo" in store.message(ids[4]).raw
    # What was said oneself stays.
    assert with_states(store) == {*ids[:2], *others}
    assert store.message(others[0]).text == PARAGRAPH
    assert take_back(store.database, ["Anna has a cat."]) == []
    assert take_back(store.database, None) == ids[4:]
    assert "Leo" not in store.message(ids[4]).raw


def test_a_failure_leaves_all_as_it_was(store: ConversationStore) -> None:
    ids = talk(store, "One")
    read(store, ids[0], PARAGRAPH)

    def attempt() -> None:
        with store.database.transaction():
            take_back(store.database, None)
            raise KeyError

    with pytest.raises(KeyError):
        attempt()
    assert PARAGRAPH in store.message(ids[0]).raw
    assert with_states(store) == set(ids)
