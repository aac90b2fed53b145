"""Steps of a backend: one at a time, and none for longer than it may."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from .. import platform
from ..errors import BackendError

__all__ = ["HangError", "Steps"]

Result = TypeVar("Result")
_Job = tuple[Callable[[], Any], "Future[Any]"]


class HangError(BackendError):
    """A step of a backend that takes too long."""


class Steps:
    """Runs the steps of one backend one after the other, whichever threads ask for them.

    Where there are threads, a step with a limit runs in a thread of its own and is given up when
    its time is over; nothing can end it, so the backend is then of no further use (`hangs`).
    Pyodide has none: there a step that takes too long is found out when it is over, by whoever
    compares its seconds with the limit.

    Parameters
    ----------
    name : str
        The backend, for messages.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._turn = threading.Lock()
        self._jobs: queue.SimpleQueue[_Job | None] | None = None
        self.hangs = ""
        """Why no further step is taken; empty while that is not so."""

    def run(self, step: Callable[[], Result], limit: float | None) -> tuple[Result, float]:
        """What ``step`` gives, and how many seconds it took.

        Raises
        ------
        HangError
            If it takes longer than ``limit`` seconds, or an earlier one did.
        """
        with self._turn:
            if self.hangs:
                raise HangError(self.hangs)
            begin = time.perf_counter()
            alone = limit is None or platform.IN_PYODIDE
            found = step() if alone else self._run_within(step, limit)
            return found, time.perf_counter() - begin

    def close(self) -> None:
        """Lets the thread end after its present step. Harmless the second time."""
        if self._jobs is not None:
            self._jobs.put(None)
            self._jobs = None

    def _run_within(self, step: Callable[[], Result], limit: float | None) -> Result:
        if self._jobs is None:
            self._jobs = queue.SimpleQueue()
            # A daemon: a step that never ends must not keep the process from ending.
            name = f"steps of {self._name}"
            threading.Thread(target=_work, args=(self._jobs,), name=name, daemon=True).start()
        future: Future[Result] = Future()
        self._jobs.put((step, future))
        try:
            return future.result(limit)
        except TimeoutError:
            if future.done():
                raise  # the step's own
            self.hangs = f"{self._name} has not come back from a step within {limit:g} s."
            raise HangError(self.hangs) from None


def _work(jobs: queue.SimpleQueue[_Job | None]) -> None:
    while (job := jobs.get()) is not None:
        step, future = job
        try:
            future.set_result(step())
        except BaseException as error:
            future.set_exception(error)
        del job, step, future  # or they, and the model in them, would live until the next job
