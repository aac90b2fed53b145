"""The memory membrane: what was said comes back where it helps, and the user sees why."""

from __future__ import annotations

import dataclasses
import heapq
import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ...context import CognitiveContext
from ...database import Database
from ...errors import ArgumentError
from ..base import MembraneResponse
from . import consolidation, relevance, transfer
from .encoding import Encoder, encoder_of
from .items import MemoryItem, MemoryType, Recalled, checked_importance, checked_type
from .prompt import preface
from .rules import is_question, judge, sentences, without_request
from .settings import MemorySettings
from .shelf import Shelf
from .table import MemoryTable, as_stored, new_id
from .words import fold, terms

__all__ = ["MemoryMembrane"]

_LATE = 8  # memories that a changed model reads after each answer


class MemoryMembrane:
    """Memories in a database, recalled before an answer and learned after it.

    Parameters
    ----------
    database : Database
        Holds the memories; others may keep their tables in it.
    model : Model, optional
        Its states help to find memories; also given later by `use_model`. A mock, or none, has no
        states: then only words count, and every response says so.
    settings : MemorySettings, optional
        What it may do.
    encoder : Encoder, optional
        In place of the model's own.
    clock : callable
        Seconds since 1970.

    Examples
    --------
    >>> from deep_tree_echo.database import open_database
    >>> database = open_database(None)
    >>> memory = MemoryMembrane(database)
    >>> _ = memory.store("My sister Anna lives in Lisbon.")
    >>> _ = memory.store("My sister Anna plays the cello.")
    >>> best = memory.recall("Which instrument does Anna play?", k=1)[0]
    >>> best.item.content, sorted(best.why)
    ('My sister Anna plays the cello.', ['access', 'importance', 'recency', 'similarity'])
    >>> database.close()
    """

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
        self._table = MemoryTable(database)
        self._clock = clock
        self._lock = threading.RLock()
        self._encoder = encoder or encoder_of(model)
        self._shelf: Shelf | None = None
        self._came: dict[str, list[str]] = {}

    def use_model(self, model: Any) -> None:
        """Encodes by another model from now on; what it has not read yet is found by words."""
        with self._lock:
            self._encoder = encoder_of(model)
            self._shelf = None

    @property
    def sees_states(self) -> bool:
        """Whether a model's states help to find memories; otherwise only words do."""
        return self._encoder is not None

    def __len__(self) -> int:
        with self._lock:
            return len(self._all())

    @property
    def items(self) -> list[MemoryItem]:
        """Every memory, in the order of storing."""
        with self._lock:
            return self._table.all()

    @property
    def at_hand(self) -> list[MemoryItem]:
        """Every memory without its associations, which only the database knows; quick."""
        with self._lock:
            return self._all().items

    def some(self, ids: Sequence[str]) -> list[MemoryItem]:
        """Some memories, in the order of their ids; those that are not there are left out."""
        with self._lock:
            return self._table.get(ids)

    def get(self, id: str) -> MemoryItem:
        """One memory.

        Raises
        ------
        ArgumentError
            If there is none with this id.
        """
        with self._lock:
            found = self._table.get([id])
        if not found:
            raise ArgumentError(f"id is {id!r}; there is no such memory.")
        return found[0]

    # ------------------------------------------------------------- by hand

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
        content = _content(text)
        judged = judge(content)
        kind = judged.memory_type if memory_type is None else checked_type(memory_type)
        worth = judged.importance if importance is None else checked_importance(importance)
        reasons = {} if importance is not None else {"reasons": list(judged.reasons)}
        if self.settings.nothing:
            return None
        return self._remember(
            content, kind, worth, session_id, _tags(tags), reasons | dict(metadata or {})
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
            shelf = self._all()
            folded = fold(content)
            again = next(
                (one for one in self._equal(shelf, content) if fold(one.content) == folded), None
            )
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
            return self._keep(item)

    def recall(self, query: str, k: int = 5) -> list[Recalled]:
        """The memories that come to mind for a query; looking changes nothing.

        Parameters
        ----------
        query : str
            What it is about.
        k : int
            Most memories to give.

        Returns
        -------
        list of Recalled
            The most similar ones (``least_similarity`` at least), by relevance.

        Raises
        ------
        ArgumentError
            For a negative ``k``.
        """
        if isinstance(k, bool) or not isinstance(k, int) or k < 0:
            raise ArgumentError(f"k is {k!r}; it must be a whole number of at least 0.")
        if self.settings.nothing or k == 0:
            return []
        with self._lock:
            return self._recall(query, k, self.settings)

    def search(self, text: str) -> list[MemoryItem]:
        """The memories whose text or tags have all of these words or parts of words, newest first.

        Case and accents do not count. An empty text finds all.
        """
        wanted = fold(text).split()
        with self._lock:
            found = [
                item
                for item in self._table.all()
                if all(part in fold(f"{item.content}\n{' '.join(item.tags)}") for part in wanted)
            ]
        return sorted(found, key=lambda item: -item.timestamp)

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
                changes["content"] = _content(content)
            if memory_type is not None:
                changes["memory_type"] = checked_type(memory_type)
            if tags is not None:
                changes["tags"] = _tags(tags)
            if importance is not None:
                changes["importance"] = checked_importance(importance)
            return self._keep(dataclasses.replace(before, **changes))

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
            ids = [item.id for item in self._all().items]
            with self._table.database.transaction():
                self._table.delete(ids)
            self._shelf = None
            self._came.clear()
            self._table.wipe_traces()
            return len(ids)

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
            with self._table.database.transaction():
                self._table.associate(first, second)

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
            with self._table.database.transaction():
                self._table.dissociate(first, second)

    # ---------------------------------------------------------- by itself

    def consolidate(self) -> list[MemoryItem]:
        """Merges memories that say the same; gives those that others were merged into."""
        with self._lock:
            shelf = self._all()
            results = [
                (group, consolidation.merged(group))
                for group in consolidation.groups(self._with_associations(shelf))
            ]
            with self._table.database.transaction():
                for group, item in results:
                    for id in item.associations:
                        self._table.associate(item.id, id)
                    self._table.delete(one.id for one in group[1:])
                    self._table.put(dataclasses.replace(item, encoding=None))
            self._shelf = None
            if results:
                self._table.wipe_traces()
            return [item for _, item in results]

    def forget(self) -> list[MemoryItem]:
        """Forgets what matters least, if there are more memories than the capacity; gives it.

        What counts is the relevance without a query, so memories that are unimportant, old and
        unused go first; those of importance 1 stay.
        """
        with self._lock:
            shelf = self._all()
            if len(shelf) <= self.settings.capacity:
                return []
            now = self._clock()
            most = int(self.settings.capacity * self.settings.keep)
            mortal = [item for item in shelf.items if item.importance < 1]
            mortal.sort(key=lambda item: (relevance.total(item, 0.0, now), item.timestamp))
            gone = mortal[: len(shelf) - most]
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
            with self._table.database.transaction():
                for item in items:
                    self._table.put(item)
                known = {item.id for item in self._table.all()}
                for item in items:
                    for id in item.associations:
                        if id in known and id != item.id:
                            self._table.associate(item.id, id)
            self._shelf = None
        return len(items)

    # ------------------------------------------------------ around an answer

    def prepare(self, context: CognitiveContext) -> MembraneResponse:
        """Recalls for a message; ``output_text`` is what the model reads before it.

        ``confidence`` is the similarity of the best memory, ``None`` if nothing came to mind.

        Raises
        ------
        ArgumentError
            If ``memory_state`` has settings that are none.
        """
        start = time.perf_counter()
        settings = self.settings.changed(context.memory_state)
        with self._lock:
            self._came.pop(context.session_id, None)
            found = (
                []
                if settings.nothing
                else self._recall(context.user_input, settings.recalls, settings)
            )
            self._came[context.session_id] = [one.item.id for one in found]
        return MembraneResponse(
            membrane_type="memory",
            input_text=context.user_input,
            output_text=preface(found),
            confidence=max((one.similarity for one in found), default=None),
            processing_time=time.perf_counter() - start,
            internal_state={
                "recalled": [one.to_json() for one in found],
                "memories": 0 if settings.nothing else len(self),
            },
            metadata=self._notes(settings),
        )

    def learn(self, context: CognitiveContext, answer: str) -> MembraneResponse:
        """Stores what is worth it of a turn, and counts what was recalled as used.

        Statements at least ``least_importance`` important are stored one by one, and the message
        with its answer as what happened. ``confidence`` is the mean importance of what was stored.
        """
        start = time.perf_counter()
        settings = self.settings.changed(context.memory_state)
        stored: list[MemoryItem] = []
        forgotten: list[MemoryItem] = []
        with self._lock:
            used = self._came.pop(context.session_id, [])
            if not settings.nothing:
                shelf = self._all()
                used = [id for id in used if id in shelf]
                with self._table.database.transaction():
                    self._table.used(used, self._clock())
                    for item in self._table.get(used):
                        shelf.put(item)
                for text, kind, worth in _worth_keeping(context.user_input, answer, settings):
                    stored.append(self._remember(text, kind, worth, context.session_id))
                forgotten = self.forget()
                self.refresh(_LATE)
        worths = [item.importance for item in stored]
        return MembraneResponse(
            membrane_type="memory",
            input_text=context.user_input,
            output_text="",
            confidence=sum(worths) / len(worths) if worths else None,
            processing_time=time.perf_counter() - start,
            internal_state={
                "stored": [item.to_json() for item in stored],
                "forgotten": [item.to_json() for item in forgotten],
                "used": used,
            },
            metadata=self._notes(settings),
        )

    def refresh(self, most: int | None = None) -> int:
        """Has the model read memories that another one has encoded, or none; gives how many."""
        with self._lock:
            if self._encoder is None:
                return 0
            shelf = self._all()
            late = shelf.unencoded()[:most]
            made = [(item.id, as_stored(self._encoder.encode(item.content))) for item in late]
            with self._table.database.transaction():
                for id, encoding in made:
                    self._table.encode(id, encoding, self._encoder.fingerprint)
            for id, encoding in made:
                shelf.encoded(id, encoding)
            return len(made)

    # ------------------------------------------------------------------ parts

    def _all(self) -> Shelf:
        if self._shelf is None:
            encoder = self._encoder
            known = self._table.encodings(encoder.fingerprint) if encoder else {}
            self._shelf = Shelf(self._table.all(), known, encoder)
        return self._shelf

    def _with_associations(self, shelf: Shelf) -> Shelf:
        for item in self._table.all():
            shelf.put(item)
        return shelf

    def _equal(self, shelf: Shelf, content: str) -> list[MemoryItem]:
        """Memories with the same words."""
        words = list(dict.fromkeys(terms(content)))
        if not words:
            return shelf.items
        rows = shelf.index.rows_with(min(words, key=lambda word: len(shelf.index.rows_with(word))))
        return [shelf.at(row) for row in rows]

    def _keep(self, item: MemoryItem) -> MemoryItem:
        shelf = self._all()
        before = shelf.get(item.id)
        fingerprint = ""
        if before is None or before.content != item.content:
            item = dataclasses.replace(item, encoding=None)
            if self._encoder is not None:
                encoding = as_stored(self._encoder.encode(item.content))
                item = dataclasses.replace(item, encoding=encoding)
                fingerprint = self._encoder.fingerprint
            with self._table.database.transaction():
                self._table.put(item, fingerprint)
        else:
            # The encoding stays what it is.
            with self._table.database.transaction():
                self._table.change(item)
        shelf.put(item)
        if fingerprint and item.encoding is not None:
            shelf.encoded(item.id, item.encoding)
        if before is not None and before.content != item.content:
            self._table.wipe_traces()
        return item

    def _drop(self, ids: list[str]) -> None:
        shelf = self._all()
        with self._table.database.transaction():
            self._table.delete(ids)
        for id in ids:
            shelf.remove(id)
        for came in self._came.values():
            came[:] = [id for id in came if id not in ids]
        self._table.wipe_traces()

    def _recall(self, query: str, k: int, settings: MemorySettings) -> list[Recalled]:
        now = self._clock()
        best = heapq.nlargest(
            k,
            self._all().similar(query, settings.least_similarity),
            key=lambda one: (one.total, one.item.timestamp),
        )
        # Were the relevance to choose as well, what is important would crowd out what is meant.
        best.sort(
            key=lambda one: (relevance.total(one.item, one.total, now), one.item.timestamp),
            reverse=True,
        )
        # Associations are read afresh, for only the database knows them.
        fresh = {item.id: item for item in self._table.get([one.item.id for one in best])}
        found = []
        for one in best:
            why = relevance.why(one.item, one.total, now)
            item, whole = fresh[one.item.id], math.fsum(why.values())
            found.append(Recalled(item, whole, why, one.total, one.by_words, one.by_state))
        return found

    def _notes(self, settings: MemorySettings) -> dict[str, Any]:
        notes: dict[str, Any] = {"remembers_nothing": settings.nothing}
        if not self.sees_states:
            notes["only_words"] = (
                "The backend has no states to look into; memories are found by words."
            )
        return notes


def _worth_keeping(
    message: str, answer: str, settings: MemorySettings
) -> list[tuple[str, MemoryType, float]]:
    """What to store of a turn: text, type and importance."""
    found: list[tuple[str, MemoryType, float]] = []
    for sentence in sentences(message):
        judged = judge(sentence)
        if judged.importance >= settings.least_importance:
            found.append((without_request(sentence), judged.memory_type, judged.importance))
    if settings.exchanges and answer.strip() and terms(message):
        worth = 0.1 if is_question(message) else 0.2
        found.append((f"User: {message.strip()}\nAssistant: {answer.strip()}", "episodic", worth))
    return found


def _content(text: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise ArgumentError(f"text is {text!r}; give a text that is not empty.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ArgumentError(
            "text has half a character (a lone surrogate); give whole ones."
        ) from error
    return text.strip()


def _tags(tags: Iterable[str]) -> tuple[str, ...]:
    if isinstance(tags, str):
        raise ArgumentError(f"tags is {tags!r}; give a list of words.")
    found = []
    for tag in tags:
        if not isinstance(tag, str) or not tag.strip():
            raise ArgumentError(f"A tag is {tag!r}; give words that are not empty.")
        found.append(tag.strip())
    return tuple(dict.fromkeys(found))
