"""The words of several candidate answers while they are drawn, and of the one that is chosen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .events import Branch, Token
from .generation import LanguageModel
from .words import Record

__all__ = ["CandidateWords"]


class CandidateWords:
    """Guidance that notes the words of each candidate in a record of its own, and says nothing.

    Parameters
    ----------
    count : int
        Candidates at most.
    most_states : int
        Readings to keep at once, for all of them.
    guided : bool
        Other guidance has a say, too.

    Attributes
    ----------
    words : dict of int to list
        By the candidate's number: a `Word` as JSON for each token, ``None`` where it is not known.
    records : dict of int to Record
        Likewise.

    Examples
    --------
    >>> CandidateWords(3).take(Branch(0, "a", 1, None))
    >>> CandidateWords(3).words
    {}
    """

    name = "words"
    required = False

    def __init__(self, count: int, *, most_states: int = 8, guided: bool = False) -> None:
        self.words: dict[int, list[list[Any] | None]] = {}
        self.records: dict[int, Record] = {}
        self._most_states = max(1, most_states // count)
        self._guided = math.inf if guided else 0
        self._last: Record | None = None
        self._chosen: list[list[Any] | None] = []

    def start(self, model: LanguageModel) -> Record:
        """A fresh record for the candidate that begins."""
        self._last = Record(most_states=self._most_states, guided=self._guided)
        return self._last.start(model)

    def take(self, event: Branch) -> None:
        """Notes the word of a candidate's token."""
        record = self._last
        if record is None:
            return
        if self.records.get(event.index) is not record:
            # Another backend begins the candidate anew.
            self.records[event.index] = record
            self.words[event.index] = []
        probability = None if event.log_probability is None else math.exp(event.log_probability)
        word = record.word(Token(event.text, event.id, probability, 0))
        self.words[event.index].append(word.to_json() if word else None)

    def choose(self, number: int) -> Record | None:
        """Lets go of all records but one; the tokens that follow are that one's."""
        self._chosen = list(self.words.get(number, ()))
        record = self.records.get(number)
        self.records = {} if record is None else {number: record}
        self._last = None
        return record

    def next_word(self) -> list[Any] | None:
        """The word of the chosen candidate's next token."""
        return self._chosen.pop(0) if self._chosen else None

    def said(self, number: int) -> Sequence[list[Any]] | None:
        """All words of a candidate, ``None`` if one is not known."""
        words = self.words.get(number, ())
        known = [word for word in words if word is not None]
        return known if known and len(known) == len(words) else None
