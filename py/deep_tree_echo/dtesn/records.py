"""What a membrane system did, as records that become JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .multiset import Multiset

__all__ = ["Application", "Run", "Step"]


@dataclass(frozen=True, slots=True)
class Application:
    """A rule applied in a step.

    Attributes
    ----------
    rule : int
        Its index in `PSystem.rules`.
    name : str
        Its name, ``"r1"`` for the first if it has none.
    membrane : int
        The number of the membrane.
    label : str
        The label of the membrane.
    times : int
        How often it was applied.
    into : tuple of int
        The child membranes that its inner targets went to.
    """

    rule: int
    name: str
    membrane: int
    label: str
    times: int
    into: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """What happened in one step.

    Attributes
    ----------
    number : int
        The first is 1. A step that found the system halted has the number of the last one.
    applied : tuple of Application
        What was applied where, by membrane and rule; empty if the system has halted.
    """

    number: int
    applied: tuple[Application, ...]

    @property
    def halted(self) -> bool:
        """Whether nothing could be applied."""
        return not self.applied

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        return {
            "number": self.number,
            "applied": [asdict(item) | {"into": list(item.into)} for item in self.applied],
        }


@dataclass(frozen=True, slots=True)
class Run:
    """A computation that has halted.

    Attributes
    ----------
    steps : int
        How many steps it took, from the start of the system on.
    output : Multiset
        What the output region holds.
    trace : tuple of Step
        The steps of this run, if they were asked for.
    """

    steps: int
    output: Multiset
    trace: tuple[Step, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers."""
        return {
            "steps": self.steps,
            "output": dict(self.output),
            "trace": [step.to_json() for step in self.trace],
        }
