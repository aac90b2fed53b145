"""Places for the tokens that passed: only they are learned, of a vocabulary of any size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Slots"]


class Slots:
    """A slot for each token seen; when all are taken, those not seen for long are given back.

    Parameters
    ----------
    capacity : int
        How many; more than the tokens that may not be given back.

    Examples
    --------
    >>> slots = Slots(4)
    >>> slots.of(70), slots.of(71), slots.of(70), slots.tokens.tolist()
    (0, 1, 0, [70, 71])
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._slots: dict[int, int] = {}
        self._free: list[int] = []
        self._tokens = np.zeros(capacity, np.int64)
        self._seen = np.zeros(capacity, np.int64)  # when, by `count`
        self.count = 0
        """Tokens seen so far."""

    @property
    def tokens(self) -> NDArray[np.int64]:
        """(n,) the token of each slot in use; -1 where it was given back."""
        return self._tokens[: len(self._slots) + len(self._free)]

    @property
    def seen(self) -> NDArray[np.int64]:
        """(n,) at which count each was seen last."""
        return self._seen[: len(self._slots) + len(self._free)]

    def find(self, token: int) -> int:
        """The slot of a token, -1 if it has none."""
        return self._slots.get(token, -1)

    def is_full(self, token: int) -> bool:
        """Whether a token has no slot and there is none left."""
        return token not in self._slots and not self._free and len(self._slots) == self.capacity

    def of(self, token: int) -> int:
        """The slot of a token that is seen now."""
        slot = self._slots.get(token, -1)
        if slot < 0:
            slot = self._free.pop() if self._free else len(self._slots)
            self._slots[token] = slot
            self._tokens[slot] = token
        self.count += 1
        self._seen[slot] = self.count
        return slot

    def release(self, window: int) -> NDArray[np.int64]:
        """Gives back the slots not seen among the last ``window`` tokens: which."""
        old: NDArray[np.int64] = np.flatnonzero(
            (self.seen <= self.count - window) & (self.tokens >= 0)
        )
        for slot in old.tolist():
            del self._slots[int(self._tokens[slot])]
            self._tokens[slot] = -1
            self._free.append(slot)
        return old

    def restore(self, tokens: NDArray[np.int64], seen: NDArray[np.int64], count: int) -> None:
        """Puts tokens (n,) and when they were seen (n,) back."""
        n = len(tokens)
        self._tokens[:n], self._seen[:n] = tokens, seen
        self._slots = {int(token): i for i, token in enumerate(tokens) if token >= 0}
        self._free = [i for i, token in enumerate(tokens) if token < 0]
        self.count = count
