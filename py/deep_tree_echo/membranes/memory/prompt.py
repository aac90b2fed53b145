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

    Of seven wordings, this one made true answers likeliest (docs/memory.md).
    """
    lines = []
    for one in reversed(recalled):
        text = " ".join(_TURN.sub("", one.item.content).split())
        lines.append(text if len(text) <= _MOST else f"{text[: _MOST - 3].rstrip()}...")
    return f"What is known: {' '.join(lines)}" if lines else ""
