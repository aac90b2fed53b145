"""What of the memories enters a prompt."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .items import Recalled

__all__ = ["preface", "spoken"]

_MOST = 300  # characters of one memory
_TURN = re.compile(r"^(?:User|Assistant):\s*", re.MULTILINE)


def preface(recalled: Sequence[Recalled]) -> str:
    """One paragraph for the model, the most relevant memory last; empty for no memories.

    Of seven wordings, this one made true answers likeliest (docs/memory.md).
    """
    lines = [spoken(one.item.content) for one in reversed(recalled)]
    return f"What is known: {' '.join(lines)}" if lines else ""


def spoken(content: str) -> str:
    r"""What the model reads of one memory.

    Examples
    --------
    >>> spoken("User: Who\n  was it?\nAssistant: Nobody.")
    'Who was it? Nobody.'
    """
    text = " ".join(_TURN.sub("", content).split())
    return text if len(text) <= _MOST else f"{text[: _MOST - 3].rstrip()}..."
