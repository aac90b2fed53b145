"""The page's door: JSON in, JSON and state maps out."""

from __future__ import annotations

import json
import struct
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from deep_tree_echo import platform
from deep_tree_echo.errors import (
    ArgumentError,
    MemoryBudgetError,
    ModelFormatError,
    RoomError,
)
from deep_tree_echo.page import Page
from deep_tree_echo.preview import look
from deep_tree_echo.statemap import state_map

from tests.coroutines import drive
from tests.random_models import random_model_bytes


class _Piece:
    """As JavaScript's byte arrays look from Python."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def to_bytes(self) -> bytes:
        return self._data


def load(
    page: Page, data: bytes, backend: str = "auto", head: str | None = None, name: str = "m.bin"
) -> dict[str, Any]:
    async def pieces() -> AsyncIterator[_Piece]:
        for begin in range(0, len(data), 5000):
            yield _Piece(data[begin : begin + 5000])

    return json.loads(drive(page.load(name, len(data), pieces, backend, head, _Piece(data[:5000]))))  # type: ignore[no-any-return]


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
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    # The test process is larger than Pyodide; the promise is about the latter.
    monkeypatch.setattr(platform, "heap", lambda: platform.Heap(70_000_000, 60_000_000))
    page = Page()
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


def test_the_page_is_a_door_to_the_engine(page: Page) -> None:
    done = ask(page, turn("q1", "Hello"), answer="a1")
    assert done["integrated_response"] == done["text"]
    assert done["model_state"]["context_tokens"] == done["context_tokens"]
    assert done["performance_summary"]["answers"] == 1
    talk = [turn("q1", "Hello"), turn("a1", done["text"]), turn("q2", "And?")]
    assert ask(page, *talk, answer="a2")["performance_summary"]["answers"] == 2


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


def entries(page: Page, kind: str) -> list[dict[str, Any]]:
    memory = json.loads(page.memory())
    return [entry for entry in memory["entries"] if entry["kind"] == kind]


def test_the_ledger_names_everything_that_is_large(page: Page) -> None:
    page.memory(25_000_000)
    ask(page, turn("q1", "Hello"), answer="a1")
    ask(page, turn("q2", "Good day"), answer="a2")
    memory = json.loads(page.memory())
    about = json.loads(page.loaded())["description"]
    kinds = {entry["kind"]: entry["n_bytes"] for entry in memory["entries"]}
    assert kinds["program"] == 60_000_000
    assert kinds["page"] == 25_000_000
    assert kinds["weights"] == about["weight_bytes"]
    assert kinds["work"] == about["work_bytes"]
    talks = [(entry["name"], entry["ids"]) for entry in entries(page, "states")]
    assert talks == [("Hello", ["a1"]), ("Good day", ["a2"])]
    for entry in entries(page, "states"):
        assert entry["n_bytes"] == 2 * (about["state_bytes"] + 4 * about["n_vocab"])
    assert memory["used_bytes"] == sum(entry["n_bytes"] for entry in memory["entries"])
    assert all(entry["since"] > 1.7e9 for entry in memory["entries"])


def test_what_nobody_has_entered_is_shown(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "heap", lambda: platform.Heap(99_000_000, 90_000_000))
    [other] = entries(page, "other")
    assert 20_000_000 < other["n_bytes"] < 30_000_000


def test_states_are_let_go_and_the_talk_goes_on(page: Page) -> None:
    first = ask(page, turn("q1", "Hello"), answer="a1")
    ask(page, turn("q2", "Good day"), answer="a2")
    page.let_states_go(json.dumps(["a1", "unknown"]))
    sizes = {entry["name"]: entry["n_bytes"] for entry in entries(page, "states")}
    assert sizes["Hello"] == 0 < sizes["Good day"]
    page.let_states_go("null")
    assert sum(entry["n_bytes"] for entry in entries(page, "states")) == 0
    talk = [turn("q1", "Hello"), turn("a1", first["text"]), turn("q3", "And?")]
    kept = ask(page, *talk, answer="a3")
    assert kept["context_tokens"] > first["context_tokens"]


def test_a_forgotten_talk_is_gone(page: Page) -> None:
    ask(page, turn("q1", "Hello"), answer="a1")
    page.forget(json.dumps(["q1", "a1"]))
    assert entries(page, "states") == []
    assert page.state_view(0, 0) is None


def test_the_head_is_rounded_where_asked_and_worth_it(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = random_model_bytes("7.0", n_vocab=257, n_embed=64, n_layer=2)
    plain = load(page, data)
    assert load(page, data, head="Q8_0")["head"] is None
    monkeypatch.setattr("deep_tree_echo.page.WORTH_ROUNDING", 1)
    small = load(page, data, head="Q8_0", name="small.bin")
    assert (plain["head"], small["head"]) == (None, "Q8_0")
    saved = plain["description"]["weight_bytes"] - small["description"]["weight_bytes"]
    looked = json.loads(page.check("m.bin", len(data), _Piece(data[:5000])))
    assert saved == looked["head_bytes"] - looked["rounded_head_bytes"]


def header(n_vocab: int, n_embed: int, n_layer: int, type: int) -> bytes:
    """The first bytes of a file whose tables are FP16."""
    emb = struct.pack("<3i2i", 2, 10, 1, n_embed, n_vocab) + b"emb.weight"
    return struct.pack("<6I", 0x67676D66, 101, n_vocab, n_embed, n_layer, type) + emb


def test_a_preview_says_what_the_head_takes(page: Page) -> None:
    look = header(65536, 768, 12, 9)
    size = 298_092_396
    plain = json.loads(page.check("m.bin", size, _Piece(look)))
    small = json.loads(page.check("m.bin", size, _Piece(look), "Q8_0"))
    table = 65536 * 768
    assert (plain["type"], plain["head_type"]) == ("Q8_0", "FP16")
    assert (plain["head_bytes"], plain["rounded_head_bytes"]) == (2 * table, table // 32 * 34)
    assert plain["weight_bytes"] == size
    assert plain["weight_bytes"] - small["weight_bytes"] == 2 * table - table // 32 * 34
    assert plain["state_bytes"] == 12 * (2 * 768 + 12 * 64 * 64) * 4
    assert json.loads(page.check("m.bin", size, _Piece(look[:20]))) is None


def test_a_file_is_looked_at_once_before_it_is_loaded(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    monkeypatch.setattr(
        "deep_tree_echo.page.look", lambda *words, **more: looks.append(1) or look(*words, **more)
    )
    data = random_model_bytes("7.0", n_embed=64, n_layer=2, seed=5)
    page.check("m.bin", len(data), _Piece(data[:5000]))
    load(page, data)
    assert len(looks) == 1
    other = random_model_bytes("7.0", n_embed=64, n_layer=2, type="Q8_0")
    page.check("m.bin", len(data), _Piece(other[:5000]))
    assert len(looks) == 2


class _StoppedError(Exception):
    """As JavaScript's exceptions look from Python."""


def test_a_model_that_fits_only_alone_is_refused_with_the_way_out(page: Page) -> None:
    large = _Piece(header(65536, 768, 12, 9))
    page._budget._model[0]._size = 400_000_000
    for _ in range(2):
        with pytest.raises(RoomError) as refused:
            page.check("large.bin", 298_092_396, large)
        sentence = str(refused.value)
        assert sentence.startswith("large.bin needs 3")
        assert sentence.endswith("; load the bundled model, which frees up to 400 MB.")
        with pytest.raises(RoomError):
            drive(page.load("large.bin", 298_092_396, lambda: None, first=large))
    assert ask(page, turn("q1", "Hello"), answer="a1")["backend"] == "rwkv_cpp"
    # With the bundled model in its place there is room.
    drive(page.load_bundled())
    assert json.loads(page.check("large.bin", 298_092_396, large))["n_vocab"] == 65536


def test_a_model_that_could_never_fit_is_refused_with_what_would(page: Page) -> None:
    with pytest.raises(MemoryBudgetError, match=r"the same model in Q\w+ would need") as refused:
        page.check("huge.bin", 1_100_000_000, _Piece(header(65536, 1024, 24, 1)))
    assert not isinstance(refused.value, RoomError)


def test_states_are_no_obstacle_to_a_model(page: Page) -> None:
    ask(page, turn("q1", "Hello"), answer="a1")
    about = json.loads(page.loaded())["description"]
    data = random_model_bytes("7.0", n_embed=64, n_layer=2, seed=7)
    need = json.loads(page.check("m.bin", len(data), _Piece(data[:5000])))
    state = 2 * (about["state_bytes"] + 4 * about["n_vocab"])
    # Just so much is left that the new model fits without the states, and not with them.
    page.memory(0)
    free = page._budget.ledger.free_bytes
    needed = need["weight_bytes"] + need["work_bytes"] + 2 * state + 40 * 257
    page.memory(free - needed + state)
    load(page, data)
    assert entries(page, "states") == []


@pytest.mark.parametrize("at", [0, 1, 3])
def test_a_load_that_is_stopped_in_the_middle_loses_nothing(page: Page, at: int) -> None:
    done = ask(page, turn("q1", "Hello"), answer="a1")
    before = json.loads(page.memory())
    data = random_model_bytes("7.0", n_embed=64, n_layer=3, seed=9)

    async def pieces() -> AsyncIterator[_Piece]:
        for number in range(at):
            yield _Piece(data[50_000 * number : 50_000 * (number + 1)])
        raise _StoppedError

    with pytest.raises(_StoppedError):
        drive(page.load("next.bin", len(data), pieces, first=_Piece(data[:5000])))
    after = json.loads(page.memory())
    assert [e["kind"] for e in after["entries"]] == [e["kind"] for e in before["entries"]]
    assert after["used_bytes"] == before["used_bytes"]
    talk = [turn("q1", "Hello"), turn("a1", done["text"]), turn("q2", "And?")]
    assert ask(page, *talk, answer="a2")["context_tokens"] > done["context_tokens"]
    load(page, data, name="next.bin")
    assert json.loads(page.loaded())["model"] == "next.bin"
