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
        self._matrix: tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.float32]] | None
        self._items: dict[str, MemoryItem] = {}
        self._fill(items)
        self._encodings = dict(encodings)

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
        self._matrix = None

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

    def similar(self, query: str, least: float = 0.0, most: int | None = None) -> list[Similarity]:
        """The memories that share something with a query and are at least so similar to it.

        With ``W`` the score of the words, ``B`` the best that they could score, ``c`` the cosine
        of the states once their common direction is taken away and ``s`` the state's weight, it is
        ``(min(W, B) + s c) / (B + s)``; without a model, ``s`` is 0. Of those that cannot be among
        the ``most`` similar ones, some are left out.
        """
        match = self._index.match(query)
        if match.best <= 0 or not self._items:
            return []
        weight = STATE_WEIGHT if self._compares_states else 0.0
        whole = match.best + weight
        rows = np.flatnonzero(match.scores)
        words = np.minimum(match.scores[rows], match.best)
        # What the best of the states would make of it; few are worth comparing.
        able = (words + weight) / whole >= least
        if most is not None and len(words) > most > 0:
            able &= words >= np.partition(words, -most)[-most] - 2 * weight
        rows, words = rows[able], words[able]
        by_words = words / whole
        by_state = self._cosines(query, rows) * (weight / whole) if weight and len(rows) else None
        total = np.clip(by_words if by_state is None else by_words + by_state, 0.0, 1.0)
        if by_state is None:
            by_state = np.zeros(len(rows))
        chosen = np.flatnonzero(total >= least)
        columns = (array[chosen].tolist() for array in (rows, total, by_words, by_state))
        return [Similarity(self.at(row), *numbers) for row, *numbers in zip(*columns, strict=True)]

    @property
    def _compares_states(self) -> bool:
        return self._encoder is not None and len(self._encodings) >= 2

    def _cosines(self, query: str, wanted: NDArray[np.intp]) -> NDArray[np.float64]:
        """(n,) of the states with those of ``wanted`` rows (n,), 0 where one has no encoding."""
        assert self._encoder is not None
        if self._matrix is None:
            ids = [id for id in self._encodings if id in self._rows]
            places = np.full(len(self._index), -1, np.intp)
            places[[self._rows[id] for id in ids]] = np.arange(len(ids))
            encodings = np.array([self._encodings[id] for id in ids], np.float32)
            common = encodings.mean(axis=0) if len(ids) else np.zeros(SIZE, np.float32)
            encodings -= common
            lengths = np.linalg.norm(encodings, axis=1, keepdims=True)
            self._matrix = places, encodings / np.maximum(lengths, 1e-9), common
        places, directions, common = self._matrix
        asked = self._encoder.encode(query) - common
        asked /= max(float(np.linalg.norm(asked)), 1e-9)
        at = places[wanted]
        found = np.zeros(len(at), np.float64)
        has = np.flatnonzero(at >= 0)
        found[has] = directions[at[has]] @ asked
        return found
