"""What the engine is asked: the founding documents' seven fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import ArgumentError

__all__ = ["CognitiveContext"]


@dataclass(frozen=True, slots=True)
class CognitiveContext:
    """One request to the cognitive engine.

    Parameters
    ----------
    session_id : str
        Which conversation it belongs to; the engine keeps one for each.
    user_input : str
        The message.
    conversation_history : sequence of mappings
        What was said before, oldest first, where the engine does not know it: ``role`` (``user``
        or ``assistant``) and ``content`` each.
    memory_state : mapping
        Overrides the settings of the memory membrane for this request.
    processing_goals : sequence of str
        What the answer is for, such as ``analyze``; the reasoning membrane plans by them.
    temporal_context : sequence
        What else happened, oldest first; goes into the answer's record as it is.
    metadata : mapping
        Options of the request, such as ``json_schema``.

    Raises
    ------
    ArgumentError
        For a field of another type, or an empty message.

    Examples
    --------
    >>> CognitiveContext("session_1", "What is an echo state?").processing_goals
    ()
    """

    session_id: str
    user_input: str
    conversation_history: Sequence[Mapping[str, Any]] = ()
    memory_state: Mapping[str, Any] = field(default_factory=dict)
    processing_goals: Sequence[str] = ()
    temporal_context: Sequence[Any] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("session_id", "user_input"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                raise ArgumentError(f"{name} is {value!r}; give a text that is not empty.")
        for name in ("conversation_history", "processing_goals", "temporal_context"):
            value = getattr(self, name)
            if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
                raise ArgumentError(f"{name} is {value!r}; give a list.")
        for name in ("memory_state", "metadata"):
            value = getattr(self, name)
            if not isinstance(value, Mapping):
                raise ArgumentError(f"{name} is {value!r}; give a dictionary.")
