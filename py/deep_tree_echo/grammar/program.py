"""Rules compiled: one automaton over bytes for each rule that must stay one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, LimitError
from .expressions import (
    Alternatives,
    Call,
    Characters,
    Expression,
    Graph,
    Literal,
    Machine,
    Repeat,
    Rules,
    Sequence,
    calls,
    children,
)
from .minimal import minimised
from .nfa import MOST_STATES, Dfa, Nfa

__all__ = ["Program", "compile_rules"]

_SMALL = 64  # a rule of fewer states is copied to each of its places
_SHALLOW = 60  # nor may copies make an expression deeper


@dataclass(frozen=True)
class Program:
    """Automata over bytes that call each other. A call reads at least one byte.

    Attributes
    ----------
    rules : tuple of str
        Their names; the first is the one that texts must fit.
    starts : tuple of int
        The first state of each rule.
    edges : tuple
        For each state of all rules: (first byte, last byte, next state).
    calls : tuple
        For each state: (rule, state to return to).
    final : frozenset of int
        The states in which their rule may end.
    """

    rules: tuple[str, ...]
    starts: tuple[int, ...]
    edges: tuple[tuple[tuple[int, int, int], ...], ...]
    calls: tuple[tuple[tuple[int, int], ...], ...]
    final: frozenset[int]

    @cached_property
    def words(self) -> NDArray[np.uint32]:
        """The program as ``echo.h`` describes it."""
        words = [
            len(self.starts),
            len(self.edges),
            sum(map(len, self.edges)),
            sum(map(len, self.calls)),
            *self.starts,
        ]
        for state, (edges, called) in enumerate(zip(self.edges, self.calls, strict=True)):
            words += (int(state in self.final), len(edges), len(called))
        for edges in self.edges:
            for low, high, following in edges:
                words += (low | high << 8, following)
        for called in self.calls:
            for rule, following in called:
                words += (rule, following)
        return np.array(words, dtype=np.uint32)


def compile_rules(rules: Rules, root: str = "root") -> Program:
    """The program of some rules.

    Parameters
    ----------
    rules : mapping of str to Expression
        By name; every rule called is there.
    root : str
        The rule that a whole text must fit.

    Raises
    ------
    ArgumentError
        If a rule begins with itself, or no text fits ``root``.
    LimitError
        If the rules need too many states.

    Examples
    --------
    >>> program = compile_rules({"root": Repeat(Literal("ab"), 1)})
    >>> program.edges, sorted(program.final)
    ((((97, 97, 1),), ((98, 98, 2),), ((97, 97, 1),)), [2])
    """
    order, kept = _which_stay(rules, root)
    whole = _Copies(rules, kept)
    nullable = _nullable({name: rules[name] for name in order})
    automata = {}
    total = 0
    for name in [name for name in order if name in kept]:
        nfa = Nfa(nullable=nullable)
        nfa.add(whole.expanded(rules[name]), nfa.first, nfa.last)
        automata[name] = minimised(nfa.determined())
        total += len(automata[name].edges)
        if total > MOST_STATES:
            raise LimitError(
                f"The grammar needs more than {MOST_STATES} states; repeat less, or shorten its "
                "texts."
            )
    live = _live(automata)
    if 0 not in live[root]:
        raise ArgumentError(
            f"No text fits the rule {root!r}: each of its alternatives needs a rule that never "
            "ends, or no character at all; give it an end."
        )
    program = _joined(automata, live, root)
    _check_beginnings(program)
    return program


def _which_stay(rules: Rules, root: str) -> tuple[list[str], set[str]]:
    """The rules in use, and those that are called and not copied to where they are called."""
    order: list[str] = []
    finished: list[str] = []
    on_path: set[str] = set()
    kept = {root}
    uses: dict[str, int] = {}
    stack: list[tuple[str, list[str]]] = [(root, list(calls(rules[root]))[::-1])]
    order.append(root)
    on_path.add(root)
    seen = {root}
    while stack:
        name, pending = stack[-1]
        if not pending:
            on_path.discard(name)
            finished.append(name)
            stack.pop()
            continue
        called = pending.pop()
        uses[called] = uses.get(called, 0) + 1
        if called in on_path:
            kept.add(called)
        if called not in seen:
            seen.add(called)
            order.append(called)
            on_path.add(called)
            stack.append((called, list(calls(rules[called]))[::-1]))
    sizes: dict[str, int] = {}
    depths: dict[str, int] = {}
    for name in finished:  # what is called comes before its callers
        sizes[name] = _size(rules[name], kept, sizes)
        depths[name] = _depth(rules[name], kept, depths)
        if (sizes[name] > _SMALL and uses.get(name, 0) > 1) or depths[name] > _SHALLOW:
            kept.add(name)
    return order, kept


def _size(expression: Expression, kept: set[str], sizes: Mapping[str, int]) -> int:
    """About how many states an expression takes."""
    if isinstance(expression, Literal):
        return len(expression.text.encode())
    if isinstance(expression, Characters):
        return 1 if all(high < 128 for _, high in expression.ranges) else 8
    if isinstance(expression, Machine):
        return 8 * len(expression.edges)
    if isinstance(expression, Call):
        return 1 if expression.rule in kept else sizes.get(expression.rule, 1)
    if isinstance(expression, Repeat):
        inner = _size(expression.item, kept, sizes)
        inner *= max(expression.least, expression.most or 1, 1)
        if inner > 4 * MOST_STATES:
            raise LimitError(
                f"A repetition needs about {inner} states, and a grammar may have {MOST_STATES}; "
                "repeat less."
            )
        return 1 + inner
    return 1 + sum(_size(child, kept, sizes) for child in children(expression))


def _depth(expression: Expression, kept: set[str], depths: Mapping[str, int]) -> int:
    """How many expressions lie inside of each other."""
    deepest = 0
    pending = [(expression, 1)]
    while pending:
        one, depth = pending.pop()
        if isinstance(one, Call) and one.rule not in kept:
            depth += depths.get(one.rule, 0)
        deepest = max(deepest, depth)
        pending += [(child, depth + 1) for child in children(one)]
    return deepest


class _Copies:
    """Puts rules that are not kept in the place of their calls."""

    def __init__(self, rules: Rules, kept: set[str]) -> None:
        self._rules = rules
        self._kept = kept
        self._copies: dict[str, Expression] = {}

    def expanded(self, expression: Expression) -> Expression:
        if isinstance(expression, Call) and expression.rule not in self._kept:
            if expression.rule not in self._copies:
                self._copies[expression.rule] = self.expanded(self._rules[expression.rule])
            return self._copies[expression.rule]
        if isinstance(expression, Sequence):
            return Sequence(tuple(map(self.expanded, expression.items)))
        if isinstance(expression, Alternatives):
            return Alternatives(tuple(map(self.expanded, expression.items)))
        if isinstance(expression, Repeat):
            return Repeat(self.expanded(expression.item), expression.least, expression.most)
        if isinstance(expression, Graph):
            edges = tuple((a, self.expanded(item), b) for a, item, b in expression.edges)
            return Graph(expression.n_nodes, edges)
        return expression


def _nullable(rules: Rules) -> set[str]:
    """The rules that match the empty text."""
    found: set[str] = set()

    def empty(expression: Expression) -> bool:
        if isinstance(expression, Literal):
            return not expression.text
        if isinstance(expression, Sequence):
            return all(map(empty, expression.items))
        if isinstance(expression, Alternatives):
            return any(map(empty, expression.items))
        if isinstance(expression, Repeat):
            return expression.least == 0 or empty(expression.item)
        if isinstance(expression, Call):
            return expression.rule in found
        if isinstance(expression, Graph):
            free = [(a, b) for a, item, b in expression.edges if empty(item)]
            reached = {0}
            while more := {b for a, b in free if a in reached} - reached:
                reached |= more
            return expression.n_nodes - 1 in reached
        return isinstance(expression, Machine) and 0 in expression.final

    while more := {name for name in rules if name not in found and empty(rules[name])}:
        found |= more
    return found


def _live(automata: Mapping[str, Dfa]) -> dict[str, set[int]]:
    """For each rule the states from which it can end."""
    live = {name: set(dfa.final) for name, dfa in automata.items()}
    # Rules of which a call can return, having read something.
    ending: set[str] = set()
    while True:
        before = sum(map(len, live.values())) + len(ending)
        for name, dfa in automata.items():
            _live_states(dfa, live[name], ending)
            alive = live[name]
            if any(end in alive for _, _, end in dfa.edges[0]) or any(
                rule in ending and end in alive for rule, end in dfa.calls[0]
            ):
                ending.add(name)
        if sum(map(len, live.values())) + len(ending) == before:
            for dfa in automata.values():
                dfa.calls = [
                    [(rule, end) for rule, end in called if rule in ending] for called in dfa.calls
                ]
            return live


def _live_states(dfa: Dfa, live: set[int], ending: set[str]) -> None:
    """Adds to ``live`` every state from which a step leads to one in it."""
    before: dict[int, list[int]] = {}
    for state, (edges, called) in enumerate(zip(dfa.edges, dfa.calls, strict=True)):
        for _, _, end in edges:
            before.setdefault(end, []).append(state)
        for rule, end in called:
            if rule in ending:
                before.setdefault(end, []).append(state)
    pending = list(live)
    while pending:
        for state in before.get(pending.pop(), ()):
            if state not in live:
                live.add(state)
                pending.append(state)


def _joined(automata: Mapping[str, Dfa], live: Mapping[str, set[int]], root: str) -> Program:
    """All automata in one, without what is never reached or never ends."""
    names = [root]
    numbers: dict[tuple[str, int], int] = {(root, 0): 0}
    order = [(root, 0)]

    def number(name: str, state: int) -> int:
        if (name, state) not in numbers:
            numbers[name, state] = len(order)
            order.append((name, state))
        return numbers[name, state]

    edges = []
    called = []
    at = 0
    while at < len(order):
        name, state = order[at]
        dfa = automata[name]
        edges.append(
            tuple(
                (low, high, number(name, end))
                for low, high, end in dfa.edges[state]
                if end in live[name]
            )
        )
        here = []
        for rule, end in dfa.calls[state]:
            if end in live[name]:
                if rule not in names:
                    names.append(rule)
                number(rule, 0)
                here.append((names.index(rule), number(name, end)))
        called.append(tuple(here))
        at += 1
    return Program(
        tuple(names),
        tuple(numbers[name, 0] for name in names),
        tuple(edges),
        tuple(called),
        frozenset(i for i, (name, state) in enumerate(order) if state in automata[name].final),
    )


def _check_beginnings(program: Program) -> None:
    """Refuses rules that begin with themselves: they could be entered without an end."""
    finished: set[int] = set()
    for first in range(len(program.starts)):
        path: list[int] = []
        stack = [iter([first])]
        while stack:
            rule = next(stack[-1], None)
            if rule is None:
                stack.pop()
                if path:
                    finished.add(path.pop())
            elif rule in path:
                names = [program.rules[one] for one in [*path[path.index(rule) :], rule]]
                raise ArgumentError(
                    f"The rule {names[0]!r} begins with itself ({' → '.join(names)}); write the "
                    "repetition with * or +."
                )
            elif rule not in finished:
                path.append(rule)
                stack.append(iter([r for r, _ in program.calls[program.starts[rule]]]))
