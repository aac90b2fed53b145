"""What the page keeps: talks as it has them, answers token by token, states across a reload."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from deep_tree_echo import pagestore
from deep_tree_echo.database import open_database
from deep_tree_echo.errors import ArchiveError, ArgumentError
from deep_tree_echo.page import Page
from deep_tree_echo.store import ConversationStore

from tests.coroutines import drive

SETTINGS = {"max_tokens": 12, "temperature": 0.0}


@pytest.fixture(autouse=True)
def _native(monkeypatch: pytest.MonkeyPatch) -> None:
    # The page's own SQLite is tested by tests/store/test_page_database.py.
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
    return json.loads(page.store.call(method, json.dumps(values)))


def message(id: str, parent: str | None, role: str, text: str, status: str) -> dict[str, Any]:
    return {"id": id, "parent": parent, "role": role, "text": text, "status": status}


def keep(page: Page, leaf: str, *messages: dict[str, Any], talk: str = "t") -> None:
    facts = {"id": talk, "title": "", "created": 1, "updated": len(leaf), "leaf": leaf}
    call(page, "save", talk=facts, messages=list(messages))


def ask(page: Page, turns: list[dict[str, Any]], answer: str, continues: bool = False) -> None:
    page.begin(
        json.dumps(
            {
                "turns": [{name: turn[name] for name in ("id", "role", "text")} for turn in turns],
                "answerId": answer,
                "continues": continues,
                "settings": SETTINGS,
            }
        )
    )


def events(page: Page) -> list[dict[str, Any]]:
    found = []
    while piece := json.loads(page.pump(10.0)):
        found += piece
    return found


def say(page: Page, number: int, text: str, before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Asks as the page does; the events, after which ``before`` holds the messages."""
    parent = before[-1]["id"] if before else None
    question = message(f"q{number}", parent, "user", text, "done")
    answer = message(f"a{number}", f"q{number}", "assistant", "", "reading")
    keep(page, answer["id"], question, answer)
    ask(page, [*before, question], answer["id"])
    found = events(page)
    answer |= {"text": found[-1]["text"], "status": "done"}
    keep(page, answer["id"], answer)
    before += [question, answer]
    return found


def test_a_talk_comes_back_as_it_was(page: Page, path: Path) -> None:
    talk: list[dict[str, Any]] = []
    say(page, 1, "Hello there", talk)
    words = [[1, " a", 0.5]]
    keep(page, "a1", talk[1] | {"words": words, "figures": {"backend": "x"}})
    page.store.close()
    again = opened(path)
    found = call(again, "talk", talk="t")
    assert found["leaf"] == "a1"
    assert list(found["messages"].values()) == [
        talk[0],
        talk[1] | {"words": words, "figures": {"backend": "x"}},
    ]
    assert [talk["first"] for talk in call(again, "talks")] == ["Hello there"]
    assert call(again, "talk", talk="none") is None
    assert "q1" in [hit["message"] for hit in call(again, "search", text="hello")]
    call(again, "delete", talk="t")
    assert call(again, "talks") == []
    again.store.close()


def test_after_a_reload_only_the_new_message_is_read(page: Page, path: Path) -> None:
    talk: list[dict[str, Any]] = []
    say(page, 1, "Hello there, this is a long message about old trees.", talk)
    same = list(talk)
    here = say(page, 2, "Yes", talk)
    page.store.close()
    again = opened(path)
    call(again, "delete", talk="none")
    there = say(again, 3, "Yes", same)
    read = [[e["total"] for e in found if e["type"] == "prompt"] for found in (here, there)]
    assert read[0] == read[1]
    assert there[-1]["context_tokens"] == here[-1]["context_tokens"]
    assert there[-1]["text"] == here[-1]["text"]
    again.store.close()


def test_an_answer_goes_on_after_a_reload(page: Page, path: Path) -> None:
    talk: list[dict[str, Any]] = []
    first = say(page, 1, "Tell me of trees", talk)
    assert first[-1]["stop_reason"] == "length"
    page.store.close()
    again = opened(path)
    keep(again, "a1", talk[1] | {"status": "reading"})
    ask(again, talk, "a1", continues=True)
    found = events(again)
    assert not [event for event in found if event["type"] == "prompt"]
    assert found[-1]["text"].startswith(first[-1]["text"])
    keep(again, "a1", talk[1] | {"text": found[-1]["text"]})
    assert call(again, "talk", talk="t")["messages"]["a1"]["text"] == found[-1]["text"]
    again.store.close()


def test_a_page_closed_while_it_answers_keeps_what_it_showed(page: Page, path: Path) -> None:
    question = message("q", None, "user", "Tell me of trees", "done")
    answer = message("a", "q", "assistant", "", "waiting")
    keep(page, "a", question, answer)
    ask(page, [question], "a")
    shown = ""
    while len(shown) < 8:
        for event in json.loads(page.pump(0.0)):
            shown += event.get("text", "") if event["type"] == "token" else ""
    with ConversationStore.open(path) as found:
        assert found.message("a").text == shown.strip()
    early = message("e", "a", "user", "Early", "done")
    keep(page, "f", early, message("f", "e", "assistant", "", "waiting"))
    with ConversationStore.open(path) as found:
        assert found.message("f").status == "failed"
        assert "before the answer was made" in (found.message("f").problem or "")
    page.stop()
    events(page)


def test_a_store_that_opens_during_an_answer_keeps_all_of_it(path: Path) -> None:
    whole, talk = opened(path), list[dict[str, Any]]()
    done = say(whole, 1, "Tell me of trees", talk)[-1]
    kept = whole.store.need()
    expected = kept.tokens("a1"), kept.message("q1").raw, kept.message("a1").raw
    whole.store.close()
    path.unlink()

    page = Page()
    drive(page.load_bundled())
    ask(page, [talk[0]], "a1")
    shown = ""
    while len(shown) < 8:
        for event in json.loads(page.pump(0.0)):
            shown += event.get("text", "") if event["type"] == "token" else ""
    page.store.open(path, True, False)
    keep(page, "a1", talk[0], talk[1] | {"text": "", "status": "waiting"})
    json.loads(page.pump(0.0))
    with ConversationStore.open(path) as found:
        assert found.message("a1").text.startswith(shown.strip())
    # The other store has ended it; this one goes on with it.
    page.store.need().database.execute("UPDATE messages SET status = 'streaming'")
    assert events(page)[-1]["text"] == done["text"]
    again = page.store.need()
    assert (again.tokens("a1"), again.message("q1").raw, again.message("a1").raw) == expected
    backend = page._chain.backend  # type: ignore[union-attr]
    assert again.states.at_end("a1", backend.model) is not None  # type: ignore[attr-defined]
    page.store.close()


def test_an_early_answer_that_is_stopped_before_the_store_opens(path: Path) -> None:
    page = Page()
    drive(page.load_bundled())
    question = message("q", None, "user", "Tell me of trees", "done")
    ask(page, [question], "a")
    page.pump(0.0)
    page.stop()
    assert events(page)[-1]["stop_reason"] == "cancelled"
    page.store.open(path, True, False)
    assert call(page, "talks") == []
    page.store.close()


def test_moving_to_another_place(path: Path) -> None:
    page = opened(None)
    talk: list[dict[str, Any]] = []
    say(page, 1, "Hello there", talk)
    call(page, "choose", name="settings", value={"top_k": 5})
    with ConversationStore.open(path) as there:
        other = there.create("Other")
        there.add(other, None, "user", "Already here")
        there.choose("preferences", {"roundHeads": True})
    page.store.open(path, True, True)
    assert {talk["first"] for talk in call(page, "talks")} == {"Hello there", "Already here"}
    assert call(page, "choice", name="settings") == {"top_k": 5}
    assert call(page, "choice", name="preferences") == {"roundHeads": True}
    say(page, 2, "Yes", talk)
    page.store.open(None, False, False)
    assert call(page, "talks") == []
    keep(page, talk[-1]["id"], *talk)
    say(page, 3, "And", talk)
    page.store.open(path, True, True)
    assert list(call(page, "talk", talk="t")["messages"]) == [one["id"] for one in talk]
    page.store.close()


def test_an_answer_to_a_deleted_talk_is_not_kept(page: Page) -> None:
    question = message("q", None, "user", "Tell me of trees", "done")
    keep(page, "a", question, message("a", "q", "assistant", "", "reading"))
    ask(page, [question], "a")
    page.pump(0.0)
    call(page, "delete", talk="t")
    assert events(page)[-1]["type"] == "done"
    assert call(page, "talks") == []


class Held:
    memory_bytes = 5

    def close(self) -> None:
        pass


class Bytes(bytes):
    """JavaScript's bytes, as Pyodide gives them."""

    def to_bytes(self) -> bytes:
        return bytes(self)


def taken(piece: Any) -> bytes:
    """What the page is given: in a browser it is JavaScript's."""
    return bytes(piece) if isinstance(piece, bytes) else piece.to_bytes()


def test_a_file_of_talks_there_and_back(page: Page) -> None:
    talk: list[dict[str, Any]] = []
    for number in range(1, 4):
        say(page, number, f"Hello {number}", talk)
    keep(page, "other", message("other", None, "user", "Another talk", "done"), talk="u")
    pieces: list[Any] = []
    told: list[tuple[int, int]] = []
    page.store.export('["t"]', pieces.append, lambda *how: told.append(how))
    assert told == [(0, 1)]
    data = Bytes(b"".join(map(taken, pieces)))
    other = opened(None)
    told.clear()
    # In memory no states are kept beside the talk's own, and the file has them all the same.
    assert json.loads(other.store.import_(data, "x.chats", lambda *how: told.append(how))) == ["t"]
    assert [total for _, total in told] == [9]
    assert call(other, "talk", talk="t") == call(page, "talk", talk="t")
    damaged = Bytes(data[:40] + b"?" + data[41:])
    with pytest.raises(ArchiveError, match="is damaged: its checksum"):
        other.store.import_(damaged, "x.chats", lambda *_: None)
    assert len(call(other, "talks")) == 1
    pieces.clear()
    page.store.export("null", pieces.append, lambda *how: None)
    added = json.loads(
        other.store.import_(Bytes(b"".join(map(taken, pieces))), "x.chats", lambda *how: None)
    )
    assert len(added) == 2
    assert len(call(other, "talks")) == 3
    other.store.close()


def test_its_memory_is_counted_while_it_is_open(page: Page) -> None:
    page.store.need().close()
    page.store.need().database = Held()  # type: ignore[assignment]
    assert page.store.memory_bytes == 5
    page.store.close()
    assert page.store.memory_bytes == 0


def test_bad_calls(page: Page) -> None:
    with pytest.raises(ArgumentError, match="no such method"):
        call(page, "nothing")
    with pytest.raises(ArgumentError, match="not open yet"):
        pagestore.PageStore().call("talks", "{}")
