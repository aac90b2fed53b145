"""What makes the steps of a membrane system: Python, or libecho with the same results."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ..pcg32 import Random
from .configuration import Configuration
from .multiset import EMPTY
from .parallel import Chosen, Program, halted, sample
from .rewriting import Limits, rewrite

__all__ = ["ReferenceStepper", "Stepper"]


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
