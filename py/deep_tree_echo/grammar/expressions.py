"""What rules are made of: expressions over Unicode characters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

__all__ = [
    "Alternatives",
    "Call",
    "Characters",
    "Expression",
    "Graph",
    "Literal",
    "Machine",
    "Ranges",
    "Repeat",
    "Sequence",
    "complement",
    "intersect",
    "normalised",
]

Ranges = tuple[tuple[int, int], ...]
"""Code points from a first to a last one, in order, apart from each other."""

_ALL: Ranges = ((0, 0xD7FF), (0xE000, 0x10FFFF))


@dataclass(frozen=True, slots=True)
class Literal:
    """A fixed text."""

    text: str


@dataclass(frozen=True, slots=True)
class Characters:
    """One character of some ranges; none of the surrogates, which UTF-8 cannot hold."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Alternatives:
    """One of several; none at all matches nothing."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """From ``least`` to ``most`` times, ``None`` for any number."""

    item: Expression
    least: int = 0
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """What another rule matches."""

    rule: str


@dataclass(frozen=True, slots=True)
class Graph:
    """A way from the first node to the last, along edges that are expressions.

    Attributes
    ----------
    n_nodes : int
        Node 0 is the first one.
    edges : tuple
        First node, expression, last node.
    """

    n_nodes: int
    edges: tuple[tuple[int, Expression, int], ...]


@dataclass(frozen=True, slots=True)
class Machine:
    """A finite automaton over characters; state 0 is its first.

    Attributes
    ----------
    edges : tuple
        For each state its edges: first and last code point, and the state that they lead to.
    final : frozenset of int
        The states in which it may end.
    as_json : bool
        Each character stands as inside of a JSON string.
    """

    edges: tuple[tuple[tuple[int, int, int], ...], ...]
    final: frozenset[int]
    as_json: bool = False


Expression = Literal | Characters | Sequence | Alternatives | Repeat | Call | Graph | Machine


def normalised(ranges: Iterator[tuple[int, int]] | list[tuple[int, int]]) -> Ranges:
    """Ranges in order, joined where they touch, without surrogates.

    Examples
    --------
    >>> normalised([(98, 99), (97, 97), (120, 120)])
    ((97, 99), (120, 120))
    """
    joined: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(high, joined[-1][1])
        else:
            joined.append((low, high))
    return intersect(tuple(joined), _ALL)


def intersect(a: Ranges, b: Ranges) -> Ranges:
    """What two sets of characters share."""
    both = []
    for low, high in a:
        for other_low, other_high in b:
            if max(low, other_low) <= min(high, other_high):
                both.append((max(low, other_low), min(high, other_high)))
    return tuple(sorted(both))


def complement(ranges: Ranges) -> Ranges:
    """Every other character.

    Examples
    --------
    >>> complement(((0, 0x40), (0x42, 0x10FFFF)))
    ((65, 65),)
    """
    gaps = []
    at = 0
    for low, high in ranges:
        if at < low:
            gaps.append((at, low - 1))
        at = high + 1
    if at <= 0x10FFFF:
        gaps.append((at, 0x10FFFF))
    return intersect(tuple(gaps), _ALL)


def children(expression: Expression) -> tuple[Expression, ...]:
    """The parts of an expression, once or twice each."""
    if isinstance(expression, (Sequence, Alternatives)):
        return expression.items
    if isinstance(expression, Repeat):
        # Twice stands for more than once.
        once = expression.least <= 1 and expression.most in (None, 0, 1)
        return (expression.item,) * (1 if once else 2)
    if isinstance(expression, Graph):
        return tuple(item for _, item, _ in expression.edges)
    return ()


def calls(expression: Expression) -> Iterator[str]:
    """The rules that an expression calls, in order, some more than once."""
    pending = [expression]
    while pending:
        one = pending.pop()
        if isinstance(one, Call):
            yield one.rule
        pending.extend(reversed(children(one)))


Rules = Mapping[str, Expression]
"""The rules of a grammar by name."""
