"""Coroutines without an event loop: Node 20, unlike the page's browsers, cannot wait in Pyodide."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def drive(coroutine: Coroutine[Any, Any, Result], turns: int | None = None) -> Result:
    """Steps a coroutine that waits only for its turn; cancels it after ``turns``."""
    while True:
        try:
            if turns == 0:
                coroutine.throw(asyncio.CancelledError())
            else:
                coroutine.send(None)
        except StopIteration as end:
            result: Result = end.value
            return result
        turns = None if turns is None else turns - 1
