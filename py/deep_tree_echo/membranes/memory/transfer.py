"""All memories as one JSON document, and back."""

from __future__ import annotations

import json
from typing import Any

from ...errors import ArgumentError
from .items import MemoryItem, checked_content, checked_importance, checked_type

__all__ = ["FORMAT", "from_json", "to_json"]

FORMAT = "deep-tree-echo memories 1"
_LATEST = 1e15  # seconds; a machine's clock says less


def to_json(items: list[MemoryItem]) -> str:
    """The document of some memories, without encodings.

    Examples
    --------
    >>> from_json(to_json([]))
    []
    """
    document = {"format": FORMAT, "memories": [item.to_json() for item in items]}
    return json.dumps(document, ensure_ascii=False, indent=1)


def from_json(text: str) -> list[MemoryItem]:
    """The memories of a document.

    Raises
    ------
    ArgumentError
        If it is no such document; nothing of it counts then.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ArgumentError(f"The file of memories is no JSON: {error}.") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, dict) else type(document).__name__
        raise ArgumentError(f"The file's format is {found!r}; it must be {FORMAT!r}.")
    records = document.get("memories")
    if not isinstance(records, list):
        raise ArgumentError("The file of memories has no list 'memories'; choose another file.")
    items = [_item(record, place) for place, record in enumerate(records)]
    if len({item.id for item in items}) < len(items):
        raise ArgumentError("The file of memories has an id twice; choose another file.")
    return items


def _item(record: Any, place: int) -> MemoryItem:
    def field(name: str, kind: type | tuple[type, ...], default: Any = None) -> Any:
        value = record.get(name, default)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ArgumentError(f"{name} of memory {place} of the file is {value!r}.")
        return value

    def texts(name: str) -> tuple[str, ...]:
        values = field(name, list, [])
        if not all(isinstance(value, str) for value in values):
            raise ArgumentError(f"{name} of memory {place} of the file is {values!r}.")
        return tuple(values)

    def seconds(name: str) -> float:
        value = field(name, (int, float))
        if abs(value) > _LATEST:
            raise ArgumentError(f"{name} of memory {place} of the file is {value!r}.")
        return float(value)

    if not isinstance(record, dict):
        raise ArgumentError(f"Memory {place} of the file is {record!r}; it must be an object.")
    last = record.get("last_accessed")
    try:
        json.dumps(record, allow_nan=False, ensure_ascii=False).encode()
    except ValueError as error:
        raise ArgumentError(
            f"Memory {place} of the file has a number that is none, or half a character."
        ) from error
    metadata = field("metadata", dict, {})
    sources, repeats = metadata.get("sources", []), metadata.get("repeats", 0)
    known = isinstance(sources, list) and all(
        isinstance(one, dict) and isinstance(one.get("content"), str) for one in sources
    )
    if not known or isinstance(repeats, bool) or not isinstance(repeats, int):
        raise ArgumentError(
            f"metadata of memory {place} of the file is {metadata!r}; its sources must be earlier "
            "memories, and its repeats a whole number."
        )
    return MemoryItem(
        id=field("id", str),
        content=checked_content(field("content", str)),
        memory_type=checked_type(field("memory_type", str)),
        timestamp=seconds("timestamp"),
        session_id=field("session_id", str, ""),
        importance=checked_importance(field("importance", (int, float))),
        access_count=max(0, field("access_count", int, 0)),
        last_accessed=None if last is None else seconds("last_accessed"),
        tags=texts("tags"),
        associations=texts("associations"),
        metadata=metadata,
    )
