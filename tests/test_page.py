"""The page's door: JSON in, JSON and state maps out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from deep_tree_echo.errors import ArgumentError, ModelFormatError
from deep_tree_echo.page import Page
from deep_tree_echo.statemap import state_map

from tests.coroutines import drive
from tests.random_models import random_model_bytes


class _Piece:
    """As JavaScript's byte arrays look from Python."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def to_bytes(self) -> bytes:
        return self._data


def load(page: Page, data: bytes, backend: str = "auto") -> dict[str, Any]:
    async def pieces() -> AsyncIterator[_Piece]:
        for begin in range(0, len(data), 5000):
            yield _Piece(data[begin : begin + 5000])

    return json.loads(drive(page.load("m.bin", len(data), pieces, backend)))  # type: ignore[no-any-return]


def turn(name: str, text: str) -> dict[str, str]:
    return {"id": name, "role": "user" if name.startswith("q") else "assistant", "text": text}


def ask(page: Page, *turns: dict[str, str], answer: str, continues: bool = False) -> dict[str, Any]:
    settings = {"max_tokens": 12, "seed": 1, "temperature": 0.8}
    page.begin(
        json.dumps(
            {"turns": turns, "answerId": answer, "continues": continues, "settings": settings}
        )
    )
    events: list[dict[str, Any]] = []
    while piece := json.loads(page.pump(0.01)):
        events += piece
    assert events[-1]["type"] == "done"
    return events[-1]


@pytest.fixture
def page() -> Page:
    page = Page()
    # The test process is larger than Pyodide; the promise is about the latter.
    page._resting_mb = 60
    load(page, random_model_bytes("7.0", n_embed=64, n_layer=2))
    return page


def test_an_answer_reads_only_what_is_new(page: Page) -> None:
    first = ask(page, turn("q1", "Hello"), answer="a1")
    talk = [turn("q1", "Hello"), turn("a1", first["text"]), turn("q2", "And?")]
    kept = ask(page, *talk, answer="a2")
    # A page that has never heard the talk reads it again and arrives at the same place.
    page.forget(json.dumps(["a1", "a2"]))
    again = ask(page, *talk, answer="a3")
    assert abs(again["context_tokens"] - kept["context_tokens"]) <= 12


def test_a_recalled_answer_can_be_continued(page: Page) -> None:
    done = ask(page, turn("q1", "Hello"), turn("a1", "It is"), answer="a1", continues=True)
    assert done["text"].startswith("It is")


def test_a_stop_ends_the_answer_and_keeps_the_talk(page: Page) -> None:
    question = {"turns": [turn("q1", "Hello")], "answerId": "a1", "continues": False}
    page.begin(json.dumps(question | {"settings": {"max_tokens": 2000, "seed": 1}}))
    page.pump(0.0)
    page.stop()
    events: list[dict[str, Any]] = []
    while piece := json.loads(page.pump(1.0)):
        events += piece
    assert events[-1]["stop_reason"] == "cancelled"
    assert ask(page, turn("q2", "And?"), answer="a2")["n_tokens"] > 0


def test_a_bad_model_leaves_the_old_one(page: Page) -> None:
    with pytest.raises(ModelFormatError):
        load(page, b"\x89PNG" + bytes(5000))
    assert json.loads(page.loaded())["model"] == "m.bin"
    assert ask(page, turn("q1", "Hello"), answer="a1")["backend"] == "rwkv_cpp"


def test_a_second_answer_at_once_is_refused(page: Page) -> None:
    question = {"turns": [turn("q1", "Hello")], "answerId": "a1", "continues": False}
    text = json.dumps(question | {"settings": {"max_tokens": 4}})
    page.begin(text)
    with pytest.raises(ArgumentError, match="under way"):
        page.begin(text)


def test_the_state_is_shown(page: Page) -> None:
    assert page.state_view(0, 0) is None
    done = ask(page, turn("q1", "Hello"), answer="a1")
    view = page.state_view(1, 0)
    assert view is not None
    facts = json.loads(view.facts())
    assert facts["tokens"] == done["context_tokens"]
    assert (facts["layers"], facts["heads"], facts["rows"], facts["columns"]) == (2, 1, 64, 64)
    assert view.array("overview").size == 2 * facts["tileRows"] * facts["tileColumns"]
    spectrum = view.array("spectrum")
    assert np.allclose(np.linalg.norm(view.array("detail")), np.linalg.norm(spectrum), rtol=1e-4)
    assert not facts["change"]


def test_the_change_by_the_last_token_is_shown(page: Page) -> None:
    page.follow(True)
    ask(page, turn("q1", "Hello"), answer="a1")
    view = page.state_view(0, 0)
    assert view is not None
    assert json.loads(view.facts())["change"]
    page.follow(False)
    whole = page.state_view(0, 0)
    assert whole is not None
    assert not np.array_equal(view.array("detail"), whole.array("detail"))


class _State:
    def __init__(self, matrices: np.ndarray[Any, Any]) -> None:
        self._matrices = matrices

    def layers(self) -> list[dict[str, Any]]:
        return [{"matrix": matrix} for matrix in self._matrices]


def test_a_map_is_pooled_to_its_limit_and_keeps_its_energy() -> None:
    maps = np.random.default_rng(1).normal(size=(3, 4, 64, 64)).astype(np.float32)
    result = state_map(_State(maps), 2, 3, max_numbers=3 * 4 * 256)
    assert result.overview.shape == (3, 4, 16, 16)
    assert np.allclose(np.square(result.overview).sum() * 16, np.square(maps).sum(), rtol=1e-4)
    assert np.array_equal(result.detail, maps[2, 3])
    assert np.allclose(result.norms, np.linalg.norm(maps.reshape(3, -1), axis=1), rtol=1e-5)


def test_a_change_is_the_difference() -> None:
    before = np.ones((1, 1, 8, 8), np.float32)
    after = before.copy()
    after[0, 0, 2, 3] = 5
    result = state_map(_State(after), before=_State(before))
    assert result.detail[2, 3] == 4
    assert np.count_nonzero(result.detail) == 1
    assert result.norms[0] == pytest.approx(np.linalg.norm(after))


def test_a_head_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ArgumentError, match="layer 3, head 0 does not exist"):
        state_map(_State(np.ones((1, 1, 8, 8), np.float32)), 3)
