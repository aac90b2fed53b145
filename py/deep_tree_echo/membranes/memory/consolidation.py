"""Memories that say the same become one, and nothing that was said is lost."""

from __future__ import annotations

import re
from typing import Any

from .items import MemoryItem
from .rules import is_question, without_request
from .shelf import Shelf
from .words import NEGATIONS, fold

__all__ = ["THRESHOLD", "groups", "merged", "same"]

THRESHOLD = 0.8
"""Least share of the words, weighed by how much they tell, that both must have."""
_CANDIDATES = 3  # of a memory's rarest words that another must share one of

_WORD = re.compile(r"[^\W_]+")


def same(shelf: Shelf, one: MemoryItem, other: MemoryItem, threshold: float = THRESHOLD) -> bool:
    """Whether two memories say the same.

    They must have the same type, numbers and negations, ask both or neither, and share
    ``threshold`` of all their words, each weighed by its idf.
    """
    if one.memory_type != other.memory_type or _marks(one.content) != _marks(other.content):
        return False
    index = shelf.index
    mine, theirs = set(index.words(shelf.row(one.id))), set(index.words(shelf.row(other.id)))
    if not mine or not theirs:
        return fold(one.content) == fold(other.content)
    whole = sum(index.idf(word) for word in sorted(mine | theirs))
    common = sum(index.idf(word) for word in sorted(mine & theirs))
    return mine == theirs or common >= threshold * whole


def groups(shelf: Shelf, threshold: float = THRESHOLD) -> list[list[MemoryItem]]:
    """Memories that say the same as the first of their group, two at least in each."""
    index = shelf.index
    taken: set[str] = set()
    found: list[list[MemoryItem]] = []
    for item in shelf.items:
        if item.id in taken:
            continue
        rarest = sorted(index.words(shelf.row(item.id)), key=lambda word: (-index.idf(word), word))
        rows = {row for word in rarest[:_CANDIDATES] for row in index.rows_with(word)}
        group = [item]
        for row in sorted(rows):
            other = shelf.at(row)
            if (
                other.id != item.id
                and other.id not in taken
                and same(shelf, item, other, threshold)
            ):
                group.append(other)
        if len(group) > 1:
            taken.update(member.id for member in group)
            found.append(group)
    return found


def merged(group: list[MemoryItem]) -> MemoryItem:
    """One memory for several: the wording said last, and every other one among its sources.

    It keeps the id of the first, the greatest importance, all uses, tags and associations.
    """
    last = max(group, key=lambda item: item.timestamp)
    ids = {item.id for item in group}
    sources: list[dict[str, Any]] = []
    for item in group:
        earlier = item.metadata.get("sources", [])
        sources += earlier or [_source(item)]
    metadata: dict[str, Any] = {}
    for item in sorted(group, key=lambda item: item.timestamp):
        metadata |= item.metadata
    times = [item.last_accessed for item in group if item.last_accessed is not None]
    return MemoryItem(
        id=group[0].id,
        content=last.content,
        memory_type=last.memory_type,
        timestamp=last.timestamp,
        session_id=last.session_id,
        importance=max(item.importance for item in group),
        access_count=sum(item.access_count for item in group),
        last_accessed=max(times, default=None),
        tags=tuple(dict.fromkeys(tag for item in group for tag in item.tags)),
        associations=tuple(
            sorted({id for item in group for id in item.associations if id not in ids})
        ),
        metadata=metadata | {"sources": sources},
    )


def _source(item: MemoryItem) -> dict[str, Any]:
    return {
        "id": item.id,
        "content": item.content,
        "timestamp": item.timestamp,
        "session_id": item.session_id,
        "importance": item.importance,
    }


def _marks(text: str) -> tuple[frozenset[str], frozenset[str], bool]:
    """What turns a statement into another one: its numbers, its negations, whether it asks."""
    plain = fold(without_request(text)).replace("n't", " not")
    words = _WORD.findall(plain)
    numbers = frozenset(word for word in words if any(sign.isdigit() for sign in word))
    denied = frozenset("not" for word in words if word in NEGATIONS)
    return numbers, denied, is_question(text)
