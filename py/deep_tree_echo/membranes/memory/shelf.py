"""All memories at hand: their words, their encodings and how similar each is to a query."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .encoding import SIZE, Encoder
from .index import WordIndex
from .items import MemoryItem
from .lexicon import Lexicon

__all__ = ["Shelf", "Similarity"]

STATE_WEIGHT = 4.0
"""What a cosine of 1 of the states counts for, in the unit of BM25; chosen by the benchmark."""
_HOLES = 1000  # rows of removed memories after which the index is made anew


@dataclass(frozen=True, slots=True)
class Similarity:
    """How similar a memory is to a query: the sum of both parts, between 0 and 1."""

    item: MemoryItem
    total: float
    by_words: float
    by_state: float


class Shelf:
    """Memories in memory, found by words and by what a model makes of them.

    Parameters
    ----------
    items : iterable of MemoryItem
        In the order of storing.
    encodings : dict of str to (256,) ndarray
        Those that ``encoder`` made.
    encoder : Encoder or None
        Encodes queries; without one only words count.
    lexicon : Lexicon, optional
        Which words are related; the package's own if not given.
    """

    def __init__(
        self,
        items: Iterable[MemoryItem],
        encodings: dict[str, NDArray[np.float32]],
        encoder: Encoder | None,
        lexicon: Lexicon | None = None,
    ) -> None:
        self._lexicon = lexicon or Lexicon.bundled()
        self._encoder = encoder
        self._items: dict[str, MemoryItem] = {}
        self._fill(items)
        self._encodings = dict(encodings)
        self._matrix: tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]] | None
        self._matrix = None

    def _fill(self, items: Iterable[MemoryItem]) -> None:
        self._index = WordIndex(self._lexicon)
        self._rows: dict[str, int] = {}
        self._ids: list[str] = []
        for item in items:
            self._place(item)

    def _place(self, item: MemoryItem) -> None:
        self._items[item.id] = item
        self._rows[item.id] = self._index.add(f"{item.content}\n{' '.join(item.tags)}")
        self._ids.append(item.id)

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, id: str) -> bool:
        return id in self._items

    @property
    def items(self) -> list[MemoryItem]:
        """Every memory."""
        return list(self._items.values())

    @property
    def index(self) -> WordIndex:
        """The words of all memories; the rows are those of `row`."""
        return self._index

    def get(self, id: str) -> MemoryItem | None:
        """A memory by its id."""
        return self._items.get(id)

    def row(self, id: str) -> int:
        """Where a memory stands in the index."""
        return self._rows[id]

    def at(self, row: int) -> MemoryItem:
        """The memory of a row of the index."""
        return self._items[self._ids[row]]

    def put(self, item: MemoryItem) -> None:
        """Adds a memory or changes it; its encoding goes if the text is another one."""
        before = self._items.get(item.id)
        if before is not None and (before.content, before.tags) == (item.content, item.tags):
            self._items[item.id] = item
            return
        if before is not None:
            self._take(item.id)
        self._place(item)

    def encoded(self, id: str, encoding: NDArray[np.float32]) -> None:
        """Keeps the encoding of a memory."""
        self._encodings[id] = encoding
        self._items[id] = dataclasses.replace(self._items[id], encoding=encoding)
        self._matrix = None

    def unencoded(self) -> list[MemoryItem]:
        """Memories that the present model has not read."""
        if self._encoder is None:
            return []
        return [item for id, item in self._items.items() if id not in self._encodings]

    def remove(self, id: str) -> None:
        """Forgets a memory."""
        self._take(id)
        if len(self._ids) - len(self._items) > max(_HOLES, len(self._items)):
            self._fill(self.items)
            self._matrix = None

    def _take(self, id: str) -> None:
        self._index.remove(self._rows.pop(id))
        del self._items[id]
        if self._encodings.pop(id, None) is not None:
            self._matrix = None

    def similar(self, query: str, least: float = 0.0) -> list[Similarity]:
        """The memories that share something with a query and are at least so similar to it.

        With ``W`` the score of the words, ``B`` the best that they could score, ``c`` the cosine
        of the states once their common direction is taken away and ``s`` the state's weight, it is
        ``(min(W, B) + s c) / (B + s)``; without a model, ``s`` is 0.
        """
        match = self._index.match(query)
        if match.best <= 0 or not self._items:
            return []
        touched = match.scores > 0
        words = np.minimum(match.scores, match.best)
        cosines = self._cosines(query) if touched.any() else None
        weight = 0.0 if cosines is None else STATE_WEIGHT
        by_words = words / (match.best + weight)
        by_state = (
            np.zeros(len(words)) if cosines is None else cosines * weight / (match.best + weight)
        )
        total = np.clip(by_words + by_state, 0.0, 1.0)
        rows = np.flatnonzero(touched & (total >= least))
        columns = (array[rows].tolist() for array in (total, by_words, by_state))
        return [
            Similarity(self.at(row), *numbers)
            for row, *numbers in zip(rows.tolist(), *columns, strict=True)
        ]

    def _cosines(self, query: str) -> NDArray[np.float64] | None:
        """(n_rows,) of the states, 0 where a memory has no encoding; ``None`` without any."""
        if self._encoder is None or len(self._encodings) < 2:
            return None
        if self._matrix is None:
            ids = [id for id in self._encodings if id in self._rows]
            rows = np.array([self._rows[id] for id in ids], np.int64)
            encodings = np.array([self._encodings[id] for id in ids], np.float32)
            common = encodings.mean(axis=0) if len(ids) else np.zeros(SIZE, np.float32)
            encodings -= common
            lengths = np.linalg.norm(encodings, axis=1, keepdims=True)
            self._matrix = rows, encodings / np.maximum(lengths, 1e-9), common
        rows, directions, common = self._matrix
        asked = self._encoder.encode(query) - common
        asked /= max(float(np.linalg.norm(asked)), 1e-9)
        found = np.zeros(len(self._index), np.float64)
        found[rows] = directions @ asked
        return found
