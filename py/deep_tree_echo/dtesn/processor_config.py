"""How a `DTESNProcessor` is set up: every value is checked, and may come from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import Any, Final

from ..errors import ArgumentError

__all__ = ["DTESNConfig", "checked_depth", "checked_size"]

DEPTHS: Final = (1, 16)
"""The least and the greatest depth of a membrane hierarchy."""
SIZES: Final = (32, 4096)
"""The least and the greatest number of reservoir units."""
PREFIX: Final = "DTESN_"
SERVER_KEYS: Final = frozenset({"ENABLE_DOCS", "ALLOWED_ORIGINS"})
"""What a server reads from the environment under the same prefix; it is none of our concern."""

_INTEGERS: Final = {
    "max_membrane_depth": DEPTHS,
    "esn_reservoir_size": SIZES,
    "bseries_max_order": (1, 16),
    "cache_max_entries": (1, 100_000),
    "max_concurrent_processes": (1, 10_000),
    "max_input_tokens": (1, 1 << 20),
    "max_model_len": (1, 1 << 40),
    "n_inputs": (1, 256),
    "seed": (0, 2**64 - 1),
}
_NUMBERS: Final = {
    "cache_ttl_seconds": (0.0, 1e9),
    "spectral_radius": (0.0, 10.0),
    "density": (0.0, 1.0),
    "leak_rate": (0.0, 1.0),
}
_POSITIVE: Final = ("density", "leak_rate")
_OPTIONAL: Final = ("max_model_len",)


@dataclass(frozen=True, slots=True, kw_only=True)
class DTESNConfig:
    """The settings of a `DTESNProcessor`.

    Parameters
    ----------
    max_membrane_depth : int
        From 1 to 16: the depth of the hierarchy where a request names none.
    esn_reservoir_size : int
        From 32 to 4096: the units of all its reservoirs together, likewise.
    bseries_max_order : int
        From 1 to 16: the greatest order of the trees in the B-series report.
    enable_caching : bool
        Whether a request that was answered before is answered from memory.
    cache_ttl_seconds : float
        How long an answer may be given again.
    cache_max_entries : int
        How many answers are kept; those that were not asked for longest go first.
    enable_performance_monitoring : bool
        Whether ``performance_metrics`` are filled in.
    max_concurrent_processes : int
        How many requests may be under way or waiting at once.
    max_input_tokens : int
        The longest input, in tokens of the engine, or in bytes without one.
    max_model_len : int, optional
        The length that the engine's model was trained on, if its file does not say.
    n_inputs : int
        How many numbers of an engine's hidden state, projected, drive the reservoirs.
    spectral_radius : float
        Of every membrane's recurrent weights.
    density : float
        Share of recurrent weights that are not 0; small membranes get at least 10 a unit.
    leak_rate : float
        In (0, 1]: the step of the leaky integrator.
    seed : int
        Of all random weights; below 2**64.

    Raises
    ------
    ArgumentError
        If a value is of the wrong type or out of its bounds.

    Examples
    --------
    >>> DTESNConfig(esn_reservoir_size=512, max_membrane_depth=4, bseries_max_order=3).density
    0.1
    >>> DTESNConfig(max_membrane_depth=40)
    Traceback (most recent call last):
    ...
    deep_tree_echo.errors.ArgumentError: max_membrane_depth is 40; it must be an integer from 1 to
    16.
    """

    max_membrane_depth: int = 8
    esn_reservoir_size: int = 1024
    bseries_max_order: int = 16
    enable_caching: bool = True
    cache_ttl_seconds: float = 300.0
    cache_max_entries: int = 256
    enable_performance_monitoring: bool = True
    max_concurrent_processes: int = 100
    max_input_tokens: int = 16384
    max_model_len: int | None = None
    n_inputs: int = 32
    spectral_radius: float = 0.95
    density: float = 0.1
    leak_rate: float = 0.3
    seed: int = 42

    def __post_init__(self) -> None:
        for name, (least, most) in _INTEGERS.items():
            value = getattr(self, name)
            if not (value is None and name in _OPTIONAL):
                _check_integer(value, name, least, most)
        for name, (low, high) in _NUMBERS.items():
            _check_number(getattr(self, name), name, low, high)
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == "bool" and not isinstance(value, bool):
                raise ArgumentError(f"{field.name} is {value!r}; it must be True or False.")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> DTESNConfig:
        """The settings of ``DTESN_MAX_MEMBRANE_DEPTH`` and so on; what is absent keeps its default.

        Parameters
        ----------
        environ : mapping of str to str, optional
            The variables; those of the process if not given.

        Raises
        ------
        ArgumentError
            If a variable with this prefix is unknown, or its value cannot be read.

        Examples
        --------
        >>> DTESNConfig.from_env({"DTESN_CACHE_TTL_SECONDS": "60"}).cache_ttl_seconds
        60.0
        """
        environ = os.environ if environ is None else environ
        types = {field.name.upper(): (field.name, str(field.type)) for field in fields(cls)}
        found: dict[str, Any] = {}
        for variable, text in environ.items():
            key = variable.removeprefix(PREFIX)
            if key == variable or key in SERVER_KEYS:
                continue
            if key not in types:
                known = ", ".join(sorted(PREFIX + name for name in types))
                raise ArgumentError(f"{variable} is no setting; known are {known}.")
            name, kind = types[key]
            found[name] = _read(text, kind, variable)
        return cls(**found)

    def to_json(self) -> dict[str, Any]:
        """The settings as a dictionary."""
        return asdict(self)


def checked_depth(depth: int) -> int:
    """``depth`` itself, if a hierarchy can have it.

    Raises
    ------
    ArgumentError
        If it cannot.
    """
    return _check_integer(depth, "membrane_depth", *DEPTHS)


def checked_size(size: int) -> int:
    """``size`` itself, if the reservoirs can have so many units.

    Raises
    ------
    ArgumentError
        If they cannot.
    """
    return _check_integer(size, "esn_size", *SIZES)


def _check_integer(value: int, name: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ArgumentError(f"{name} is {value!r}; it must be an integer from {least} to {most}.")
    return value


def _check_number(value: float, name: str, low: float, high: float) -> None:
    sound = isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)
    if not sound or not low <= value <= high or (name in _POSITIVE and value == 0):
        above = "above" if name in _POSITIVE else "from"
        raise ArgumentError(
            f"{name} is {value!r}; it must be a number {above} {low:g} to {high:g}."
        )


def _read(text: str, kind: str, variable: str) -> Any:
    word = text.strip().lower()
    try:
        if kind == "bool":
            return {"true": True, "1": True, "false": False, "0": False}[word]
        if kind.endswith("None") and not word:
            return None
        return int(word) if kind.startswith("int") else float(word)
    except (KeyError, ValueError):
        wanted = {"bool": "true or false", "float": "a number"}.get(kind, "an integer")
        raise ArgumentError(f"{variable} is {text!r}; it must be {wanted}.") from None
