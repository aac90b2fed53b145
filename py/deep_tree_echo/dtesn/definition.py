"""What a membrane system is: its parts, checked against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import ArgumentError
from .configuration import Configuration
from .multiset import Multiset, check_object
from .rules import Model, Rule, check_label, probabilities

__all__ = ["Definition"]

_MOST_LABELS = 65536


@dataclass(frozen=True)
class Definition:
    """The parts of a membrane system; `PSystem` says what they mean.

    Raises
    ------
    ArgumentError
        If they do not fit together.
    """

    structure: str
    contents: Mapping[str, Multiset]
    rules: tuple[Rule, ...]
    model: Model
    priorities: tuple[tuple[str, str], ...]
    environment: Multiset
    supply: frozenset[str]
    output: str | None
    start: Configuration = field(init=False)
    labels: tuple[str, ...] = field(init=False)
    stronger: dict[int, frozenset[int]] = field(init=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        if self.model not in ("transition", "active"):
            raise ArgumentError(
                f"the model is {self.model!r}; it must be 'transition' or 'active'."
            )
        for rule in self.rules:
            if not isinstance(rule, Rule):
                raise ArgumentError(f"{rule!r} is no Rule; make one with evolve() or the like.")
        kept = {name: n for name, n in self.environment.items() if name not in self.supply}
        start = Configuration.start(self.structure, self.contents, Multiset(kept))
        put(self, "start", start)
        put(self, "structure", start.structure)
        # The labels of all membranes that there are or can be, each once.
        labels = dict.fromkeys(membrane.label for membrane in start.membranes)
        labels.update(dict.fromkeys(made.label for rule in self.rules for made in rule.create))
        put(self, "labels", tuple(labels))
        if self.output is None:
            put(self, "output", self.labels[0])
        self._check()
        put(self, "stronger", self._closure())

    def name_of(self, rule: int) -> str:
        """The name of a rule by its index."""
        return self.rules[rule].name or f"r{rule + 1}"

    def objects(self) -> list[str]:
        """Every object that can ever be there, once."""
        found = dict.fromkeys(self.environment)
        found.update(dict.fromkeys(sorted(self.supply)))
        for objects in self.contents.values():
            found.update(dict.fromkeys(objects))
        for rule in self.rules:
            inner = [objects for _, objects in rule.give_inner]
            made = [new.contents for new in rule.create]
            sides = (rule.take, rule.take_outside, rule.give, rule.give_outside, rule.second)
            for objects in (*sides, *inner, *made):
                found.update(dict.fromkeys(objects))
        return list(found)

    def _check(self) -> None:
        skin = self.labels[0]
        if len(self.labels) > _MOST_LABELS:
            raise ArgumentError(
                f"the system has {len(self.labels)} labels; it may have at most {_MOST_LABELS}."
            )
        for name in self.supply:
            check_object(name)
        for label in self.contents:
            if label not in self.labels:
                raise ArgumentError(
                    f"contents names the membrane {label!r}, which the structure does not have."
                )
        if self.output is not None and self.output != "environment":
            check_label(self.output)
            if self.output not in self.labels:
                raise ArgumentError(
                    f"output names the membrane {self.output!r}, which the structure does not have."
                )
        for rule in self.rules:
            for label in (rule.label, *(name for name, _ in rule.give_inner)):
                if label not in self.labels:
                    raise ArgumentError(
                        f"the rule {rule} names the membrane {label!r}, which the structure does "
                        "not have."
                    )
            if rule.label == skin and rule.effect != "keep":
                raise ArgumentError(
                    f"the rule {rule} would {rule.effect} the skin; only membranes inside it can."
                )
            endless = not rule.take and all(name in self.supply for name in rule.take_outside)
            if rule.label == skin and endless and not rule.exclusive(self.model):
                raise ArgumentError(
                    f"the rule {rule} takes only objects of endless supply, so it would be applied "
                    "without end; let it take another one, too."
                )
        for side, chance in probabilities(self.rules, self.model).items():
            if abs(chance - 1.0) > 1e-6:
                raise ArgumentError(
                    f"the probabilities of the rules of membrane {side[0]!r} that take {side[2]} "
                    f"inside and {side[3]} outside sum to {chance:.6g}; they must sum to 1."
                )

    def _closure(self) -> dict[int, frozenset[int]]:
        """For each rule all that are stronger, directly or by others between."""
        named: dict[str, int] = {}
        for index in range(len(self.rules)):
            name = self.name_of(index)
            if name in named:
                raise ArgumentError(f"two rules have the name {name!r}; give each its own.")
            named[name] = index
        direct: dict[int, set[int]] = {}
        for pair in self.priorities:
            for name in pair:
                if name not in named:
                    raise ArgumentError(f"priorities names the rule {name!r}, which is not there.")
            stronger, weaker = (named[name] for name in pair)
            if self.rules[stronger].label != self.rules[weaker].label:
                raise ArgumentError(
                    f"priorities compares {pair[0]!r} with {pair[1]!r}, which belong to different "
                    "membranes; only rules of one label can be compared."
                )
            direct.setdefault(weaker, set()).add(stronger)
        above: dict[int, frozenset[int]] = {}
        for weaker in direct:
            found: set[int] = set()
            todo = list(direct[weaker])
            while todo:
                rule = todo.pop()
                if rule not in found:
                    found.add(rule)
                    todo.extend(direct.get(rule, ()))
            if weaker in found:
                raise ArgumentError(
                    f"priorities makes the rule {self.name_of(weaker)!r} stronger than itself; "
                    "remove the circle."
                )
            above[weaker] = frozenset(found)
        return above
