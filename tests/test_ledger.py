"""The memory budget: entries, reservations, refusals, and what is measured."""

from __future__ import annotations

import gc
import mmap

import pytest
from deep_tree_echo import Model
from deep_tree_echo.errors import ArgumentError, MemoryBudgetError, RoomError
from deep_tree_echo.ledger import Ledger
from deep_tree_echo.platform import heap, make_headroom, make_room
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import ON_PYODIDE
from tests.random_models import random_model_bytes

MB = 1_000_000
SIZES = st.lists(st.integers(0, 200 * MB), max_size=8)


@given(SIZES, st.integers(0, 900 * MB))
def test_the_entries_add_up_to_what_is_measured_or_more(sizes, measured):
    ledger = Ledger(600, measure=lambda: measured)
    for size in sizes:
        ledger.enter("states", "chat", size)
    assert ledger.used_bytes == max(sum(sizes), measured)
    assert sum(entry.n_bytes for entry in ledger.entries()) == ledger.used_bytes
    assert ledger.free_bytes == max(0, 600 * MB - ledger.used_bytes)


@given(SIZES, st.integers(1, 700 * MB))
def test_a_reservation_is_held_as_long_as_its_block_or_refused_at_once(sizes, wanted):
    ledger = Ledger(600)
    for size in sizes:
        ledger.enter("weights", "model", size)
    free = ledger.free_bytes
    try:
        with ledger.reserve("loading", "next", wanted):
            assert ledger.free_bytes == free - wanted
    except MemoryBudgetError:
        assert wanted > free
    else:
        assert wanted <= free
    assert ledger.free_bytes == free


def test_a_block_that_fails_gives_its_reservation_back():
    ledger = Ledger(600)

    def fail():
        with ledger.reserve("loading", "next", 100 * MB):
            raise OSError("the line went dead")

    with pytest.raises(OSError, match="the line"):
        fail()
    assert ledger.entries() == []


def test_a_refusal_says_what_to_free_or_what_would_fit():
    ledger = Ledger(600)
    ledger.enter("program", "Python", 50 * MB)
    ledger.enter("states", "chat", 5 * MB, frees="let the chat go")
    ledger.enter("weights", "old", 400 * MB, frees="unload old")
    with pytest.raises(RoomError) as refused:
        ledger.check("next", 200 * MB + 1)
    assert str(refused.value) == (
        "next needs 201 MB and 145 of 600 MB are free; unload old, which frees up to 400 MB."
    )
    with pytest.raises(MemoryBudgetError) as refused:
        ledger.check("next", 551 * MB)
    assert str(refused.value) == (
        "next needs 551 MB and 145 of 600 MB are free; choose one of at most 550 MB."
    )
    assert not isinstance(refused.value, RoomError)


def test_what_lies_outside_is_not_in_the_measure():
    ledger = Ledger(600, measure=lambda: 100 * MB)
    ledger.enter("program", "Python", 60 * MB)
    ledger.enter("page", "page", 30 * MB, outside=True)
    assert ledger.used_bytes == 130 * MB
    [other] = [entry for entry in ledger.entries() if entry.kind == "other"]
    assert other.n_bytes == 40 * MB


def test_sizes_may_change_and_entries_may_go():
    sizes = [1]
    ledger = Ledger(600, clock=lambda: 1234.5)
    entry = ledger.enter("states", "chat", lambda: sizes[0], frees="forget it")
    sizes[0] = 7
    assert entry.to_json() == {
        "kind": "states",
        "name": "chat",
        "n_bytes": 7,
        "frees": "forget it",
        "since": 1234.5,
    }
    ledger.release(entry)
    ledger.release(entry)
    assert ledger.used_bytes == 0


@pytest.mark.parametrize("limit", [0, -1, float("nan")])
def test_a_limit_that_is_none(limit):
    with pytest.raises(ArgumentError, match="limit_mb is "):
        Ledger(limit)


def test_an_unknown_kind():
    with pytest.raises(ArgumentError, match="kind is 'heap'; it must be one of program, "):
        Ledger().enter("heap", "x", 1)


def test_models_share_a_ledger():
    data = random_model_bytes()
    with Model.load(data) as alone:
        ledger = Ledger(1.5e-6 * (alone.weight_bytes + alone.work_bytes + alone.state_bytes))
    model = Model.load(data, ledger=ledger)
    assert ledger.used_bytes == model.weight_bytes + model.work_bytes
    with pytest.raises(MemoryBudgetError, match="MB are allowed"):
        Model.load(data, ledger=ledger)
    assert ledger.used_bytes == model.weight_bytes + model.work_bytes
    model.close()
    assert ledger.entries() == []
    again = Model.load(data, ledger=ledger, memory_limit_mb=None)
    assert ledger.used_bytes > 0
    del again
    gc.collect()
    assert ledger.entries() == []


def test_the_heap_is_measured():
    before = heap()
    assert 0 < before.in_use <= before.n_bytes
    if ON_PYODIDE:
        block: bytes | mmap.mmap = b"x" * 40 * MB
    else:  # the allocator could take it from what is resident already
        block = mmap.mmap(-1, 40 * MB)
        block.write(b"x" * 40 * MB)
    after = heap()
    assert after.in_use - before.in_use > 35 * MB
    del block


@pytest.mark.skipif(not ON_PYODIDE, reason="the system grows a process by itself")
def test_the_heap_grows_by_just_what_is_needed():
    need = heap().n_bytes - heap().in_use + 20 * MB
    make_room(need)
    grown = heap()
    assert need <= grown.n_bytes - grown.in_use < need + 2 * MB
    # What was free before may lie in pieces; what has been added does not.
    blocks = [bytes(MB) for _ in range(17)]
    assert heap().n_bytes == grown.n_bytes
    del blocks
    make_headroom(5 * MB)
    once = heap().n_bytes
    assert once <= grown.n_bytes + 5 * MB + 65536
    make_headroom(5 * MB)
    assert heap().n_bytes == once
