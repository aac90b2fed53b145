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
_AT_ONCE = 16  # words of a query, each of which takes a number for every row


@dataclass(slots=True)
class _Postings:
    """Where a word stands: rows of the index and how often."""

    place: int | None
    """Its place in the lexicon."""
    rows: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    packed: tuple[NDArray[np.intp], NDArray[np.float64]] | None = None

    def pack(self) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """(n,) both, kept until they change."""
        if self.packed is None:
            # NumPy takes indices of another width, as int64 is to WebAssembly, much more slowly.
            self.packed = np.array(self.rows, np.intp), np.array(self.counts, np.float64)
        return self.packed


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
        self._by_place: dict[int, _Postings] = {}
        self._known = np.zeros(len(lexicon), np.float64)  # rows that have each of its words
        self._lengths: list[int] = []
        self._rows: list[list[str]] = []
        self._length_array: NDArray[np.float64] | None = None
        self._total = 0
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
                postings = self._postings[word] = _Postings(self._lexicon.index.get(word))
                if postings.place is not None:
                    self._by_place[postings.place] = postings
            postings.rows.append(row)
            postings.counts.append(count)
            postings.packed = None
            if postings.place is not None:
                self._known[postings.place] += 1
        self._lengths.append(len(found))
        self._length_array = None
        self._rows.append(list(dict.fromkeys(found)))
        self._total += len(found)
        self._alive += 1
        return row

    def remove(self, row: int) -> None:
        """Forgets a row; its number is not given again."""
        for word in self._rows[row]:
            postings = self._postings[word]
            at = postings.rows.index(row)
            del postings.rows[at], postings.counts[at]
            postings.packed = None
            if postings.place is not None:
                self._known[postings.place] -= 1
            if not postings.rows:
                del self._postings[word]
                if postings.place is not None:
                    del self._by_place[postings.place]
        self._total -= self._lengths[row]
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
        best = 0.0
        found: list[list[tuple[_Postings, float]]] = []
        for word in asked:
            weight = self.idf(word)
            best += weight
            if related := self._related(word, weight):
                found.append(related)
        if found:
            mean = self._total / self._alive if self._total else 1.0
            if self._length_array is None:
                self._length_array = np.array(self._lengths, np.float64)
            norms = _K1 * (1 - _B + _B * self._length_array / mean)
            for begin in range(0, len(found), _AT_ONCE):
                scores += self._meet(found[begin : begin + _AT_ONCE], norms)
        return Match(scores, best)

    def _meet(
        self, found: list[list[tuple[_Postings, float]]], norms: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(n_rows,) for each row its best match with each word of the query, summed."""
        pieces = [(word, one, share) for word, some in enumerate(found) for one, share in some]
        packed = [one.pack() for _, one, _ in pieces]
        rows = np.concatenate([rows for rows, _ in packed])
        counts = np.concatenate([counts for _, counts in packed])
        # What a piece counts for, and where the word of the query has its rows.
        lengths = np.array([len(rows) for rows, _ in packed], np.intp)
        shares = np.repeat(np.array([share for _, _, share in pieces]) * (_K1 + 1), lengths)
        places = np.repeat(np.array([word for word, _, _ in pieces], np.intp) * len(self), lengths)
        here = np.zeros(len(found) * len(self), np.float64)
        np.maximum.at(here, places + rows, shares * counts / (counts + norms[rows]))
        summed: NDArray[np.float64] = here.reshape(len(found), -1).sum(axis=0)
        return summed

    def _related(self, word: str, weight: float) -> list[tuple[_Postings, float]]:
        """Words that stand in the index and count for this one, with how much."""
        own = self._postings.get(word)
        found = [] if own is None else [(own, weight)]
        near, cosines = self._lexicon.near(word, _LEAST)
        counts = self._known[near]
        here = np.flatnonzero(counts)[:_MOST]
        near, cosines, counts = near[here], cosines[here], counts[here]
        idfs = np.log1p((self._alive + _OTHERS - counts + 0.5) / (counts + 0.5))
        shares = cosines.astype(np.float64) ** 2 * np.minimum(weight, idfs)
        for place, share in zip(near.tolist(), shares.tolist(), strict=True):
            if (other := self._by_place[place]) is not own:
                found.append((other, share))
        return found
