"""What adaptation has gained so far."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

__all__ = ["Gauge"]


@dataclass(slots=True)
class Gauge:
    """Sums over the text that was learned, each token predicted before it was learned.

    Parameters
    ----------
    tokens, bytes : int
        Of the text.
    nats_without, nats_with : float
        The negative logarithms of the probabilities of its tokens: the model's, and the adapted.
    weights_norm : float
        The Euclidean norm of the readout's weights.
    memory_bytes : int
        Of all that was learned.
    enabled : bool
        Whether it is switched on.

    Examples
    --------
    >>> round(Gauge(tokens=4, bytes=8, nats_without=11.09, nats_with=8.32).gained, 3)
    0.5
    """

    tokens: int = 0
    bytes: int = 0
    nats_without: float = 0.0
    nats_with: float = 0.0
    weights_norm: float = 0.0
    memory_bytes: int = 0
    enabled: bool = True

    @property
    def bits_per_byte_without(self) -> float:
        """Of the model alone; 0 before the first byte."""
        return self.nats_without / log(2) / self.bytes if self.bytes else 0.0

    @property
    def bits_per_byte_with(self) -> float:
        """Adapted; 0 before the first byte."""
        return self.nats_with / log(2) / self.bytes if self.bytes else 0.0

    @property
    def gained(self) -> float:
        """Bits per byte saved so far; below 0 if it was worse."""
        return self.bits_per_byte_without - self.bits_per_byte_with

    def to_json(self) -> dict[str, float | int | bool]:
        """For the page."""
        return {
            "tokens": self.tokens,
            "bytes": self.bytes,
            "bits_per_byte_without": self.bits_per_byte_without,
            "bits_per_byte_with": self.bits_per_byte_with,
            "gained": self.gained,
            "weights_norm": self.weights_norm,
            "memory_bytes": self.memory_bytes,
            "enabled": self.enabled,
        }
