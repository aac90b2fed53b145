"""The page's words: what each might have been, branches that begin there, and going back."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from deep_tree_echo import platform
from deep_tree_echo.errors import ArgumentError
from deep_tree_echo.page import Page

from tests.random_models import random_model_bytes

from .test_page import load, turn

SETTINGS = {"max_tokens": 24, "seed": 1, "temperature": 0.8}


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    monkeypatch.setattr(platform, "heap", lambda: platform.Heap(70_000_000, 60_000_000))
    page = Page()
    load(page, random_model_bytes("7.0", n_embed=64, n_layer=2))
    return page


def answered(page: Page, question: dict[str, Any]) -> list[dict[str, Any]]:
    page.begin(json.dumps({"continues": False, "settings": SETTINGS} | question))
    events: list[dict[str, Any]] = []
    while piece := json.loads(page.pump(0.01)):
        events += piece
    return events


def words_of(events: list[dict[str, Any]]) -> list[list[Any]]:
    return [event["word"] for event in events if event["type"] == "token" and "word" in event]


def branch(page: Page, words: list[list[Any]], n: int, chosen: int) -> list[dict[str, Any]]:
    begun = {
        "answerId": "a1",
        "ids": [word[0] for word in words[:n]],
        "then": [chosen],
        "text": "".join(word[2] for word in words[:n]),
    }
    question = {"turns": [turn("q1", "Hello")], "answerId": "a2", "begun": begun}
    return answered(page, question)


def go(page: Page, place: dict[str, Any] | None, singly: bool = False) -> None:
    page.seek(json.dumps(place), singly)
    while json.loads(page.seek_on(0.01)) is not None:
        pass


def test_each_word_comes_with_what_else_was_likely(page: Page) -> None:
    events = answered(page, {"turns": [turn("q1", "Hello")], "answerId": "a1"})
    words = words_of(events)
    assert len(words) == events[-1]["n_tokens"] == 24
    for id, probability, _, others in words:
        assert 0 < probability <= 1
        assert len(others) == 4
        shares = [share for _, share, _ in others]
        assert shares == sorted(shares, reverse=True)
        assert probability + sum(shares) <= 1 + 1e-4
        assert id not in [other for other, _, _ in others]
    assert "".join(word[2] for word in words).strip() == events[-1]["text"]


@pytest.mark.parametrize("forgotten", [False, True])
def test_another_word_grows_a_branch_there(page: Page, forgotten: bool) -> None:
    question = {"turns": [turn("q1", "Hello")], "answerId": "a1"}
    words = words_of(answered(page, question))
    if forgotten:
        page.forget(json.dumps(["a1"]))
    chosen = words[9][3][1]
    events = branch(page, words, 9, chosen[0])
    new = words_of(events)
    assert new[0][0] == chosen[0]
    assert new[0][1] == pytest.approx(chosen[1], rel=0.02)
    kept = "".join(word[2] for word in words[:9])
    assert events[-1]["text"] == (kept + "".join(word[2] for word in new)).strip()
    read = max((event["total"] for event in events if event["type"] == "prompt"), default=0)
    assert read > 9 if forgotten else read <= 1
    # The talk goes on from the branch, and nothing of it is read again.
    talk = [turn("q1", "Hello"), turn("a2", events[-1]["text"]), turn("q2", "And?")]
    after = answered(page, {"turns": talk, "answerId": "a3"})
    totals = [event["total"] for event in after if event["type"] == "prompt"]
    assert max(totals) == len("\n\nUser: And?\n\nAssistant:")


def test_what_is_likely_does_not_depend_on_the_way_there(page: Page) -> None:
    words = words_of(answered(page, {"turns": [turn("q1", "Hello")], "answerId": "a1"}))
    same = words_of(branch(page, words, 5, words[5][0]))
    assert same[0][0] == words[5][0]
    assert [other[0] for other in same[0][3]] == [other[0] for other in words[5][3]]
    assert same[0][1] == pytest.approx(words[5][1], rel=0.02)


def test_a_word_of_another_model_is_refused_and_nothing_is_lost(page: Page) -> None:
    words = words_of(answered(page, {"turns": [turn("q1", "Hello")], "answerId": "a1"}))
    words[2][0] = 70_000
    with pytest.raises(ArgumentError, match="Token 70000 is not one of this model's"):
        branch(page, words, 3, 65)
    events = branch(page, words, 1, 70_000)
    assert events[-1]["type"] == "error"
    assert events[-1]["message"].startswith("token is 70000; this model's tokens are 0 to")
    assert answered(page, {"turns": [turn("q1", "Hello")], "answerId": "a4"})[-1]["n_tokens"] > 0


def test_a_branch_is_stopped_while_the_text_is_read(page: Page) -> None:
    words = words_of(answered(page, {"turns": [turn("q1", "Hello " * 200)], "answerId": "a1"}))
    page.forget(json.dumps(["a1"]))
    begun = {"answerId": "a1", "ids": [words[0][0]], "then": [65], "text": words[0][2]}
    question = {"turns": [turn("q1", "Hello " * 200)], "answerId": "a2", "begun": begun}
    page.begin(json.dumps({"continues": False, "settings": SETTINGS} | question))
    page.pump(0.0)
    page.stop()
    [event] = json.loads(page.pump(1.0))
    assert event["message"] == "Stopped before the branch began; choose the word again."
    assert json.loads(page.pump(1.0)) == []


def test_going_back_shows_the_state_there_and_now_is_as_it_was(page: Page) -> None:
    words = words_of(answered(page, {"turns": [turn("q1", "Hello")], "answerId": "a1"}))
    now = page.state_view(1, 0)
    assert now is not None
    place = {"turns": [turn("q1", "Hello")], "answerId": "a1"}
    ids = [word[0] for word in words]
    page.follow(True)
    seen = []
    for n in (12, 0, len(ids)):
        go(page, place | {"ids": ids[:n]})
        view = page.state_view(1, 0)
        assert view is not None
        facts = json.loads(view.facts())
        seen.append(facts["tokens"])
        assert facts["change"] == (n > 0)
    assert seen[0] - seen[1] == 12
    assert seen[2] == json.loads(now.facts())["tokens"]
    page.follow(False)
    view = page.state_view(1, 0)
    assert view is not None
    np.testing.assert_allclose(view.array("detail"), now.array("detail"), atol=2e-4)
    go(page, None)
    view = page.state_view(1, 0)
    assert view is not None
    np.testing.assert_array_equal(view.array("detail"), now.array("detail"))


def test_a_talk_that_nobody_knows_is_read_for_it(page: Page) -> None:
    place = {"turns": [turn("q1", "Hello")], "answerId": "a9", "ids": [65, 66, 67]}
    go(page, place)
    view = page.state_view(0, 0)
    assert view is not None
    assert json.loads(view.facts())["tokens"] == len("User: Hello\n\nAssistant:") + 3
    # A new answer is about now.
    events = answered(page, {"turns": [turn("q1", "Hello")], "answerId": "a1"})
    view = page.state_view(0, 0)
    assert view is not None
    assert json.loads(view.facts())["tokens"] == events[-1]["context_tokens"]


def test_a_state_is_made_ready_and_nothing_else(page: Page) -> None:
    words = words_of(answered(page, {"turns": [turn("q1", "Hello")], "answerId": "a1"}))
    ids = [word[0] for word in words[:9]]
    place = {"turns": [turn("q1", "Hello")], "answerId": "a1", "ids": ids}
    page.forget(json.dumps(["a1"]))
    page.seek(json.dumps(place), shown=False)
    while json.loads(page.seek_on(0.01)) is not None:
        pass
    assert page.words.replay.spot is None
    events = branch(page, words, 9, words[9][3][0][0])
    assert not [event for event in events if event["type"] == "prompt"]


def test_nobody_goes_back_in_the_middle_of_an_answer(page: Page) -> None:
    question = {"turns": [turn("q1", "Hello")], "answerId": "a1", "continues": False}
    page.begin(json.dumps(question | {"settings": SETTINGS}))
    with pytest.raises(ArgumentError, match="under way"):
        page.seek(json.dumps({"turns": [turn("q1", "Hello")], "answerId": "a0", "ids": []}))


def test_the_mock_has_nothing_to_go_back_to() -> None:
    page = Page()
    load(page, b"", "mock")
    events = answered(page, {"turns": [turn("q1", "Hello")], "answerId": "a1"})
    assert words_of(events) == []
    with pytest.raises(ArgumentError, match="The mock has no state"):
        page.seek(json.dumps({"turns": [turn("q1", "Hello")], "answerId": "a1", "ids": [1]}))
    assert page.words.reservoir_view() is None


def test_the_reservoir_hears_every_word_also_after_going_back(page: Page) -> None:
    assert page.words.reservoir_view() is None
    words = words_of(answered(page, {"turns": [turn("q1", "Hello")], "answerId": "a1"}))
    live = page.words.reservoir_view()
    assert live is not None
    facts = json.loads(live.facts())
    assert facts["steps"] == len(words)
    states = live.array("states").reshape(facts["steps"], facts["size"])
    place = {"turns": [turn("q1", "Hello")], "answerId": "a1", "ids": [w[0] for w in words[:10]]}
    page.forget(json.dumps(["a1"]))
    for _ in range(2):
        go(page, place, singly=True)
        back = page.words.reservoir_view()
        assert back is not None
        assert json.loads(back.facts())["steps"] == 10
        again = back.array("states").reshape(10, -1)
        np.testing.assert_allclose(again, states[:10], atol=2e-3)


def test_what_was_taken_back_is_not_heard(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = words_of(answered(page, {"turns": [turn("q1", "Hello")], "answerId": "a1"}))
    at = next(n for n in range(3, 24) if plain[n][2].isascii() and plain[n][2].isalnum())
    stop = plain[at][2]
    at = next(n for n in range(24) if plain[n][2] == stop)
    monkeypatch.setattr("deep_tree_echo.conversation._STOP", (stop,))
    events = answered(page, {"turns": [turn("q1", "Hello")], "answerId": "a2"})
    assert events[-1]["stop_reason"] == "stop"
    view = page.reservoir_view()
    assert view is not None
    assert json.loads(view.facts())["steps"] == at


def test_words_take_memory_that_is_shown_and_given_back(page: Page) -> None:
    answered(page, {"turns": [turn("q1", "Hello")], "answerId": "a1"})

    def held() -> int:
        entries = json.loads(page.memory())["entries"]
        return int(next(entry["n_bytes"] for entry in entries if entry["kind"] == "words"))

    assert held() > 0
    page.let_states_go("null")
    assert held() == 0
