"""Every computation of a small membrane system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import ArgumentError, LimitError
from .configuration import Configuration
from .parallel import Program, every_choice, halted
from .rewriting import Limits, rewrite

__all__ = ["Computations", "explore"]


@dataclass(frozen=True, slots=True)
class Computations:
    """The configurations that can be reached, and the steps between them.

    Two configurations are the same if they hold the same in the same tree; the numbers of the
    membranes and the order of siblings play no part.

    Attributes
    ----------
    reached : tuple of Configuration
        Breadth first; the start comes first. ``step`` of each is the shortest way to it.
    steps : tuple of (int, int)
        From which to which one step leads, as indices into ``reached``.
    ends : tuple of int
        Those that have halted.
    complete : bool
        Whether all were followed to their end, and not only up to some number of steps.
    """

    reached: tuple[Configuration, ...]
    steps: tuple[tuple[int, int], ...]
    ends: tuple[int, ...]
    complete: bool

    @property
    def halting(self) -> tuple[Configuration, ...]:
        """The configurations that have halted."""
        return tuple(self.reached[index] for index in self.ends)

    def index(self, configuration: Configuration) -> int | None:
        """Where a configuration stands in ``reached``, or ``None``."""
        shapes: dict[Any, int] = {}
        wanted = shape(configuration, shapes)
        for index, known in enumerate(self.reached):
            if shape(known, shapes) == wanted:
                return index
        return None

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        return {
            "reached": [configuration.to_json() for configuration in self.reached],
            "steps": [list(pair) for pair in self.steps],
            "ends": list(self.ends),
            "complete": self.complete,
        }


def explore(
    program: Program, start: Configuration, limits: Limits, limit: int, steps: int | None
) -> Computations:
    """All that can be reached from a configuration; see `PSystem.configurations`."""
    if not isinstance(limit, int) or limit < 1:
        raise ArgumentError(f"the limit of configurations is {limit!r}; it must be at least 1.")
    if steps is not None and (not isinstance(steps, int) or steps < 0):
        raise ArgumentError(f"steps is {steps!r}; it must be at least 0 or None.")
    shapes: dict[Any, int] = {}
    reached = [start]
    known = {shape(start, shapes): 0}
    ways: dict[tuple[int, int], None] = {}
    ends: list[int] = []
    complete = True
    at = 0
    while at < len(reached):
        configuration = reached[at]
        if steps is not None and configuration.step - start.step >= steps:
            if halted(program, configuration):
                ends.append(at)
            else:
                complete = False
            at += 1
            continue
        end = True
        for chosen in every_choice(program, configuration):
            end = False
            after = rewrite(program, configuration, chosen, limits)
            key = shape(after, shapes)
            if key not in known:
                if len(reached) >= limit:
                    raise LimitError(
                        f"More than {limit} configurations can be reached; raise limit, or look "
                        "only some steps far."
                    )
                known[key] = len(reached)
                reached.append(after)
            ways[at, known[key]] = None
        if end:
            ends.append(at)
        at += 1
    return Computations(tuple(reached), tuple(ways), tuple(ends), complete)


def shape(configuration: Configuration, shapes: dict[Any, int]) -> int:
    """A number for what a configuration is apart from numbers and order, equal for equals.

    ``shapes`` keeps the numbers given so far; each membrane's is made from those inside it.
    """
    inside: dict[int, list[int]] = {}
    for membrane in reversed(configuration.membranes):
        children = tuple(sorted(inside.pop(membrane.id, ())))
        key = (membrane.label, membrane.charge, membrane.contents, children)
        inside.setdefault(membrane.parent, []).append(shapes.setdefault(key, len(shapes)))
    whole = (configuration.environment, tuple(inside[0]))
    return shapes.setdefault(whole, len(shapes))
