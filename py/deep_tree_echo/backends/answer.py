"""An answer that survives its backend: where it began, and what begins it again elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import BackendError, EchoError
from ..events import Event, Failure, Fallback, Prompt
from ..guidance import Guidance
from ..sampling import SamplingSettings
from .base import Backend, Generation

__all__ = ["Answerer", "Begun", "ChainGeneration", "Position", "Request", "Respondent", "begin_on"]


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a text that any backend can go on from.

    Parameters
    ----------
    text : str
        Everything read and said up to here.
    context_tokens : int
        Its tokens.
    backend : Backend or None
        The one whose state this is; ``None`` if the state has been let go.
    state
        The backend's state. Another backend, or none, reads ``text`` again.
    """

    text: str
    context_tokens: int
    backend: Backend | None
    state: Any

    def without_state(self) -> Position:
        """The same place without its memory; going on from it reads ``text`` again."""
        return Position(self.text, self.context_tokens, None, None)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of whichever backend answers: the arguments of ``generate``."""

    prompt: str
    position: Position
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Begun:
    """An answer that a backend has begun.

    Parameters
    ----------
    name, model_name : str
        Who answers, as `Failure` and `Done` name it.
    backend : Backend or None
        Whose states the generation leaves; ``None`` if it leaves none.
    generation : Generation
        The answer.
    tokens_before : int
        Tokens of the text that need not be read again.
    prompt_read : bool
        Whether there is nothing to read.
    """

    name: str
    model_name: str
    backend: Backend | None
    generation: Generation
    tokens_before: int
    prompt_read: bool


def begin_on(backend: Backend, request: Request) -> Begun:
    """Begins an answer on a backend; one that does not know the state reads the whole text."""
    prompt, position = request.prompt, request.position
    state, before = position.state, position.context_tokens
    if position.backend is not backend:
        prompt, state, before = position.text + prompt, None, 0
    generation = backend.generate(prompt, state, **request.options)
    return Begun(backend.name, backend.model_name, backend, generation, before, not prompt)


class Answerer(Protocol):
    """Who finds a backend for an answer, and another one after a failure."""

    def begin(self, request: Request, failures: list[Failure]) -> Begun:
        """Begins an answer; ``failures`` gets whoever had to be passed over.

        Raises
        ------
        BackendError
            If nobody is left.
        """

    def give_up(self, begun: Begun, error: BackendError, failures: list[Failure]) -> None:
        """Takes note that ``begun`` has failed. Raises ``error`` if nobody is left."""

    def has_closed(self, begun: Begun) -> bool:
        """Whether the backend of ``begun`` was closed because of another answer."""


class Respondent(Protocol):
    """Who answers in a conversation: what a `Chain` and a `Router` share."""

    @property
    def backend(self) -> Backend:
        """The backend in use."""

    @property
    def model_name(self) -> str:
        """The model's name."""

    @property
    def failures(self) -> list[Failure]:
        """The backends that are not in use, and why."""

    def generate(
        self,
        prompt: str,
        state: Position | None = None,
        *,
        max_tokens: int = 256,
        settings: SamplingSettings | None = None,
        stop: Sequence[str] = (),
        guidance: Sequence[Guidance] = (),
        begun: str = "",
    ) -> ChainGeneration:
        """Continues ``prompt`` from ``state``; see `Chain.generate`."""

    def close(self) -> None:
        """Gives the memory back."""


class ChainGeneration(Generation):
    """An answer by a `Chain` or a `Router`: the backend's own events.

    Where a backend fails, a `Fallback` follows and the answer starts again from its beginning.
    """

    def __init__(self, answerer: Answerer, request: Request) -> None:
        self._answerer = answerer
        self._request = request
        self._cancelled = False
        self.failures: list[Failure] = []
        """The backends that failed in this answer, in order, and why."""
        self.prompt_read = False
        """Whether the whole prompt has been read."""
        self._begun: Begun | None = None
        self._refusal: BackendError | None = None
        try:
            self._begin()
        except BackendError as error:  # as any other failure of an answer: in the iteration
            self._refusal = error
        self._events = self._run()

    def __iter__(self) -> Iterator[Event]:
        return self._events

    @property
    def state(self) -> Position:
        """The `Position` after the prompt and ``text``; where it began until the prompt is read."""
        begun = self._begun
        if begun is None or not self.prompt_read:
            return self._request.position
        text = self._request.position.text + self._request.prompt + self.text
        if begun.backend is None:
            return Position(text, self.total_tokens, None, None)
        return Position(text, self.total_tokens, begun.backend, begun.generation.state)

    @property
    def total_tokens(self) -> int:
        """Tokens from the beginning of the text up to here."""
        return (self._begun.tokens_before if self._begun else 0) + self.context_tokens

    @property
    def backend_name(self) -> str:
        """Who answers; empty if nobody does."""
        return self._begun.name if self._begun else ""

    @property
    def model_name(self) -> str:
        """The file of the model that answers; empty if none does."""
        return self._begun.model_name if self._begun else ""

    def cancel(self) -> None:
        """Ends the answer before its next token."""
        self._cancelled = True
        if self._begun is not None:
            self._begun.generation.cancel()

    def _begin(self) -> Begun:
        begun = self._answerer.begin(self._request, self.failures)
        if self._cancelled:
            begun.generation.cancel()
        self._begun, self.prompt_read = begun, begun.prompt_read
        return begun

    def _run(self) -> Iterator[Event]:
        if self._refusal is not None:
            raise self._refusal
        told = 0
        while True:
            begun = self._begun or self._begin()
            for failure in self.failures[told:]:
                yield Fallback(begun.name, failure)
            told = len(self.failures)
            try:
                for event in begun.generation:
                    if not isinstance(event, Prompt) or event.done == event.total:
                        self.prompt_read = True
                    self._update(begun.generation)
                    yield event
                self._update(begun.generation)
                return
            except EchoError as error:
                if not isinstance(error, BackendError):
                    if not self._answerer.has_closed(begun):
                        raise
                    error = BackendError("It failed in another answer and was closed.")
                self._begun, self.prompt_read = None, False
                self.text, self.context_tokens = "", 0
                self._answerer.give_up(begun, error, self.failures)

    def _update(self, inner: Generation) -> None:
        self.text = inner.text
        self.context_tokens = inner.context_tokens
        self.stop_reason = inner.stop_reason
