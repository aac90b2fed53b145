"""Who comes first, that everybody comes, and that leaving the queue harms nobody."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from deep_tree_echo.dtesn.turns import HEAD_START, PRIORITIES, Priority, Turns
from deep_tree_echo.errors import ArgumentError
from hypothesis import given
from hypothesis import strategies as st

from tests.event_loop import run


def order_of(priorities: list[Priority]) -> list[int]:
    """In which order the turns asked for at once are given."""

    async def main() -> list[int]:
        turns, done = Turns(), []

        async def one(number: int, priority: Priority) -> None:
            async with turns.turn(priority, new=True):
                done.append(number)

        await asyncio.gather(*(one(i, priority) for i, priority in enumerate(priorities)))
        assert turns.waiting == 0
        return done

    return run(main())


@given(st.lists(st.sampled_from(PRIORITIES), min_size=1, max_size=60))
def test_turns_go_by_number_and_class(priorities: list[Priority]) -> None:
    ranks = [i + HEAD_START * PRIORITIES.index(p) for i, p in enumerate(priorities)]
    expected = sorted(range(len(priorities)), key=lambda i: (ranks[i], i))
    assert order_of(priorities) == expected


def test_the_urgent_overtake_but_nobody_waits_for_ever() -> None:
    order = order_of(["low"] + ["high"] * 100)
    # At equal ranks the earlier one goes first.
    assert order.index(0) == 2 * HEAD_START - 1


def test_a_long_job_gives_way_between_its_turns() -> None:
    async def main() -> list[str]:
        turns, done = Turns(), []

        async def job(name: str, priority: Priority, count: int) -> None:
            for at in range(count):
                async with turns.turn(priority, new=at == 0):
                    done.append(name)

        async def later() -> None:
            while len(done) < 3:
                await asyncio.sleep(0)
            await job("urgent", "critical", 5)

        # Two of them, so that each waits for the other and the event loop goes round.
        await asyncio.gather(job("a", "low", 50), job("b", "low", 50), later())
        return done

    done = run(main())
    assert done.index("urgent") < 8
    assert done[done.index("urgent") :][:5].count("urgent") >= 4


@pytest.mark.parametrize("leaving", ["waiting", "given"])
def test_a_cancelled_turn_goes_to_the_next(leaving: str) -> None:
    async def main() -> Any:
        turns, done = Turns(), []

        async def one(name: str) -> None:
            async with turns.turn("normal", new=True):
                done.append(name)

        tasks = [asyncio.ensure_future(one(name)) for name in "abc"]
        await asyncio.sleep(0)
        if leaving == "given":
            turns._give()
        tasks[0].cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(found[0], asyncio.CancelledError)
        assert turns.waiting == 0
        return done

    assert run(main()) == ["b", "c"]


def test_an_error_in_a_turn_ends_only_that() -> None:
    async def main() -> str:
        turns = Turns()
        with pytest.raises(ZeroDivisionError):
            async with turns.turn("normal"):
                raise ZeroDivisionError
        async with turns.turn("normal"):
            return "free"

    assert run(main()) == "free"


def test_there_are_five_classes() -> None:
    with pytest.raises(ArgumentError, match="priority is 'urgent'; it must be one of critical, hi"):
        order_of(["urgent"])  # type: ignore[list-item]
