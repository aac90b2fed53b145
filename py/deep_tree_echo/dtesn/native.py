"""Membrane systems in libecho: rules and configurations as words, and steps made there."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence

from .. import core
from ..errors import LimitError
from ..pcg32 import Random
from .configuration import Configuration, Membrane
from .multiset import Multiset
from .parallel import Chosen, Instance, Program
from .rewriting import Limits
from .rules import Charge, Rule
from .steppers import ReferenceStepper, Stepper

__all__ = ["NativeStepper"]

_SIGN: dict[str | None, int] = {"-": -1, "0": 0, "+": 1, None: 0}
_CHARGE: dict[int, Charge] = {-1: "-", 0: "0", 1: "+"}
_EFFECT = {"keep": 0, "dissolve": 1, "divide": 2}
_HALTED, _LIMIT = 1, 2
# Between calls Python looks whether the user wants it to stop.
_MOST_AT_ONCE = 10_000


class NativeStepper(Stepper):
    """Steps in libecho, the same as those of `ReferenceStepper` from the same seed.

    Parameters
    ----------
    program : Program
        The rules.
    limits : Limits
        How large the system may grow.
    objects : sequence of str
        All that can ever be there, by number.
    labels : sequence of str
        Likewise.

    Raises
    ------
    BackendError
        If libecho is missing.
    """

    name = "libecho"

    def __init__(
        self, program: Program, limits: Limits, objects: Sequence[str], labels: Sequence[str]
    ) -> None:
        self._program, self._limits = program, limits
        self._objects, self._labels = list(objects), list(labels)
        self._object_at = {name: index for index, name in enumerate(objects)}
        self._label_at = {name: index for index, name in enumerate(labels)}
        self._system = core.PSystem(self._words_of_program())
        self._steps = 0
        self._random = 0

    @property
    def steps(self) -> int:
        """How many steps lead from the start to the present configuration."""
        return self._steps

    def start(self, configuration: Configuration, seed: int) -> None:
        """Begins with a configuration and a fresh generator."""
        self._set(configuration, Random(seed).state)

    def configuration(self) -> Configuration:
        """The present configuration."""
        words = self._system.get()
        environment: Multiset | None = None
        membranes: list[Membrane] = []
        ids: list[int] = []
        for id, parent, label, charge, held in self._regions(words):
            contents = Multiset.trusted(held)
            if environment is None:
                environment = contents
            else:
                membranes.append(
                    Membrane(id, ids[parent], self._labels[label], _CHARGE[charge], contents)
                )
            ids.append(id)
        assert environment is not None
        return Configuration(words[0], environment, tuple(membranes), words[1])

    def holdings(self) -> dict[int, dict[str, int]]:
        """What each membrane holds, by number; 0 is the environment."""
        return {id: held for id, _, _, _, held in self._regions(self._system.get())}

    def add(self, arriving: Mapping[int, Multiset]) -> None:
        """Puts objects into membranes that are there, by number; 0 is the environment."""
        words = self._system.get()
        found = words[:4]
        for id, parent, label, charge, held in self._regions(words):
            found += (id, parent, label, charge)
            if more := arriving.get(id):
                for name, count in more.counts.items():
                    held[name] = held.get(name, 0) + count
            found += self._pairs(held)
        self._system.set(found)

    def _regions(self, words: list[int]) -> Iterator[tuple[int, int, int, int, dict[str, int]]]:
        """Number, place of the one around, label, charge and objects of all, as `get` has them."""
        objects = self._objects
        at = 4
        for _ in range(words[3]):
            id, parent, label, charge, n = words[at : at + 5]
            first, at = at + 5, at + 5 + 2 * n
            held = {objects[words[i]]: words[i + 1] for i in range(first, at, 2)}
            yield id, parent, label, charge, held

    def step(self) -> tuple[dict[int, str], Chosen]:
        """Makes a step: the labels of the membranes before it, and what was applied."""
        regions = self._regions(self._system.get())
        labels = {id: self._labels[label] for id, _, label, _, _ in regions if id}
        if self._run(1) == _HALTED:
            return labels, []
        rows = self._system.applied()
        chosen: Chosen = []
        at = 0
        while at < len(rows):
            membrane, rule, times, n = rows[at : at + 4]
            chosen.append((Instance(membrane, rule, tuple(rows[at + 4 : at + 4 + n])), times))
            at += 4 + n
        return labels, chosen

    def run(self, max_steps: int) -> bool:
        """Makes steps until the system halts, and says whether it did."""
        while max_steps > 0:
            part = min(max_steps, _MOST_AT_ONCE)
            if self._run(part) == _HALTED:
                return True
            max_steps -= part
        return self.halted()

    def halted(self) -> bool:
        """Whether nothing can be applied; draws nothing."""
        return self._run(0) == _HALTED

    def random_state(self) -> int:
        """The 64 bits of the generator."""
        return self._random

    def set_random_state(self, state: int) -> None:
        """Puts the generator where another one was."""
        self._set(self.configuration(), state)

    def _set(self, configuration: Configuration, random: int) -> None:
        self._system.set(self._words_of(configuration, random))
        self._steps, self._random = configuration.step, random

    def _run(self, steps: int) -> int:
        done, self._random, ending = self._system.run(steps)
        self._steps += done
        if ending == _LIMIT:
            self._explain()
        return ending

    def _explain(self) -> None:
        """Makes the step that is beyond the limits in Python, which says what is too much."""
        reference = ReferenceStepper(self._program, self._limits)
        reference.start(self.configuration(), 0)
        reference.set_random_state(self._random)
        reference.step()
        raise LimitError(
            f"Step {self._steps + 1} needs more memory than there is for one; stop the system "
            "earlier."
        )

    def _words_of_program(self) -> list[int]:
        program = self._program
        supply = sorted(self._object_at[name] for name in program.supply)
        words = [len(self._objects), len(self._labels)]
        words += [self._limits.objects, self._limits.membranes, len(supply), *supply]
        words.append(len(program.rules))
        for index, rule in enumerate(program.rules):
            words += self._words_of_rule(index, rule)
        return words

    def _words_of_rule(self, index: int, rule: Rule) -> list[int]:
        program = self._program
        bits = struct.unpack("<q", struct.pack("<d", rule.probability or 0.0))[0]
        words = [
            self._label_at[rule.label],
            _SIGN[rule.charge],
            _SIGN[rule.new_charge],
            _SIGN[rule.second_charge],
            _EFFECT[rule.effect],
            int(program.exclusive[index]),
            program.group[index],
            bits,
        ]
        for objects in (rule.take, rule.take_outside, rule.give, rule.give_outside, rule.second):
            words += self._pairs(objects)
        words.append(len(rule.give_inner))
        for label, objects in rule.give_inner:
            words += [self._label_at[label], *self._pairs(objects)]
        words.append(len(rule.create))
        for made in rule.create:
            words += [self._label_at[made.label], _SIGN[made.charge], *self._pairs(made.contents)]
        stronger = sorted(program.stronger.get(index, ()))
        return [*words, len(stronger), *stronger]

    def _words_of(self, configuration: Configuration, random: int) -> list[int]:
        signed = random - 2**64 if random >= 2**63 else random
        words = [configuration.step, configuration.next_id, signed]
        words.append(len(configuration.membranes) + 1)
        words += [0, 0, 0, 0, *self._pairs(configuration.environment)]
        places = {0: 0}
        for place, membrane in enumerate(configuration.membranes, 1):
            places[membrane.id] = place
            words += [membrane.id, places[membrane.parent], self._label_at[membrane.label]]
            words += [_SIGN[membrane.charge], *self._pairs(membrane.contents)]
        return words

    def _pairs(self, objects: Mapping[str, int]) -> list[int]:
        pairs = sorted((self._object_at[name], count) for name, count in objects.items())
        return [len(pairs), *(number for pair in pairs for number in pair)]
