"""One answer on its way: what is shown of it, and the turn that comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from . import platform
from .backends.answer import Respondent
from .backends.chain import ChainGeneration
from .drawing import Drawn
from .events import Branch, Done, Event, Failure, Fallback, Metrics, Prompt, Token
from .generation import END_OF_TEXT
from .meter import Meter
from .turns import Place, Turn

__all__ = ["Answer"]

_METRICS_SECONDS = 0.2


class Answer:
    """Follows one generation: what to show of it, and the turn that comes of it."""

    def __init__(
        self, turn: Turn, further: Place | None, generation: ChainGeneration | Drawn, meter: Meter
    ) -> None:
        self._turn = turn
        self._further = further
        self._generation = generation
        self._meter = meter
        self._shown = bool(turn.reply)
        self._branched = False

    def follow(self, event: Event) -> Iterator[Event]:
        """What to pass on for an event of the backend."""
        if isinstance(event, Fallback):
            self._meter.reset()
            self._branched = False
            self._shown = bool(self._turn.reply)
        elif isinstance(event, Prompt):
            if event.done == event.total and self._further is None:
                self._turn.asked = Place(self._generation.state)
        elif isinstance(event, Branch):
            self._branched = True
            self._meter.count()
        elif isinstance(event, Token):
            # The tokens of a chosen branch have been made, and counted, before.
            if event.id != END_OF_TEXT and not self._branched:
                self._meter.count()
            if not self._shown:
                event = replace(event, text=event.text.lstrip())
                self._shown = bool(event.text)
        yield event
        if isinstance(event, (Token, Branch)) and self._meter.due(_METRICS_SECONDS):
            yield Metrics(
                tokens_per_second=self._meter.recent_tokens_per_second,
                context_tokens=self._generation.total_tokens,
                memory_bytes=platform.memory_bytes(),
            )

    def finish(self, chain: Respondent) -> Turn:
        """The turn as the answer leaves it."""
        turn, generation = self._turn, self._generation
        if generation.prompt_read:
            turn.raw = (turn.raw if self._further else "") + generation.text
            turn.reply = turn.raw.strip()
            turn.answered = Place(generation.state)
        else:
            turn.answered = self._further or turn.asked
        assert generation.stop_reason is not None
        turn.stop_reason = generation.stop_reason
        # Not the chain's if that has fallen back since, and an earlier candidate was chosen.
        who = generation.state.backend if generation.prompt_read else None
        turn.backend = (who or chain.backend).name
        turn.model = (who or chain.backend).model_name
        if isinstance(generation, ChainGeneration) and generation.backend_name:
            # A router may have others at work, and an answer given again leaves no state.
            turn.backend, turn.model = generation.backend_name, generation.model_name
        return turn

    def others(self) -> list[Turn]:
        """Turns of the replies that were drawn and not chosen."""
        turn, generation = self._turn, self._generation
        if not isinstance(generation, Drawn):
            return []
        before = turn.raw[: len(turn.raw) - len(generation.text)] if self._further else ""
        return [
            Turn(
                0,
                turn.parent,
                turn.user,
                turn.asked,
                (before + other.text).strip(),
                before + other.text,
                Place(other.position),
                other.stop_reason,
                other.backend,
                other.model,
            )
            for other in generation.others
        ]

    def done(self, turn: Turn, chain: Respondent) -> Done:
        """The last event of the answer."""
        return Done(
            text=turn.reply,
            backend=turn.backend,
            model=turn.model,
            stop_reason=turn.stop_reason,
            n_tokens=self._meter.n_tokens,
            context_tokens=self._generation.total_tokens,
            tokens_per_second=self._meter.tokens_per_second,
            first_token_seconds=self._meter.first_token_seconds,
            memory_bytes=platform.memory_bytes(),
            failures=self._failures(chain),
        )

    def _failures(self, chain: Respondent) -> list[Failure]:
        """Who is not in use, and whom a router tried in vain for this answer alone."""
        known = list(chain.failures)
        if isinstance(self._generation, ChainGeneration):
            names = {failure.backend for failure in known}
            known += [one for one in self._generation.failures if one.backend not in names]
        return known
