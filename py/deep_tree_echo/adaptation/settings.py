"""How adaptation learns."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from ..errors import ArgumentError

__all__ = ["AdaptationSettings"]


@dataclass(frozen=True, slots=True)
class AdaptationSettings:
    """Sizes and rates of an `Adaptation`.

    Parameters
    ----------
    window : int
        Tokens whose contexts are remembered, 16 to 8192.
    features : int
        Numbers of a hidden vector that are seen, 8 to 512; a wider vector is projected to as many.
    reservoir : int
        Units of the reservoir, 0 to 512; 0 is none.
    regularisation : float
        Holds the readout's weights down, above 0.
    gain : float
        How far the readout goes along a Newton step, above 0.
    rate : float
        Of the gradient steps by which the shares are learned, 0 to 1.
    share : float
        The chance, at each token, that it is time to trust the model alone, in (0, 0.1].
    seed : int
        Of the reservoir and the projection.

    Raises
    ------
    ArgumentError
        For a value outside its range, naming it.

    Examples
    --------
    >>> AdaptationSettings(window=256).window
    256
    """

    window: int = 1024
    features: int = 192
    reservoir: int = 64
    regularisation: float = 3.0
    gain: float = 10.0
    rate: float = 0.03
    share: float = 1e-3
    seed: int = 1

    def __post_init__(self) -> None:
        for name, least, most in (
            ("window", 16, 8192),
            ("features", 8, 512),
            ("reservoir", 0, 512),
            ("seed", 0, 2**63),
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
                raise ArgumentError(f"{name} is {value!r}; give a whole number, {least} to {most}.")
        for name, low, high in (
            ("regularisation", 1e-6, 1e6),
            ("gain", 1e-6, 1e3),
            ("rate", 0.0, 1.0),
            ("share", 1e-12, 0.1),
        ):
            value = getattr(self, name)
            if not isinstance(value, (int, float)) or not low <= value <= high:
                raise ArgumentError(f"{name} is {value!r}; give a number, {low:g} to {high:g}.")

    def to_json(self) -> dict[str, int | float]:
        """The settings by their names."""
        return asdict(self)
