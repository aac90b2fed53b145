"""A backend in a process of its own, which can be killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from typing import Any, ClassVar

from deep_tree_echo.backends.base import Backend, Generation, Loader
from deep_tree_echo.events import Event, Prompt, Token

from tests.backends.scripted import Model, Scripted


def serve(connection: Any) -> None:
    """Answers one text after another, an event a message."""
    backend = Scripted()
    while True:
        prompt, options = connection.recv()
        generation = backend.generate(prompt, **options)
        for event in generation:
            connection.send((event, generation.text, generation.context_tokens))
            if connection.recv() == "cancel":
                generation.cancel()
        connection.send((None, generation.stop_reason, generation.context_tokens))


class InProcess(Backend):
    """One answer at a time, by a worker."""

    name: ClassVar[str] = "in_process"

    def __init__(self) -> None:
        self.model = Model("")
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        self._process = context.Process(target=serve, args=(there,), daemon=True)
        self._process.start()
        there.close()

    @classmethod
    def loader(cls, **options: Any) -> Loader:
        raise NotImplementedError

    @property
    def model_name(self) -> str:
        return "process.bin"

    @property
    def description(self) -> dict[str, Any]:
        return {}

    def kill(self) -> None:
        """Ends the worker as the system would that is out of memory."""
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.join()

    def generate(self, prompt: str, state: Any = None, **options: Any) -> Generation:
        return _Answer(self._here, (state or "") + prompt, {"max_tokens": options["max_tokens"]})

    def close(self) -> None:
        self._process.kill()
        self._process.join()
        self._here.close()


class _Answer(Generation):
    def __init__(self, connection: Any, text: str, options: dict[str, Any]) -> None:
        self._connection = connection
        self._read = text
        self._options = options
        self._cancelled = False
        self._events = self._run()

    def __iter__(self) -> Iterator[Event]:
        return self._events

    @property
    def state(self) -> str:
        return self._read + self.text

    def cancel(self) -> None:
        self._cancelled = True

    def _run(self) -> Iterator[Event]:
        # The whole answer in one step: the worker has one pipe for all.
        events: list[tuple[Event, str, int]] = []
        self._connection.send((self._read, self._options))
        while True:
            event, said, fed = self._connection.recv()
            if event is None:
                break
            events.append((event, said, fed))
            self._connection.send("go on")
        for event, text, fed in events:
            assert isinstance(event, (Prompt, Token))
            self.text, self.context_tokens = text, fed
            yield event
        self.stop_reason = said
