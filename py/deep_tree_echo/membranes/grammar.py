"""The grammar membrane: answers of a given form, and what texts are made of."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from ..context import CognitiveContext
from ..errors import ArgumentError
from ..events import Done, Token
from ..grammar import Grammar, GrammarGuidance, linguistics
from ..guidance import Guidance
from .base import MembraneResponse

__all__ = ["GrammarAnswer", "GrammarMembrane"]

_MOST_KEPT = 16  # compiled grammars


class GrammarMembrane:
    """Makes the answer fit a grammar, where one is asked for, and counts.

    A request asks by its ``metadata``: ``grammar`` is GBNF, ``json_schema`` a dictionary or its
    text.

    Parameters
    ----------
    clock : callable
        Seconds.

    Examples
    --------
    >>> asked = CognitiveContext("s", "Is it?", metadata={"json_schema": {"type": "boolean"}})
    >>> [guidance.name for guidance in GrammarMembrane().begin(asked).guidance]
    ['grammar']
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._kept: dict[tuple[str, str], Grammar] = {}

    def begin(self, context: CognitiveContext) -> GrammarAnswer:
        """What one request asks for.

        Raises
        ------
        ArgumentError
            If both a grammar and a schema are given, or the one is none.
        LimitError
            If it is too large.
        """
        began = self._clock()
        named = {
            name: context.metadata[name]
            for name in ("grammar", "json_schema")
            if context.metadata.get(name) is not None
        }
        if len(named) > 1:
            raise ArgumentError("metadata has both 'grammar' and 'json_schema'; give one of them.")
        form, guidance = None, None
        for form, source in named.items():
            # In a chat the reply follows "Assistant:", and models write a space first.
            guidance = GrammarGuidance(self._compiled(form, source).after_space)
        seconds = self._clock() - began
        return GrammarAnswer(context.user_input, form, guidance, seconds, self._clock)

    def _compiled(self, form: str, source: Any) -> Grammar:
        key = form, repr(source)
        if key not in self._kept:
            make = Grammar.gbnf if form == "grammar" else Grammar.json_schema
            grammar = make(source)
            if len(self._kept) >= _MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = grammar
        return self._kept[key]


class GrammarAnswer:
    """The membrane's part in one request.

    Attributes
    ----------
    guidance : sequence of Guidance
        What keeps the answer to its grammar; empty where there is none.
    """

    def __init__(
        self,
        message: str,
        form: str | None,
        guidance: GrammarGuidance | None,
        seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self.guidance: Sequence[Guidance] = [guidance] if guidance else []
        self._own = guidance
        self._message = message
        self._form = form
        self._seconds = seconds
        self._clock = clock

    def finish(self, done: Done, tokens: Sequence[Token]) -> MembraneResponse:
        """What came of it.

        Its confidence is the share of the model's probability that fitted the grammar, the mean
        over the tokens drawn: near 1 the model would have kept to it by itself. Without a grammar
        there is none.
        """
        began = self._clock()
        state: dict[str, Any] = {
            "form": self._form,
            "message": asdict(linguistics(self._message)),
            "answer": asdict(linguistics(done.text)),
        }
        confidence = None
        if self._own is not None:
            guides = self._own.guides
            kept = [share for guide in guides for share in guide.kept]
            forbidden = [guide.n_vocab - some for guide in guides for some in guide.allowed]
            # Two models may round to a little more than all of it.
            confidence = min(1.0, sum(kept) / len(kept)) if kept else None
            state |= {
                "complete": self._own.grammar.matches(done.text),
                "tokens": len(kept),
                "forbidden_per_token": sum(forbidden) / len(kept) if kept else None,
                "probability_kept": confidence,
            }
        return MembraneResponse(
            "grammar",
            self._message,
            done.text if self._own is not None else "",
            confidence,
            self._seconds + self._clock() - began,
            state,
        )
