"""What makes the steps of a membrane system: Python, or libecho with the same results."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import replace

from ..errors import ArgumentError, LimitError
from ..pcg32 import Random
from .configuration import Configuration
from .multiset import EMPTY, Multiset, MultisetLike
from .parallel import Chosen, Program, halted, sample
from .rewriting import Limits, rewrite

__all__ = ["ReferenceStepper", "Stepper", "checked_arrivals"]


class Stepper(ABC):
    """A configuration, a generator, and steps."""

    name = ""

    @property
    @abstractmethod
    def steps(self) -> int:
        """How many steps lead from the start to the present configuration."""

    @abstractmethod
    def start(self, configuration: Configuration, seed: int) -> None:
        """Begins with a configuration and a fresh generator."""

    @abstractmethod
    def configuration(self) -> Configuration:
        """The present configuration."""

    @abstractmethod
    def holdings(self) -> dict[int, dict[str, int]]:
        """What each membrane holds, by number; 0 is the environment."""

    @abstractmethod
    def add(self, arriving: Mapping[int, Multiset]) -> None:
        """Puts objects into membranes that are there, by number; 0 is the environment."""

    @abstractmethod
    def step(self) -> tuple[dict[int, str], Chosen]:
        """Makes a step: the labels of the membranes before it, and what was applied."""

    @abstractmethod
    def run(self, max_steps: int) -> bool:
        """Makes steps until the system halts, and says whether it did."""

    @abstractmethod
    def halted(self) -> bool:
        """Whether nothing can be applied; draws nothing."""

    @abstractmethod
    def random_state(self) -> int:
        """The 64 bits of the generator."""

    @abstractmethod
    def set_random_state(self, state: int) -> None:
        """Puts the generator where another one was."""


class ReferenceStepper(Stepper):
    """The plain Python of `sample` and `rewrite`."""

    name = "python"

    def __init__(self, program: Program, limits: Limits) -> None:
        self._program = program
        self._limits = limits
        self._random = Random(0)
        self._now = Configuration(0, EMPTY, (), 1)

    @property
    def steps(self) -> int:
        """How many steps lead from the start to the present configuration."""
        return self._now.step

    def start(self, configuration: Configuration, seed: int) -> None:
        """Begins with a configuration and a fresh generator."""
        self._random = Random(seed)
        self._now = configuration

    def configuration(self) -> Configuration:
        """The present configuration."""
        return self._now

    def holdings(self) -> dict[int, dict[str, int]]:
        """What each membrane holds, by number; 0 is the environment."""
        regions = {0: dict(self._now.environment)}
        return regions | {one.id: dict(one.contents) for one in self._now.membranes}

    def add(self, arriving: Mapping[int, Multiset]) -> None:
        """Puts objects into membranes that are there, by number; 0 is the environment."""
        now = self._now
        self._now = replace(
            now,
            environment=now.environment + arriving.get(0, EMPTY),
            membranes=tuple(
                replace(one, contents=one.contents + arriving[one.id])
                if one.id in arriving
                else one
                for one in now.membranes
            ),
        )

    def step(self) -> tuple[dict[int, str], Chosen]:
        """Makes a step: the labels of the membranes before it, and what was applied."""
        before = self._random.state
        chosen = sample(self._program, self._now, self._random)
        labels = {membrane.id: membrane.label for membrane in self._now.membranes}
        if chosen:
            try:
                self._now = rewrite(self._program, self._now, chosen, self._limits)
            except BaseException:
                self._random.state = before
                raise
        return labels, chosen

    def run(self, max_steps: int) -> bool:
        """Makes steps until the system halts, and says whether it did."""
        for _ in range(max_steps):
            if not self.step()[1]:
                return True
        return self.halted()

    def halted(self) -> bool:
        """Whether nothing can be applied; draws nothing."""
        return halted(self._program, self._now)

    def random_state(self) -> int:
        """The 64 bits of the generator."""
        return self._random.state

    def set_random_state(self, state: int) -> None:
        """Puts the generator where another one was."""
        self._random.state = state


def checked_arrivals(
    arriving: Mapping[int, MultisetLike],
    now: Mapping[int, Mapping[str, int]],
    known: Collection[str],
    supply: Collection[str],
    limits: Limits,
) -> dict[int, Multiset]:
    """Objects from outside by number of the membrane, if a system can take them.

    Parameters
    ----------
    arriving : mapping of int to multiset
        The objects; 0 is the environment.
    now : mapping of int to mapping
        What every membrane holds.
    known : collection of str
        The objects that the system can have.
    supply : collection of str
        Those that the environment has without end: more of them change nothing there.
    limits : Limits
        How large the system may grow.

    Raises
    ------
    ArgumentError
        If a membrane or an object is unknown.
    LimitError
        If there would be too many objects.
    """
    found = {number: Multiset.of(objects) for number, objects in arriving.items()}
    for number, objects in found.items():
        if number not in now:
            raise ArgumentError(
                f"arriving names membrane {number!r}; there is none of that number."
            )
        for name in objects:
            if name not in known:
                raise ArgumentError(
                    f"arriving puts {name!r} into membrane {number}; the system knows no such "
                    "object."
                )
    if 0 in found:
        kept = {name: count for name, count in found[0].items() if name not in supply}
        found[0] = Multiset.trusted(kept)
    total = sum(sum(held.values()) for held in now.values())
    total += sum(objects.size for objects in found.values())
    if total > limits.objects:
        raise LimitError(
            f"arriving brings {total} objects into the system in all; it may hold {limits.objects}."
        )
    return found
