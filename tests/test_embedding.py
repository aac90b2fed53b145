"""An embedding that stays in the file: the same numbers, and what may happen to the file."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from deep_tree_echo import Chain, Model, ModelFile, SamplingSettings, core, platform
from deep_tree_echo.errors import ArgumentError, FileError, MemoryBudgetError
from deep_tree_echo.page import Page
from deep_tree_echo.reread import EMBEDDING_LIMIT, FileReread
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import ON_PYODIDE
from tests.coroutines import drive
from tests.gguf_files import random_gguf
from tests.random_models import ARCHITECTURES, random_model_bytes

LONG = [(7 * i) % 257 for i in range(530)]  # more than are read at once


@pytest.fixture(autouse=True)
def always_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The embeddings here are small."""
    monkeypatch.setattr("deep_tree_echo.model.EMBEDDING_LIMIT", 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "model.bin"
    file.write_bytes(random_model_bytes(type="FP16"))
    return file


def assert_same(path: Path, prompt: list[int]) -> None:
    """The model with its embedding in the file equals the one with all in memory, bit for bit."""
    outside, inside = Model.load(path), Model.load(path.read_bytes())
    assert outside.outside_bytes > 0 == inside.outside_bytes
    assert outside.weight_bytes == inside.weight_bytes - outside.outside_bytes
    assert outside.fingerprint == inside.fingerprint
    ours, our_state = outside.eval(prompt)
    theirs, their_state = inside.eval(prompt)
    for _ in range(2):
        assert np.array_equal(ours, theirs)
        assert np.array_equal(our_state.to_numpy(), their_state.to_numpy())
        ours, our_state = outside.eval(prompt[:1], our_state)
        theirs, their_state = inside.eval(prompt[:1], their_state)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("kind", ["FP32", "FP16", "Q5_1"])
def test_every_architecture(architecture: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(random_model_bytes(architecture, type=kind))
    assert_same(path, LONG)


@pytest.mark.parametrize("architecture", ["6.0", "7.0"])
@pytest.mark.parametrize("kind", ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_K", "Q6_K"])
def test_gguf_with_an_embedding_of_any_type(architecture: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(random_gguf(architecture, type=kind, n_embed=256, n_layer=2))
    assert_same(path, LONG)


def test_the_conformance_models(tiny_models: Path) -> None:
    files = [file for file in sorted(tiny_models.glob("*.bin")) if "logits" not in file.name]
    assert files
    for path in files:
        assert_same(path, list(b'"in'))


@given(tokens=st.lists(st.integers(0, 256), min_size=1, max_size=90))
def test_any_tokens(tokens: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.bin"
    if not path.exists():
        path.write_bytes(random_model_bytes(type="FP16"))
    assert_same(path, tokens)


def test_small_ones_stay_in_memory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deep_tree_echo.model.EMBEDDING_LIMIT", EMBEDDING_LIMIT)
    assert Model.load(path).outside_bytes == 0


def test_libecho_asks_for_rows() -> None:
    loader = core.Loader(embedding_limit=1)
    loader.push(random_model_bytes())
    model = loader.finish()
    with pytest.raises(ArgumentError, match=r"stayed in its file; give the tokens' rows to echo_"):
        model.eval(np.array([1], np.uint32), 1, None, None, None)
    with pytest.raises(ArgumentError, match="n_tokens is 0"):
        model.eval_rows(b"", 0, None, None, None)


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("kind", ["FP32", "FP16", "Q8_0", "GGUF"])
def test_the_estimate_knows_what_stays(kind: str, announced: bool) -> None:
    data = random_gguf() if kind == "GGUF" else random_model_bytes(type=kind)
    loader = core.Loader(len(data) if announced else 0, embedding_limit=1)
    whole = core.Loader(len(data) if announced else 0)
    at = 0
    while not loader.estimate().outside_bytes:
        loader.push(data[at : at + 64])
        whole.push(data[at : at + 64])
        at += 64
    before, expected = loader.estimate(), whole.estimate()
    loader.push(data[at:])
    info = loader.finish().info
    assert before.outside_bytes == info.n_vocab * info.embedding_row_bytes
    assert before.weight_bytes == expected.weight_bytes - before.outside_bytes
    if kind == "GGUF":
        assert before.weight_bytes == info.weight_bytes


def test_the_budget_counts_what_is_in_memory(path: Path) -> None:
    model = Model.load(path)
    needed = model.weight_bytes + model.work_bytes + model.state_bytes
    limit = (needed + model.outside_bytes / 2) / 1e6
    assert Model.load(path, memory_limit_mb=limit).outside_bytes == model.outside_bytes
    with pytest.raises(MemoryBudgetError):
        Model.load(path.read_bytes(), memory_limit_mb=limit)


def test_clones_share_the_file(path: Path) -> None:
    model = Model.load(path)
    expected, _ = model.eval([3])
    clone = model.clone()
    model.close()
    assert np.array_equal(clone.eval([3])[0], expected)
    with pytest.raises(ArgumentError, match="closed"):
        model.eval([3])


@pytest.mark.native("Pyodide's files have no /proc")
def test_the_file_is_closed_with_the_last_model(path: Path) -> None:
    def opened() -> int:
        links = [Path("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
        return sum(link.exists() and link.readlink() == path for link in links)

    model = Model.load(path)
    clone = model.clone()
    assert opened() == 1
    model.close()
    assert opened() == 1
    clone.close()
    assert opened() == 0
    with pytest.raises(MemoryBudgetError):
        Model.load(path, memory_limit_mb=0.1)
    assert opened() == 0


@pytest.mark.native("Pyodide's files go when they are deleted")
@pytest.mark.parametrize("what", ["deleted", "replaced"])
def test_a_file_that_has_gone_is_still_read(path: Path, what: str) -> None:
    model = Model.load(path)
    expected, _ = model.eval([9])
    if what == "deleted":
        path.unlink()
    else:
        other = path.with_suffix(".new")
        other.write_bytes(bytes(path.stat().st_size))
        other.replace(path)
    assert np.array_equal(model.eval([9])[0], expected)


def change(path: Path, how: str) -> None:
    """Changes a file in its place."""
    with path.open("r+b") as file:
        if how == "shorter":
            file.truncate(1000)
        else:
            file.seek(5000)
            file.write(b"overwritten")
    if how == "overwritten":
        os.utime(path, (1, 1))  # whatever the clock's steps


@pytest.mark.parametrize("how", ["shorter", "overwritten"])
def test_a_changed_file_is_one_sentence(path: Path, how: str) -> None:
    model = Model.load(path)
    _, state = model.eval([1, 2])
    before = state.to_numpy().copy()
    change(path, how)
    for tokens in ([3], [3, 4]):
        with pytest.raises(FileError) as caught:
            model.eval(tokens, state)
        assert str(caught.value) == (
            "model.bin has changed since it was loaded, and its embedding is read from it; load "
            "it again."
        )
    assert np.array_equal(state.to_numpy(), before)


def test_a_conversation_survives_a_changed_file(path: Path) -> None:
    """What was said stays, and goes on once the model is loaded again."""
    data = path.read_bytes()
    chain = Chain.load(ModelFile.from_path(path))
    assert chain.backend.description["outside_bytes"] == 257 * 64 * 2
    settings = SamplingSettings(seed=3)
    first = chain.generate("Once", max_tokens=5, settings=settings)
    list(first)
    rest = Chain.load(ModelFile.from_bytes("model.bin", data))
    expected = rest.generate(first.text, first.state, max_tokens=5, settings=settings)
    list(expected)

    change(path, "shorter")
    failed = chain.generate(" and", first.state, max_tokens=5, settings=settings)
    with pytest.raises(FileError, match="load it again"):
        list(failed)
    assert failed.state == first.state

    path.write_bytes(data)
    chain = Chain.load(ModelFile.from_path(path))
    again = chain.generate(first.text, first.state, max_tokens=5, settings=settings)
    list(again)
    assert again.text == expected.text


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"^gone\.bin cannot be read: No such file"):
        FileReread(tmp_path / "gone.bin")


def test_a_closed_file(path: Path) -> None:
    again = FileReread(path)
    again.close()
    again.close()
    with pytest.raises(FileError, match=r"^model\.bin has been closed; load it again\.$"):
        again.read([0], 1)


class Piece:
    """As JavaScript's byte arrays look from Python."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def to_bytes(self) -> bytes:
        return self._data


class _Rows:
    """As JavaScript's rows look from Python."""

    def __init__(self, data: bytes) -> None:
        self._data: bytes | None = data
        self.reads = 0

    def read(self, places: Sequence[int], length: int) -> Any:
        self.reads += 1
        assert self._data is not None
        found = b"".join(self._data[at : at + length] for at in places)
        return Piece(found) if ON_PYODIDE else found

    def close(self) -> None:
        self._data = None

    @property
    def closed(self) -> bool:
        return self._data is None


def load_in_page(page: Page, data: bytes, rows: _Rows | None, backend: str = "auto") -> Any:
    async def pieces() -> AsyncIterator[Piece]:
        yield Piece(data)

    first = Piece(data[:20_000])
    return json.loads(
        drive(page.load("m.bin", len(data), pieces, backend, None, first, None, rows))
    )


def answer_in_page(page: Page) -> str:
    page.begin(
        json.dumps(
            {
                "turns": [{"id": "q", "role": "user", "text": "Hello"}],
                "answerId": "a",
                "continues": False,
                "settings": {"max_tokens": 8, "seed": 1},
            }
        )
    )
    events: list[dict[str, Any]] = []
    while slice := json.loads(page.pump(1.0)):
        events += slice
    return str(events[-1]["text"])


@pytest.mark.parametrize("data", [random_model_bytes(type="FP16"), random_gguf(type="Q8_0")])
def test_the_page_reads_rows_and_counts_what_is_in_memory(
    data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The test process is larger than Pyodide.
    monkeypatch.setattr(platform, "heap", lambda: platform.Heap(70_000_000, 60_000_000))
    page = Page()
    assert load_in_page(page, data, None)["description"]["outside_bytes"] == 0
    expected = answer_in_page(page)

    first = Piece(data[:20_000])
    looked = json.loads(page.check("m.bin", len(data), first, None, None, True))
    rows = _Rows(data)
    description = load_in_page(page, data, rows)["description"]
    assert looked["outside_bytes"] == description["outside_bytes"] > 0
    place, size = looked["outside_offset"], looked["outside_bytes"]
    assert Model.load(data).weight_bytes - description["weight_bytes"] == size
    # The place is right: with other bytes there the model is another one.
    damaged = bytearray(data)
    damaged[place : place + size] = bytes(size)
    assert answer_in_page(page) == expected
    assert rows.reads > 8
    entries = json.loads(page.memory())["entries"]
    weights = next(entry for entry in entries if entry["kind"] == "weights")
    assert weights["n_bytes"] == description["weight_bytes"]
    assert weights["name"] == "m.bin, without 0 MB of embedding read from the file"

    other = _Rows(bytes(damaged))
    load_in_page(page, data, other)
    assert rows.closed
    assert not other.closed
    assert answer_in_page(page) != expected


def test_the_page_lets_go_of_rows_that_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "heap", lambda: platform.Heap(70_000_000, 60_000_000))
    rows = _Rows(random_model_bytes())
    load_in_page(Page(), random_model_bytes(), rows, "python_rwkv")
    assert rows.closed
