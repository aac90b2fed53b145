"""What every membrane gives: what it did to an answer, and by how much."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["MembraneName", "MembraneResponse"]

MembraneName = Literal["memory", "reasoning", "grammar"]


@dataclass(frozen=True, slots=True)
class MembraneResponse:
    """What one membrane received, did and gave for one answer.

    Parameters
    ----------
    membrane_type : {"memory", "reasoning", "grammar"}
        Which one.
    input_text, output_text : str
        What it received, and what it gave on: empty where it changed nothing.
    confidence : float or None
        Between 0 and 1, computed as the membrane's page of the documentation says; ``None`` where
        there is nothing to compute one from. Never a constant.
    processing_time : float
        Seconds that the membrane itself took.
    internal_state : dict
        What it did in its own terms: JSON only.
    metadata : dict
        What else is worth showing: JSON only.
    """

    membrane_type: MembraneName
    input_text: str
    output_text: str
    confidence: float | None
    processing_time: float
    internal_state: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
