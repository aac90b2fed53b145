"""The page's budget: every array is counted once, whoever holds it."""

from __future__ import annotations

from typing import Any

import pytest
from deep_tree_echo import Chain, Conversation, ModelFile, platform
from deep_tree_echo.budget import Budget
from deep_tree_echo.generation import Reading
from deep_tree_echo.words import Words

from .random_models import random_model_bytes


def sizes(budget: Budget) -> dict[str, int]:
    return {entry.kind: entry.n_bytes for entry in budget.ledger.entries()}


def test_a_state_that_a_talk_and_its_words_share_counts_once() -> None:
    file = ModelFile.from_bytes("tiny.bin", random_model_bytes("7.0", n_vocab=257))
    talk = Conversation(Chain.load(file), max_tokens=4)
    list(talk.say("Hello"))
    words = Words(10_000_000)
    budget = Budget(600, words)
    budget.keep([talk])
    turn = talk.current
    assert turn is not None
    reading: Any = turn.answered.position.state if turn.answered.position else None
    assert isinstance(reading, Reading)
    record = words.begin("a1", state_bytes=1000)
    record.readings[1] = reading
    assert words.n_bytes == sum(reading.arrays.values()) > 0
    assert sizes(budget)["states"] == talk.state_bytes
    assert sizes(budget)["words"] == 0
    talk.let_states_go()
    assert sizes(budget)["states"] == 0
    assert sizes(budget)["words"] == words.n_bytes


def test_the_program_gives_back_what_starting_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    in_use = 1_000_000
    monkeypatch.setattr(platform, "heap", lambda: platform.Heap(10_000_000, in_use))
    budget = Budget(600)
    budget.begin()
    assert sizes(budget)["program"] == 1_000_000
    in_use = 900_000
    budget.settle()
    assert sizes(budget)["program"] == 900_000
    in_use = 1_200_000  # what is more is no part of the program
    budget.settle()
    assert sizes(budget) == {"page": 0, "words": 0, "program": 900_000, "other": 300_000}
