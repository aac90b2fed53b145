"""A memory, and why it came to mind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ...errors import ArgumentError

__all__ = [
    "TYPES",
    "MemoryItem",
    "MemoryType",
    "Recalled",
    "checked_content",
    "checked_importance",
    "checked_tags",
    "checked_type",
]

MemoryType = Literal["declarative", "procedural", "episodic"]
TYPES: tuple[MemoryType, ...] = get_args(MemoryType)


@dataclass(frozen=True, slots=True)
class MemoryItem:
    """One memory, with the founding documents' fields.

    Parameters
    ----------
    id : str
        Its name in the database.
    content : str
        The text.
    memory_type : {"declarative", "procedural", "episodic"}
        A fact, how something is to be done, or something that happened.
    timestamp : float
        When it was stored or last said again, in seconds since 1970.
    session_id : str
        The conversation it comes from.
    importance : float
        From 0 to 1; memories of importance 1 are never forgotten by themselves.
    access_count : int
        Answers that it took part in.
    last_accessed : float or None
        When it last did.
    encoding : (256,) ndarray of float32 or None
        What the model made of it; ``None`` if no model has read it yet.
    tags : tuple of str
        The user's own words for it.
    associations : tuple of str
        The ids of other memories that belong to it.
    metadata : dict
        JSON only. ``sources`` are the memories that were merged into it.
    """

    id: str
    content: str
    memory_type: MemoryType
    timestamp: float
    session_id: str
    importance: float
    access_count: int = 0
    last_accessed: float | None = None
    encoding: NDArray[np.float32] | None = field(default=None, repr=False, compare=False)
    tags: tuple[str, ...] = ()
    associations: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Every field but the encoding, which another model could not use."""
        return {
            "id": self.id,
            "content": self.content,
            "memory_type": self.memory_type,
            "timestamp": self.timestamp,
            "session_id": self.session_id,
            "importance": self.importance,
            "access_count": self.access_count,
            "last_accessed": self.last_accessed,
            "tags": list(self.tags),
            "associations": list(self.associations),
            "metadata": self.metadata,
        }


@dataclass(frozen=True, slots=True)
class Recalled:
    """A memory that came to mind, and why.

    Parameters
    ----------
    item : MemoryItem
        The memory.
    relevance : float
        From 0 to 1, the sum of ``why``.
    why : dict of str to float
        What ``similarity``, ``importance``, ``recency`` and ``access`` contributed.
    similarity : float
        From 0 to 1, before its weight.
    by_words, by_state : float
        The parts of the similarity that words and the model's state gave.
    """

    item: MemoryItem
    relevance: float
    why: dict[str, float]
    similarity: float
    by_words: float
    by_state: float

    def to_json(self) -> dict[str, Any]:
        """For the page: the item and the numbers."""
        return {
            "item": self.item.to_json(),
            "relevance": self.relevance,
            "why": dict(self.why),
            "similarity": self.similarity,
            "by_words": self.by_words,
            "by_state": self.by_state,
        }


def checked_type(value: str) -> MemoryType:
    """One of `TYPES`, or `ArgumentError`."""
    for known in TYPES:
        if value == known:
            return known
    raise ArgumentError(f"memory_type is {value!r}; it must be one of {', '.join(TYPES)}.")


def checked_importance(value: float) -> float:
    """A number from 0 to 1, or `ArgumentError`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ArgumentError(f"importance is {value!r}; it must be a number from 0 to 1.")
    return float(value)


def checked_content(text: str) -> str:
    """A text without the spaces around it, or `ArgumentError`."""
    if not isinstance(text, str) or not text.strip():
        raise ArgumentError(f"text is {text!r}; give a text that is not empty.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ArgumentError(
            "text has half a character (a lone surrogate); give whole ones."
        ) from error
    return text.strip()


def checked_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Words, each once, or `ArgumentError`."""
    if isinstance(tags, str):
        raise ArgumentError(f"tags is {tags!r}; give a list of words.")
    found = []
    for tag in tags:
        if not isinstance(tag, str) or not tag.strip():
            raise ArgumentError(f"A tag is {tag!r}; give words that are not empty.")
        found.append(tag.strip())
    return tuple(dict.fromkeys(found))
