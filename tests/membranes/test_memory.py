"""The memory membrane: what is kept, what comes back and why, and what is gone for good."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from deep_tree_echo.backends.mock import Mock
from deep_tree_echo.context import CognitiveContext
from deep_tree_echo.database import Database, open_database
from deep_tree_echo.errors import ArgumentError
from deep_tree_echo.membranes.memory import MemoryMembrane, MemorySettings, encoder_of
from deep_tree_echo.membranes.memory.relevance import WEIGHTS
from numpy.typing import NDArray

from tests.membranes.memories import closing, in_memory

__all__ = ["closing"]

DAY = 86400.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


class Letters:
    """An encoder that counts letters, and how often it is asked."""

    def __init__(self, fingerprint: str, turn: int = 0) -> None:
        self.fingerprint, self.turn, self.read = fingerprint, turn, 0

    def encode(self, text: str) -> NDArray[np.float32]:
        self.read += 1
        found = np.zeros(256, np.float32)
        for sign in text:
            found[(ord(sign) + self.turn) % 256] += 1
        return found / np.float32(np.linalg.norm(found))


def membrane(database: Database | None = None, **more: Any) -> MemoryMembrane:
    return MemoryMembrane(database or in_memory(), clock=more.pop("clock", Clock()), **more)


def context(text: str, **more: Any) -> CognitiveContext:
    return CognitiveContext("talk", text, **more)


def test_the_relevance_is_the_sum_of_what_it_shows() -> None:
    clock = Clock()
    memory = membrane(clock=clock)
    memory.store("My aunt Rosa drives a Toyota.", importance=0.5)
    clock.now += 3.5 * DAY
    (found,) = memory.recall("What car does Rosa have?")
    assert found.relevance == pytest.approx(sum(found.why.values()))
    assert found.why["similarity"] == pytest.approx(0.4 * found.similarity)
    assert found.why["importance"] == pytest.approx(0.15)
    assert found.why["recency"] == pytest.approx(0.1)
    assert found.why["access"] == 0
    assert set(found.why) == set(WEIGHTS)
    assert found.similarity == pytest.approx(found.by_words + found.by_state)


def test_other_words_for_the_same_thing_find_it() -> None:
    memory = membrane()
    for text in ("Leo owns a dog.", "Leo plays the cello.", "Leo went to Norway."):
        memory.store(text, importance=0.5)
    for question, part in (("Leo's pet animal?", "dog"), ("Leo's music?", "cello")):
        assert part in memory.recall(question, 1)[0].item.content


def test_what_is_not_similar_stays_away_however_important() -> None:
    memory = membrane()
    memory.store("The bridge was closed on Sunday.", importance=1)
    assert memory.recall("Leo's violin lesson") == []
    assert memory.recall("what? and who?") == []
    assert memory.recall("bridge", 0) == []


def test_looking_counts_as_no_use_and_an_answer_does() -> None:
    clock = Clock()
    memory = membrane(clock=clock)
    item = memory.store("My sister Anna lives in Lisbon.")
    assert item is not None
    memory.recall("Where does Anna live?")
    memory.search("anna")
    first = memory.prepare(context("Where does Anna live?"))
    assert memory.get(item.id).access_count == 0
    assert "Lisbon" in first.output_text
    assert first.confidence == first.internal_state["recalled"][0]["similarity"]
    clock.now += 5
    after = memory.learn(context("Where does Anna live?"), "She lives in Lisbon.")
    assert after.internal_state["used"] == [item.id]
    assert memory.get(item.id).access_count == 1
    assert memory.get(item.id).last_accessed == clock.now
    # Without being recalled again it is not used again.
    memory.learn(context("Where does Anna live?"), "She lives in Lisbon.")
    assert memory.get(item.id).access_count == 1


def test_a_turn_leaves_its_statements_and_what_happened() -> None:
    memory = membrane()
    said = "Hello! Remember that my cat is called Tom. What do cats eat?"
    stored = memory.learn(context(said), "Cats eat meat.").internal_state["stored"]
    assert [item["content"] for item in stored] == [
        "My cat is called Tom.",
        f"User: {said}\nAssistant: Cats eat meat.",
    ]
    assert [item["memory_type"] for item in stored] == ["declarative", "episodic"]
    assert stored[0]["importance"] > stored[1]["importance"]
    assert all(item["session_id"] == "talk" for item in stored)
    json.dumps(stored)


def test_nothing_is_neither_stored_nor_recalled() -> None:
    memory = membrane()
    memory.store("My sister Anna lives in Lisbon.")
    asked = context("Where does Anna live? My name is Ida.", memory_state={"nothing": True})
    before = memory.prepare(asked)
    assert before.output_text == ""
    assert before.internal_state["recalled"] == []
    assert before.metadata["remembers_nothing"]
    assert before.confidence is None
    memory.learn(asked, "In Lisbon.")
    assert len(memory) == 1
    memory.settings = MemorySettings(nothing=True)
    assert memory.store("My name is Ida.") is None
    assert memory.recall("Where does Anna live?") == []
    assert len(memory) == 1


@pytest.mark.parametrize(
    "state", [{"wrong": 1}, {"recalls": -1}, {"nothing": 1}, {"least_similarity": math.nan}]
)
def test_settings_that_are_none(state: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=next(iter(state))):
        membrane().prepare(context("Hello there", memory_state=state))


def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    path = tmp_path / "memories"
    database = open_database(path)
    memory = membrane(database, encoder=Letters("a"))
    one = memory.store(
        "Żółw and 乌龟 live in the pond.", "procedural", tags=["pond"], importance=0.7
    )
    two = memory.store("The pond is deep.", metadata={"why": "asked"})
    assert one is not None
    assert two is not None
    memory.associate(two.id, one.id)
    memory.prepare(context("the deep pond"))
    memory.learn(context("the deep pond"), "It is.")
    before = memory.items
    found = memory.recall("turtle pond")
    database.close()
    database = open_database(path)
    again = membrane(database, encoder=Letters("a"))
    assert again.items == before
    assert again.recall("turtle pond") == found
    assert again.get(one.id).associations == (two.id,)
    database.close()


def test_another_model_reads_anew_and_encodings_are_never_mixed() -> None:
    database = in_memory()
    first = Letters("a")
    memory = membrane(database, encoder=first)
    for text in ("The pond is deep.", "The lake is cold.", "The river is wide."):
        memory.store(text)
    assert first.read == 3
    second = Letters("b", turn=100)
    other = membrane(database, encoder=second)
    assert all(one.by_state == 0 for one in other.recall("deep pond"))
    assert second.read == 0, "nothing to compare the query with"
    assert other.refresh(2) == 2
    assert other.refresh() == 1
    assert other.refresh() == 0
    assert second.read == 3
    assert any(one.by_state != 0 for one in other.recall("deep pond"))
    rows = database.execute("SELECT DISTINCT encoded_by FROM memories")
    assert rows == [("b",)]


def test_a_model_without_states_falls_back_to_words_and_says_so() -> None:
    assert encoder_of(Mock()) is None
    memory = membrane(model=Mock())
    memory.store("My sister Anna lives in Lisbon.")
    assert not memory.sees_states
    response = memory.prepare(context("Where does Anna live?"))
    assert "Lisbon" in response.output_text
    assert "words" in response.metadata["only_words"]


def test_deleting_deletes_every_trace(tmp_path: Path) -> None:
    path = tmp_path / "memories"
    database = open_database(path)
    memory = membrane(database, encoder=Letters("a"))
    secret = "Zanzibarquatsch"
    one = memory.store(f"The password is {secret}.", tags=[secret])
    two = memory.store("The password was changed.")
    assert one is not None
    assert two is not None
    memory.associate(one.id, two.id)
    assert any(secret in found.item.content for found in memory.recall("the password"))
    memory.delete(one.id)
    assert memory.search(secret) == []
    assert memory.recall(secret) == []
    assert memory.get(two.id).associations == ()
    assert secret not in memory.export_json()
    with pytest.raises(ArgumentError, match="no such memory"):
        memory.delete(one.id)
    # Also in the bytes of the files, the write-ahead log among them.
    for file in tmp_path.iterdir():
        assert secret.encode() not in file.read_bytes(), file.name
    database.close()


def test_what_belongs_together_is_parted_again() -> None:
    memory = membrane()
    ids = []
    for text in ("Anna has a cat.", "The cat is Miro.", "Miro eats fish."):
        item = memory.store(text)
        assert item is not None
        ids.append(item.id)
    first, second, third = ids
    memory.associate(first, second)
    memory.associate(third, first)
    memory.dissociate(second, first)  # whichever is named first
    assert memory.get(first).associations == (third,)
    assert memory.get(second).associations == ()
    for wrong in ((first, second), (first, first)):
        with pytest.raises(ArgumentError, match="does not belong to"):
            memory.dissociate(*wrong)
    with pytest.raises(ArgumentError, match="no such memory"):
        memory.dissociate(first, "x")
    assert memory.get(first).associations == (third,)
    assert len(memory) == 3


def test_editing() -> None:
    memory = membrane(encoder=Letters("a"))
    item = memory.store("Anna lives in Lisbon.")
    assert item is not None
    memory.edit(item.id, content="Anna lives in Porto.", tags=["family"], importance=0.9)
    assert memory.recall("Lisbon") == []
    assert memory.recall("Porto")[0].item.tags == ("family",)
    assert memory.recall("family")[0].item.content == "Anna lives in Porto."
    with pytest.raises(ArgumentError, match="importance is 2"):
        memory.edit(item.id, content="Anna lives in Rome.", importance=2)
    assert memory.get(item.id).content == "Anna lives in Porto."


def test_saying_it_again_makes_no_second_memory() -> None:
    clock = Clock()
    memory = membrane(clock=clock)
    first = memory.store("Anna lives in Lisbon.")
    clock.now += DAY
    second = memory.store("anna LIVES in Lisbon.", tags=["home"])
    assert first is not None
    assert second is not None
    assert first.id == second.id
    assert len(memory) == 1
    assert memory.items[0].timestamp == clock.now
    assert memory.items[0].metadata["repeats"] == 1


def test_forgetting_takes_what_matters_least_and_names_it() -> None:
    memory = membrane(settings=MemorySettings(capacity=10, keep=0.8))
    for number in range(10):
        memory.store(f"Number {number} is here.", importance=number / 10)
    pinned = memory.store("Number ten is pinned.", importance=1)
    assert pinned is not None
    gone = memory.forget()
    assert [item.content for item in gone] == [f"Number {number} is here." for number in range(3)]
    assert len(memory) == 8
    assert memory.get(pinned.id) == pinned
    assert memory.forget() == []
    gone_by_itself = [
        memory.learn(context(f"My number {number} is lovely."), "Good.").internal_state["forgotten"]
        for number in range(20, 23)
    ]
    assert any(gone_by_itself)
    assert len(memory) <= 10


def test_search_finds_parts_of_words_without_case_and_accents() -> None:
    memory = membrane()
    memory.store("Crème brûlée is Anna's favourite.")
    memory.store("Plain rice.")
    assert [item.content for item in memory.search("creme ANNA")] == [
        "Crème brûlée is Anna's favourite."
    ]
    assert len(memory.search("")) == 2
    assert memory.search("absent") == []


def test_a_text_of_a_megabyte_and_an_empty_store() -> None:
    memory = membrane(encoder=Letters("a"))
    assert memory.recall("anything at all") == []
    assert memory.consolidate() == []
    assert memory.prepare(context("anything at all")).output_text == ""
    memory.store("A pond. " + "wort " * 200_000)
    (found,) = memory.recall("pond")
    assert len(found.item.content) > 1_000_000
    assert len(memory.prepare(context("the pond")).output_text) < 400


@pytest.mark.parametrize("text", ["", "  \n", "half \ud800"])
def test_what_is_no_text(text: str) -> None:
    memory = membrane()
    with pytest.raises(ArgumentError, match="text"):
        memory.store(text)
    assert len(memory) == 0
