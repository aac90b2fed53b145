"""The turns of a chat, and the places in its text that they begin and end at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .backends.chain import Position
from .events import StopReason

__all__ = ["Moment", "Place", "Turn"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a text goes on: what the model has read, and what it has yet to read.

    Parameters
    ----------
    position : Position or None
        What has been read; ``None`` for nothing.
    unread : str
        The text after it that nobody has read so far.
    """

    position: Position | None
    unread: str = ""


@dataclass(eq=False, slots=True)
class Turn:
    """A message and the reply to it.

    Parameters
    ----------
    id : int
        Its number in the conversation, from 1.
    parent : Turn or None
        The turn before it; ``None`` for the first one. Turns of the same parent are versions of
        one another: regenerated replies, edited messages.
    user, reply : str
        The texts.
    raw : str
        The reply as the model wrote it, with the spaces around it.
    asked, answered : Place
        Before the reply and after it.
    stop_reason : str
        Why the reply ended.
    backend, model : str
        Who wrote it.
    """

    id: int
    parent: Turn | None = field(repr=False)
    user: str
    asked: Place = field(repr=False)
    reply: str = ""
    raw: str = field(default="", repr=False)
    answered: Place = field(default_factory=lambda: Place(None), repr=False)
    stop_reason: StopReason = "end"
    backend: str = ""
    model: str = ""

    @property
    def context_tokens(self) -> int:
        """Tokens that the model has read up to the end of the reply."""
        position = self.answered.position
        return position.context_tokens if position else 0

    def to_json(self) -> dict[str, Any]:
        """The turn without its states."""
        return {
            "id": self.id,
            "parent": self.parent.id if self.parent else None,
            "user": self.user,
            "reply": self.reply,
            "stop_reason": self.stop_reason,
            "backend": self.backend,
            "model": self.model,
            "context_tokens": self.context_tokens,
        }


@dataclass(frozen=True, slots=True)
class Moment:
    """A conversation at one moment, to return to.

    Parameters
    ----------
    n_turns : int
        How many turns it had, of all branches.
    current, copy : Turn or None
        The last turn of the branch shown, and what it was then.
    """

    n_turns: int
    current: Turn | None
    copy: Turn | None
