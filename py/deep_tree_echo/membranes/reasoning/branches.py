"""Several continuations drawn from one state, and the one that most of them agree with."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...backends.answer import ChainGeneration, Position, Respondent
from ...drawing import Candidate, Drawn
from ...errors import ArgumentError
from ...events import Branch, Choice, Event, Fallback, Prompt, StopReason, Token
from ...generation import Reading
from ...guidance import Guidance
from ...sampling import SamplingSettings
from .calibration import Evidence, Judgement
from .plan import Plan
from .tree import Step, tree
from .votes import Ballot, Group, vote

__all__ = ["Branching", "BranchingDrawing", "Continuation", "Judge", "Outcome"]

_LEAST = 1e-38
"""Below this a probability is zero in single precision, and its logarithm no number."""

Judge = Callable[[Evidence, str], Judgement]
"""How sure to be of an answer, by the evidence and the model's fingerprint."""


@dataclass(frozen=True, slots=True)
class Continuation:
    """One candidate.

    Parameters
    ----------
    text : str
        What it says.
    steps : tuple of Step
        Its tokens, up to the last one that shows something.
    events : tuple of Token
        All its events, as they came.
    stop_reason : str
        Why it ended.
    position : Position
        After it, with the model's state.
    backend, model : str
        Who wrote it.
    """

    text: str
    steps: tuple[Step, ...]
    events: tuple[Token, ...]
    stop_reason: StopReason
    position: Position
    backend: str
    model: str

    @property
    def total(self) -> float | None:
        """The sum of the log-probabilities of its tokens, natural; ``None`` if one is unknown."""
        values = [step.log_probability for step in self.steps]
        known = [value for value in values if value is not None]
        return math.fsum(known) if known and len(known) == len(values) else None

    @property
    def per_token(self) -> float | None:
        """The mean log-probability per token."""
        return None if self.total is None else self.total / len(self.steps)

    @property
    def per_byte(self) -> float | None:
        """The log-probability per byte of the text, for models with other tokens."""
        return None if self.total is None else self.total / max(1, len(self.text.encode()))

    def to_json(self) -> dict[str, Any]:
        """Everything but the state."""
        return {
            "text": self.text,
            "tokens": len(self.steps),
            "log_probability_per_token": self.per_token,
            "log_probability_per_byte": self.per_byte,
            "stop_reason": self.stop_reason,
            "backend": self.backend,
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the branches.

    Parameters
    ----------
    candidates : tuple of Continuation
        All, in the order they were drawn.
    groups : tuple of Group
        Those that voted, the winning group first; their members are places in ``candidates``.
    chosen : int
        The place of the answer in ``candidates``.
    judgement : Judgement
        How sure to be of it.
    """

    candidates: tuple[Continuation, ...]
    groups: tuple[Group, ...]
    chosen: int
    judgement: Judgement

    @property
    def answer(self) -> Continuation:
        """The candidate that was chosen."""
        return self.candidates[self.chosen]

    def votes(self) -> list[dict[str, Any]]:
        """The groups as plain data."""
        return [{"members": list(group.members), "share": group.share} for group in self.groups]

    def tree(self) -> list[dict[str, Any]]:
        """The shared beginnings of the candidates, see `tree.tree`."""
        return tree([one.steps for one in self.candidates], self.chosen)


class BranchingDrawing:
    """A way to draw a reply: several candidates, of which one is chosen.

    Parameters
    ----------
    plan : Plan
        How many, how, and how they are compared.
    judge : callable
        Gives the confidence.

    Examples
    --------
    >>> from deep_tree_echo import Chain, Conversation, ModelFile
    >>> from deep_tree_echo.membranes.reasoning import ReasoningMembrane
    >>> from deep_tree_echo.context import CognitiveContext
    >>> chat = Conversation(Chain.load(ModelFile.from_bytes("none", b""), "mock"))
    >>> membrane = ReasoningMembrane()
    >>> chat.drawing = membrane.drawing(membrane.plan(CognitiveContext("s", "Hello")))
    >>> done = list(chat.say("Hello"))[-1]
    >>> outcome = chat.drawing.last.outcome
    >>> len(outcome.candidates), outcome.judgement.confidence
    (1, None)
    """

    def __init__(self, plan: Plan, judge: Judge) -> None:
        self.plan = plan
        self._judge = judge
        self.last: Branching | None = None
        """The reply begun last."""

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
        begun: str = "",
    ) -> Branching:
        """Begins a reply; the arguments are those of `Chain.generate`."""
        self.last = Branching(
            chain,
            prompt,
            position,
            self.plan,
            self._judge,
            max_tokens=max_tokens,
            settings=settings,
            stop=stop,
            guidance=guidance,
            begun=begun,
        )
        return self.last


class Branching(Drawn):
    """A reply by the best of several candidates; iterate over it for its events.

    The prompt is read once. Candidate ``i`` is what `Chain.generate` draws from there with the
    seed ``settings.seed + i``; each of its tokens is a `Branch` event. A `Choice` follows, and the
    chosen candidate's own `Token` events. A plan of one branch gives these at once.

    Cancelled, it chooses among the candidates that are complete, or gives the first one as far as
    it has come. Should the chain fall back to a backend without probabilities, the candidates of
    the better one stay, and no further ones are drawn.

    Parameters
    ----------
    chain, prompt, position, max_tokens, settings, stop, guidance, begun
        As for `Chain.generate`.
    plan : Plan
        How many candidates, their temperature, and how they are compared.
    judge : callable
        Gives the confidence.
    """

    def __init__(
        self,
        chain: Respondent,
        prompt: str,
        position: Position | None,
        plan: Plan,
        judge: Judge,
        *,
        max_tokens: int = 256,
        settings: SamplingSettings | None = None,
        stop: Sequence[str] = (),
        guidance: Sequence[Guidance] = (),
        begun: str = "",
    ) -> None:
        settings = settings or SamplingSettings()
        if plan.temperature is not None:
            settings = replace(settings, temperature=plan.temperature)
        if max_tokens < 0:
            raise ArgumentError(f"max_tokens is {max_tokens}; it must be at least 0.")
        self._chain = chain
        self._plan = plan
        self._judge = judge
        self._settings = settings
        self._seed = secrets.randbits(64) if settings.seed is None else settings.seed
        self._options: dict[str, Any] = {
            "max_tokens": max_tokens,
            "stop": stop,
            "guidance": guidance,
            "begun": begun,
        }
        self._candidates: list[Continuation] = []
        self.outcome: Outcome | None = None
        """What came of it; ``None`` until the end."""
        self.choosing_seconds = 0.0
        """What the vote took."""
        self._now: ChainGeneration = chain.generate(prompt, position, max_tokens=0)
        self._cancelled = False
        self._events = self._run()

    def __iter__(self) -> Iterator[Event]:
        return self._events

    @property
    def state(self) -> Position:
        """After the answer; while it is made, after what the model has read of this candidate."""
        return self.outcome.answer.position if self.outcome else self._now.state

    @property
    def total_tokens(self) -> int:
        """Tokens from the beginning of the text up to here."""
        return (
            self.outcome.answer.position.context_tokens
            if self.outcome
            else (self._now.total_tokens)
        )

    @property
    def others(self) -> list[Candidate]:
        """The candidates that were not chosen, each text once; empty before the end."""
        if self.outcome is None:
            return []
        seen = {self.outcome.answer.text.strip()}
        found = []
        for one in self.outcome.candidates:
            if one.text.strip() not in seen:
                seen.add(one.text.strip())
                found.append(
                    Candidate(one.text, one.position, one.stop_reason, one.backend, one.model)
                )
        return found

    def cancel(self) -> None:
        """Ends the drawing before its next token."""
        self._cancelled = True
        self._now.cancel()

    def _run(self) -> Iterator[Event]:
        yield from self._read()
        if self._now.stop_reason == "cancelled":
            self.stop_reason = "cancelled"
            return
        start = self._now.state
        begun = self._chain.backend
        for number in range(self._plan.branches):
            if start.backend is not self._chain.backend:
                # The better backend is gone, and with it its states: read once, not each time.
                if begun.needs_file and not self._chain.backend.needs_file and self._candidates:
                    break
                self._now = self._chain.generate("", start, max_tokens=0)
                yield from self._read()
                start = self._now.state
            yield from self._draw(number, start)
            if self._cancelled or not self._chain.backend.needs_file:
                break
        yield from self._choose()

    def _read(self) -> Iterator[Event]:
        for event in self._now:
            self._note()
            yield event
        self._note()

    def _note(self) -> None:
        self.prompt_read = self._now.prompt_read
        self.context_tokens = self._now.context_tokens

    def _draw(self, number: int, start: Position) -> Iterator[Event]:
        """Draws one candidate."""
        settings = replace(self._settings, seed=(self._seed + number) % 2**64)
        self._now = self._chain.generate("", start, settings=settings, **self._options)
        if self._cancelled:
            self._now.cancel()
        tokens: list[Token] = []
        for event in self._now:
            if isinstance(event, Token):
                tokens.append(event)
                if self._plan.branches == 1:
                    self._follow()
                    yield event
                else:
                    yield Branch(number, event.text, event.id, _logarithm(event.probability))
            else:
                if isinstance(event, Fallback):
                    tokens = []
                if isinstance(event, (Fallback, Prompt)):
                    self._note()
                yield event
        self._follow()
        now, shown = self._now, len(tokens)
        while shown and not tokens[shown - 1].text:
            shown -= 1
        assert now.stop_reason is not None
        self._candidates.append(
            Continuation(
                now.text,
                tuple(
                    Step(token.id, token.text, _logarithm(token.probability))
                    for token in tokens[:shown]
                ),
                tuple(tokens),
                now.stop_reason,
                now.state,
                self._chain.backend.name,
                self._chain.model_name,
            )
        )

    def _follow(self) -> None:
        """One branch alone is the answer while it is drawn."""
        self.prompt_read = self._now.prompt_read
        if self._plan.branches == 1:
            self.text = self._now.text

    def _choose(self) -> Iterator[Event]:
        """The vote, and the chosen candidate's events."""
        begin = time.perf_counter()
        whole = [
            place for place, one in enumerate(self._candidates) if one.stop_reason != "cancelled"
        ]
        voters = whole or [0]
        ballots = [
            Ballot(self._candidates[place].text, self._candidates[place].per_token)
            for place in voters
        ]
        groups = tuple(
            Group(tuple(voters[member] for member in group.members), group.share)
            for group in vote(ballots, self._plan.compare)
        )
        chosen = groups[0].members[0]
        answer = self._candidates[chosen]
        evidence = Evidence(len(voters), groups[0].share, answer.per_token, len(answer.steps))
        self.outcome = Outcome(
            tuple(self._candidates), groups, chosen, self._judge(evidence, fingerprint_of(answer))
        )
        self.text, self.stop_reason = answer.text, answer.stop_reason
        self.context_tokens += sum(len(one.events) for one in self._candidates)
        self.choosing_seconds = time.perf_counter() - begin
        if self._plan.branches > 1:
            judgement = self.outcome.judgement
            yield Choice(
                chosen,
                judgement.confidence,
                judgement.calibrated,
                self.outcome.votes(),
                self.outcome.tree(),
            )
            yield from answer.events


def fingerprint_of(answer: Continuation) -> str:
    """Of the model that wrote it; empty if nobody knows."""
    reading = answer.position.state
    state = reading.state if isinstance(reading, Reading) else None
    return str(getattr(state, "fingerprint", ""))


def _logarithm(probability: float | None) -> float | None:
    return None if probability is None else math.log(max(probability, _LEAST))
