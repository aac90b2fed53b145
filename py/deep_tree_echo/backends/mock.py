"""The backend of last resort: no model at all, and every answer says so."""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

from ..errors import ArgumentError, BackendError
from ..events import Event, Prompt, Token
from ..guidance import Guidance
from ..reread import Reread
from ..sampling import SamplingSettings
from ..textstream import TextStream
from .base import Backend, Generation, Loader

_SENTENCES = (
    "No language model runs here, so nobody has thought about what you wrote.",
    "This is a fixed text and not an answer, because no language model could be loaded.",
    "These words come from no model; they only show that the rest works.",
)


class Mock(Backend):
    """Answers with fixed sentences after the mark ``[mock]``; needs only the standard library.

    Equal texts and seeds give equal answers; no seed counts as 0. Its tokens are words, its
    states are texts.

    Examples
    --------
    >>> answer = Mock().generate("How are you?", max_tokens=3)
    >>> "".join(event.text for event in answer if event.type == "token").split()[0]
    '[mock]'
    """

    name: ClassVar[str] = "mock"
    needs_file: ClassVar[bool] = False

    @classmethod
    def loader(
        cls,
        *,
        name: str,
        size: int | None,
        memory_limit_mb: float | None,
        head: str | None = None,
        again: Callable[[], Reread] | None = None,
    ) -> Loader:
        """Begins to load nothing: the mock works everywhere."""
        return _Loader()

    @property
    def model_name(self) -> str:
        """Always ``mock``: whatever file was asked for, none is in use."""
        return "mock"

    @property
    def description(self) -> dict[str, Any]:
        """Says that there is no model."""
        return {"architecture": "none", "type": "mock", "weight_bytes": 0, "state_bytes": 0}

    def generate(
        self,
        prompt: str,
        state: Any = None,
        *,
        max_tokens: int = 256,
        settings: SamplingSettings | None = None,
        stop: Sequence[str] = (),
        guidance: Sequence[Guidance] = (),
        begun: str = "",
    ) -> Generation:
        """Continues ``prompt`` from ``state`` (``None``: from nothing) with a fixed text.

        Raises
        ------
        BackendError
            If something in ``guidance`` is required: these texts follow nothing.
        """
        for one in guidance:
            if one.required:
                raise BackendError(f"The mock cannot follow the {one.name}; load a model.")
        seed = (settings or SamplingSettings()).seed or 0
        return _MockGeneration(prompt, state or "", max_tokens, seed, stop)


class _Loader(Loader):
    def push(self, piece: bytes) -> None:
        pass

    def finish(self) -> Backend:
        return Mock()


class _MockGeneration(Generation):
    def __init__(
        self, prompt: str, state: str, max_tokens: int, seed: int, stop: Sequence[str]
    ) -> None:
        if max_tokens < 0:
            raise ArgumentError(f"max_tokens is {max_tokens}; it must be at least 0.")
        self._read = state + prompt
        self._prompt_words = len(prompt.split())
        self._max_tokens = max_tokens
        self._stream = TextStream(stop)
        self._cancelled = False
        choice = random.Random(f"{seed} {zlib.crc32(self._read.encode('utf-8', 'replace'))}")
        answer = f" [mock] {choice.choice(_SENTENCES)} It read {len(self._read.split())} words."
        self._words = re.findall(r"\s*\S+", answer)
        self._events = self._run()

    def __iter__(self) -> Iterator[Event]:
        return self._events

    @property
    def state(self) -> str:
        return self._read + self.text

    def cancel(self) -> None:
        self._cancelled = True

    def _run(self) -> Iterator[Event]:
        if self._prompt_words:
            self.context_tokens = self._prompt_words
            yield Prompt(self._prompt_words, self._prompt_words)
        for index, word in enumerate(self._words[: self._max_tokens]):
            if self._cancelled:
                self.stop_reason = "cancelled"
                return
            text = self._stream.push(word.encode())
            if index == min(len(self._words), self._max_tokens) - 1:
                text += self._stream.finish(cut=index < len(self._words) - 1)
            self.text += text
            self.context_tokens += 1
            if self._stream.stopped:
                self.stop_reason = "stop"
            yield Token(text, index + 1, None, index)
            if self._stream.stopped:
                return
        self.stop_reason = "end" if self._max_tokens >= len(self._words) else "length"
