"""The tree of what several candidates share at their beginnings, as data to draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Step", "tree"]


@dataclass(frozen=True, slots=True)
class Step:
    """One token of a candidate.

    Parameters
    ----------
    id : int
        The token.
    text : str
        What it shows.
    log_probability : float or None
        The model's own natural logarithm of its probability.
    """

    id: int
    text: str
    log_probability: float | None


def tree(candidates: Sequence[Sequence[Step]], chosen: int) -> list[dict[str, Any]]:
    """The nodes of the prefix tree, each after its parent.

    Parameters
    ----------
    candidates : sequence of sequence of Step
        The tokens of each.
    chosen : int
        Whose path is marked.

    Returns
    -------
    list of dict
        ``parent`` (a place in this list; ``None`` for first tokens), ``token``, ``text``,
        ``log_probability``, ``branches`` (the numbers of the candidates that pass here) and
        ``chosen``. A list, for nesting as deep as an answer is long breaks many a parser.

    Examples
    --------
    >>> one, two = [Step(1, "a", -0.1), Step(2, "b", -1.0)], [Step(1, "a", -0.1)]
    >>> [(node["parent"], node["branches"]) for node in tree([one, two], 0)]
    [(None, [0, 1]), (0, [0])]
    """
    nodes: list[dict[str, Any]] = []
    places: dict[tuple[int | None, int], int] = {}
    for number, steps in enumerate(candidates):
        at: int | None = None
        for step in steps:
            key = at, step.id
            if key not in places:
                places[key] = len(nodes)
                nodes.append(
                    {
                        "parent": at,
                        "token": step.id,
                        "text": step.text,
                        "log_probability": step.log_probability,
                        "branches": [],
                        "chosen": False,
                    }
                )
            at = places[key]
            nodes[at]["branches"].append(number)
            nodes[at]["chosen"] |= number == chosen
    return nodes
