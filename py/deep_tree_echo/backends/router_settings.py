"""How a router is set up: every value is checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Final

from ..errors import ArgumentError

__all__ = ["RouterSettings"]

_INTEGERS: Final = {"cache_entries": 0, "open_after": 1, "most_loaded": 1, "history": 1}
_SECONDS: Final = ("cache_seconds", "open_seconds", "check_seconds")
_OPTIONAL: Final = ("step_seconds", "check_interval", "advantage")


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterSettings:
    """The settings of a `Router`.

    Parameters
    ----------
    cache_entries : int
        How many answers are kept to be given again; 0 keeps none.
    cache_seconds : float
        How long each may be given again; 0 keeps none.
    open_after : int
        Errors in a row after which a backend is left alone.
    open_seconds : float
        For how long, before one request may try; doubled with each trial that fails, up to 16
        times as much.
    step_seconds : float or None
        The most that a backend may take for a piece of the prompt or for a token; ``None`` has no
        limit, and costs no thread.
    check_seconds : float
        The most that a health check may take.
    check_interval : float or None
        A request checks the health of its backend first if the last check is older; ``None``
        checks on demand only.
    advantage : float or None
        How much faster another backend must be to be changed to: 0.2 for a fifth. ``None`` lets
        their order alone decide.
    most_loaded : int
        How many of those backends that can be loaded again are in memory at once.
    history : int
        How many steps are kept.

    Raises
    ------
    ArgumentError
        For a value outside its range, naming it.

    Examples
    --------
    >>> RouterSettings(open_after=0)
    Traceback (most recent call last):
    ...
    deep_tree_echo.errors.ArgumentError: open_after is 0; it must be an integer of at least 1.
    """

    cache_entries: int = 1000
    cache_seconds: float = 300.0
    open_after: int = 3
    open_seconds: float = 30.0
    step_seconds: float | None = None
    check_seconds: float = 5.0
    check_interval: float | None = None
    advantage: float | None = 0.2
    most_loaded: int = 1
    history: int = 200

    def __post_init__(self) -> None:
        for name, least in _INTEGERS.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
                raise ArgumentError(
                    f"{name} is {value!r}; it must be an integer of at least {least}."
                )
        for name in (*_SECONDS, *_OPTIONAL):
            value = getattr(self, name)
            if value is None and name in _OPTIONAL:
                continue
            number = isinstance(value, Real) and not isinstance(value, bool)
            if not number or not math.isfinite(value) or value < 0:
                raise ArgumentError(f"{name} is {value!r}; it must be a number of at least 0.")
        for name in ("step_seconds", "check_seconds"):
            if getattr(self, name) == 0:
                raise ArgumentError(f"{name} is 0; it must be above 0.")
