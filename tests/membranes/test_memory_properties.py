"""Properties of the memory membrane."""

from __future__ import annotations

import json
from zlib import crc32

import numpy as np
import pytest
from deep_tree_echo.errors import ArgumentError
from deep_tree_echo.membranes.memory import MemoryItem, MemoryMembrane, judge
from deep_tree_echo.membranes.memory.index import WordIndex
from deep_tree_echo.membranes.memory.lexicon import Lexicon
from deep_tree_echo.membranes.memory.relevance import total, why
from deep_tree_echo.membranes.memory.shelf import Shelf, Similarity
from deep_tree_echo.membranes.memory.words import fold, terms
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.membranes.memories import closing, in_memory

__all__ = ["closing"]

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60).filter(str.strip)
WORDS = ("dog", "cat", "parrot", "car", "drive", "music", "cello", "song", "zzz")
NAMES = ("Anna", "Leo", "Rosa")
THINGS = ("lives in Lisbon", "lives in Porto", "plays the cello", "does not play the cello")
FORMS = ("{}.", "Remember that {}.", "{}!", "  {} ")
STATEMENTS = st.builds(
    lambda name, thing, form: form.format(f"{name} {thing}"),
    st.sampled_from(NAMES),
    st.sampled_from(THINGS),
    st.sampled_from(FORMS),
)


def item(importance: float, timestamp: float, count: int) -> MemoryItem:
    return MemoryItem("1", "x", "declarative", timestamp, "", importance, count)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 2e9), st.integers(0, 1000), st.floats(0, 2e9))
def test_each_term_of_the_relevance_stays_within_its_weight(
    similarity: float, importance: float, timestamp: float, count: int, now: float
) -> None:
    parts = why(item(importance, timestamp, count), similarity, now)
    assert 0 <= parts["similarity"] <= 0.4
    assert 0 <= parts["importance"] <= 0.3
    assert 0 <= parts["recency"] <= 0.2
    assert 0 <= parts["access"] <= 0.1
    assert 0 <= sum(parts.values()) <= 1 + 1e-12
    one = item(importance, timestamp, count)
    assert total(one, similarity, now) == pytest.approx(sum(parts.values()), abs=1e-12)


@given(st.floats(0, 0.9), st.floats(0, 0.1), st.integers(0, 20))
def test_more_of_anything_is_never_less_relevant(one: float, more: float, count: int) -> None:
    def whole(*values: float) -> float:
        return sum(why(item(values[1], values[2], int(values[3])), values[0], 1e6).values())

    base = (one, one, 1e6 - 1000, count)
    for place, plus in enumerate((more, more, 500.0, 1.0)):
        other = [*base]
        other[place] += plus
        assert whole(*other) >= whole(*base)


@given(st.lists(STATEMENTS, min_size=1, max_size=12))
def test_consolidation_loses_no_source(statements: list[str]) -> None:
    memory = MemoryMembrane(in_memory())
    for statement in statements:
        memory.store(statement)
    before = {one.id: one.content for one in memory.items}
    memory.consolidate()
    after = memory.items
    kept = {one.id: one.content for one in after if "sources" not in one.metadata}
    for one in after:
        kept |= {source["id"]: source["content"] for source in one.metadata.get("sources", [])}
    assert kept == before
    # Who and what stay apart, also a statement and its opposite.
    said = {(name, thing) for name in NAMES for thing in THINGS for one in statements
            if f"{name} {thing}" in one}  # fmt: skip
    left = {(name, thing) for name in NAMES for thing in THINGS for one in after
            if f"{name} {thing}" in one.content}  # fmt: skip
    assert left == said
    assert memory.consolidate() == []


@given(st.lists(TEXTS, max_size=8, unique_by=fold))
def test_any_text_comes_back_as_it_was_and_travels(texts: list[str]) -> None:
    memory = MemoryMembrane(in_memory())
    for text in texts:
        memory.store(text)
    assert len(memory) == len({fold(text.strip()) for text in texts})
    other = MemoryMembrane(in_memory())
    assert other.import_json(memory.export_json()) == len(memory)
    assert other.items == memory.items
    for one in memory.items:
        if terms(one.content):
            assert one.id in {found.item.id for found in other.recall(one.content, len(texts))}


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(st.sampled_from(["format", "memories", "id", "content",
                      "memory_type", "timestamp", "importance", "tags"]), inner)))  # fmt: skip
def test_what_is_no_file_of_memories_imports_nothing(document: object) -> None:
    memory = MemoryMembrane(in_memory())
    memory.store("Anna lives in Lisbon.")
    whole = {"format": "deep-tree-echo memories 1", "memories": [document]}
    for text in (json.dumps(document), json.dumps(whole), json.dumps(whole)[:-3]):
        with pytest.raises(ArgumentError):
            memory.import_json(text)
    assert len(memory) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"content": "half \ud800"},
        {"content": " "},
        {"session_id": "\ud800"},
        {"timestamp": 10**400},
        {"last_accessed": 1e300},
        {"metadata": {"sources": 5}},
        {"metadata": {"sources": [{"content": 1}]}},
        {"metadata": {"repeats": "often"}},
        {"tags": [1]},
        {"access_count": 2**70},
    ],
)
def test_a_wrong_value_of_a_file_imports_nothing(wrong: dict[str, object]) -> None:
    memory = MemoryMembrane(in_memory())
    memory.store("Anna lives in Lisbon.")
    one = memory.items[0].to_json()
    records = [one | {"id": "other"}, one | {"id": "wrong"} | wrong]
    document = {"format": "deep-tree-echo memories 1", "memories": records}
    with pytest.raises(ArgumentError):
        memory.import_json(json.dumps(document))
    assert len(memory) == 1


@given(st.lists(st.sampled_from(["dog cat", "car", "music cello", "zzz", "the"]), max_size=12),
       st.data())  # fmt: skip
def test_an_index_that_lost_rows_scores_as_one_made_anew(
    texts: list[str], data: st.DataObject
) -> None:
    lexicon = Lexicon.bundled()
    index = WordIndex(lexicon)
    for text in texts:
        index.add(text)
    gone = data.draw(st.sets(st.sampled_from(range(len(texts))))) if texts else set()
    for row in gone:
        index.remove(row)
    fresh = WordIndex(lexicon)
    left = [row for row in range(len(texts)) if row not in gone]
    for row in left:
        fresh.add(texts[row])
    for query in ("pet animals", "drive the car", "zzz"):
        old, new = index.match(query), fresh.match(query)
        assert old.best == pytest.approx(new.best)
        assert old.scores[left].tolist() == pytest.approx(new.scores.tolist())
        assert all(old.scores[row] == 0 for row in gone)


class Drawn:
    """An encoder of chance, whose encodings are often very like or unlike one another."""

    fingerprint = "drawn"

    def encode(self, text: str) -> NDArray[np.float32]:
        found = np.zeros(256, np.float32)
        found[:2] = np.random.default_rng(crc32(text.encode())).normal(size=2)
        return found


@given(st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4), min_size=8, max_size=30),
       st.lists(st.sampled_from(WORDS), min_size=2, max_size=5), st.integers(1, 3),
       st.sampled_from([0.05, 0.25, 0.5]))  # fmt: skip
def test_looking_for_a_few_finds_the_same_as_looking_at_all(
    texts: list[list[str]], asked: list[str], most: int, least: float
) -> None:
    encoder = Drawn()
    items = [
        MemoryItem(str(at), " ".join(text), "declarative", at, "", 0.5)
        for at, text in enumerate(texts)
    ]
    shelf = Shelf(items, {one.id: encoder.encode(one.id) for one in items}, encoder)
    query = " ".join(asked)

    def first(found: list[Similarity]) -> list[tuple[float, str]]:
        return sorted(((one.total, one.item.id) for one in found), reverse=True)[:most]

    every = shelf.similar(query, least)
    assert first(shelf.similar(query, least, most)) == first(every)
    assert all(one.total >= least for one in every)


@given(TEXTS)
def test_the_rules_take_any_text(text: str) -> None:
    assert 0 <= judge(text).importance <= 0.9


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("Remember that the key is under the mat.", "declarative", "request"),
        ("I love strawberries.", "declarative", "preference"),
        ("My name is Ida.", "declarative", "person"),
        ("The meeting is on 4 May.", "declarative", "date"),
        ("We went to Oslo yesterday.", "episodic", None),
        ("Always answer in one sentence.", "procedural", None),
        ("What is a reservoir?", "declarative", "question"),
    ],
)
def test_the_rules(text: str, kind: str, reason: str | None) -> None:
    found = judge(text)
    assert found.memory_type == kind
    assert found.reasons == ((reason,) if reason else ())
