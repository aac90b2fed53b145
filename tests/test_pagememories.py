"""What the page remembers: nothing until it is switched on; kept, recalled, changed and deleted."""

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

TOLD = "Remember that my sister Anna plays the cello."
ASKED = "Which instrument does Anna play?"


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
    return json.loads(page.memories.call(method, json.dumps(values)))


def answered(page: Page, text: str, id: str = "a") -> dict[str, Any]:
    """Says something in a new talk; the account of the answer."""
    turns = [{"id": f"q{id}", "role": "user", "text": text}]
    settings = {"max_tokens": 4, "temperature": 0.0}
    question = {"turns": turns, "answerId": id, "continues": False, "settings": settings}
    page.begin(json.dumps(question))
    events: list[dict[str, Any]] = []
    while slice := json.loads(page.pump(1.0)):
        events += slice
    assert events[-1]["type"] == "done"
    account: dict[str, Any] = events[-1]["account"]
    return account


def contents(page: Page, **values: Any) -> list[str]:
    return [memory["content"] for memory in call(page, "list", **values)["memories"]]


def test_nothing_is_remembered_until_it_is_chosen(page: Page) -> None:
    assert call(page, "state") == {
        "on": False,
        "recall": True,
        "exchanges": False,
        "count": 0,
        "states": True,
    }
    account = answered(page, TOLD)
    assert account["recalled"] == []
    assert not account["parts"]["memory"]["active"]
    assert contents(page) == []


def test_what_is_told_is_recalled_in_another_talk_and_after_a_reload(path: Path) -> None:
    page = opened(path)
    call(page, "choose", on=True)
    answered(page, TOLD)
    assert contents(page) == ["My sister Anna plays the cello."]
    page.store.close()

    page = opened(path)
    assert call(page, "state")["on"]
    assert call(page, "state")["count"] == 1
    account = answered(page, ASKED, "b")
    (found,) = account["recalled"]
    assert sum(found["why"].values()) == pytest.approx(found["relevance"])
    assert set(found["why"]) == {"similarity", "importance", "recency", "access"}
    (memory,) = call(page, "some", ids=[found["id"]])
    assert memory["content"] == "My sister Anna plays the cello."
    assert memory["access_count"] == 1
    # The words are in the memories only.
    assert "cello" not in json.dumps(account)
    page.store.close()


def test_switched_off_nothing_is_stored_and_nothing_recalled(page: Page) -> None:
    call(page, "choose", on=True)
    answered(page, TOLD)
    call(page, "choose", on=False)
    assert answered(page, ASKED, "b")["recalled"] == []
    answered(page, "Remember that I live in Porto.", "c")
    assert call(page, "list")["total"] == 1


def test_storing_without_recalling(page: Page) -> None:
    call(page, "choose", on=True, recall=False)
    answered(page, TOLD)
    assert answered(page, ASKED, "b")["recalled"] == []
    assert call(page, "list")["total"] == 1


def test_whole_exchanges_are_kept_where_that_is_chosen(page: Page) -> None:
    call(page, "choose", on=True, exchanges=True)
    answered(page, "Trees are old and tall")
    assert [text.split("\n")[0] for text in contents(page)] == ["User: Trees are old and tall"]


def test_a_deleted_memory_is_gone_from_the_file_and_can_be_taken_back(path: Path) -> None:
    page = opened(path)
    memory = call(page, "store", text="The password is quinquereme.")
    gone = call(page, "delete", id=memory["id"])
    assert contents(page) == []
    everything = b"".join(file.read_bytes() for file in path.parent.glob("chats.db*"))
    assert b"quinquereme" not in everything
    call(page, "restore", memory=gone)
    assert contents(page) == ["The password is quinquereme."]
    page.store.close()


def kept(page: Page, text: str, id: str, before: str | None = None) -> None:
    """Says something in a talk of the store, after another answer there."""
    about = {"id": "talk", "title": "", "created": 1, "updated": 1, "leaf": id}
    turns: list[dict[str, Any]] = []
    if before is not None:
        (asked,) = page.store.need().path(before)[-2:-1]
        turns = [
            {"id": asked.id, "role": "user", "text": asked.text},
            {"id": before, "role": "assistant", "text": page.store.need().message(before).text},
        ]
    said = {"id": f"q{id}", "role": "user", "text": text}
    more: list[dict[str, Any]] = [
        said | {"parent": before, "status": "done"},
        {"id": id, "role": "assistant", "text": "", "parent": f"q{id}", "status": "streaming"},
    ]
    page.store.call("save", json.dumps({"talk": about, "messages": more}))
    settings = {"max_tokens": 4, "temperature": 0.0}
    asking = {"turns": [*turns, said], "answerId": id, "continues": False, "settings": settings}
    page.begin(json.dumps(asking))
    while json.loads(page.pump(1.0)):
        pass


def states(page: Page) -> list[str]:
    rows = page.store.need().database.execute(
        "SELECT id FROM messages JOIN states ON states.message = messages.number ORDER BY id"
    )
    return [str(id) for (id,) in rows]


def test_what_was_recalled_in_a_talk_goes_with_its_memory(path: Path) -> None:
    page = opened(path)
    call(page, "choose", on=True)
    kept(page, "Tell me of the weather", "a")
    secret = call(page, "store", text="My sister Anna plays the quinquereme.")
    kept(page, "Which instrument does Anna play?", "b", "a")
    kept(page, "And the weather tomorrow?", "c", "b")
    assert "quinquereme" in page.store.need().message("qb").raw
    assert states(page) == ["a", "b", "c"]
    call(page, "delete", id=secret["id"])
    everything = b"".join(file.read_bytes() for file in path.parent.glob("chats.db*"))
    assert b"quinquereme" not in everything
    # What has read it is read again without it when the talk goes on; what came before is not.
    assert states(page) == ["a"]
    kept(page, "And Anna?", "d", "c")
    assert page._talk is not None
    assert page._talk.position is not None
    assert "quinquereme" not in page._talk.position.text
    assert "Which instrument" in page._talk.position.text
    page.store.close()


@pytest.mark.parametrize("events", [1, 2, 3, 5, 8])
def test_a_memory_deleted_while_an_answer_reads_it_is_taken_out_at_its_end(
    path: Path, events: int
) -> None:
    page = opened(path)
    call(page, "choose", on=True)
    secret = call(page, "store", text="My sister Anna plays the quinquereme.")
    pump = page.pump
    page.pump = lambda seconds: "[]"  # type: ignore[method-assign]
    kept(page, "Which instrument does Anna play?", "b")
    for _ in range(events):
        pump(0.0)
    call(page, "delete", id=secret["id"])
    while json.loads(pump(1.0)):
        pass
    assert states(page) == []
    everything = b"".join(file.read_bytes() for file in path.parent.glob("chats.db*"))
    assert b"quinquereme" not in everything
    page.store.close()


def test_switching_off_ends_it_for_the_answer_under_way(page: Page) -> None:
    call(page, "choose", on=True)
    turns = [{"id": "qa", "role": "user", "text": TOLD}]
    settings = {"max_tokens": 4, "temperature": 0.0}
    asked = {"turns": turns, "answerId": "a", "continues": False, "settings": settings}
    page.begin(json.dumps(asked))
    page.pump(0.0)
    call(page, "choose", on=False)
    while json.loads(page.pump(1.0)):
        pass
    assert contents(page) == []
    call(page, "choose", on=True)
    answered(page, TOLD, "b")
    assert len(contents(page)) == 1


def test_search_filters_sorts_and_pages(page: Page) -> None:
    for number in range(30):
        call(page, "store", text=f"Fact {number} of tree {number % 3} in Tromsø is here.")
    ids = [one["id"] for one in call(page, "list", count=30)["memories"]]
    call(page, "edit", id=ids[4], changes={"tags": ["wood", "old"], "importance": 1})
    assert call(page, "list", text="TREE 2", count=3)["total"] >= 10
    assert len(contents(page, count=7, start=28)) == 2
    assert call(page, "list", tag="wood")["total"] == 1
    assert call(page, "list")["tags"] == [["old", 1], ["wood", 1]]
    assert call(page, "list", sort="important")["memories"][0]["id"] == ids[4]
    assert call(page, "list", type="episodic")["total"] == 0
    assert contents(page, sort="oldest", count=1) == ["Fact 0 of tree 0 in Tromsø is here."]


def test_associations_have_their_beginnings(page: Page) -> None:
    one = call(page, "store", text="Anna has a cat.")["id"]
    other = call(page, "store", text="The cat is called Miro.")["id"]
    call(page, "associate", first=one, second=other)
    (memory,) = call(page, "some", ids=[one])
    assert memory["associations"] == [other]
    assert memory["near"] == ["The cat is called Miro."]
    call(page, "dissociate", first=one, second=other)
    assert [one["near"] for one in call(page, "some", ids=[one, other])] == [[], []]


def test_export_forget_and_import(page: Page) -> None:
    call(page, "store", text="Anna has a cat.")
    document = call(page, "export")
    assert call(page, "forget") == 1
    assert call(page, "state")["count"] == 0
    assert call(page, "import", text=document) == 1
    assert contents(page) == ["Anna has a cat."]
    with pytest.raises(ArgumentError, match="no JSON"):
        call(page, "import", text="{")


def test_consolidation_says_what_it_merged(page: Page) -> None:
    call(page, "store", text="Anna plays the cello.")
    call(page, "store", text="Anna, she plays the cello!")
    assert call(page, "consolidate") == {"groups": 1, "merged": 1}


def test_what_was_told_while_the_file_was_elsewhere_comes_along(path: Path) -> None:
    page = opened(None)
    call(page, "store", text="Anna has a cat.")
    page.store.open(path, True, True)
    assert contents(page) == ["Anna has a cat."]
    page.store.close()


@pytest.mark.parametrize(
    ("method", "values", "message"),
    [
        ("nothing", {}, "no such method"),
        ("choose", {"on": 1}, "on is 1"),
        ("choose", {"of": True}, "of is True"),
        ("list", {"sort": "best"}, "sort is 'best'"),
        ("list", {"count": 100000}, "count 100000"),
        ("delete", {"id": "x"}, "no such memory"),
    ],
)
def test_what_cannot_be_done_is_refused(
    page: Page, method: str, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        call(page, method, **values)


def test_before_the_store_is_open_nothing_is_on() -> None:
    page = Page()
    assert page.memories.on is False
    with pytest.raises(ArgumentError, match="not open yet"):
        call(page, "list")
