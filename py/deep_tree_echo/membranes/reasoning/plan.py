"""How to answer: the kind of reasoning that a message asks for, and what follows from it.

The rules are read off the text, in this order; the first that fits decides. A goal that names a
kind (``processing_goals``) comes before the text.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from ...context import CognitiveContext
from ...errors import ArgumentError

__all__ = ["Complexity", "Kind", "Plan", "complexity_of", "kind_of", "plan"]

Kind = Literal["deductive", "inductive", "abductive", "analogical", "general"]
Complexity = Literal["low", "medium", "high"]
Compare = Literal["answer", "words"]
"""How candidates are compared: by their final answer, or by the words that they share."""

_RULES: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    (
        "analogical",
        (
            r"\bas \w+(?: \w+){0,3} is to\b",
            r"\bis to\b.+\b(?:as|what)\b.+\bis to\b",
            r"\b(?:analog(?:y|ies|ous)|metaphor|similar to|compared? (?:to|with)|resembles?)\b",
            r"\b(?:is|are|was|were|looks?|works?|acts?|feels?|sounds?) (?:\w+ )?like\b",
            r"^(?:is|are|was|were) [\w ]{1,40} like (?:an?|the)\b",
            r"^like (?:an?|the)\b",
        ),
    ),
    (
        "abductive",
        (
            r"\bwhy\b",
            r"\bhow come\b",
            r"\bwhat (?:\w+ )?(?:explains?|causes?|caused|made|makes)\b",
            r"\bbest explanation\b",
            r"\b(?:reason|cause|explanation) (?:for|of|that|why)\b",
        ),
    ),
    (
        "deductive",
        (
            r"\bif\b.+\bthen\b",
            r"\b(?:all|every|no|each) [\w ]+ (?:is|are|has|have|can)\b",
            r"\b(?:therefore|hence|thus|it follows|must be|prove|proof|conclude)\b",
            r"\d\s*[-+*/x×÷^=]\s*\d",
            r"\b\d+ (?:plus|minus|times|divided by) \d+\b",
            r"\bhow (?:many|much)\b.*\d",
        ),
    ),
    (
        "inductive",
        (
            r"\b(?:pattern|trend|sequence|series|generali[sz]e|in general|usually|tend to)\b",
            r"\b(?:comes?|goes|what is|what's) next\b",
            r"(?:\b\w+, ){3,}.*(?:\.\.\.|…|\?)",
            r"\b(?:for example|examples? of|such as)\b",
        ),
    ),
)
_COMPILED = [
    (kind, [re.compile(pattern, re.IGNORECASE | re.DOTALL) for pattern in patterns])
    for kind, patterns in _RULES
]
_GOALS: dict[str, Kind] = {
    "deduce": "deductive",
    "prove": "deductive",
    "calculate": "deductive",
    "induce": "inductive",
    "generalize": "inductive",
    "predict": "inductive",
    "explain": "abductive",
    "diagnose": "abductive",
    "compare": "analogical",
}
_GOALS.update((kind, kind) for kind in get_args(Kind))

_BRANCHES: dict[Complexity, int] = {"low": 3, "medium": 5, "high": 8}
# A conclusion or a number has one right form, so its draws stay near the likeliest; explanations
# and comparisons have many, and a vote among equals would tell nothing.
_TEMPERATURE: dict[Kind, float | None] = {
    "deductive": 0.6,
    "inductive": 0.8,
    "abductive": 0.9,
    "analogical": 0.9,
    "general": None,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """How a message will be answered.

    Parameters
    ----------
    kind : {"deductive", "inductive", "abductive", "analogical", "general"}
        The kind of reasoning.
    complexity : {"low", "medium", "high"}
        By the words of the message: fewer than 10, fewer than 25, more.
    branches : int
        Candidates to draw, from 1.
    temperature : float or None
        To draw them with; ``None`` keeps that of the settings.
    compare : {"answer", "words"}
        What makes two candidates the same: their final answer, or the words that they share.
    reason : str
        The words of the message, or the goal, that decided the kind; empty for ``general``.
    """

    kind: Kind
    complexity: Complexity
    branches: int
    temperature: float | None
    compare: Compare
    reason: str

    def __post_init__(self) -> None:
        if not 1 <= self.branches <= 64:
            raise ArgumentError(f"branches is {self.branches!r}; it must be from 1 to 64.")

    def to_json(self) -> dict[str, Any]:
        """The fields as plain data."""
        return asdict(self)


def kind_of(text: str) -> tuple[Kind, str]:
    """The kind of reasoning that a text asks for, and the words that say so.

    Examples
    --------
    >>> kind_of("Why does the state not grow?")
    ('abductive', 'Why')
    >>> kind_of("If it rains, then the street is wet.")
    ('deductive', 'If it rains, then')
    >>> kind_of("Hello")
    ('general', '')
    """
    for kind, patterns in _COMPILED:
        for pattern in patterns:
            if found := pattern.search(text):
                return kind, found[0]
    return "general", ""


def complexity_of(text: str) -> Complexity:
    """By the number of words: low below 10, medium below 25, else high.

    Examples
    --------
    >>> complexity_of("What is an echo state?")
    'low'
    """
    words = len(text.split())
    return "low" if words < 10 else "medium" if words < 25 else "high"


def plan(context: CognitiveContext, most_branches: int = 8) -> Plan:
    """How to answer a request.

    Parameters
    ----------
    context : CognitiveContext
        ``user_input`` and ``processing_goals`` decide. ``metadata["branches"]`` overrides the
        number of candidates, and ``metadata["reasoning_type"]`` the kind.
    most_branches : int
        Never more candidates than this.

    Raises
    ------
    ArgumentError
        If an override in ``metadata`` is out of range.

    Examples
    --------
    >>> plan(CognitiveContext("s", "Why is the sky blue?")).branches
    3
    """
    kind, reason = kind_of(context.user_input)
    for goal in context.processing_goals:
        if found := _GOALS.get(str(goal).strip().lower()):
            kind, reason = found, str(goal)
            break
    if (wanted := context.metadata.get("reasoning_type")) is not None:
        if wanted not in get_args(Kind):
            raise ArgumentError(
                f"reasoning_type is {wanted!r}; it must be one of {', '.join(get_args(Kind))}."
            )
        kind, reason = wanted, "reasoning_type"
    complexity = complexity_of(context.user_input)
    branches = context.metadata.get("branches", min(most_branches, _BRANCHES[complexity]))
    if not isinstance(branches, int) or isinstance(branches, bool):
        raise ArgumentError(f"branches is {branches!r}; it must be from 1 to {most_branches}.")
    if not 1 <= branches <= most_branches:
        raise ArgumentError(f"branches is {branches}; it must be from 1 to {most_branches}.")
    compare: Compare = "answer" if kind in ("deductive", "inductive") else "words"
    return Plan(kind, complexity, branches, _TEMPERATURE[kind], compare, reason)
