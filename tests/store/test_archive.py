"""Files of conversations: whole, or refused with one sentence and nothing imported."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deep_tree_echo import ArgumentError, Chain, ModelFile, SamplingSettings
from deep_tree_echo.errors import ArchiveError
from deep_tree_echo.events import Prompt
from deep_tree_echo.platform import bundled_model_path
from deep_tree_echo.store import ConversationStore, export_file, import_file
from deep_tree_echo.store.archive import export_bytes, import_bytes
from hypothesis import given
from hypothesis import strategies as st


def small() -> bytes:
    with ConversationStore.open(None) as store:
        talk = store.create("Trees")
        question = store.add(talk, None, "user", "Hello")
        store.add(talk, question.id, "assistant", "Hi")
        store.add(talk, question.id, "assistant", "Welcome")
        return export_bytes(store)


SMALL = small()


def refused(data: bytes) -> str:
    with ConversationStore.open(None) as store:
        with pytest.raises(ArchiveError) as caught:
            import_bytes(store, data, "some.chats")
        assert store.conversations() == []
        assert store.database.execute("SELECT count(*) FROM messages") == [(0,)]
    return str(caught.value)


def resealed(change: Callable[[dict[str, Any]], object], blobs: bytes = b"") -> bytes:
    """The small archive with other facts and a right checksum."""
    (size,) = struct.unpack_from("<Q", SMALL, 12)
    facts = json.loads(zlib.decompress(SMALL[20 : 20 + size]))
    change(facts)
    packed = zlib.compress(json.dumps(facts).encode())
    data = struct.pack("<8sIQ", b"DTECHATS", 1, len(packed)) + packed + blobs
    return data + hashlib.sha256(data).digest()


@pytest.mark.parametrize("states", [True, False])
def test_states_come_along(tmp_path: Path, states: bool) -> None:
    chain = Chain.load(ModelFile.from_path(bundled_model_path()))
    file = tmp_path / "all.chats"
    settings = SamplingSettings(temperature=0.0)
    with ConversationStore.open(None) as store, ConversationStore.open(None) as other:
        chat = store.chat(store.create(), chain, settings=settings, max_tokens=20)
        list(chat.say("Hello there"))
        export_file(store, file, [chat.id], states=states)
        assert import_file(other, file) == [chat.id]
        moved = other.chat(chat.id, chain, settings=settings, max_tokens=20)
        events = list(moved.regenerate())
        assert any(isinstance(event, Prompt) for event in events) is not states
        assert moved.messages[-1].text == chat.messages[-1].text
        assert other.tokens(chat.messages[-1].id) == store.tokens(chat.messages[-1].id)


@given(st.integers(0, len(SMALL) - 1), st.integers(1, 255))
def test_one_changed_byte(at: int, change: int) -> None:
    data = bytearray(SMALL)
    data[at] ^= change
    refused(bytes(data))


@given(st.integers(0, len(SMALL) - 1))
def test_cut_short(length: int) -> None:
    refused(SMALL[:length])


def test_what_is_wrong_is_said() -> None:
    assert refused(b"PK\3\4 something else") == (
        "some.chats is not a file of conversations; choose another."
    )
    assert "its checksum is another one" in refused(SMALL[:-1] + b"?")
    newer = bytearray(SMALL)
    newer[8] = 9
    assert "has version 9 of the format" in refused(bytes(newer))


@pytest.mark.parametrize(
    "change",
    [
        lambda facts: facts.pop("messages"),
        lambda facts: facts.update(messages=None),
        lambda facts: facts.update(messages=[1]),
        lambda facts: facts["messages"][0].update(role="system"),
        lambda facts: facts["messages"][0].update(text=5),
        lambda facts: facts["messages"][0].update(more=5),
        lambda facts: facts["messages"][0].update(created=True),
        lambda facts: facts["messages"][0].update(created=2**70),
        lambda facts: facts["messages"][0].update(figures="{"),
        lambda facts: facts["messages"][0].update(tokens="&"),
        lambda facts: facts["messages"][0].update(id=facts["messages"][1]["id"]),
        lambda facts: facts["messages"][0].update(conversation="another"),
        lambda facts: facts["messages"][0].update(parent=facts["messages"][1]["id"]),
        lambda facts: facts["messages"][0].update(parent=facts["messages"][0]["id"]),
        lambda facts: facts["messages"][0].update(parent="nowhere"),
        lambda facts: facts["conversations"][0].update(leaf="nowhere"),
        lambda facts: facts["conversations"].append(facts["conversations"][0]),
        lambda facts: facts["conversations"].clear(),
        lambda facts: facts["states"].append(
            {
                "message": facts["messages"][0]["id"],
                "position": -1,
                "fingerprint": "00",
                "characters": 0,
                "context_tokens": 0,
                "mark": 0,
                "numbers": 10,
                "logits": 0,
            }
        ),
    ],
)
def test_foreign_facts(change: Callable[[dict[str, Any]], object]) -> None:
    assert "nothing of it was imported" in refused(resealed(change))


def test_numbers_of_no_state() -> None:
    assert "belong to no state" in refused(resealed(lambda facts: None, b"more"))


def test_no_file(tmp_path: Path) -> None:
    with ConversationStore.open(None) as store:
        with pytest.raises(ArgumentError, match="there is no such file"):
            import_file(store, tmp_path / "none.chats")
        with pytest.raises(ArgumentError, match="there is no such conversation"):
            export_file(store, tmp_path / "some.chats", ["nothing"])
        assert list(tmp_path.iterdir()) == []
