"""Answers that can be given again: those that the same request would get anyway."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, fields
from typing import Any, Final

from ..events import Event, Prompt, StopReason, Token
from ..sampling import SamplingSettings
from .answer import Request
from .base import Generation

__all__ = ["AnswerCache", "KeptAnswer", "Replay", "cache_key"]

MOST_TOKENS: Final = 200_000
"""The tokens of all answers that are kept, about 30 MB."""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """A complete answer and who gave it."""

    name: str
    model_name: str
    text: str
    stop_reason: StopReason
    prompt_tokens: int
    context_tokens: int
    tokens: tuple[Token, ...]


def cache_key(request: Request, backend: Any, fingerprint: str) -> Hashable | None:
    """What two requests share that must get the same answer; ``None`` if there is no such thing.

    An answer repeats if it is greedy or seeded, if a known model reads the whole text, and if all
    guidance says what it is by a ``fingerprint``. From a state it may not: the same text can have
    been read in other tokens.
    """
    position, options = request.position, request.options
    settings: SamplingSettings = options["settings"] or SamplingSettings()
    guidance = [getattr(one, "fingerprint", None) for one in options["guidance"]]
    reads_all = position.state is None or position.backend is not backend
    repeats = settings.seed is not None or settings.temperature == 0
    if not (fingerprint and repeats and reads_all and all(guidance)):
        return None
    values = [getattr(settings, field.name) for field in fields(settings) if field.name != "bias"]
    return (
        fingerprint,
        position.text + request.prompt,
        tuple(values),
        tuple(sorted(settings.bias.items())),
        options["max_tokens"],
        tuple(options["stop"]),
        options["begun"],
        tuple(guidance),
    )


class AnswerCache:
    """The latest answers; those that were not asked for longest go first.

    Parameters
    ----------
    entries : int
        How many are kept; 0 keeps none.
    seconds : float
        How long each may be given again.
    clock : callable
        Gives seconds.
    """

    def __init__(self, entries: int, seconds: float, clock: Callable[[], float]) -> None:
        self._most = entries if seconds > 0 else 0
        self._seconds = seconds
        self._clock = clock
        self._kept: OrderedDict[Hashable, tuple[float, KeptAnswer]] = OrderedDict()
        self._tokens = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def keeps(self) -> bool:
        """Whether anything is ever kept."""
        return self._most > 0

    def clear(self) -> None:
        """Forgets all."""
        self._kept.clear()
        self._tokens = 0

    def get(self, key: Hashable) -> KeptAnswer | None:
        """What was kept and has not expired."""
        entry = self._kept.get(key)
        if entry is None:
            return None
        if self._clock() >= entry[0]:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return entry[1]

    def keep(self, key: Hashable, answer: KeptAnswer) -> None:
        """Keeps an answer, and lets go what is too much."""
        if not self.keeps or len(answer.tokens) > MOST_TOKENS:
            return
        self._drop(key)
        self._kept[key] = self._clock() + self._seconds, answer
        self._tokens += len(answer.tokens)
        while len(self._kept) > self._most or self._tokens > MOST_TOKENS:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Hashable) -> None:
        if entry := self._kept.pop(key, None):
            self._tokens -= len(entry[1].tokens)


class Replay(Generation):
    """A kept answer, given again token by token. It leaves no state."""

    def __init__(self, answer: KeptAnswer) -> None:
        self._answer = answer
        self._cancelled = False
        self._events = self._run()

    def __iter__(self) -> Iterator[Event]:
        return self._events

    @property
    def state(self) -> None:
        """Nothing: who goes on reads the text again."""
        return None

    def cancel(self) -> None:
        """Ends the answer before its next token."""
        self._cancelled = True

    def _run(self) -> Iterator[Event]:
        answer = self._answer
        if answer.prompt_tokens:
            self.context_tokens = answer.prompt_tokens
            yield Prompt(answer.prompt_tokens, answer.prompt_tokens)
        for token in answer.tokens:
            if self._cancelled:
                self.stop_reason = "cancelled"
                return
            self.text += token.text
            self.context_tokens += 1
            yield token
        self.text, self.context_tokens = answer.text, answer.context_tokens
        self.stop_reason = answer.stop_reason
