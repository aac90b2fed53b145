"""What a step does to a configuration once its applications are chosen."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ArgumentError, LimitError
from .configuration import Configuration, Membrane
from .multiset import MAX_COUNT, Multiset
from .parallel import Chosen, Program
from .rules import Charge

__all__ = ["DEFAULT_LIMITS", "Limits", "rewrite"]


_MOST_KINDS = 4_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a system may grow.

    Parameters
    ----------
    membranes : int
        Most membranes at a time, from 1 to 1,000,000.
    objects : int
        Most objects at a time, copies counted, in all regions together; at most 2**62.

    Raises
    ------
    ArgumentError
        If a limit is outside its range.
    """

    membranes: int = 100_000
    objects: int = MAX_COUNT

    def __post_init__(self) -> None:
        for name, most in (("membranes", 1_000_000), ("objects", MAX_COUNT)):
            value = getattr(self, name)
            if not isinstance(value, int) or not 1 <= value <= most:
                raise ArgumentError(
                    f"the limit of {name} is {value!r}; it must be an integer from 1 to {most}."
                )

    def refuse_membranes(self, step: int) -> LimitError:
        """The error for one membrane more than there may be."""
        return LimitError(
            f"Step {step} would make more than {self.membranes} membranes; raise "
            "Limits(membranes=...), or stop the system earlier."
        )

    def refuse_objects(self, step: int, name: str, label: str) -> LimitError:
        """The error for more objects than there may be; ``name`` is the one too many."""
        where = "the environment" if label == "environment" else f"membrane {label!r}"
        return LimitError(
            f"Step {step} would bring {name!r} in {where} beyond the {self.objects} objects that "
            "the system may hold; raise Limits(objects=...), or stop the system earlier."
        )


DEFAULT_LIMITS = Limits()


@dataclass(slots=True)
class _Region:
    """A membrane while the step is made."""

    id: int
    parent: int
    label: str
    charge: Charge
    objects: dict[str, int]
    alive: bool = True


def rewrite(
    program: Program, configuration: Configuration, chosen: Chosen, limits: Limits
) -> Configuration:
    """The configuration after a step.

    First all that is taken goes, then all that is given comes and new membranes appear; then,
    from the inside out, charges change and membranes dissolve or divide, with all that they hold
    by then.

    Raises
    ------
    LimitError
        If there would be more objects or membranes than ``limits`` allows.
    """
    step = configuration.step + 1
    environment = _Region(0, 0, "environment", "0", dict(configuration.environment))
    regions: dict[int, _Region] = {0: environment}
    for old in configuration.membranes:
        regions[old.id] = _Region(old.id, old.parent, old.label, old.charge, dict(old.contents))
    next_id = configuration.next_id
    alive = len(regions) - 1

    def room() -> int:
        nonlocal next_id, alive
        if alive >= limits.membranes:
            raise limits.refuse_membranes(step)
        alive += 1
        next_id += 1
        return next_id - 1

    def put(region: _Region, objects: Multiset, times: int) -> None:
        for name, count in objects.items():
            if region is environment and name in program.supply:
                continue
            region.objects[name] = region.objects.get(name, 0) + times * count
            if region.objects[name] > limits.objects:
                raise limits.refuse_objects(step, name, region.label)

    for instance, times in chosen:
        rule, region = program.rules[instance.rule], regions[instance.membrane]
        for name, count in rule.take.items():
            region.objects[name] -= times * count
        around = regions[region.parent]
        for name, count in rule.take_outside.items():
            if around is not environment or name not in program.supply:
                around.objects[name] -= times * count
    reshaped: dict[int, int] = {}
    for instance, times in chosen:
        rule, region = program.rules[instance.rule], regions[instance.membrane]
        if rule.effect != "divide":
            put(region, rule.give, times)
        put(regions[region.parent], rule.give_outside, times)
        for child, (_, objects) in zip(instance.into, rule.give_inner, strict=True):
            put(regions[child], objects, times)
        for made in rule.create:
            for _ in range(times):
                id = room()
                regions[id] = _Region(id, region.id, made.label, made.charge, {})
                put(regions[id], made.contents, 1)
        if rule.effect != "keep" or rule.new_charge != rule.charge:
            reshaped[region.id] = instance.rule

    # Those inside have greater numbers than those around them.
    for id in sorted(reshaped, reverse=True):
        rule, region = program.rules[reshaped[id]], regions[id]
        if rule.effect == "dissolve":
            region.alive = False
            alive -= 1
            put(regions[region.parent], Multiset.trusted(region.objects), 1)
            for other in regions.values():
                if other.parent == id:
                    other.parent = region.parent
            continue
        if rule.effect == "divide":
            copies = {id: room()}
            second = _Region(
                copies[id], region.parent, region.label, region.charge, dict(region.objects)
            )
            inner = [other for other in regions.values() if other.alive]
            regions[second.id] = second
            for other in inner:
                if other.parent in copies and other.id != 0:
                    copies[other.id] = room()
                    regions[copies[other.id]] = _Region(
                        copies[other.id],
                        copies[other.parent],
                        other.label,
                        other.charge,
                        dict(other.objects),
                    )
            assert rule.second_charge is not None
            second.charge = rule.second_charge
            put(region, rule.give, 1)
            put(second, rule.second, 1)
        assert rule.new_charge is not None
        region.charge = rule.new_charge

    total = kinds = 0
    for region in regions.values():
        if region.alive:
            kinds += sum(count > 0 for count in region.objects.values())
            if kinds > _MOST_KINDS:
                raise LimitError(
                    f"Step {step} would leave more than {_MOST_KINDS} kinds of objects in all "
                    "membranes together; lower Limits(membranes=...), or stop the system earlier."
                )
            for name, count in region.objects.items():
                total += count
                if total > limits.objects:
                    raise limits.refuse_objects(step, name, region.label)
    membranes = tuple(
        Membrane(
            region.id, region.parent, region.label, region.charge, Multiset.trusted(region.objects)
        )
        for region in regions.values()
        if region.alive and region.id != 0
    )
    return Configuration(step, Multiset.trusted(environment.objects), membranes, next_id)
