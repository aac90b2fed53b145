"""What a memory membrane may do."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import ArgumentError

__all__ = ["MemorySettings"]


@dataclass(frozen=True, slots=True)
class MemorySettings:
    """Settings, also by name in `CognitiveContext.memory_state` for one request.

    Parameters
    ----------
    nothing : bool
        Remember nothing: neither is anything stored nor recalled.
    recalls : int
        Memories that enter a prompt at most.
    least_similarity : float
        From 0 to 1: memories less similar to the message than this stay away, however important.
    capacity : int
        Most memories; beyond it, those that matter least are forgotten.
    keep : float
        Share of the capacity that is kept then.
    least_importance : float
        Statements less important than this are not stored on their own.
    exchanges : bool
        Whether messages are stored with their answers, as what happened.
    """

    nothing: bool = False
    recalls: int = 3
    least_similarity: float = 0.25
    capacity: int = 10_000
    keep: float = 0.8
    least_importance: float = 0.4
    exchanges: bool = True

    def __post_init__(self) -> None:
        for name in ("nothing", "exchanges"):
            if not isinstance(value := getattr(self, name), bool):
                raise ArgumentError(f"{name} is {value!r}; it must be true or false.")
        for name, least, most in (("recalls", 0, 100), ("capacity", 1, 1_000_000)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise ArgumentError(
                    f"{name} is {value!r}; it must be a whole number from {least} to {most}."
                )
        for name in ("least_similarity", "keep", "least_importance"):
            value = getattr(self, name)
            if (
                isinstance(value, bool)
                or not isinstance(value, (int, float))
                or not 0 <= value <= 1
            ):
                raise ArgumentError(f"{name} is {value!r}; it must be a number from 0 to 1.")

    def changed(self, changes: Mapping[str, Any]) -> MemorySettings:
        """These settings with some changed.

        Raises
        ------
        ArgumentError
            For a name that is none, or a value out of range.

        Examples
        --------
        >>> MemorySettings().changed({"nothing": True}).nothing
        True
        """
        known = [one.name for one in dataclasses.fields(self)]
        for name in changes:
            if name not in known:
                raise ArgumentError(f"memory_state has {name!r}; it may have {', '.join(known)}.")
        return dataclasses.replace(self, **changes)
