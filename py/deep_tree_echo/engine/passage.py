"""One request on its way: membranes, answer, membranes, result."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import fields
from typing import Any

from ..backends.chain import Chain
from ..backends.router import Router
from ..config import EngineConfig
from ..conversation import Conversation
from ..errors import EchoError
from ..events import Done, Error, Event, Failure, Fallback, Prompt, Token
from ..generation import END_OF_TEXT
from ..guidance import Guidance
from .events import EnhancementMetadata, Result
from .membranes import Guarded, MembraneSteps
from .report import Tally, caches_answers, model_state, summary
from .request import Request, keep_within
from .sessions import Session
from .talks import Talk, talk_of

__all__ = ["Ask", "Passage"]

Ask = Callable[[str], Iterator[Event]]
"""Asks a conversation; told what the model is to read before the message."""


class Passage:
    """Answers one request in one session.

    Parameters
    ----------
    request : Request
        What is asked.
    session : Session
        Where; this passage alone works in it until it ends.
    chain : Chain or Router
        Who answers.
    steps : MembraneSteps
        What the membranes do.
    adaptation : sequence of Guidance
        What was learned; the answer goes on without it if it fails.
    config : EngineConfig
        The engine's settings.
    tally : Tally
        Where the answer counts.
    watch : collection of str
        Events that somebody wants to see: ``reservoir``.
    n_busy : callable
        In how many sessions an answer is under way.
    guidance : sequence of Guidance
        What the caller has to say in each token, before all others.
    is_placed : bool
        Whether the conversation is already where the request belongs.
    ask : callable, optional
        Asks the conversation in the caller's own way, told what is to be read before the message.
    """

    def __init__(
        self,
        request: Request,
        session: Session,
        chain: Chain | Router,
        steps: MembraneSteps,
        adaptation: Sequence[Guidance],
        config: EngineConfig,
        tally: Tally,
        watch: Collection[str],
        n_busy: Callable[[], int],
        guidance: Sequence[Guidance] = (),
        is_placed: bool = False,
        ask: Ask | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._request = request
        self._session = session
        self._chain = chain
        self._steps = steps
        self._adaptation = adaptation
        self._config = config
        self._tally = tally
        self._watches_reservoir = "reservoir" in watch
        self._n_busy = n_busy
        self._guidance = guidance
        self._is_placed = is_placed
        self._ask = ask
        self._clock = clock
        self._tokens: list[Token] = []
        self._read = 0
        self._busiest = 1
        self._errors: list[str] = []
        self._talk: Talk

    def events(self) -> Generator[Event, None, None]:
        """All events; the last one is `Result`, or `Error` and then nothing has changed."""
        begin = self._clock()
        self._talk = talk_of(self._session.chat)
        self._tally.begin()
        try:
            yield from self._steps.before()
            began = self._clock()
            done = yield from self._answer()
            self._steps.seconds["answer"] = self._clock() - began
            yield from self._steps.after(done, self._tokens)
        except EchoError as error:
            self._talk.take_back()
            self._tally.fail()
            yield Error(str(error), type(error).__name__)
            return
        except GeneratorExit:
            self._talk.take_back()
            self._tally.leave()
            raise
        except BaseException:
            self._talk.take_back()
            self._tally.fail()
            raise
        self._session.n_answers += 1
        if not self._config.cache_tokens:
            self._session.chat.let_states_go()
        seconds = self._clock() - begin
        self._tally.finish(done, seconds)
        yield self._result(done, seconds)

    def _answer(self) -> Generator[Event, None, Done]:
        """The answer's events but for the last, which is returned."""
        chat, request = self._session.chat, self._request
        chat.chain, chat.settings = self._chain, request.settings
        chat.max_tokens = request.max_tokens
        chat.guidance = [*self._guidance, *self._free_guidance(), *self._steps.guidance]
        if not self._is_placed:
            self._place()
        limit = self._config.context_length
        if limit is not None and request.continues is None and isinstance(chat, Conversation):
            keep_within(chat, self._chain, request.context.user_input, limit)
        here = talk_of(chat)
        reasoned = self._steps.reasoning
        is_new = self._ask is None and request.continues is None
        if is_new and reasoned is not None and not reasoned.plain:
            try:
                text = request.context.user_input
                return (yield from self._follow(reasoned.answer(chat, text, self._steps.preface)))
            except EchoError:
                raise
            except Exception as error:
                # The answer begins again without it, and those who show it must know.
                here.take_back()
                yield self._steps.drop_reasoning(error)
                failure = Failure("reasoning", self._steps.errors["reasoning"])
                yield Fallback(self._chain.backend.name, failure)
        return (yield from self._follow(self._plain()))

    def _plain(self) -> Iterator[Event]:
        if self._ask is not None:
            return self._ask(self._steps.preface)
        if self._request.continues is not None:
            return self._talk.go_on()
        return self._talk.say(self._request.context.user_input, self._steps.preface)

    def _place(self) -> None:
        """Goes to where the request belongs in the conversation."""
        request = self._request
        history = list(request.history)
        if request.continues is not None:
            self._talk.place([*history, (request.context.user_input, request.continues)])
        elif history:
            self._talk.place(history)

    def _free_guidance(self) -> Iterator[Guidance]:
        """What an answer can do without."""
        for one in self._adaptation:
            yield Guarded(one, lambda sentence, name=one.name: self._note(name, sentence))  # type: ignore[misc]
        if self._watches_reservoir:
            yield Guarded(self._session.echo, lambda sentence: self._note("reservoir", sentence))

    def _note(self, name: str, sentence: str) -> None:
        self._errors.append(f"{name}: {sentence}")

    def _follow(self, events: Iterator[Event]) -> Generator[Event, None, Done]:
        done: Done | None = None
        with contextlib.closing(events):  # type: ignore[type-var]
            for event in events:
                if self._session.is_stopped:
                    self._session.chat.stop()
                self._busiest = max(self._busiest, self._n_busy())
                if isinstance(event, Done):
                    done = event
                    continue
                if isinstance(event, Token):
                    self._tokens.append(event)
                elif isinstance(event, Fallback):
                    self._tokens.clear()
                elif isinstance(event, Prompt):
                    self._read = event.total
                yield event
                if self._watches_reservoir and (activity := self._session.echo.event()):
                    yield activity
        assert done is not None
        return done

    def _result(self, done: Done, seconds: float) -> Result:
        steps, chain = self._steps, self._chain
        memory, reasoning, grammar = (
            steps.response("memory"),
            steps.response("reasoning"),
            steps.response("grammar"),
        )
        confidences = [
            response.confidence
            for response in (memory, reasoning, grammar)
            if response.confidence is not None
        ]
        errors = [f"{name}: {error}" for name, error in steps.errors.items()] + self._errors
        return Result(
            **{field.name: getattr(done, field.name) for field in fields(Done)},
            memory_response=memory,
            reasoning_response=reasoning,
            grammar_response=grammar,
            integrated_response=done.text,
            overall_confidence=sum(confidences) / len(confidences) if confidences else None,
            total_processing_time=seconds,
            backend_used=done.backend,
            model_state=model_state(chain, self._session),
            performance_summary=summary(self._tally, chain),
            enhancement_metadata=EnhancementMetadata(
                rwkv_cpp_enhanced=done.backend == "rwkv_cpp",
                parallel_processing=self._busiest > 1,
                cache_enabled=self._config.cache_tokens or caches_answers(chain),
                performance_metrics=self._metrics(done),
            ),
            fallback_mode=bool(done.failures) or done.backend == "mock",
            error=" ".join(errors) or None,
            temporal_context=list(self._request.context.temporal_context),
        )

    def _metrics(self, done: Done) -> dict[str, Any]:
        # What was read now, and what did not have to be; candidates not chosen are in neither.
        fresh = self._read + sum(token.id != END_OF_TEXT for token in self._tokens)
        gauges = [one.gauge().to_json() for one in self._adaptation if hasattr(one, "gauge")]
        return {
            "n_tokens": done.n_tokens,
            "prompt_tokens": self._read,
            "reused_tokens": max(0, done.context_tokens - fresh),
            "tokens_per_second": done.tokens_per_second,
            "first_token_seconds": done.first_token_seconds,
            "memory_bytes": done.memory_bytes,
            "seconds": dict(self._steps.seconds),
            **({"adaptation": gauges[0]} if gauges else {}),
        }
