"""What a `DTESNProcessor` gives for an input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, overload

__all__ = ["DTESNResult"]


@dataclass(frozen=True, slots=True)
class DTESNResult:
    """One input, processed.

    Attributes
    ----------
    input_data : str
        The input as text; bytes as text that `inputs.text_of` explains.
    processed_output : dict
        What the readout and the membranes make of it.
    membrane_layers : int
        Levels of the membrane hierarchy.
    esn_state : dict
        The reservoirs after the last token.
    bseries_computation : dict
        The integration method, its order and its error there.
    processing_time_ms : float
        Milliseconds from the request to the result.
    engine_integration : dict
        The engine context: what the engine is and does.
    """

    input_data: str
    processed_output: dict[str, Any]
    membrane_layers: int
    esn_state: dict[str, Any]
    bseries_computation: dict[str, Any]
    processing_time_ms: float
    engine_integration: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The fields by the names that they have at every door; JSON can hold all of it."""
        return {
            "input": self.input_data,
            "output": self.processed_output,
            "membrane_layers": self.membrane_layers,
            "esn_state": self.esn_state,
            "bseries_computation": self.bseries_computation,
            "processing_time_ms": self.processing_time_ms,
            "engine_integration": self.engine_integration,
        }

    to_json = to_dict

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> DTESNResult:
        """The result of `to_dict`."""
        return cls(
            values["input"],
            values["output"],
            values["membrane_layers"],
            values["esn_state"],
            values["bseries_computation"],
            values["processing_time_ms"],
            values["engine_integration"],
        )

    @overload
    def serialize(self, format: Literal["json_optimized", "deterministic"] = ...) -> str: ...
    @overload
    def serialize(self, format: Literal["binary"]) -> bytes: ...
    def serialize(self, format: str = "json_optimized") -> str | bytes:
        """The result in one of three formats, see `serializers`."""
        from .serializers import serialize

        return serialize(self, format)

    def to_json_optimized(self) -> str:
        """Compact JSON with packed arrays."""
        return self.serialize("json_optimized")

    def to_binary(self) -> bytes:
        """The compact binary format."""
        return self.serialize("binary")

    def to_deterministic(self) -> str:
        """JSON that is the same for equal inputs, with a checksum."""
        return self.serialize("deterministic")
