"""What the store gives: conversations, their messages, and what a search found."""

from __future__ import annotations

import base64
import secrets
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Role = Literal["user", "assistant"]
Status = Literal["streaming", "done", "failed"]


def new_id() -> str:
    """A name that no other conversation or message has.

    Examples
    --------
    >>> len(new_id())
    12
    """
    return base64.urlsafe_b64encode(secrets.token_bytes(9)).decode()


@dataclass(frozen=True, slots=True)
class ConversationRecord:
    """A conversation as a list shows it.

    Parameters
    ----------
    id : str
        Its name for the program.
    name : str
        Its name for the user; empty if it has none.
    first_words : str
        The beginning of its first message, which serves where there is no name.
    created, updated : int
        Milliseconds since 1970.
    leaf : str or None
        The last message of the branch shown.
    n_messages : int
        Messages of all branches.
    """

    id: str
    name: str
    first_words: str
    created: int
    updated: int
    leaf: str | None
    n_messages: int

    def to_json(self) -> dict[str, Any]:
        """Its fields by their names."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation: a question, or an answer.

    Parameters
    ----------
    id, conversation : str
        Its name, and that of its conversation.
    parent : str or None
        The message before it; ``None`` at the beginning. Messages of one parent are versions of
        one another.
    role : {"user", "assistant"}
        Who wrote it.
    text : str
        What is shown.
    status : {"streaming", "done", "failed"}
        Whether it is being written, is complete, or could not be.
    raw : str
        A question as the model read it, with the marks around it and what was recalled before it;
        an answer as the model wrote it, with the spaces around it.
    stop_reason : str or None
        Why an answer ended.
    backend, model : str
        Who answered.
    figures : dict or None
        The figures of a `Done` event.
    problem : str or None
        Why it failed, in one sentence.
    created : int
        Milliseconds since 1970.
    """

    id: str
    conversation: str
    parent: str | None
    role: Role
    text: str
    status: Status = "done"
    raw: str = field(default="", repr=False)
    stop_reason: str | None = None
    backend: str = ""
    model: str = ""
    figures: dict[str, Any] | None = field(default=None, repr=False)
    problem: str | None = None
    created: int = 0

    def to_json(self) -> dict[str, Any]:
        """Its fields by their names, without ``raw``."""
        facts = asdict(self)
        del facts["raw"]
        return facts


@dataclass(frozen=True, slots=True)
class Said:
    """One token of an answer.

    Parameters
    ----------
    token : int
        Its number in the vocabulary.
    probability : float or None
        The model's own, of the time; ``None`` from a backend without probabilities.
    text : str
        What it added to the answer's raw text.
    """

    token: int
    probability: float | None
    text: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two branches side by side.

    Parameters
    ----------
    common : list of Message
        What both begin with.
    left, right : list of Message
        What follows in each.
    """

    common: list[Message]
    left: list[Message]
    right: list[Message]


@dataclass(frozen=True, slots=True)
class Found:
    r"""A message that a search found.

    Parameters
    ----------
    conversation, message : str
        Where it is.
    excerpt : str
        The words around the first hit; hits are between ``\x02`` and ``\x03``.
    """

    conversation: str
    message: str
    excerpt: str

    def to_json(self) -> dict[str, Any]:
        """Its fields by their names."""
        return asdict(self)
