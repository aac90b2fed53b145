"""The membranes around one answer: each step is timed and told, and a failure stays inside."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, TypeVar

from ..context import CognitiveContext
from ..errors import ArgumentError, EchoError
from ..events import Done, Event, Token
from ..generation import LanguageModel, Reading
from ..guidance import Guidance, Guide, Listener
from ..membranes.base import (
    Grammar,
    GrammarPass,
    MembraneName,
    MembraneResponse,
    Memory,
    Reasoning,
    ReasoningPass,
)
from .events import Membrane

__all__ = ["Guarded", "MembraneSteps"]

Given = TypeVar("Given")
Steps = Generator[Event, None, Given]


class MembraneSteps:
    """What the membranes do for one request.

    A membrane that raises or gives something else than a response is out of this request: the
    sentence goes into its response. Only a grammar that was asked for must not be missing.

    Parameters
    ----------
    context : CognitiveContext
        What was asked.
    memory, reasoning, grammar : membrane or None
        Those that the engine has.
    clock : callable
        Gives seconds; only differences matter.
    """

    def __init__(
        self,
        context: CognitiveContext,
        memory: Memory | None,
        reasoning: Reasoning | None,
        grammar: Grammar | None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._context = context
        self._memory, self._reasoning, self._grammar = memory, reasoning, grammar
        self._clock = clock
        self._given: dict[str, MembraneResponse] = {}
        self._grammar_pass: GrammarPass | None = None
        self.preface = ""
        """What the model reads before the message."""
        self.guidance: Sequence[Guidance] = ()
        """What the grammar has to say."""
        self.reasoning: ReasoningPass | None = None
        """Who answers by branches, if anybody does."""
        self.seconds: dict[str, float] = {}
        """What each step took."""
        self.errors: dict[MembraneName, str] = {}
        """Why a membrane failed."""

    def before(self) -> Steps[None]:
        """The steps before the answer.

        Raises
        ------
        EchoError
            If the grammar that was asked for cannot be followed.
        """
        context = self._context
        if self._memory is not None:
            memory = self._memory
            recalled = yield from self._step(
                "memory", "prepare", lambda: _response(memory.prepare(context))
            )
            self.preface = recalled.output_text if recalled else ""
        forms = ("json_schema", "grammar")
        asked = [name for name in forms if context.metadata.get(name) is not None]
        if asked and self._grammar is None:
            raise ArgumentError(
                f"metadata has {asked[0]!r}, and this engine has no grammar membrane; give it one, "
                "or leave that out."
            )
        if self._grammar is not None:
            grammar, must = self._grammar, bool(asked)
            self._grammar_pass = yield from self._step(
                "grammar", "begin", lambda: _pass(grammar.begin(context), "guidance"), must=must
            )
            self.guidance = self._grammar_pass.guidance if self._grammar_pass else ()
        if self._reasoning is not None:
            reasoning = self._reasoning
            self.reasoning = yield from self._step(
                "reasoning", "begin", lambda: _pass(reasoning.begin(context), "plain")
            )

    def drop_reasoning(self, error: Exception) -> Membrane:
        """The reasoning membrane has failed in the middle of the answer."""
        self.reasoning = None
        self.errors["reasoning"] = sentence(error)
        return Membrane("reasoning", "answer", "end", error=self.errors["reasoning"])

    def after(self, done: Done, tokens: Sequence[Token]) -> Steps[None]:
        """The steps after the answer."""
        if (reasoning := self.reasoning) is not None:
            yield from self._step(
                "reasoning", "finish", lambda: _response(reasoning.finish(done, tokens))
            )
        if (grammar := self._grammar_pass) is not None:
            yield from self._step(
                "grammar", "finish", lambda: _response(grammar.finish(done, tokens))
            )
        if (memory := self._memory) is not None and "memory" not in self.errors:
            yield from self._step(
                "memory", "learn", lambda: _response(memory.learn(self._context, done.text))
            )

    def response(self, name: MembraneName) -> MembraneResponse:
        """What a membrane gave in all its steps."""
        steps = {
            key.partition(".")[2]: given
            for key, given in self._given.items()
            if key.startswith(f"{name}.")
        }
        error = self.errors.get(name)
        seconds = sum(t for key, t in self.seconds.items() if key.startswith(f"{name}."))
        first = next(iter(steps.values()), None)
        is_there = getattr(self, f"_{name}") is not None
        state: dict[str, Any] = {"active": is_there and error is None}
        metadata: dict[str, Any] = {} if error is None else {"error": error}
        if len(steps) == 1 and first is not None:
            state |= first.internal_state
            metadata = first.metadata | metadata
        else:
            state |= {step: given.internal_state for step, given in steps.items()}
            metadata = {step: given.metadata for step, given in steps.items()} | metadata
        # What a memory thinks of what it has stored says nothing of the answer.
        said = [given.confidence for step, given in steps.items() if step != "learn"]
        confidences = [confidence for confidence in said if confidence is not None]
        return MembraneResponse(
            membrane_type=name,
            input_text=first.input_text if first else self._context.user_input,
            output_text=first.output_text if first else "",
            confidence=confidences[0] if confidences else None,
            processing_time=seconds,
            internal_state=state,
            metadata=metadata,
        )

    def _step(
        self, name: MembraneName, step: str, work: Callable[[], Given], *, must: bool = False
    ) -> Steps[Given | None]:
        yield Membrane(name, step, "begin")
        begin = self._clock()
        given: Given | None = None
        error = ""
        try:
            given = work()
        except Exception as problem:
            if must and isinstance(problem, EchoError):
                raise
            if must:
                raise EchoError(
                    f"The {name} that was asked for cannot be followed: {sentence(problem)}"
                ) from problem
            self.errors[name] = error = sentence(problem)
        seconds = self._clock() - begin
        self.seconds[f"{name}.{step}"] = seconds
        numbers: dict[str, float] = {}
        if isinstance(given, MembraneResponse):
            self._given[f"{name}.{step}"] = given
            numbers = _numbers(given.internal_state)
            if given.confidence is not None:
                numbers["confidence"] = given.confidence
        yield Membrane(name, step, "end", seconds, numbers, error)
        return given


class Guarded:
    """Guidance that an answer can do without: should it fail, the answer goes on.

    Parameters
    ----------
    inner : Guidance
        What may fail.
    failed : callable
        Told the sentence, once.
    """

    required = False

    def __init__(self, inner: Guidance, failed: Callable[[str], object]) -> None:
        self.name = inner.name
        self._inner = inner
        self._failed = failed

    def start(self, model: LanguageModel) -> Guide:
        """A guide for one answer, or one that says nothing."""
        inner = None
        try:
            inner = self._inner.start(model)
        except Exception as error:
            self._failed(sentence(error))
        # A listener makes the model read the text token by token, so only one may look like it.
        kind = _GuardedListener if isinstance(inner, Listener) else _GuardedGuide
        return kind(inner, self._failed)


class _GuardedGuide:
    def __init__(self, inner: Guide | None, failed: Callable[[str], object]) -> None:
        self._inner = inner
        self._failed = failed

    def adjust(self, logits: Any) -> Any:
        found = self._try("adjust", logits)
        return logits if found is None else found

    def accept(self, token: int, reading: Reading) -> None:
        self._try("accept", token, reading)

    def _try(self, name: str, *values: Any) -> Any:
        if self._inner is None:
            return None
        try:
            return getattr(self._inner, name)(*values)
        except Exception as error:
            self._inner = None
            self._failed(sentence(error))
            return None


class _GuardedListener(_GuardedGuide):
    def begin(self, reading: Reading) -> None:
        self._try("begin", reading)

    def read(self, token: int, reading: Reading) -> None:
        self._try("read", token, reading)


def sentence(error: Exception) -> str:
    """What went wrong, as one sentence."""
    if isinstance(error, EchoError):
        return str(error)
    return f"It failed with {type(error).__name__}: {error}."


def _response(given: MembraneResponse) -> MembraneResponse:
    """The same, if it is one."""
    if not isinstance(given, MembraneResponse):
        raise TypeError(f"a response was wanted, not {given!r:.80}")
    return given


def _pass(given: Given, needed: str) -> Given:
    """The same, if it is a membrane's part in a request."""
    if not hasattr(given, needed):
        raise TypeError(f"something with {needed!r} was wanted, not {given!r:.80}")
    return given


def _numbers(state: Mapping[str, Any]) -> dict[str, float]:
    """The numbers among what a membrane says of itself."""
    return {key: value for key, value in state.items() if type(value) in (int, float)}
