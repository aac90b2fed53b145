"""What every membrane gives, and what the engine asks of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from ..context import CognitiveContext
    from ..drawing import Talk
    from ..events import Done, Event, Token
    from ..guidance import Guidance

__all__ = [
    "Grammar",
    "GrammarPass",
    "MembraneName",
    "MembraneResponse",
    "Memory",
    "Reasoning",
    "ReasoningPass",
]

MembraneName = Literal["memory", "reasoning", "grammar"]


@dataclass(frozen=True, slots=True)
class MembraneResponse:
    """What one membrane received, did and gave for one answer.

    Parameters
    ----------
    membrane_type : {"memory", "reasoning", "grammar"}
        Which one.
    input_text, output_text : str
        What it received, and what it gave on: empty where it changed nothing.
    confidence : float or None
        Between 0 and 1, computed as the membrane's page of the documentation says; ``None`` where
        there is nothing to compute one from. Never a constant.
    processing_time : float
        Seconds that the membrane itself took.
    internal_state : dict
        What it did in its own terms: JSON only.
    metadata : dict
        What else is worth showing: JSON only. ``error`` is the sentence of a membrane that failed.
    """

    membrane_type: MembraneName
    input_text: str
    output_text: str
    confidence: float | None
    processing_time: float
    internal_state: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)


class Memory(Protocol):
    """What the engine asks of a memory membrane, for each request once in this order."""

    def prepare(self, context: CognitiveContext) -> MembraneResponse:
        """Recalls; ``output_text`` is what the model reads before the message, if anything."""

    def learn(self, context: CognitiveContext, answer: str) -> MembraneResponse:
        """Stores what is worth it of a message and its answer, once that has been given."""


class Grammar(Protocol):
    """What the engine asks of a grammar membrane."""

    def begin(self, context: CognitiveContext) -> GrammarPass:
        """What one request asks for.

        Raises
        ------
        ArgumentError
            If its grammar or schema cannot be followed; the request is then refused.
        """


class GrammarPass(Protocol):
    """A grammar membrane's part in one request."""

    guidance: Sequence[Guidance]
    """What has a say in each token; empty where the request asks for nothing."""

    def finish(self, done: Done, tokens: Sequence[Token]) -> MembraneResponse:
        """What came of it, once the answer has been given; ``tokens`` are its own, in order."""


class Reasoning(Protocol):
    """What the engine asks of a reasoning membrane."""

    def begin(self, context: CognitiveContext) -> ReasoningPass:
        """Plans the answer to one request."""


class ReasoningPass(Protocol):
    """A reasoning membrane's part in one request."""

    plain: bool
    """Whether one answer without branches will do; the conversation then gives it as ever."""

    def answer(self, chat: Talk, text: str, preface: str) -> Iterator[Event]:
        """Answers ``text`` by branches.

        The events are those of `Conversation.say`, which takes the same ``preface``, and those of
        the branches; the last one is ``Done``. The turn chosen is then the current one of
        ``chat``. Until then, and if it fails, ``chat`` is as it was.
        """

    def finish(self, done: Done, tokens: Sequence[Token]) -> MembraneResponse:
        """What came of it, once the answer has been given; ``tokens`` are its own, in order."""
