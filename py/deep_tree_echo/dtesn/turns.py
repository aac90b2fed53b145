"""Turns at the one thread there is: by priority, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Literal

from ..errors import ArgumentError

__all__ = ["HEAD_START", "PRIORITIES", "Priority", "Turns"]

Priority = Literal["critical", "high", "normal", "low", "background"]
PRIORITIES: Final[tuple[Priority, ...]] = ("critical", "high", "normal", "low", "background")
"""The classes of requests, the most urgent first."""
HEAD_START: Final = 16
"""How many later turns of the next class can go before one of this class."""
LONGEST: Final = 0.01
"""Seconds of work after which the event loop gets a chance in any case."""


class Turns:
    """Gives one turn after another to the tasks of an event loop.

    A turn that is asked for gets the rank *number + 16 · class*, with the turns numbered as they
    are asked for and the classes from 0, critical; the least rank goes first. So a turn waits for
    at most 16 later ones for each class that is above its own.

    Examples
    --------
    >>> async def work(turns, name, priority, done):
    ...     async with turns.turn(priority, new=True):
    ...         done.append(name)
    >>> async def main():
    ...     turns, done = Turns(), []
    ...     await asyncio.gather(work(turns, "a", "low", done), work(turns, "b", "high", done))
    ...     return done
    >>> asyncio.run(main())
    ['b', 'a']
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._asked = 0
        self._taken = False
        self._paused_at = 0.0

    @property
    def waiting(self) -> int:
        """How many turns are waited for."""
        return sum(not future.done() for _, _, future in self._waiting)

    @asynccontextmanager
    async def turn(self, priority: Priority, *, new: bool = False) -> AsyncIterator[None]:
        """A turn, for as long as the block lasts; nothing in it may wait.

        Parameters
        ----------
        priority : str
            One of `PRIORITIES`.
        new : bool
            For the first turn of a request: lets those come first that arrive at the same time and
            are more urgent.
        """
        await self._take(PRIORITIES.index(checked_priority(priority)), new)
        try:
            yield
        finally:
            self._taken = False
            if self._waiting:
                asyncio.get_running_loop().call_soon(self._give)

    async def _take(self, rank: int, new: bool) -> None:
        number = self._asked
        self._asked += 1
        tired = time.monotonic() - self._paused_at > LONGEST
        if not (new or tired or self._taken or self._waiting):
            self._taken = True
            return
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._waiting, (number + HEAD_START * rank, number, future))
        # Not at once: whoever is ready now may ask, too.
        loop.call_soon(self._give)
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self._taken = False
                loop.call_soon(self._give)
            raise

    def _give(self) -> None:
        while self._waiting and not self._taken:
            _, _, future = heapq.heappop(self._waiting)
            if not future.done():
                self._taken = True
                self._paused_at = time.monotonic()
                future.set_result(None)


def checked_priority(priority: Priority) -> Priority:
    """``priority`` itself, if there is such a class.

    Raises
    ------
    ArgumentError
        If there is not.
    """
    if priority not in PRIORITIES:
        raise ArgumentError(f"priority is {priority!r}; it must be one of {', '.join(PRIORITIES)}.")
    return priority
