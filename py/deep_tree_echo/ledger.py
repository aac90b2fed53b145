"""The memory budget: one list of everything large, who holds it, and what would free it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, get_args

from .errors import ArgumentError, MemoryBudgetError, RoomError

Kind = Literal[
    "program", "weights", "work", "tokenizer", "states", "words", "loading", "page", "other"
]
"""What memory is for: the program itself, a model's weights, its working memory, its tokenizer,
the states of conversations, what is kept of the words of answers, bytes on their way in, the page
around Python, and the rest."""

Size = int | Callable[[], int]
"""Bytes, or what counts them now."""


class Entry:
    """Something that holds memory, until it is released.

    Parameters
    ----------
    kind : Kind
        What the memory is for.
    name : str
        Whose it is, as a user knows it.
    size : int or callable
        Bytes, or what counts them each time it is asked.
    frees : str
        What a user can do to free it, as the beginning of a sentence; empty if nothing.
    since : float
        Seconds since 1970.
    outside : bool
        It lies outside of the memory that `Ledger` measures.
    """

    def __init__(
        self, kind: Kind, name: str, size: Size, frees: str, since: float, *, outside: bool
    ) -> None:
        self.kind = kind
        self.name = name
        self.frees = frees
        self.since = since
        self.outside = outside
        self._size = size

    @property
    def n_bytes(self) -> int:
        """The bytes that it holds now."""
        return self._size() if callable(self._size) else self._size

    def to_json(self) -> dict[str, Any]:
        """The entry with its bytes now."""
        names = ("kind", "name", "n_bytes", "frees", "since")
        return {name: getattr(self, name) for name in names}


class Ledger:
    """Everything large that is in memory, and the budget that it shares.

    Parameters
    ----------
    limit_mb : float
        The budget, in millions of bytes.
    measure : callable, optional
        Bytes that are really in use. What the entries do not explain is the entry ``other``.
    clock : callable
        Seconds since 1970.

    Examples
    --------
    >>> ledger = Ledger(600)
    >>> model = ledger.enter("weights", "large.bin", 450_000_000, frees="load a smaller model")
    >>> with ledger.reserve("loading", "small.bin", 100_000_000):
    ...     ledger.free_bytes
    50000000
    >>> with ledger.reserve("loading", "next.bin", 200_000_000):
    ...     pass
    Traceback (most recent call last):
        ...
    deep_tree_echo.errors.RoomError: next.bin needs 200 MB and 150 of 600 MB are free; load a \
smaller model, which frees up to 450 MB.
    """

    def __init__(
        self,
        limit_mb: float = 600,
        *,
        measure: Callable[[], int] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not limit_mb > 0:
            raise ArgumentError(f"limit_mb is {limit_mb!r}; it must be a number above 0.")
        self.limit_bytes = int(limit_mb * 1e6)
        """The budget."""
        self._measure = measure
        self._clock = clock
        self._entries: list[Entry] = []

    def enter(
        self, kind: Kind, name: str, size: Size, *, frees: str = "", outside: bool = False
    ) -> Entry:
        """Notes something that is there, whether it fits or not; see `Entry`."""
        if kind not in get_args(Kind):
            raise ArgumentError(f"kind is {kind!r}; it must be one of {', '.join(get_args(Kind))}.")
        entry = Entry(kind, name, size, frees, self._clock(), outside=outside)
        self._entries.append(entry)
        return entry

    def release(self, entry: Entry) -> None:
        """Strikes an entry off; harmless the second time."""
        if entry in self._entries:
            self._entries.remove(entry)

    @contextmanager
    def reserve(self, kind: Kind, name: str, n_bytes: int) -> Iterator[Entry]:
        """Sets memory aside for as long as the block runs; then what came of it is entered.

        Raises
        ------
        RoomError
            If it would fit once something else is let go; the sentence says what.
        MemoryBudgetError
            If it would not fit even then.
        """
        self.check(name, n_bytes)
        entry = self.enter(kind, name, n_bytes)
        try:
            yield entry
        finally:
            self.release(entry)

    def check(self, name: str, n_bytes: int) -> None:
        """Raises as `reserve` does, and reserves nothing."""
        free = self.free_bytes
        if n_bytes <= free:
            return
        freeable = [entry for entry in self._entries if entry.frees and entry.n_bytes]
        gain = sum(entry.n_bytes for entry in freeable)
        said = (
            f"{name} needs {_up(n_bytes)} MB and {_down(free)} of {_down(self.limit_bytes)} MB are "
            "free"
        )
        if n_bytes <= free + gain:
            largest = max(freeable, key=lambda entry: entry.n_bytes)
            raise RoomError(
                f"{said}; {largest.frees}, which frees up to {_down(largest.n_bytes)} MB."
            )
        raise MemoryBudgetError(f"{said}; choose one of at most {_down(free + gain)} MB.")

    @property
    def used_bytes(self) -> int:
        """Bytes in use or set aside: by the entries, or more where more is measured."""
        inside = sum(entry.n_bytes for entry in self._entries if not entry.outside)
        outside = sum(entry.n_bytes for entry in self._entries if entry.outside)
        return max(inside, self._measure() if self._measure else 0) + outside

    @property
    def free_bytes(self) -> int:
        """Bytes that are left of the budget, at least 0."""
        return max(0, self.limit_bytes - self.used_bytes)

    def entries(self) -> list[Entry]:
        """All entries, and ``other`` for what is measured and in none of them."""
        other = self.used_bytes - sum(entry.n_bytes for entry in self._entries)
        if other <= 0:
            return list(self._entries)
        rest = Entry("other", "not attributed", other, "", self._clock(), outside=False)
        return [*self._entries, rest]


def _up(n_bytes: int) -> int:
    """Megabytes, rounded up: what is needed."""
    return -(-n_bytes // 1_000_000)


def _down(n_bytes: int) -> int:
    """Megabytes, rounded down: what is there."""
    return n_bytes // 1_000_000
