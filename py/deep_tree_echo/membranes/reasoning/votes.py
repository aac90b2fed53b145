"""Which of several answers most of them agree on: self-consistency, weighted by likelihood.

Wang et al., Self-Consistency Improves Chain of Thought Reasoning in Language Models, 2022
(arXiv:2203.11171).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from .plan import Compare

__all__ = ["OVERLAP", "Ballot", "Group", "final_answer", "normalised", "overlap", "vote"]

OVERLAP = 0.5
"""Share of common words (Jaccard) from which two texts count as saying the same."""

_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:[.,]\d+)*(?![\w])")
_SAID = re.compile(r"\b(?:answer is|therefore|hence|thus|conclude that|equals)\b|=", re.IGNORECASE)
_ARTICLES = frozenset({"a", "an", "the"})


@dataclass(frozen=True, slots=True)
class Ballot:
    """One candidate in a vote.

    Parameters
    ----------
    text : str
        The answer.
    log_probability : float or None
        The model's mean natural logarithm of the probability per token; ``None`` if unknown.
    """

    text: str
    log_probability: float | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Candidates that say the same.

    Parameters
    ----------
    members : tuple of int
        Their places among the ballots, the likeliest first.
    share : float
        Of all weights, in (0, 1]; the shares of all groups sum to 1.
    """

    members: tuple[int, ...]
    share: float


def normalised(text: str) -> str:
    """What is compared of a short answer: words and numbers in lower case, no articles.

    Examples
    --------
    >>> normalised("The Echo State, of course!")
    'echo state of course'
    """
    words = re.findall(r"[\w.+-]*\w", text.casefold())
    return " ".join(word for word in words if word not in _ARTICLES)


def final_answer(text: str) -> str:
    """What a reasoned text comes to: its last number, else what follows its last conclusion.

    Examples
    --------
    >>> final_answer("3 and 4 are 7, so the answer is 7.")
    '7'
    >>> final_answer("All men are mortal; therefore Socrates is mortal.")
    'socrates is mortal'
    >>> final_answer("Yes.")
    'yes'
    """
    said = _SAID.split(text)[-1]
    text = said if normalised(said) else text
    if numbers := _NUMBER.findall(text):
        number = re.sub(r",(?=\d{3}\b)", "", numbers[-1]).lstrip("+")
        return re.sub(r"\.0+$", "", number)
    return normalised(text)


def overlap(first: str, second: str) -> float:
    """Words that two texts share over all their words (Jaccard), in [0, 1].

    Examples
    --------
    >>> overlap("the state is small", "A small state")
    0.6666666666666666
    """
    one, two = set(normalised(first).split()), set(normalised(second).split())
    return len(one & two) / len(one | two) if one | two else 1.0


def vote(ballots: Sequence[Ballot], compare: Compare) -> list[Group]:
    """Groups of candidates that say the same, the one with the greatest share first.

    By ``answer``, two candidates are the same if `final_answer` is; by ``words``, if `overlap` is
    at least `OVERLAP`, or if a third one is the same as both. Each counts by its likelihood, the
    exponential of its mean log-probability per token, or as one where any of these is unknown.
    Ties go to the group of the likeliest candidate, then to the first by its text.

    Parameters
    ----------
    ballots : sequence of Ballot
        In any order: it does not matter.
    compare : {"answer", "words"}
        What makes two the same.

    Examples
    --------
    >>> ballots = [Ballot("It is 4."), Ballot("It is 5."), Ballot("I say 4")]
    >>> vote(ballots, "answer")[0]
    Group(members=(2, 0), share=0.6666666666666666)
    """
    known = [ballot.log_probability for ballot in ballots]
    likelihoods = [value for value in known if value is not None]
    if len(likelihoods) == len(ballots):
        # Relative to the likeliest, for all of them may be too small for a float.
        most = max(likelihoods, default=0.0)
        weights = [math.exp(value - most) for value in likelihoods]
    else:
        likelihoods = [0.0] * len(ballots)
        weights = [1.0] * len(ballots)

    def order(place: int) -> tuple[float, str]:
        return -likelihoods[place], ballots[place].text

    total = math.fsum(weights)
    groups = [
        Group(
            tuple(sorted(members, key=order)),
            math.fsum(weights[place] for place in members) / total,
        )
        for members in _same([ballot.text for ballot in ballots], compare)
    ]
    return sorted(groups, key=lambda group: (-group.share, order(group.members[0])))


def _same(texts: Sequence[str], compare: Compare) -> list[list[int]]:
    """The places of texts that say the same."""
    if compare == "answer":
        by_answer: dict[str, list[int]] = {}
        for place, text in enumerate(texts):
            by_answer.setdefault(final_answer(text), []).append(place)
        return list(by_answer.values())
    groups: list[list[int]] = []
    for place, text in enumerate(texts):
        near = [
            group
            for group in groups
            if any(overlap(text, texts[other]) >= OVERLAP for other in group)
        ]
        groups = [group for group in groups if group not in near]
        groups.append([place, *(other for group in near for other in group)])
    return groups
