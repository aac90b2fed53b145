"""BM25 over memories in which related words count, too."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .lexicon import Lexicon
from .words import terms

__all__ = ["Match", "WordIndex"]

_K1, _B = 1.2, 0.75
_OTHERS = 100  # texts without any of the words, so that the first memories tell words apart, too
_LEAST = 0.2  # words below this cosine are not related
_MOST = 64  # related words of one; 200 find as much and cost twice the time
_FIRST_TERMS = 4096  # of a text; what follows is stored, and not found by its words


@dataclass(slots=True)
class _Postings:
    """Where a word stands: rows of the index and how often."""

    rows: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    packed: tuple[NDArray[np.int64], NDArray[np.float64]] | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """How a query meets every row of the index.

    Parameters
    ----------
    scores : (n_rows,) float64
        The sums over the query's words.
    best : float
        The score of a text of average length that has each word once.
    """

    scores: NDArray[np.float64]
    best: float


class WordIndex:
    """An inverted index in memory; rows that are removed leave a hole until it is made anew.

    A word of the query counts for a text with its best match there: itself with
    ``idf * tf``, a related word with ``cosine**2 * min(idf) * tf``, where ``tf`` is BM25's
    (k1 = 1.2, b = 0.75).

    Parameters
    ----------
    lexicon : Lexicon
        What is related.

    Examples
    --------
    >>> index = WordIndex(Lexicon.bundled())
    >>> index.add("My brother keeps a parrot.")
    0
    >>> index.add("My brother plays the cello.")
    1
    >>> int(index.match("Which animal does my brother have?").scores.argmax())
    0
    """

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._postings: dict[str, _Postings] = {}
        self._lengths: list[int] = []
        self._rows: list[list[str]] = []
        self._known: list[str] = []
        self._vectors: NDArray[np.float32] | None = None
        self._length_array: NDArray[np.float64] | None = None
        self._alive = 0

    def __len__(self) -> int:
        return len(self._lengths)

    def add(self, text: str) -> int:
        """The row of a new text."""
        row = len(self._lengths)
        found = terms(text)[:_FIRST_TERMS]
        for word, count in Counter(found).items():
            postings = self._postings.get(word)
            if postings is None:
                postings = self._postings[word] = _Postings()
                if word in self._lexicon:
                    self._known.append(word)
                    self._vectors = None
            postings.rows.append(row)
            postings.counts.append(count)
            postings.packed = None
        self._lengths.append(len(found))
        self._length_array = None
        self._rows.append(list(dict.fromkeys(found)))
        self._alive += 1
        return row

    def remove(self, row: int) -> None:
        """Forgets a row; its number is not given again."""
        for word in self._rows[row]:
            postings = self._postings[word]
            place = postings.rows.index(row)
            del postings.rows[place], postings.counts[place]
            postings.packed = None
            if not postings.rows:
                del self._postings[word]
                if word in self._lexicon:
                    self._known.remove(word)
                    self._vectors = None
        self._rows[row], self._lengths[row] = [], 0
        self._length_array = None
        self._alive -= 1

    def words(self, row: int) -> list[str]:
        """The different words of a row."""
        return self._rows[row]

    def rows_with(self, word: str) -> list[int]:
        """The rows that have a word."""
        postings = self._postings.get(word)
        return postings.rows if postings else []

    def idf(self, word: str) -> float:
        """How much a word tells: high where few rows have it."""
        count = len(self.rows_with(word))
        return float(np.log1p((self._alive + _OTHERS - count + 0.5) / (count + 0.5)))

    def match(self, query: str) -> Match:
        """How a query meets every row."""
        scores = np.zeros(len(self), np.float64)
        asked = list(dict.fromkeys(terms(query)))[:_FIRST_TERMS]
        total = sum(self._lengths)
        mean = total / self._alive if total else 1.0
        best = 0.0
        if self._length_array is None:
            self._length_array = np.array(self._lengths, np.float64)
        lengths = self._length_array
        for word in asked:
            weight = self.idf(word)
            best += weight
            if related := self._related(word, weight):
                scores += self._meet(related, lengths, mean)
        return Match(scores, best)

    def _meet(
        self, related: list[tuple[str, float]], lengths: NDArray[np.float64], mean: float
    ) -> NDArray[np.float64]:
        """(n_rows,) the best match of each row with one of the words."""
        packed = [self._packed(word) for word, _ in related]
        rows = np.concatenate([found for found, _ in packed])
        counts = np.concatenate([found for _, found in packed])
        shares = np.repeat([share for _, share in related], [len(found) for found, _ in packed])
        weighed = counts * (_K1 + 1) / (counts + _K1 * (1 - _B + _B * lengths[rows] / mean))
        here = np.zeros(len(self), np.float64)
        np.maximum.at(here, rows, shares * weighed)
        return here

    def _related(self, word: str, weight: float) -> list[tuple[str, float]]:
        """Words that stand in the index and count for this one, with how much."""
        found = [(word, weight)] if word in self._postings else []
        vector = self._lexicon.vector(word)
        if vector is None or not self._known:
            return found
        if self._vectors is None:
            places = [self._lexicon.index[known] for known in self._known]
            self._vectors = self._lexicon.vectors[places]
        cosines = self._vectors @ vector
        near = np.flatnonzero(cosines > _LEAST)
        near = near[np.argsort(-cosines[near], kind="stable")[:_MOST]]
        near_words = [self._known[place] for place in near.tolist()]
        counts = np.array([len(self._postings[other].rows) for other in near_words], np.float64)
        idfs = np.log1p((self._alive + _OTHERS - counts + 0.5) / (counts + 0.5))
        shares = cosines[near].astype(np.float64) ** 2 * np.minimum(weight, idfs)
        found += [
            (other, share)
            for other, share in zip(near_words, shares.tolist(), strict=True)
            if other != word
        ]
        return found

    def _packed(self, word: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        postings = self._postings[word]
        if postings.packed is None:
            rows = np.array(postings.rows, np.int64)
            postings.packed = rows, np.array(postings.counts, np.float64)
        return postings.packed
