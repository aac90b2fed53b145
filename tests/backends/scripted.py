"""Backends without a model whose answers are known and whose faults are ordered."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

from deep_tree_echo.backends.base import Backend, Generation, Loader
from deep_tree_echo.errors import BackendError
from deep_tree_echo.events import Event, Prompt, Token


class Model:
    """As much of a model as a router looks at."""

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self.closed = False


class Scripted(Backend):
    """Answers any text with words that follow from it; `fault` runs before each token."""

    name: ClassVar[str] = "scripted"
    needs_file: ClassVar[bool] = True

    def __init__(
        self,
        fingerprint: str = "",
        fault: Callable[[int], object] = lambda index: None,
        words: int = 5,
    ) -> None:
        self.model = Model(fingerprint)
        self.fault = fault
        self.words = words
        self.begun = 0
        self.at_once = self.most_at_once = 0

    @classmethod
    def loader(cls, **options: Any) -> Loader:
        raise NotImplementedError

    @property
    def model_name(self) -> str:
        return "scripted.bin"

    @property
    def description(self) -> dict[str, Any]:
        return {}

    def generate(self, prompt: str, state: Any = None, **options: Any) -> Generation:
        self.begun += 1
        return Answer(self, (state or "") + prompt, **options)

    def close(self) -> None:
        self.model.closed = True


def expected(text: str, words: int = 5) -> str:
    """What any of them answers."""
    return "".join(f" {zlib.crc32(f'{text} {index}'.encode()):x}" for index in range(words))


class Answer(Generation):
    def __init__(
        self, backend: Scripted, text: str, max_tokens: int = 256, guidance: Any = (), **_: Any
    ) -> None:
        self._backend = backend
        self._read = text
        self._cancelled = False
        self._most = min(max_tokens, backend.words)
        for one in guidance:
            if one.required:
                raise BackendError(f"scripted cannot follow the {one.name}.")
        self._events = self._run()

    def __iter__(self) -> Iterator[Event]:
        return self._events

    @property
    def state(self) -> str:
        return self._read + self.text

    def cancel(self) -> None:
        self._cancelled = True

    def _run(self) -> Iterator[Event]:
        self.context_tokens = 1
        yield Prompt(1, 1)
        for index in range(self._most):
            if self._cancelled:
                self.stop_reason = "cancelled"
                return
            backend = self._backend
            backend.at_once += 1
            backend.most_at_once = max(backend.most_at_once, backend.at_once)
            try:
                probability = backend.fault(index)
            finally:
                backend.at_once -= 1
            word = f" {zlib.crc32(f'{self._read} {index}'.encode()):x}"
            self.text += word
            self.context_tokens += 1
            yield Token(word, index, probability if isinstance(probability, float) else 0.5, index)
        self.stop_reason = "end"


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def fails(times: float = float("inf"), error: Callable[[], Exception] | None = None) -> Any:
    """A fault that happens so often."""
    left = times

    def fault(index: int) -> None:
        nonlocal left
        if left > 0:
            left -= 1
            raise error() if error else BackendError("The library has died.")

    return fault


def in_threads(jobs: Sequence[Callable[[], object]]) -> None:
    """Runs jobs side by side; raises what the first that fails raises."""
    errors: list[BaseException] = []

    def run(job: Callable[[], object]) -> None:
        try:
            job()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
