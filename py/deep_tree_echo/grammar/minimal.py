"""Deterministic automata with as few states as they need: fewer masks to make."""

from __future__ import annotations

from .nfa import Dfa

__all__ = ["minimised"]

_Signature = tuple[bool, tuple[tuple[int, int, int], ...], tuple[tuple[str, int], ...]]


def minimised(dfa: Dfa) -> Dfa:
    """The same automaton, states that nothing tells apart made one.

    Components are taken in reverse order, so most states need one look; only within a cycle are
    they told apart by rounds (Moore 1956).

    Examples
    --------
    >>> dfa = Dfa([[(0, 0, 1)], [(0, 0, 2)], [(0, 0, 1)]], [[], [], []], {0, 1, 2})
    >>> minimised(dfa)
    Dfa(edges=[[(0, 0, 0)]], calls=[[]], final={0})
    """
    classes = [-1] * len(dfa.edges)
    known: dict[_Signature, int] = {}
    for component in _components(dfa):
        members = set(component)
        first = component[0]
        cyclic = len(component) > 1 or first in _targets(dfa, first)
        if cyclic:
            _refine(dfa, component, members, classes, len(known))
        groups: dict[int, int] = {}
        for state in component:
            if cyclic:
                # Equal to a class known before, or the next one.
                temporary = classes[state]
                if temporary not in groups:
                    groups[temporary] = len(known) + len(groups)
        if cyclic:
            for state in component:
                classes[state] = groups[classes[state]]
            for state in component:
                known.setdefault(_signature(dfa, state, classes), classes[state])
        else:
            signature = _signature(dfa, first, classes)
            classes[first] = known.setdefault(signature, len(known))
    return _joined(dfa, classes)


def _targets(dfa: Dfa, state: int) -> list[int]:
    return [end for _, _, end in dfa.edges[state]] + [end for _, end in dfa.calls[state]]


def _signature(dfa: Dfa, state: int, classes: list[int]) -> _Signature:
    """What tells a state from others, given the classes of those that it leads to."""
    edges: list[tuple[int, int, int]] = []
    for low, high, end in dfa.edges[state]:
        if edges and edges[-1][1] == low - 1 and edges[-1][2] == classes[end]:
            edges[-1] = edges[-1][0], high, classes[end]
        else:
            edges.append((low, high, classes[end]))
    calls = tuple((rule, classes[end]) for rule, end in dfa.calls[state])
    return state in dfa.final, tuple(edges), calls


def _refine(
    dfa: Dfa, component: list[int], members: set[int], classes: list[int], first: int
) -> None:
    """Gives the states of a cycle temporary classes, numbered from ``first`` on."""
    for state in component:
        classes[state] = first
    count = 0
    while True:
        numbers: dict[tuple[int, _Signature], int] = {}
        found = [
            numbers.setdefault((classes[s], _signature(dfa, s, classes)), first + len(numbers))
            for s in component
        ]
        for state, number in zip(component, found, strict=True):
            classes[state] = number
        if len(numbers) == count:
            return
        count = len(numbers)


def _components(dfa: Dfa) -> list[list[int]]:
    """Strongly connected components, those led to first (Tarjan 1972)."""
    order: dict[int, int] = {}
    lowest: dict[int, int] = {}
    open_states: list[int] = []
    is_open: set[int] = set()
    components = []
    stack = [(0, iter(_targets(dfa, 0)))]
    order[0] = lowest[0] = 0
    open_states.append(0)
    is_open.add(0)
    while stack:
        state, targets = stack[-1]
        for target in targets:
            if target not in order:
                order[target] = lowest[target] = len(order)
                open_states.append(target)
                is_open.add(target)
                stack.append((target, iter(_targets(dfa, target))))
                break
            if target in is_open:
                lowest[state] = min(lowest[state], order[target])
        else:
            stack.pop()
            if stack:
                before = stack[-1][0]
                lowest[before] = min(lowest[before], lowest[state])
            if lowest[state] == order[state]:
                component = []
                while True:
                    member = open_states.pop()
                    is_open.discard(member)
                    component.append(member)
                    if member == state:
                        break
                components.append(component)
    return components


def _joined(dfa: Dfa, classes: list[int]) -> Dfa:
    """One state a class, numbered from the first on."""
    numbers = {classes[0]: 0}
    shown = [0]
    fresh = Dfa()
    for state in shown:
        final, edges, calls = _signature(dfa, state, classes)
        for target in _targets(dfa, state):
            if classes[target] not in numbers:
                numbers[classes[target]] = len(shown)
                shown.append(target)
        if final:
            fresh.final.add(len(fresh.edges))
        fresh.edges.append([(low, high, numbers[end]) for low, high, end in edges])
        fresh.calls.append([(rule, numbers[end]) for rule, end in calls])
    return fresh
