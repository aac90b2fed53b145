"""The tokens of an answer under way, each with what it added to the text."""

from __future__ import annotations

from collections.abc import Sequence

from ..events import Branch, Event, Fallback, Token
from .records import Said


class Saying:
    """Follows the events of an answer.

    Parameters
    ----------
    begun_with : sequence of Said
        What the answer has already.

    Examples
    --------
    >>> saying = Saying()
    >>> saying.take(Token("Once", 7, 0.5, 0), " Once")
    Said(token=7, probability=0.5, text=' Once')
    """

    def __init__(self, begun_with: Sequence[Said] = ()) -> None:
        self._begun_with = begun_with
        self.drawn = False
        """Whether the answer is chosen among several: its first token finds all its text."""
        self._restart()

    def _restart(self) -> None:
        self.tokens = list(self._begun_with)
        self.length = sum(len(said.text) for said in self._begun_with)
        """Characters of the text that the tokens have added."""

    def take(self, event: Event, written: str) -> Said | None:
        """The token that an event brings, if any; ``written`` is the answer's text so far."""
        if isinstance(event, Fallback):
            self.drawn = False
            self._restart()
        elif isinstance(event, Branch):
            self.drawn = True
        elif isinstance(event, Token):
            # The first event of an answer leaves out the spaces before it, so its text is not all.
            added = written[self.length :]
            if self.drawn:
                found = added.find(event.text) if event.text else -1
                added = added[: found + len(event.text)] if found >= 0 else ""
            said = Said(event.id, event.probability, added)
            self.length += len(added)
            self.tokens.append(said)
            return said
        return None
