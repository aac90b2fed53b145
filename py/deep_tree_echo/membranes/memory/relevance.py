"""How much a memory matters now: the founding documents' formula."""

from __future__ import annotations

from .items import MemoryItem

__all__ = ["WEIGHTS", "access", "recency", "total", "why"]

WEIGHTS = {"similarity": 0.4, "importance": 0.3, "recency": 0.2, "access": 0.1}
_WEEK = 7 * 86400.0
_OFTEN = 10


def recency(timestamp: float, now: float) -> float:
    """From 1 for now, linearly to 0 for seven days ago and before.

    Examples
    --------
    >>> recency(0, 0), recency(0, 3.5 * 86400), recency(0, 1e9)
    (1.0, 0.5, 0.0)
    """
    return min(1.0, max(0.0, 1.0 - (now - timestamp) / _WEEK))


def access(count: int) -> float:
    """A tenth for each use, 1 at most."""
    return min(1.0, count / _OFTEN)


def why(item: MemoryItem, similarity: float, now: float) -> dict[str, float]:
    """What each term contributes; their sum, from 0 to 1, is the relevance.

    Examples
    --------
    >>> item = MemoryItem("1", "Anna has a cat.", "declarative", 0.0, "s", 0.5, access_count=5)
    >>> why(item, 1.0, 0.0)
    {'similarity': 0.4, 'importance': 0.15, 'recency': 0.2, 'access': 0.05}
    """
    parts = {
        "similarity": similarity,
        "importance": item.importance,
        "recency": recency(item.timestamp, now),
        "access": access(item.access_count),
    }
    return {name: WEIGHTS[name] * part for name, part in parts.items()}


def total(item: MemoryItem, similarity: float, now: float) -> float:
    """The relevance without its parts, in a quarter of the time."""
    return (
        0.4 * similarity
        + 0.3 * item.importance
        + 0.2 * recency(item.timestamp, now)
        + 0.1 * access(item.access_count)
    )
