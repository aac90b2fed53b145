"""The page's adaptation: off at first, for one chat or for all, there again after a reload."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from deep_tree_echo import pagestore
from deep_tree_echo.database import open_database
from deep_tree_echo.errors import ArgumentError
from deep_tree_echo.page import Page

from tests.coroutines import drive

TEXT = "The numbat digs. The numbat naps. The numbat eats. The numbat runs."


@pytest.fixture(autouse=True)
def _native(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        pagestore, "PageDatabase", lambda place, *, persistent: open_database(place)
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chats.db"


def opened(place: Path | None) -> Page:
    """The page after it has been opened or reloaded."""
    page = Page()
    drive(page.load_bundled())
    page.store.open(place, place is not None, False)
    return page


@pytest.fixture
def page(path: Path) -> Iterator[Page]:
    result = opened(path)
    yield result
    result.store.close()


def call(page: Page, method: str, **values: Any) -> Any:
    return json.loads(page.adaptation.call(method, json.dumps(values)))


def answer(page: Page, chat: str, text: str = TEXT) -> None:
    """Says something in a new chat whose first message is ``chat``."""
    turns = [{"id": chat, "role": "user", "text": text}]
    settings = {"max_tokens": 4, "temperature": 0.0}
    question = {"turns": turns, "answerId": f"{chat} a", "continues": False, "settings": settings}
    page.begin(json.dumps(question))
    events: list[dict[str, Any]] = []
    while slice := json.loads(page.pump(1.0)):
        events += slice
    assert events[-1]["type"] == "done"


def test_it_is_off_at_first(page: Page) -> None:
    answer(page, "one")
    assert call(page, "state", chat="one") == {
        "mode": "off",
        "can": True,
        "gauge": None,
        "points": [],
    }


def test_for_all_chats_it_goes_on_after_a_reload(path: Path) -> None:
    page = opened(path)
    call(page, "choose", mode="all")
    answer(page, "one")
    before = call(page, "state", chat="one")
    assert before["gauge"]["tokens"] > 0
    assert before["gauge"]["bits_per_byte_with"] < before["gauge"]["bits_per_byte_without"]
    assert [point[0] for point in before["points"]] == [before["gauge"]["tokens"]]
    page.store.close()

    page = opened(path)
    assert call(page, "state", chat="two") == before
    answer(page, "two", "Something else is said here.")
    after = call(page, "state", chat="two")
    assert after["gauge"]["tokens"] > before["gauge"]["tokens"]
    assert len(after["points"]) == 2
    page.store.close()


def test_for_one_chat_the_others_know_nothing(page: Page) -> None:
    call(page, "choose", mode="chat")
    answer(page, "one")
    assert call(page, "state", chat="one")["gauge"]["tokens"] > 0
    assert call(page, "state", chat="two")["gauge"]["tokens"] == 0
    assert call(page, "state")["gauge"] is None
    with pytest.raises(ArgumentError, match="no message yet"):
        call(page, "reset")


def test_a_deleted_chat_takes_what_was_learned_from_it_along(path: Path) -> None:
    page = opened(path)
    call(page, "choose", mode="chat")
    answer(page, "one")
    page.forget(json.dumps(["one", "one a"]))
    assert call(page, "state", chat="one")["gauge"]["tokens"] == 0
    page.store.close()
    page = opened(path)
    assert call(page, "state", chat="one")["gauge"]["tokens"] == 0
    page.store.close()


def test_reset_export_and_import(page: Page) -> None:
    call(page, "choose", mode="all")
    answer(page, "one")
    before = call(page, "state")["gauge"]
    document = call(page, "export")
    assert call(page, "reset")["gauge"]["tokens"] == 0
    assert call(page, "import", data=document)["gauge"] == before
    with pytest.raises(ArgumentError, match="no snapshot"):
        call(page, "import", data="aGVsbG8=")
    assert call(page, "state")["gauge"] == before


def test_a_mock_is_refused_in_one_sentence() -> None:
    page = Page()
    drive(page.load("none", 0, lambda: [], "mock"))
    page.store.open(None, False, False)
    assert call(page, "state")["can"] is False
    with pytest.raises(ArgumentError, match="The mock has no hidden state"):
        call(page, "choose", mode="all")
    page.store.close()


@pytest.mark.parametrize(
    ("method", "values", "message"),
    [("nothing", {}, "no such method"), ("choose", {"mode": "on"}, "mode is 'on'")],
)
def test_what_cannot_be_done_is_refused(
    page: Page, method: str, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        call(page, method, **values)
