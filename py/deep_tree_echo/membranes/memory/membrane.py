"""The memory membrane: what was said comes back where it helps, and the user sees why."""

from __future__ import annotations

import time
from typing import Any

from ...context import CognitiveContext
from ...errors import ArgumentError
from ..base import MembraneResponse
from .items import MemoryItem, Recalled
from .memories import Memories
from .prompt import preface
from .rules import worth_keeping
from .settings import MemorySettings

__all__ = ["MemoryMembrane"]

_LATE = 8  # memories that a changed model reads after each answer


class MemoryMembrane(Memories):
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
            if self.learns and not settings.nothing:
                used = self._memories.used(used, self._clock())
                for text, kind, worth in worth_keeping(context.user_input, answer, settings):
                    stored.append(self._remember(text, kind, worth, context.session_id))
                forgotten = self.forget()
                self._memories.refresh(_LATE)
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

    def _recall(self, query: str, k: int, settings: MemorySettings) -> list[Recalled]:
        return self._memories.recall(query, k, settings.least_similarity, self._clock())

    def _notes(self, settings: MemorySettings) -> dict[str, Any]:
        notes: dict[str, Any] = {"remembers_nothing": settings.nothing}
        if not self.sees_states:
            notes["only_words"] = (
                "The backend has no states to look into; memories are found by words."
            )
        return notes
