"""Expressions as finite automata: with free steps first, then deterministic."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..errors import LimitError
from .expressions import (
    Alternatives,
    Call,
    Characters,
    Expression,
    Graph,
    Literal,
    Machine,
    Repeat,
    Sequence,
)
from .spelling import ByteWriter

__all__ = ["MOST_STATES", "Dfa", "Nfa"]

MOST_STATES = 50_000
"""Most states of all automata of a grammar, and of each on the way there."""


@dataclass
class Dfa:
    """A deterministic automaton over numbers and calls; state 0 is its first.

    Attributes
    ----------
    edges : list
        For each state its edges: first and last number, next state.
    calls : list
        For each state the rules that it may call, and the state to return to.
    final : set of int
        The states in which it may end.
    """

    edges: list[list[tuple[int, int, int]]] = field(default_factory=list)
    calls: list[list[tuple[str, int]]] = field(default_factory=list)
    final: set[int] = field(default_factory=set)


class Nfa:
    """An automaton with free steps, built from expressions.

    Parameters
    ----------
    spelled : bool
        Whether its numbers are the bytes of UTF-8; else they are code points.
    nullable : collection of str
        The rules that match the empty text. A call reads at least one byte, so what may be
        nothing is stepped over.

    Examples
    --------
    >>> nfa = Nfa()
    >>> nfa.add(Literal("é"), nfa.first, nfa.last)
    >>> nfa.determined().edges
    [[(195, 195, 1)], [(169, 169, 2)], []]
    """

    def __init__(self, *, spelled: bool = True, nullable: Iterable[str] = ()) -> None:
        self._spelled = spelled
        self._nullable = frozenset(nullable)
        self._free: list[list[int]] = []
        self._edges: list[list[tuple[int, int, int]]] = []
        self._calls: list[list[tuple[str, int]]] = []
        self.first = self.state()
        self.last = self.state()

    def state(self) -> int:
        """A new state."""
        if len(self._free) > 8 * MOST_STATES:
            raise LimitError(
                f"The grammar needs more than {8 * MOST_STATES} states before it is simplified; "
                "repeat less, or shorten its texts."
            )
        self._free.append([])
        self._edges.append([])
        self._calls.append([])
        return len(self._free) - 1

    def edge(self, begin: int, low: int, high: int, end: int) -> None:
        """An edge for the numbers from ``low`` to ``high``."""
        self._edges[begin].append((low, high, end))

    def add(self, expression: Expression, begin: int, end: int) -> None:
        """Lets an expression lead from one state to another."""
        if isinstance(expression, Literal):
            for character in expression.text[:-1]:
                following = self.state()
                self._character(begin, ord(character), ord(character), following)
                begin = following
            if expression.text:
                last = ord(expression.text[-1])
                self._character(begin, last, last, end)
            else:
                self._free[begin].append(end)
        elif isinstance(expression, Characters):
            for low, high in expression.ranges:
                self._character(begin, low, high, end)
        elif isinstance(expression, Sequence):
            for item in expression.items[:-1]:
                following = self.state()
                self.add(item, begin, following)
                begin = following
            if expression.items:
                self.add(expression.items[-1], begin, end)
            else:
                self._free[begin].append(end)
        elif isinstance(expression, Alternatives):
            for item in expression.items:
                # States of its own, lest a repetition in one alternative lead into another.
                inner, outer = self.state(), self.state()
                self._free[begin].append(inner)
                self._free[outer].append(end)
                self.add(item, inner, outer)
        elif isinstance(expression, Repeat):
            self._repeat(expression, begin, end)
        elif isinstance(expression, Call):
            self._calls[begin].append((expression.rule, end))
            if expression.rule in self._nullable:
                self._free[begin].append(end)
        elif isinstance(expression, Graph):
            nodes = [self.state() for _ in range(expression.n_nodes)]
            self._free[begin].append(nodes[0])
            self._free[nodes[-1]].append(end)
            for first, item, last in expression.edges:
                self.add(item, nodes[first], nodes[last])
        else:
            self._machine(expression, begin, end)

    def _repeat(self, repeat: Repeat, begin: int, end: int) -> None:
        for _ in range(repeat.least):
            following = self.state()
            self.add(repeat.item, begin, following)
            begin = following
        if repeat.most is None:
            around = self.state()
            self._free[begin].append(around)
            self._free[around].append(end)
            after = self.state()
            self.add(repeat.item, around, after)
            self._free[after].append(around)
            return
        for _ in range(repeat.most - repeat.least):
            self._free[begin].append(end)
            following = self.state()
            self.add(repeat.item, begin, following)
            begin = following
        self._free[begin].append(end)

    def _machine(self, machine: Machine, begin: int, end: int) -> None:
        states = [self.state() for _ in machine.edges]
        self._free[begin].append(states[0])
        for state in machine.final:
            self._free[states[state]].append(end)
        writer = ByteWriter(self.state, self.edge)
        for state, edges in zip(states, machine.edges, strict=True):
            for low, high, following in edges:
                if machine.as_json and self._spelled:
                    writer.json(state, low, high, states[following])
                else:
                    self._character(state, low, high, states[following])

    def _character(self, begin: int, low: int, high: int, end: int) -> None:
        if self._spelled:
            ByteWriter(self.state, self.edge).utf8(begin, low, high, end)
        else:
            self.edge(begin, low, high, end)

    def _closure(self, states: Iterable[int]) -> frozenset[int]:
        reached = set(states)
        pending = list(reached)
        while pending:
            for state in self._free[pending.pop()]:
                if state not in reached:
                    reached.add(state)
                    pending.append(state)
        return frozenset(reached)

    def determined(self) -> Dfa:
        """The deterministic automaton of the same texts, by sets of states."""
        dfa = Dfa()
        numbers: dict[frozenset[int], int] = {}
        sets: list[frozenset[int]] = []
        closures: dict[frozenset[int], frozenset[int]] = {}

        def number(targets: frozenset[int]) -> int:
            if targets not in closures:
                closures[targets] = self._closure(targets)
            states = closures[targets]
            if states not in numbers:
                if len(sets) >= MOST_STATES:
                    raise LimitError(
                        f"The grammar needs more than {MOST_STATES} states; repeat less, or "
                        "shorten its texts."
                    )
                numbers[states] = len(sets)
                sets.append(states)
            return numbers[states]

        number(frozenset([self.first]))
        at = 0
        while at < len(sets):
            states = sets[at]
            if self.last in states:
                dfa.final.add(at)
            dfa.edges.append(self._split(states, number))
            calls: dict[str, set[int]] = {}
            for state in states:
                for rule, end in self._calls[state]:
                    calls.setdefault(rule, set()).add(end)
            dfa.calls.append([(r, number(frozenset(calls[r]))) for r in sorted(calls)])
            at += 1
        return dfa

    def _split(self, states: frozenset[int], number: object) -> list[tuple[int, int, int]]:
        """The edges of a set of states, cut where they overlap, joined where they agree."""
        assert callable(number)
        edges = [edge for state in states for edge in self._edges[state]]
        if len(edges) == 1:
            low, high, end = edges[0]
            return [(low, high, number(frozenset([end])))]
        events: dict[int, list[tuple[int, int]]] = {}
        for low, high, end in edges:
            events.setdefault(low, []).append((1, end))
            events.setdefault(high + 1, []).append((-1, end))
        found: list[tuple[int, int, int]] = []
        active: dict[int, int] = {}
        begin = 0
        for place in sorted(events):
            if active:
                following = number(frozenset(active))
                if found and found[-1][2] == following and found[-1][1] == begin - 1:
                    found[-1] = found[-1][0], place - 1, following
                else:
                    found.append((begin, place - 1, following))
            for change, end in events[place]:
                active[end] = active.get(end, 0) + change
                if not active[end]:
                    del active[end]
            begin = place
        return found
