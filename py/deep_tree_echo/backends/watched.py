"""A backend under watch: what it does is timed and counted, and how it fails is told apart."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, TypeVar

from ..errors import ArgumentError, BackendError, EchoError
from ..events import Event, Prompt, Token
from ..guidance import Guidance
from .base import Backend, Generation
from .steps import Steps

__all__ = ["Bracket", "Finite", "Loaded", "Outcome", "Watched"]

Result = TypeVar("Result")
Outcome = Literal["completed", "cancelled", "refused", "errors"]
"""How an answer ended, by the name of its count in the statistics."""


class Bracket:
    """Tells what happens in the guidance of an answer from what happens in its backend.

    Parameters
    ----------
    guidance : sequence of Guidance
        What the request brings.

    Attributes
    ----------
    guidance : tuple of Guidance
        The same between a `Finite` and an `_End`.
    inside : bool
        Whether the guidance is at work now.
    """

    def __init__(self, guidance: Sequence[Guidance]) -> None:
        self.inside = False
        self.names = ", ".join(one.name for one in guidance)
        self.guidance: tuple[Guidance, ...] = (Finite(self),)
        if guidance:
            self.guidance = (Finite(self), *guidance, _End(self))
        self._guided = bool(guidance)

    def enter(self) -> None:
        """The guidance is at work from here on."""
        self.inside = self._guided


class Finite:
    """A guide that changes nothing and ends an answer whose logits are not all finite."""

    name = "finite"
    required = False

    def __init__(self, bracket: Bracket | None = None) -> None:
        self._bracket = bracket

    def start(self, model: Any) -> Finite:
        """Itself: it remembers nothing."""
        return self._enter()

    def adjust(self, logits: Any) -> Any:
        """The (n_vocab,) logits as they are.

        Raises
        ------
        BackendError
            If one is not finite.
        """
        if not (math.isfinite(logits.min()) and math.isfinite(logits.max())):
            wrong = sum(not math.isfinite(value) for value in logits.tolist())
            raise BackendError(
                f"{wrong} of the {len(logits)} logits are not finite; the model or its state is "
                "damaged, load it again."
            )
        self._enter()
        return logits

    def accept(self, token: int, reading: Any) -> None:
        """Nothing to do."""
        self._enter()

    def _enter(self) -> Finite:
        if self._bracket is not None:
            self._bracket.enter()
        return self


class _End:
    """The last guide: all others have done their part."""

    name = "end"
    required = False

    def __init__(self, bracket: Bracket) -> None:
        self._bracket = bracket

    def start(self, model: Any) -> _End:
        self._bracket.inside = False
        return self

    def adjust(self, logits: Any) -> Any:
        self._bracket.inside = False
        return logits

    def accept(self, token: int, reading: Any) -> None:
        self._bracket.inside = False


class Loaded:
    """A backend in memory, with everyone who uses it.

    Parameters
    ----------
    name : str
        What the router calls it.
    backend : Backend
        It is closed when it has been retired and nobody uses it any more.
    """

    def __init__(self, name: str, backend: Backend) -> None:
        self.name = name
        self.backend = backend
        self.steps = Steps(name)
        self.users = 0
        """Answers under way; counted under the router's lock."""
        self.retired = False
        """Whether nobody new may use it."""

    @property
    def fingerprint(self) -> str:
        """Which model it holds; empty if nobody knows."""
        try:
            return str(getattr(getattr(self.backend, "model", None), "fingerprint", ""))
        except EchoError:
            return ""

    def run(
        self, step: Callable[[], Result], limit: float | None, bracket: Bracket | None = None
    ) -> tuple[Result, float]:
        """What a step of the backend gives, and how many seconds it took.

        Parameters
        ----------
        step : callable
            What is to be done.
        limit : float or None
            The most seconds for it.
        bracket : Bracket, optional
            Around the guidance of the answer: what happens in there is not the backend's fault.

        Raises
        ------
        BackendError
            If the backend is at fault, which is so for whatever nobody raises on purpose.
        EchoError
            If the request is.
        """
        try:
            return self.steps.run(step, limit)
        except BackendError:
            raise
        except EchoError as error:
            if isinstance(error, ArgumentError) and self._closed():
                raise BackendError(f"{self.name} has been closed under way; load it again.") from (
                    error
                )
            raise
        except Exception as error:
            reason = str(error).rstrip(".") or "no reason given"
            failed = f"failed with {type(error).__name__}: {reason}"
            if bracket is not None and bracket.inside:
                raise ArgumentError(
                    f"guidance ({bracket.names}) {failed}; leave it out."
                ) from error
            raise BackendError(f"{self.name} {failed}.") from error

    def close(self) -> None:
        """Gives its memory back, unless a step hangs in it: then nothing can."""
        self.steps.close()
        if not self.steps.hangs:
            self.backend.close()

    def _closed(self) -> bool:
        try:
            return getattr(getattr(self.backend, "model", None), "closed", False) is True
        except EchoError:
            return True


class Watched(Generation):
    """An answer of a loaded backend.

    Parameters
    ----------
    loaded : Loaded
        Who answers.
    begin : callable
        Begins the answer; it runs as a step.
    limit : float or None
        The most seconds for a step.
    bracket : Bracket
        Around its guidance.
    ended : callable
        Told once how it ended, and in which error; also when nobody wants the answer any more.

    Raises
    ------
    EchoError
        As ``begin``; ``ended`` is not told then.
    """

    def __init__(
        self,
        loaded: Loaded,
        begin: Callable[[], Generation],
        limit: float | None,
        bracket: Bracket,
        ended: Callable[[Outcome, Watched | None, BackendError | None], None],
    ) -> None:
        self._loaded = loaded
        self._limit = limit
        self._bracket = bracket
        self._inner, self.seconds = loaded.run(begin, limit, bracket)
        """How long the backend has worked for it."""
        self._ended = ended
        self.slowest = self.seconds
        """How long its longest step took."""
        self.first_token_seconds: float | None = None
        """How long until the first token."""
        self.prompt_tokens = 0
        """Tokens of the prompt that have been read."""
        self.tokens: list[Token] = []
        """Every token so far."""
        self.token_seconds: list[float] = []
        """How long each of them took."""
        self._events = self._run()
        # An answer that is begun and then forgotten never runs, so nothing in it could tell.
        self._forgotten = weakref.finalize(self, ended, "cancelled", None, None)
        self._forgotten.atexit = False

    def __iter__(self) -> Iterator[Event]:
        return self._events

    @property
    def state(self) -> Any:
        """The backend's own state."""
        return self._loaded.run(lambda: self._inner.state, self._limit)[0]

    def cancel(self) -> None:
        """Ends the answer before its next token."""
        self._inner.cancel()

    def _run(self) -> Iterator[Event]:
        steps = iter(self._inner)
        try:
            while True:
                event, seconds = self._loaded.run(
                    lambda: next(steps, None), self._limit, self._bracket
                )
                self._take(event, seconds)
                if event is None:
                    break
                yield event
        except BackendError as error:
            self._end("errors", error)
            raise
        except EchoError:
            self._end("refused")
            raise
        except BaseException:
            self._end("cancelled")
            raise
        self._end("cancelled" if self.stop_reason == "cancelled" else "completed")

    def _take(self, event: Event | None, seconds: float) -> None:
        self.seconds += seconds
        self.slowest = max(self.slowest, seconds)
        if isinstance(event, Prompt):
            self.prompt_tokens = event.done
        elif isinstance(event, Token):
            if event.probability is not None and not math.isfinite(event.probability):
                raise BackendError(
                    f"{self._loaded.name} gives token {event.id} the probability "
                    f"{event.probability}; the model is damaged, load it again."
                )
            if self.first_token_seconds is None:
                self.first_token_seconds = self.seconds
            self.tokens.append(event)
            self.token_seconds.append(seconds)
        self.text = self._inner.text
        self.context_tokens = self._inner.context_tokens
        self.stop_reason = self._inner.stop_reason

    def _end(self, outcome: Outcome, error: BackendError | None = None) -> None:
        if self._forgotten.detach():
            self._ended(outcome, self, error)
