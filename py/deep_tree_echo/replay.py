"""Going back to any word of a talk: the model's state there, kept or read again in slices."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from .backends.base import Backend
from .generation import LanguageModel, Reading
from .hidden import hidden_of
from .turns import Place
from .words import Record, read

__all__ = ["Replay", "Spot", "reading_at"]

_KEPT_TOKENS = 16
"""Of an answer so many tokens are read at once, and the state after them may be kept."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A place between two tokens of an answer.

    Parameters
    ----------
    backend : Backend
        Whose states count.
    model : LanguageModel
        Its model, which reads.
    asked : Place
        Where the answer begins.
    record : Record
        What is kept of the answer; what is read on the way is noted there.
    ids : sequence of int
        The answer's tokens up to the place.
    """

    backend: Backend
    model: LanguageModel
    asked: Place
    record: Record
    ids: Sequence[int]

    @property
    def context_tokens(self) -> int:
        """Tokens from the beginning of the talk up to here."""
        position, unread = self.asked.position, self.asked.unread
        read_before = position.context_tokens if position else 0
        return read_before + len(self.model.encode(unread)) + len(self.ids)


def reading_at(spot: Spot, *, singly: bool = False) -> Iterator[tuple[int, int, Reading]]:
    """Takes the model to a place, from the nearest one before it that is kept.

    Parameters
    ----------
    spot : Spot
        The place.
    singly : bool
        Every token's hidden vector is wanted, too: from the first one that is missing, tokens are
        read one by one.

    Yields
    ------
    done, total : int
        Tokens read of those that have to be read.
    reading : Reading
        Where the model stands then; in the end, at the place.
    """
    ids, record, model = list(spot.ids), spot.record, spot.model
    record.follow(ids)
    most = len(ids)
    if singly:
        most = next((n for n in range(len(ids)) if n + 1 not in record.hidden), most)
    text: list[int] = []
    kept = record.before(most)
    if kept:
        at, reading = kept
    else:
        # The end of the question, or, where even that is gone, the beginning of the talk.
        position, unread = spot.asked.position, spot.asked.unread
        at, reading = 0, Reading(None, None)
        if position is not None and position.backend is spot.backend:
            reading = position.state
        elif position is not None:
            unread = position.text + unread
        text = model.encode(unread)
    total, done = len(text) + len(ids) - at, 0
    for done, after in read(model, text, reading):
        reading = after
        yield done, total, reading
    if at == 0:
        record.offer(0, reading)
    for n, after in read(model, ids[at:], reading, 1 if singly else _KEPT_TOKENS):
        reading = after
        if singly:
            record.hidden[at + n] = hidden_of(model)
        record.reach(ids[: at + n], reading)
        yield done + n, total, reading
    record.last = (len(ids), reading)
    if total == 0:
        yield 0, 0, reading


class Replay:
    """Shows a talk as it was after any of its words.

    Examples
    --------
    >>> replay = Replay()
    >>> replay.spot is None, replay.advance(0.01)
    (True, None)
    """

    def __init__(self) -> None:
        self.leave()

    def leave(self) -> None:
        """Back to now."""
        self.spot: Spot | None = None
        self.reading: Reading | None = None
        """Where the model stood there; ``None`` until it has been read."""
        self.before: Reading | None = None
        """Where it stood a token earlier."""
        self._steps: Iterator[tuple[int, int]] | None = None

    def go(self, spot: Spot, *, singly: bool = False, shown: bool = True) -> None:
        """Begins to go to a place; `advance` goes on. What is shown stays until it is reached.

        With ``shown`` false it stays then, too: the state there is only made ready.
        """
        self._steps = self._way(spot, singly) if shown else self._ready(spot)

    @staticmethod
    def _ready(spot: Spot) -> Iterator[tuple[int, int]]:
        for done, total, _ in reading_at(spot):
            yield done, total

    def _way(self, spot: Spot, singly: bool) -> Iterator[tuple[int, int]]:
        before: Reading | None = None
        reading: Reading | None = None
        done = total = 0
        if spot.ids:
            # The last token comes by itself, so that its own change can be shown.
            earlier = replace(spot, ids=spot.ids[:-1])
            for done, total, before in reading_at(earlier, singly=singly):  # noqa: B007
                yield done, total + 1
        for _, _, reading in reading_at(spot, singly=singly):  # noqa: B007
            yield total, total + 1
        self.spot, self.reading, self.before = spot, reading, before

    def advance(self, seconds: float) -> tuple[int, int] | None:
        """Goes on for about so long.

        Returns
        -------
        tuple of int or None
            Tokens read, and how many there are to read; ``None`` once the place is reached, or if
            there is nowhere to go.
        """
        end = time.perf_counter() + seconds
        progress = None
        while self._steps is not None:
            progress = next(self._steps, None)
            if progress is None:
                self._steps = None
            elif time.perf_counter() >= end:
                break
        return progress
