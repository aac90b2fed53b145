"""Answers that fit a grammar."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError
from ..generation import LanguageModel, Reading
from .grammar import Grammar
from .matching import MUST_END, Matcher

__all__ = ["GrammarGuidance", "GrammarGuide"]


class GrammarGuide:
    """Leads one answer through a grammar.

    Parameters
    ----------
    grammar : Grammar
        What the whole answer must fit.
    matcher : Matcher
        At the beginning of the answer.

    Attributes
    ----------
    allowed : list of int
        For each token: how many could have come, the end of the text among them.
    kept : list of float
        For each token: the share of the model's probability that was on these.
    n_vocab : int
        Tokens of the model; 0 before the first one.
    """

    def __init__(self, grammar: Grammar, matcher: Matcher) -> None:
        self._grammar = grammar
        self._matcher = matcher
        self.allowed: list[int] = []
        self.kept: list[float] = []
        self.n_vocab = 0

    @property
    def over(self) -> bool:
        """Whether the answer is complete and nothing may follow."""
        return self._matcher.ending == MUST_END

    def go_on(self, text: bytes) -> None:
        """Stands after what the answer begins with; see `Form`."""
        try:
            self._matcher.feed(text)
        except ArgumentError as error:
            raise ArgumentError(
                f"The answer so far does not fit the grammar, so it cannot go on within it: {error}"
            ) from error

    def may_end(self, text: bytes) -> bool:
        """Whether these first bytes of the answer fit the grammar by themselves."""
        return self._grammar.matches(text)

    def adjust(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Forbids every token that cannot follow; see `Guide`."""
        masked, allowed, kept = self._matcher.mask(logits)
        # What has a share has a probability; the other way round it is too small to tell.
        if not kept and not np.isfinite(masked).any():
            raise ArgumentError(
                f"No token that the grammar allows after {len(self.allowed)} tokens of the answer "
                "has a probability above 0; the model, or what else guides it, forbids them all."
            )
        self.n_vocab = logits.size
        self.allowed.append(allowed)
        self.kept.append(kept)
        return masked

    def accept(self, token: int, reading: Reading) -> None:
        """Takes note of the token that was chosen; see `Guide`."""
        self._matcher.accept(token)


class GrammarGuidance:
    """Makes answers fit a grammar; see `Guidance`.

    Parameters
    ----------
    grammar : Grammar
        What the whole answer must fit.

    Attributes
    ----------
    guides : list of GrammarGuide
        Those of all answers begun, the last one last.

    Examples
    --------
    >>> from deep_tree_echo import Model
    >>> grammar = Grammar.gbnf('root ::= "yes" | "no"')
    >>> "".join(Model.load().generate("Is it?", grammar=grammar)) in ("yes", "no")
    True
    """

    name = "grammar"
    required = True

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self.guides: list[GrammarGuide] = []

    def start(self, model: LanguageModel) -> GrammarGuide:
        """A guide for one answer.

        Raises
        ------
        ArgumentError
            If this model cannot follow a grammar.
        """
        new_matcher: Any = getattr(model, "new_matcher", None)
        if new_matcher is None:
            raise ArgumentError(
                f"{type(model).__name__} cannot follow a grammar; choose rwkv_cpp or python_rwkv."
            )
        self.guides.append(GrammarGuide(self.grammar, new_matcher(self.grammar.program)))
        return self.guides[-1]
