"""The last things by their keys; older ones go."""

from __future__ import annotations

from typing import Generic, TypeVar

__all__ = ["Recent"]

V = TypeVar("V")


class Recent(Generic[V]):
    """A dictionary of at most ``most`` entries: the oldest one goes.

    Examples
    --------
    >>> recent = Recent(2)
    >>> for key in (1, 2, 3):
    ...     recent.put(key, str(key))
    >>> recent.get(1), recent.get(3), recent.keys()
    (None, '3', [2, 3])
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: dict[int, V] = {}

    def put(self, key: int, value: V) -> None:
        """Keeps a value as the newest."""
        self._entries.pop(key, None)
        self._entries[key] = value
        if len(self._entries) > self._most:
            del self._entries[next(iter(self._entries))]

    def get(self, key: int) -> V | None:
        """The value, ``None`` if it has gone."""
        return self._entries.get(key)

    def drop(self, key: int, value: V) -> None:
        """Lets go of an entry, unless another value has been put there since."""
        if self._entries.get(key) is value:
            del self._entries[key]

    def __len__(self) -> int:
        """How many there are."""
        return len(self._entries)

    def __contains__(self, key: int) -> bool:
        """Whether there is one."""
        return key in self._entries

    def keys(self) -> list[int]:
        """From the oldest to the newest."""
        return list(self._entries)
