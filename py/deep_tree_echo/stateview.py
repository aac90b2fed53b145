"""A state as JavaScript takes it: facts as JSON, arrays one by one."""

from __future__ import annotations

import json
from typing import Any


class StateView:
    """A `StateMap` whose arrays JavaScript takes one by one."""

    def __init__(self, state: Any, before: Any, layer: int, head: int, tokens: int) -> None:
        # Only where there is a state to show is there NumPy to show it with.
        from .statemap import state_map

        version = state.shape.architecture
        self._map = state_map(state, layer, head, before=before, version=version)
        self._facts = {"tokens": tokens, "change": before is not None}

    def facts(self) -> str:
        """Sizes and places, as JSON."""
        return json.dumps(self._map.facts() | self._facts)

    def array(self, name: str) -> Any:
        """``overview``, ``detail``, ``spectrum`` or ``norms``: flat float32."""
        return getattr(self._map, name).reshape(-1)
