"""Other ways to draw a reply than one continuation, such as the best of several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from .backends.answer import Position, Respondent
from .backends.base import Generation
from .events import Event, StopReason
from .guidance import Guidance
from .sampling import SamplingSettings

__all__ = ["Candidate", "Drawing", "Drawn", "Talk"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reply that might have been.

    Parameters
    ----------
    text : str
        What it says.
    position : Position
        After it.
    stop_reason : str
        Why it ended.
    backend, model : str
        Who wrote it.
    """

    text: str
    position: Position
    stop_reason: StopReason
    backend: str
    model: str


class Drawn(Generation):
    """An answer by a `Chain`, and those that it was preferred to."""

    prompt_read: bool = False
    """Whether the whole prompt has been read."""

    @property
    def total_tokens(self) -> int:
        """Tokens from the beginning of the text up to the end of the answer."""
        raise NotImplementedError

    @property
    def state(self) -> Position:
        """The `Position` after the prompt and ``text``; where it began until the prompt is read."""
        raise NotImplementedError

    @property
    def others(self) -> Sequence[Candidate]:
        """The candidates that were not chosen, each text once; empty before the end."""
        raise NotImplementedError


class Drawing(Protocol):
    """A way to draw a reply."""

    def begin(
        self,
        chain: Respondent,
        prompt: str,
        position: Position | None,
        *,
        max_tokens: int,
        settings: SamplingSettings,
        stop: Sequence[str],
        guidance: Sequence[Guidance],
        begun: str,
    ) -> Drawn:
        """Begins a reply; the arguments are those of `Chain.generate`."""


class Talk(Protocol):
    """A conversation whose replies can be drawn in other ways, kept in a store or not."""

    drawing: Drawing | None

    def say(self, text: str, *, preface: str = "") -> Iterator[Event]:
        """The events of the reply to a message."""
