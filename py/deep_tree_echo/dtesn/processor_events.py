"""What happens while an input is processed, as plain data like all other events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ..events import Event

__all__ = [
    "HierarchyReady",
    "IntegrationChecked",
    "MembranesStepped",
    "Processed",
    "ReservoirsMoved",
]


@dataclass(frozen=True, slots=True)
class HierarchyReady(Event):
    """The membranes are there: before the first token.

    ``levels``, ``parents`` (-1 for the skin) and ``units`` are (n,), one number a membrane;
    ``trees`` their rooted trees, ``∅`` for the skin.
    """

    trees: list[str]
    levels: list[int]
    parents: list[int]
    units: list[int]
    tokens: int
    type: Literal["hierarchy"] = "hierarchy"


@dataclass(frozen=True, slots=True)
class ReservoirsMoved(Event):
    """The reservoirs have taken in a beat of tokens: ``done`` of ``total``.

    ``activity`` (n,) is the mean modulus of each membrane's units, ``change`` (n,) how far the mean
    unit has moved, ``surprises`` (T,) the bits that each token cost the model, fewer if it gave
    none, ``mse`` the readout's mean square error so far.
    """

    done: int
    total: int
    activity: list[float]
    change: list[float]
    surprises: list[float]
    mse: float | None
    type: Literal["reservoir"] = "reservoir"


@dataclass(frozen=True, slots=True)
class MembranesStepped(Event):
    """The membrane system has made a step.

    ``objects`` (n,) are those of each membrane, ``emitted`` how many have left the skin so far,
    ``applied`` the rules of this step: name, membrane (from 0 on) and how often.
    """

    step: int
    objects: list[dict[str, int]]
    emitted: int
    applied: list[dict[str, Any]]
    type: Literal["membrane"] = "membrane"


@dataclass(frozen=True, slots=True)
class IntegrationChecked(Event):
    """The B-series report of the last step."""

    report: dict[str, Any]
    type: Literal["bseries"] = "bseries"


@dataclass(frozen=True, slots=True)
class Processed(Event):
    """The input is processed; ``result`` is that of `DTESNResult.to_dict`."""

    result: dict[str, Any]
    type: Literal["done"] = "done"
