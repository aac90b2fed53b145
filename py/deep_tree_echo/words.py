"""The words of the answers: what was likely at each place, and the states between them.

A `Record` listens to one answer as `Guidance` that never says anything: it sees what the model
expected before every token and where it stands after it. Records of the last answers are kept
within a budget; whatever is let go can be had again by reading the text.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any

from .alternatives import OTHERS, Pieces, Word, likeliest, log_normaliser
from .errors import ArgumentError
from .events import Token
from .generation import LanguageModel, Reading, read_on
from .hidden import hidden_of

__all__ = ["Chosen", "Record", "Words", "read"]

CHUNK_TOKENS = 64
"""A text is read in pieces of so many tokens, between which others get their turn."""

_UNLIKELY = 1e-20
"""Below, float32 says nothing about how much likelier another token was."""


class Record:
    """What is kept of one answer.

    Parameters
    ----------
    ids : sequence of int
        Tokens that the answer begins with and that have been read already.
    most_states : int
        Readings to keep at once.
    guided : float
        Tokens, those of ``ids`` included, in which other guidance has a say, so that the
        probability in an event is not the model's own.

    Attributes
    ----------
    ids : list of int
        The tokens so far.
    hidden : dict of int to ndarray
        (n_embed,) float32 by the number of tokens read.
    readings : dict of int to Reading
        Some of the places between the tokens, likewise; 0 is the end of the question.
    last : tuple of int and Reading, or None
        The place that was gone back to last.
    """

    name = "words"
    required = False

    def __init__(self, ids: Sequence[int] = (), *, most_states: int = 8, guided: float = 0):
        self.ids: list[int] = []
        self.hidden: dict[int, Any] = {}
        self.readings: dict[int, Reading] = {}
        self.last: tuple[int, Reading] | None = None
        self._first = list(ids)
        self._most_states = max(1, most_states)
        self._guided = guided
        self._clear()

    def _clear(self) -> None:
        self.ids = list(self._first)
        self.hidden.clear()
        self.readings.clear()
        self.last = None
        self._stride = 1
        self._logits: Any = None
        self._fresh: tuple[Any, Any, int] | None = None

    def start(self, model: LanguageModel) -> Record:
        """Begins anew with a model; one that fell away has told nothing that still counts."""
        self._clear()
        self._model = model
        self._pieces = Pieces(model)
        for token in self._first:
            self._pieces.push(token)
        return self

    def adjust(self, logits: Any) -> Any:
        """Looks at what the model expects, and changes nothing."""
        self._logits = logits
        return logits

    def accept(self, token: int, reading: Reading) -> None:
        """Notes the token, what else was likely, and where the model stands after it."""
        self._fresh = (self._logits, likeliest(self._logits, OTHERS + 1), token)
        self.ids.append(token)
        self.hidden[len(self.ids)] = hidden_of(self._model)
        self.offer(len(self.ids), reading)

    def follow(self, ids: Sequence[int]) -> None:
        """Lets go of what belongs to another text than ``ids`` or what it goes on with."""
        n = min(len(ids), len(self.ids))
        if self.ids[:n] != list(ids[:n]):
            self._first = []
            self._clear()

    def reach(self, ids: Sequence[int], reading: Reading) -> None:
        """Notes a reading after ``ids``, which begin as the answer does."""
        if len(ids) > len(self.ids):
            self.ids = list(ids)
        self.offer(len(ids), reading)

    def cut(self, n: int) -> None:
        """Lets go of what comes after ``n`` tokens: a stop string, which was never said."""
        del self.ids[max(0, n) :]
        self.hidden = {at: row for at, row in self.hidden.items() if at <= n}
        self.readings = {at: reading for at, reading in self.readings.items() if at <= n}

    def offer(self, n: int, reading: Reading) -> None:
        """Keeps the reading after ``n`` tokens, if it is its turn: the longer, the fewer."""
        if n % self._stride:
            return
        self.readings[n] = reading
        while len(self.readings) > self._most_states:
            self._stride *= 2
            for at in [at for at in self.readings if at % self._stride]:
                del self.readings[at]

    def word(self, event: Token) -> Word | None:
        """What is known of the token of an event, once; ``None`` for any other token."""
        if self._fresh is None or self._fresh[2] != event.id:
            return None
        (logits, tokens, chosen), self._fresh = self._fresh, None
        own = event.probability
        if len(self.ids) <= self._guided or own is None or not own > _UNLIKELY:
            base = log_normaliser(logits)
        else:
            base = float(logits[chosen]) - math.log(own)

        def share(token: int) -> float:
            return math.exp(float(logits[token]) - base)

        others = [token for token in map(int, tokens) if token != chosen][:OTHERS]
        return Word(
            chosen,
            share(chosen),
            self._pieces.push(chosen),
            tuple((token, share(token), self._pieces.alone(token)) for token in others),
        )

    def before(self, n: int) -> tuple[int, Reading] | None:
        """The last kept place at or before ``n`` tokens."""
        places = [(at, reading) for at, reading in self.readings.items() if at <= n]
        if self.last is not None and self.last[0] <= n:
            places.append(self.last)
        return max(places, key=lambda place: place[0], default=None)

    @property
    def arrays(self) -> dict[int, int]:
        """The bytes of each of its states, logits and hidden vectors, by the array's ``id``."""
        last = [self.last[1]] if self.last else []
        arrays = {id(row): int(getattr(row, "nbytes", 0)) for row in self.hidden.values()}
        for reading in [*self.readings.values(), *last]:
            arrays |= reading.arrays
        return arrays

    @property
    def n_bytes(self) -> int:
        """Memory of its states, logits and hidden vectors."""
        return sum(self.arrays.values())


class Words:
    """The records of the last answers, within a budget.

    Parameters
    ----------
    most_bytes : int
        Memory for all of them. The record of the newest answer may take it all.

    Examples
    --------
    >>> words = Words(1_000_000)
    >>> record = words.begin("a1", state_bytes=100_000)
    >>> words.of("a1") is record, words.of("a2")
    (True, None)
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._records: OrderedDict[str, Record] = OrderedDict()

    def begin(
        self,
        answer: str,
        ids: Sequence[int] = (),
        *,
        state_bytes: int = 0,
        guided: float = 0,
    ) -> Record:
        """A fresh record of an answer, in place of any older one.

        Parameters
        ----------
        answer : str
            The answer's name.
        ids : sequence of int
            Tokens that it begins with.
        state_bytes : int
            Memory of one state with its logits.
        guided : float
            See `Record`.
        """
        most = self._most_bytes // (2 * state_bytes) if state_bytes else 64
        record = Record(ids, most_states=max(2, min(64, most)), guided=guided)
        self._records.pop(answer, None)
        self._records[answer] = record
        self.trim()
        return record

    def put(self, answer: str, record: Record) -> None:
        """Keeps another record of an answer in place of its own."""
        self._records.pop(answer, None)
        self._records[answer] = record

    def of(self, answer: str) -> Record | None:
        """The record of an answer, if it is still there; it counts as used now."""
        if answer in self._records:
            self._records.move_to_end(answer)
        return self._records.get(answer)

    def trim(self) -> None:
        """Lets the oldest records go until the rest fits."""
        sizes = {answer: record.n_bytes for answer, record in self._records.items()}
        for answer in list(sizes)[:-1]:
            if sum(sizes.values()) <= self._most_bytes:
                break
            del self._records[answer]
            del sizes[answer]

    def forget(self, answers: Sequence[str] | None = None) -> None:
        """Lets go of these answers, or of all."""
        for answer in list(self._records) if answers is None else answers:
            self._records.pop(answer, None)

    @property
    def arrays(self) -> dict[int, int]:
        """The bytes of each array of all records, by its ``id``."""
        return {
            key: size for record in self._records.values() for key, size in record.arrays.items()
        }

    @property
    def n_bytes(self) -> int:
        """Memory of all records; arrays that they share count once."""
        return sum(self.arrays.values())


class Chosen:
    """Guidance that says the next tokens itself and then nothing any more.

    Parameters
    ----------
    tokens : sequence of int
        What comes next, whatever the model expects.
    """

    name = "chosen words"
    required = True

    def __init__(self, tokens: Sequence[int]) -> None:
        self._tokens = list(tokens)
        self._left: list[int] = []

    def start(self, model: LanguageModel) -> Chosen:
        """For one answer."""
        self._left = self._tokens[::-1]
        return self

    def adjust(self, logits: Any) -> Any:
        """Only the chosen token is left, while there is one."""
        if not self._left:
            return logits
        import numpy as np

        token = self._left[-1]
        if not 0 <= token < len(logits):
            raise ArgumentError(
                f"token is {token}; this model's tokens are 0 to {len(logits) - 1}. The answer was "
                "given by another model."
            )
        only = np.full_like(logits, -np.inf)
        only[token] = 0.0
        return only

    def accept(self, token: int, reading: Reading) -> None:
        """The next one."""
        if self._left:
            self._left.pop()


def read(
    model: LanguageModel, tokens: Sequence[int], after: Reading, at_once: int = CHUNK_TOKENS
) -> Iterator[tuple[int, Reading]]:
    """Reads tokens piece by piece.

    Parameters
    ----------
    model : LanguageModel
        Who reads.
    tokens : sequence of int
        What is read.
    after : Reading
        Where it begins.
    at_once : int
        Tokens of one piece.

    Yields
    ------
    int
        Tokens read so far.
    Reading
        Where the model stands then.
    """
    for begin in range(0, len(tokens), at_once):
        part = list(tokens[begin : begin + at_once])
        after = read_on(model, part, after)
        yield begin + len(part), after
