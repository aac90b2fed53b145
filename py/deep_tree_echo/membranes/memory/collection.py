"""Memories in the database and at hand, kept in step: what one holds, the other does."""

from __future__ import annotations

import dataclasses
import heapq
import math
from collections.abc import Callable, Iterable, Iterator, Sequence

from ...database import Database
from . import consolidation, relevance
from .encoding import Encoder
from .items import MemoryItem, Recalled
from .prompt import spoken
from .shelf import Shelf
from .table import MemoryTable, as_stored
from .words import fold, terms

__all__ = ["Collection", "Gone"]

Gone = Callable[[Sequence[str] | None], object]
"""Told what models may have read of memories that are gone; ``None``: of all."""


class Collection:
    """The memories of a database, found by words and by what a model makes of them.

    Parameters
    ----------
    database : Database
        Holds them.
    encoder : Encoder or None
        Encodes what is new and what is asked.
    """

    def __init__(self, database: Database, encoder: Encoder | None) -> None:
        self.table = MemoryTable(database)
        self._encoder = encoder
        self._shelf: Shelf | None = None
        self.on_gone: Gone | None = None
        """Told of what is deleted or changed, in the same transaction."""

    @property
    def encoder(self) -> Encoder | None:
        """What encodes."""
        return self._encoder

    def use(self, encoder: Encoder | None) -> None:
        """Encodes by another one from now on."""
        self._encoder, self._shelf = encoder, None

    @property
    def shelf(self) -> Shelf:
        """All memories at hand; read from the database when first asked for."""
        if self._shelf is None:
            encoder = self._encoder
            known = self.table.encodings(encoder.fingerprint) if encoder else {}
            self._shelf = Shelf(self.table.all(), known, encoder)
        return self._shelf

    def __len__(self) -> int:
        return len(self.shelf)

    def again(self, content: str) -> MemoryItem | None:
        """The memory that says this but for case and accents, if there is one."""
        shelf, folded = self.shelf, fold(content)
        words = list(dict.fromkeys(terms(content)))
        candidates: Iterable[MemoryItem] = shelf.items
        if words:
            rows = min((shelf.index.rows_with(word) for word in words), key=len)
            candidates = (shelf.at(row) for row in rows)
        return next((one for one in candidates if fold(one.content) == folded), None)

    def search(self, text: str) -> list[MemoryItem]:
        """Those whose text or tags have all of these words or parts of words, newest first."""
        wanted = fold(text).split()
        found = [
            item
            for item in self.table.all()
            if all(part in fold(f"{item.content}\n{' '.join(item.tags)}") for part in wanted)
        ]
        return sorted(found, key=lambda item: -item.timestamp)

    def keep(self, item: MemoryItem) -> MemoryItem:
        """Adds a memory or changes it; encoded anew where its text is another one."""
        shelf = self.shelf
        before = shelf.get(item.id)
        fingerprint = ""
        if before is None or before.content != item.content:
            item = dataclasses.replace(item, encoding=None)
            if self._encoder is not None:
                encoding = as_stored(self._encoder.encode(item.content))
                item = dataclasses.replace(item, encoding=encoding)
                fingerprint = self._encoder.fingerprint
            with self.table.database.transaction():
                self.table.put(item, fingerprint)
                if before is not None:
                    self._tell([before])
        else:
            # The encoding stays what it is.
            with self.table.database.transaction():
                self.table.change(item)
        shelf.put(item)
        if fingerprint and item.encoding is not None:
            shelf.encoded(item.id, item.encoding)
        if before is not None and before.content != item.content:
            self.table.wipe_traces()
        return item

    def add_all(self, items: Sequence[MemoryItem]) -> None:
        """Adds memories that come from elsewhere, with what belongs together."""
        contents = {item.id: item.content for item in items}
        with self.table.database.transaction():
            before = self.table.get(list(contents))
            gone = [item for item in before if item.content != contents[item.id]]
            self._tell(gone)
            for item in items:
                self.table.put(item)
            known = {item.id for item in self.table.all()}
            for item in items:
                for id in item.associations:
                    if id in known and id != item.id:
                        self.table.associate(item.id, id)
        self._shelf = None
        if gone:
            self.table.wipe_traces()

    def drop(self, ids: Sequence[str]) -> None:
        """Deletes memories, with their bytes in the file."""
        with self.table.database.transaction():
            self._tell(self.table.get(ids))
            self.table.delete(ids)
        for id in ids:
            self.shelf.remove(id)
        self.table.wipe_traces()

    def clear(self) -> int:
        """Deletes all of them; how many there were."""
        ids = [item.id for item in self.shelf.items]
        with self.table.database.transaction():
            self.table.delete(ids)
            if self.on_gone is not None:
                self.on_gone(None)
        self._shelf = None
        self.table.wipe_traces()
        return len(ids)

    def _tell(self, items: Sequence[MemoryItem]) -> None:
        if self.on_gone is not None and items:
            self.on_gone([spoken(text) for item in items for text in _wordings(item)])

    def used(self, ids: Sequence[str], now: float) -> list[str]:
        """Counts a use of those that are still there; gives their ids."""
        found = [id for id in ids if id in self.shelf]
        with self.table.database.transaction():
            self.table.used(found, now)
        for item in self.table.get(found):
            self.shelf.put(item)
        return found

    def merge(self) -> list[MemoryItem]:
        """Merges those that say the same; gives those that others were merged into."""
        for item in self.table.all():  # with their associations, which only the table knows
            self.shelf.put(item)
        results = [
            (group, consolidation.merged(group)) for group in consolidation.groups(self.shelf)
        ]
        with self.table.database.transaction():
            for group, item in results:
                for id in item.associations:
                    self.table.associate(item.id, id)
                self.table.delete(one.id for one in group[1:])
                self.table.put(dataclasses.replace(item, encoding=None))
        self._shelf = None
        if results:
            self.table.wipe_traces()
        return [item for _, item in results]

    def refresh(self, most: int | None = None) -> int:
        """Encodes memories that another model has encoded, or none; gives how many."""
        if self._encoder is None:
            return 0
        late = self.shelf.unencoded()[:most]
        made = [(item.id, as_stored(self._encoder.encode(item.content))) for item in late]
        with self.table.database.transaction():
            for id, encoding in made:
                self.table.encode(id, encoding, self._encoder.fingerprint)
        for id, encoding in made:
            self.shelf.encoded(id, encoding)
        return len(made)

    def least(self, count: int, now: float) -> list[MemoryItem]:
        """Those that matter least without a query, the least first; never one of importance 1."""
        mortal = [item for item in self.shelf.items if item.importance < 1]
        mortal.sort(key=lambda item: (relevance.total(item, 0.0, now), item.timestamp))
        return mortal[:count]

    def recall(self, query: str, k: int, least: float, now: float) -> list[Recalled]:
        """The ``k`` most similar to a query, ``least`` at least, by relevance."""
        best = heapq.nlargest(
            k,
            self.shelf.similar(query, least, k),
            key=lambda one: (one.total, one.item.timestamp),
        )
        # Were the relevance to choose as well, what is important would crowd out what is meant.
        best.sort(
            key=lambda one: (relevance.total(one.item, one.total, now), one.item.timestamp),
            reverse=True,
        )
        # Associations are read afresh, for only the database knows them.
        fresh = {item.id: item for item in self.table.get([one.item.id for one in best])}
        found = []
        for one in best:
            why = relevance.why(one.item, one.total, now)
            item, whole = fresh[one.item.id], math.fsum(why.values())
            found.append(Recalled(item, whole, why, one.total, one.by_words, one.by_state))
        return found


def _wordings(item: MemoryItem) -> Iterator[str]:
    """Its own, and those of the memories that were merged into it."""
    yield item.content
    for source in item.metadata.get("sources", ()):
        yield source["content"]
