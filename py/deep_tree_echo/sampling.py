"""How the next token is chosen: the settings, checked once, for every backend."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from types import MappingProxyType

from .errors import ArgumentError

_NUMBERS = (
    "temperature",
    "top_p",
    "min_p",
    "typical_p",
    "repetition_penalty",
    "presence_penalty",
    "frequency_penalty",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingSettings:
    """Sampling settings; the defaults suit a chat with a small model.

    The order of work is that of ``echo.h``: bias, penalties, temperature, then the candidates
    are cut by ``top_k``, ``typical_p``, ``top_p`` and ``min_p``, and one draw decides.

    Parameters
    ----------
    temperature : float
        At least 0; 0 always takes the likeliest token.
    top_p : float
        In (0, 1]; 1 is off. Holtzman et al. 2020 (arXiv:1904.09751).
    top_k : int
        At least 0; 0 is off.
    min_p : float
        In [0, 1): share of the best probability; 0 is off. arXiv:2407.01082.
    typical_p : float
        In (0, 1]; 1 is off. Meister et al. 2022 (arXiv:2202.00666).
    repetition_penalty : float
        Above 0; 1 is off.
    presence_penalty, frequency_penalty : float
        Subtracted from the logits of tokens seen in this answer; 0 is off.
    seed : int or None
        In [0, 2**64); ``None`` takes a fresh one each time.
    bias : mapping of int to float
        Added to the logits of these tokens; ``-inf`` forbids one.

    Raises
    ------
    ArgumentError
        For a value outside its range, naming it.

    Examples
    --------
    >>> SamplingSettings(temperature=0.5, seed=1).temperature
    0.5
    >>> SamplingSettings(top_p=0.0)
    Traceback (most recent call last):
    ...
    deep_tree_echo.errors.ArgumentError: top_p is 0.0; it must be above 0 and at most 1.
    """

    temperature: float = 0.8
    top_p: float = 0.9
    top_k: int = 40
    min_p: float = 0.0
    typical_p: float = 1.0
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    seed: int | None = None
    bias: Mapping[int, float] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        def require(name: str, condition: bool, rule: str) -> None:
            if not condition:
                raise ArgumentError(f"{name} is {getattr(self, name)!r}; it must be {rule}.")

        for name in _NUMBERS:
            value = getattr(self, name)
            require(name, isinstance(value, Real) and math.isfinite(value), "a finite number")
        require("top_k", isinstance(self.top_k, Integral), "an integer")
        require("seed", self.seed is None or isinstance(self.seed, Integral), "an integer or None")
        require("temperature", self.temperature >= 0, "at least 0")
        require("top_p", 0 < self.top_p <= 1, "above 0 and at most 1")
        require("top_k", 0 <= self.top_k < 2**31, "at least 0 and below 2**31")
        require("min_p", 0 <= self.min_p < 1, "at least 0 and below 1")
        require("typical_p", 0 < self.typical_p <= 1, "above 0 and at most 1")
        require("repetition_penalty", self.repetition_penalty > 0, "above 0")
        if self.seed is not None:
            require("seed", 0 <= self.seed < 2**64, "at least 0 and below 2**64")
        for token, value in self.bias.items():
            if token < 0 or math.isnan(value) or value == math.inf:
                raise ArgumentError(
                    f"bias[{token!r}] is {value!r}; it must be a token id with a number or -inf."
                )
