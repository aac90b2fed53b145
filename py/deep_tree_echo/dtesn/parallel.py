"""Which rules are applied in a step: maximal multisets of applications, sampled or all of them.

This is the readable reference; ``wasm/psystem/`` chooses the same from the same seed.

An *instance* is a rule on one membrane, with a child membrane chosen for each of its inner
targets. Instances compete for the objects of the regions, and exclusive ones for their membrane.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from ..errors import LimitError
from ..pcg32 import Random
from .configuration import Configuration, Membrane
from .multiset import MAX_COUNT
from .rules import Model, Rule, left_side

__all__ = ["Chosen", "Instance", "Program", "every_choice", "halted", "sample"]

Resource = tuple[int, str]
"""An object of a region, by the number of the membrane; ``""`` is the membrane itself."""

_MOST_INSTANCES = 1_000_000


@dataclass(frozen=True, slots=True, order=True)
class Instance:
    """A rule that can be applied: on which membrane, into which of its children."""

    membrane: int
    rule: int
    into: tuple[int, ...] = ()


Chosen = list[tuple[Instance, int]]
"""Instances in order, each with how often it is applied; at least once."""


class Program:
    """The rules of a system, looked up by label and charge.

    Parameters
    ----------
    rules : list of Rule
        By number.
    model : {"transition", "active"}
        Which rules are exclusive.
    stronger : dict of int to frozenset of int
        For a rule, the rules of the same label whose applicability rules it out.
    supply : frozenset of str
        Objects that the environment has without end.
    """

    def __init__(
        self,
        rules: list[Rule],
        model: Model,
        stronger: dict[int, frozenset[int]],
        supply: frozenset[str],
    ) -> None:
        self.rules = rules
        self.model = model
        self.stronger = stronger
        self.supply = supply
        self.exclusive = [rule.exclusive(model) for rule in rules]
        self._of: dict[tuple[str, str], list[int]] = {}
        sides: dict[tuple[object, ...], int] = {}
        # Rules with probabilities and the same left-hand side are one group.
        self.group: list[int] = []
        for index, rule in enumerate(rules):
            self._of.setdefault((rule.label, rule.charge), []).append(index)
            key = left_side(rule, model)
            alone = rule.probability is None
            self.group.append(-1 if alone else sides.setdefault(key, len(sides)))

    def rules_of(self, membrane: Membrane) -> list[int]:
        """The rules that a membrane has with its present charge."""
        return self._of.get((membrane.label, membrane.charge), [])


class _Left:
    """What no application has taken yet."""

    def __init__(self, program: Program, configuration: Configuration) -> None:
        self.program = program
        self.parent = {membrane.id: membrane.parent for membrane in configuration.membranes}
        self.objects: dict[int, dict[str, int]] = {0: dict(configuration.environment)}
        for membrane in configuration.membranes:
            self.objects[membrane.id] = dict(membrane.contents)
        self.used: set[int] = set()

    def needs(self, instance: Instance) -> Iterator[tuple[Resource, int]]:
        """Each resource of an instance, with how much one application takes."""
        rule = self.program.rules[instance.rule]
        around = self.parent[instance.membrane]
        for name, count in rule.take.items():
            yield (instance.membrane, name), count
        for name, count in rule.take_outside.items():
            if around != 0 or name not in self.program.supply:
                yield (around, name), count
        if self.program.exclusive[instance.rule]:
            yield (instance.membrane, ""), 1

    def most(self, instance: Instance) -> int:
        """How often an instance can still be applied."""
        times = MAX_COUNT
        for (region, name), count in self.needs(instance):
            if name:
                times = min(times, self.objects[region].get(name, 0) // count)
            elif region in self.used:
                return 0
            else:
                times = min(times, 1)
        return times

    def take(self, instance: Instance, times: int) -> None:
        """Applies an instance ``times`` times; a negative number gives all back."""
        for (region, name), count in self.needs(instance):
            if name:
                self.objects[region][name] -= times * count
            elif times > 0:
                self.used.add(region)
            elif times < 0:
                self.used.discard(region)


def applicable(program: Program, configuration: Configuration, left: _Left) -> list[Instance]:
    """The instances that can be applied at all, in order; priorities are obeyed.

    Priorities are strong: a rule is ruled out on a membrane where a stronger one can be applied
    to the configuration as it is, whether or not the two would compete.
    """
    children: dict[int, dict[str, list[int]]] = {}
    for membrane in configuration.membranes:
        children.setdefault(membrane.parent, {}).setdefault(membrane.label, []).append(membrane.id)
    found: list[Instance] = []
    for membrane in configuration.membranes:
        inside = children.get(membrane.id, {})
        able: dict[int, list[list[int]]] = {}
        for index in program.rules_of(membrane):
            targets = [inside.get(label, []) for label, _ in program.rules[index].give_inner]
            if all(targets) and left.most(Instance(membrane.id, index)) > 0:
                able[index] = targets
        for index, targets in able.items():
            if program.stronger.get(index, frozenset()) & able.keys():
                continue
            if len(found) + math.prod(len(ids) for ids in targets) > _MOST_INSTANCES:
                raise LimitError(
                    f"Step {configuration.step + 1} has more than {_MOST_INSTANCES} ways to "
                    "apply a rule; use fewer membranes, or fewer inner targets in a rule."
                )
            found += [Instance(membrane.id, index, into) for into in product(*targets)]
    return found


def halted(program: Program, configuration: Configuration) -> bool:
    """Whether no rule can be applied."""
    return not applicable(program, configuration, _Left(program, configuration))


def sample(program: Program, configuration: Configuration, random: Random) -> Chosen:
    """A maximal multiset of applications, drawn at random; empty if nothing can be applied.

    Competitors come in a random order. In a first pass each is applied a number of times that is
    uniform between 0 and the most that is possible, or the most if nobody after it wants the
    same; in a second pass, in the same order, the most that is still possible. So every maximal
    multiset can come; where two rules compete for one kind of object, all are equally likely.
    Rules with probabilities and the same left-hand side take part as one and then share by them.
    """
    left = _Left(program, configuration)
    able = applicable(program, configuration, left)
    blocks: list[list[Instance]] = []
    of_group: dict[tuple[int, int], list[Instance]] = {}
    for instance in able:
        group = program.group[instance.rule]
        if group < 0:
            blocks.append([instance])
        elif (instance.membrane, group) in of_group:
            of_group[instance.membrane, group].append(instance)
        else:
            of_group[instance.membrane, group] = [instance]
            blocks.append(of_group[instance.membrane, group])
    wanted: dict[Resource, int] = {}
    for block in blocks:
        for resource, _ in left.needs(block[0]):
            wanted[resource] = wanted.get(resource, 0) + 1

    times: dict[Instance, int] = {}

    def apply(block: list[Instance], count: int) -> None:
        left.take(block[0], count)
        for instance, share in zip(block, _shares(program, block, count, random), strict=True):
            times[instance] = times.get(instance, 0) + share

    def contested(block: list[Instance], most: int) -> bool:
        return any(wanted[resource] > most for resource, _ in left.needs(block[0]))

    rivals = [block for block in blocks if contested(block, 1)]
    for block in blocks:
        if not contested(block, 1):
            apply(block, left.most(block[0]))
    for last in range(len(rivals) - 1, 0, -1):
        other = random.below(last + 1)
        rivals[last], rivals[other] = rivals[other], rivals[last]
    for block in rivals:
        for resource, _ in left.needs(block[0]):
            wanted[resource] -= 1
        if most := left.most(block[0]):
            apply(block, random.below(most + 1) if contested(block, 0) else most)
    for block in rivals:
        if most := left.most(block[0]):
            apply(block, most)
    return [(instance, times[instance]) for instance in able if times.get(instance)]


def _shares(program: Program, block: list[Instance], count: int, random: Random) -> list[int]:
    """``count`` applications shared among the instances of a block."""
    if len(block) == 1:
        return [count]
    weights: list[float] = []
    for instance in block:
        same = sum(other.rule == instance.rule for other in block)
        weights.append((program.rules[instance.rule].probability or 0.0) / same)
    total = sum_in_order(weights)
    shares = []
    for weight in weights[:-1]:
        share = random.binomial(count, weight / total)
        total -= weight
        count -= share
        shares.append(share)
    return [*shares, count]


def sum_in_order(values: list[float]) -> float:
    """The plain sum from left to right; Python's own has been compensated since 3.12."""
    total = 0.0
    for value in values:
        total += value
    return total


def every_choice(
    program: Program, configuration: Configuration, tries: int = 100_000
) -> Iterator[Chosen]:
    """Every maximal multiset of applications, each once; none if nothing can be applied.

    Probabilities play no part: they are above 0, so all that they share out can happen.

    Raises
    ------
    LimitError
        After ``tries`` combinations.
    """
    left = _Left(program, configuration)
    able = applicable(program, configuration, left)
    if not able:
        return
    # An instance must take all it can where nobody after it wants the same.
    forced: list[bool] = []
    later: set[Resource] = set()
    for instance in reversed(able):
        resources = {resource for resource, _ in left.needs(instance)}
        forced.append(not resources & later)
        later |= resources
    forced.reverse()
    times = [0] * len(able)
    # Depth first without recursion: each level decides one instance, from the most down to 0.
    level = -1
    while True:
        while level + 1 < len(able):
            level += 1
            times[level] = left.most(able[level])
            left.take(able[level], times[level])
        tries -= 1
        if tries < 0:
            raise LimitError(
                f"Step {configuration.step + 1} can be done in too many ways to list; "
                "take smaller multiplicities."
            )
        if not any(left.most(instance) for instance in able):
            yield [(able[i], n) for i, n in enumerate(times) if n]
        while level >= 0 and (forced[level] or times[level] == 0):
            left.take(able[level], -times[level])
            level -= 1
        if level < 0:
            return
        left.take(able[level], -times[level])
        times[level] -= 1
        left.take(able[level], times[level])
