"""What the user does with memories by hand, and how they are merged and forgotten."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ...database import Database
from ...errors import ArgumentError
from . import transfer
from .collection import Collection, Gone
from .encoding import Encoder, encoder_of
from .items import (
    MemoryItem,
    MemoryType,
    checked_content,
    checked_importance,
    checked_tags,
    checked_type,
)
from .rules import judge
from .settings import MemorySettings
from .table import new_id

__all__ = ["Memories"]


class Memories:
    """Memories in a database; see `MemoryMembrane`, which recalls them, for the parameters."""

    def __init__(
        self,
        database: Database,
        model: Any = None,
        settings: MemorySettings | None = None,
        *,
        encoder: Encoder | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings or MemorySettings()
        self.learns = True
        """Whether answers are learned from; a switch that also ends it for one under way."""
        self._memories = Collection(database, encoder or encoder_of(model))
        self._clock = clock
        self._lock = threading.RLock()
        self._came: dict[str, list[str]] = {}

    def use_model(self, model: Any) -> None:
        """Encodes by another model from now on; what it has not read yet is found by words."""
        with self._lock:
            self._memories.use(encoder_of(model))

    @property
    def sees_states(self) -> bool:
        """Whether a model's states help to find memories; otherwise only words do."""
        return self._memories.encoder is not None

    @property
    def on_gone(self) -> Gone | None:
        """Told what models may have read of memories that are deleted or changed.

        It is called with the texts in the transaction of the change, which fails with it; with
        ``None`` where all are deleted.
        """
        return self._memories.on_gone

    @on_gone.setter
    def on_gone(self, told: Gone | None) -> None:
        self._memories.on_gone = told

    def __len__(self) -> int:
        with self._lock:
            return len(self._memories)

    @property
    def items(self) -> list[MemoryItem]:
        """Every memory, in the order of storing."""
        with self._lock:
            return self._memories.table.all()

    @property
    def at_hand(self) -> list[MemoryItem]:
        """Every memory without its associations, which only the database knows; quick."""
        with self._lock:
            return self._memories.shelf.items

    def some(self, ids: Sequence[str]) -> list[MemoryItem]:
        """Some memories, in the order of their ids; those that are not there are left out."""
        with self._lock:
            return self._memories.table.get(ids)

    def get(self, id: str) -> MemoryItem:
        """One memory.

        Raises
        ------
        ArgumentError
            If there is none with this id.
        """
        with self._lock:
            found = self._memories.table.get([id])
        if not found:
            raise ArgumentError(f"id is {id!r}; there is no such memory.")
        return found[0]

    def store(
        self,
        text: str,
        memory_type: str | None = None,
        *,
        tags: Iterable[str] = (),
        importance: float | None = None,
        session_id: str = "",
        metadata: Mapping[str, Any] | None = None,
    ) -> MemoryItem | None:
        """Remembers a text.

        Parameters
        ----------
        text : str
            At most a few sentences serve best; of a longer one, the first 4096 words are found.
        memory_type, importance
            By the rules of `judge` where not given.
        tags : iterable of str
            Words to find it by.
        session_id : str
            The conversation that it comes from.
        metadata : mapping, optional
            JSON only.

        Returns
        -------
        MemoryItem or None
            The memory. A text that is there already in the same words is only said again.
            ``None`` where nothing is to be remembered.

        Raises
        ------
        ArgumentError
            For an empty text or a value out of range.
        FileError
            If it cannot be written.
        """
        content = checked_content(text)
        judged = judge(content)
        kind = judged.memory_type if memory_type is None else checked_type(memory_type)
        worth = judged.importance if importance is None else checked_importance(importance)
        reasons = {} if importance is not None else {"reasons": list(judged.reasons)}
        if self.settings.nothing:
            return None
        return self._remember(
            content, kind, worth, session_id, checked_tags(tags), reasons | dict(metadata or {})
        )

    def _remember(
        self,
        content: str,
        kind: MemoryType,
        worth: float,
        session_id: str,
        tags: tuple[str, ...] = (),
        metadata: dict[str, Any] | None = None,
    ) -> MemoryItem:
        now = self._clock()
        with self._lock:
            again = self._memories.again(content)
            if again is not None:
                item = dataclasses.replace(
                    again,
                    timestamp=now,
                    importance=max(again.importance, worth),
                    tags=tuple(dict.fromkeys((*again.tags, *tags))),
                    metadata=again.metadata | {"repeats": again.metadata.get("repeats", 0) + 1},
                )
            else:
                item = MemoryItem(
                    new_id(), content, kind, now, session_id, worth, tags=tags,
                    metadata=metadata or {},
                )  # fmt: skip
            return self._memories.keep(item)

    def search(self, text: str) -> list[MemoryItem]:
        """The memories whose text or tags have all of these words or parts of words, newest first.

        Case and accents do not count. An empty text finds all.
        """
        with self._lock:
            return self._memories.search(text)

    def edit(
        self,
        id: str,
        *,
        content: str | None = None,
        memory_type: str | None = None,
        tags: Iterable[str] | None = None,
        importance: float | None = None,
    ) -> MemoryItem:
        """Changes what is given of a memory.

        Raises
        ------
        ArgumentError
            If there is no such memory, or for a value out of range; nothing has changed then.
        """
        with self._lock:
            before = self.get(id)
            changes: dict[str, Any] = {}
            if content is not None:
                changes["content"] = checked_content(content)
            if memory_type is not None:
                changes["memory_type"] = checked_type(memory_type)
            if tags is not None:
                changes["tags"] = checked_tags(tags)
            if importance is not None:
                changes["importance"] = checked_importance(importance)
            return self._memories.keep(dataclasses.replace(before, **changes))

    def delete(self, id: str) -> None:
        """Deletes a memory with its sources, its associations and its bytes in the file.

        Raises
        ------
        ArgumentError
            If there is no such memory.
        """
        with self._lock:
            self.get(id)
            self._drop([id])

    def clear(self) -> int:
        """Deletes every memory, with its bytes in the file; gives how many there were."""
        with self._lock:
            self._came.clear()
            return self._memories.clear()

    def associate(self, first: str, second: str) -> None:
        """Two memories belong together: each is named by the other.

        Raises
        ------
        ArgumentError
            If one of them is not there, or both are the same.
        """
        with self._lock:
            if first == second:
                raise ArgumentError(f"second is {second!r}, as first is; name two memories.")
            self.get(first), self.get(second)
            with self._memories.table.database.transaction():
                self._memories.table.associate(first, second)

    def dissociate(self, first: str, second: str) -> None:
        """Two memories belong together no longer; both stay.

        Raises
        ------
        ArgumentError
            If one of them is not there, or they do not belong together.
        """
        with self._lock:
            self.get(second)
            if second not in self.get(first).associations:
                raise ArgumentError(
                    f"second is {second!r}; that memory does not belong to {first!r}."
                )
            with self._memories.table.database.transaction():
                self._memories.table.dissociate(first, second)

    def consolidate(self) -> list[MemoryItem]:
        """Merges memories that say the same; gives those that others were merged into."""
        with self._lock:
            return self._memories.merge()

    def forget(self) -> list[MemoryItem]:
        """Forgets what matters least, if there are more memories than the capacity; gives it.

        What counts is the relevance without a query, so memories that are unimportant, old and
        unused go first; those of importance 1 stay.
        """
        with self._lock:
            if len(self) <= self.settings.capacity:
                return []
            most = int(self.settings.capacity * self.settings.keep)
            gone = self._memories.least(len(self) - most, self._clock())
            self._drop([item.id for item in gone])
            return gone

    def export_json(self) -> str:
        """All memories as one JSON document."""
        return transfer.to_json(self.items)

    def import_json(self, text: str) -> int:
        """Adds the memories of a document; one with a known id takes the other's place.

        Returns
        -------
        int
            How many there were.

        Raises
        ------
        ArgumentError
            If it is no such document; nothing is imported then.
        """
        items = transfer.from_json(text)
        with self._lock:
            self._memories.add_all(items)
        return len(items)

    def refresh(self, most: int | None = None) -> int:
        """Has the model read memories that another one has encoded, or none; gives how many."""
        with self._lock:
            return self._memories.refresh(most)

    def _drop(self, ids: list[str]) -> None:
        self._memories.drop(ids)
        for came in self._came.values():
            came[:] = [id for id in came if id not in ids]
