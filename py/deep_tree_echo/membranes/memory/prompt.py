"""What of the memories enters a prompt."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .items import Recalled

__all__ = ["preface"]

_MOST = 300  # characters of one memory
_TURN = re.compile(r"^(?:User|Assistant):\s*", re.MULTILINE)


def preface(recalled: Sequence[Recalled]) -> str:
    """One paragraph for the model, the most relevant memory last; empty for no memories.

    It begins as a user's turn does, for the models at hand know nothing but talks.
    """
    lines = []
    for one in reversed(recalled):
        text = " ".join(_TURN.sub("", one.item.content).split())
        lines.append(text if len(text) <= _MOST else f"{text[: _MOST - 3].rstrip()}...")
    return f"User: {' '.join(lines)}" if lines else ""
