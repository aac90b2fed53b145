"""Running coroutines to their end, natively and inside Pyodide under Node."""

from __future__ import annotations

import asyncio
import time
from asyncio import events
from collections.abc import Coroutine
from typing import Any, TypeVar

from tests.conftest import ON_PYODIDE

Result = TypeVar("Result")


class _Nothing:
    """Stands where a loop has files and sockets to wait for."""

    def select(self, timeout: float | None) -> list[Any]:
        time.sleep(timeout or 0)
        return []


class _Loop(asyncio.BaseEventLoop):
    """Tasks, futures and timers, and nothing else: all that Pyodide has under Node 20."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Nothing()

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


def run(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """As `asyncio.run`, also where Pyodide's own loop cannot wait."""
    if not ON_PYODIDE:
        return asyncio.run(coroutine)
    outer = events._get_running_loop()
    events._set_running_loop(None)
    loop = _Loop()
    try:
        result = loop.run_until_complete(coroutine)
        loop.run_until_complete(loop.shutdown_asyncgens())
        return result
    finally:
        loop.close()
        events._set_running_loop(outer)
