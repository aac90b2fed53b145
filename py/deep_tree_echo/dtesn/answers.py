"""Answers that were given before, for a while."""

from __future__ import annotations

import copy
import time
import weakref
from collections import OrderedDict
from typing import Any

from .processor_config import DTESNConfig
from .result import DTESNResult

__all__ = ["Answers", "Key"]

Key = tuple[bytes, int, int]
"""The SHA-256 of an input, the depth and the size."""


class Answers:
    """The latest results of one model; each is kept and given as a copy.

    Parameters
    ----------
    config : DTESNConfig
        Whether any are kept, how many, and how long.
    """

    def __init__(self, config: DTESNConfig) -> None:
        self._config = config
        # The oldest first, which is also the order in which they expire.
        self._kept: OrderedDict[Key, tuple[float, DTESNResult]] = OrderedDict()
        self._model: weakref.ref[Any] | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def clear(self) -> None:
        """Forgets all."""
        self._kept.clear()

    def belong_to(self, model: Any) -> None:
        """Forgets those of another model, or of none."""
        known = self._model() if self._model else None
        if known is not model or (known is None) != (self._model is None):
            self.clear()
            self._model = None if model is None else weakref.ref(model)

    def get(self, key: Key) -> DTESNResult | None:
        """A copy of what was kept and has not expired."""
        now = time.monotonic()
        ttl = self._config.cache_ttl_seconds
        while self._kept and now - next(iter(self._kept.values()))[0] >= ttl:
            self._kept.popitem(last=False)
        entry = self._kept.get(key)
        return copy.deepcopy(entry[1]) if entry else None

    def keep(self, key: Key, result: DTESNResult) -> None:
        """Keeps a copy, and lets go what is too much."""
        if not self._config.enable_caching or self._config.cache_ttl_seconds <= 0:
            return
        self._kept.pop(key, None)
        self._kept[key] = time.monotonic(), copy.deepcopy(result)
        while len(self._kept) > self._config.cache_max_entries:
            self._kept.popitem(last=False)
