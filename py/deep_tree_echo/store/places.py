"""Where a model goes on from in a stored conversation: the nearest state, and the text since."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..backends.base import Backend
from ..backends.chain import Position
from ..conversation import separator
from ..turns import Place
from .records import Message

if TYPE_CHECKING:
    from .conversations import ConversationStore

Near = Callable[[str], Position | None]
"""Where a model stood after a message, by the message's id, where that is in memory."""


def model_of(backend: Backend) -> Any:
    """The model in memory; ``None`` where there is none, as of the mock."""
    return getattr(backend, "model", None)


def texts_of(path: Sequence[Message], opening: str = "") -> list[str]:
    """What a model reads of these messages: ``opening``, and then one text for each."""
    texts = [opening]
    for message in path:
        before = separator(texts[-1]) if len(texts) > 1 and message.role == "user" else ""
        texts.append(before + message.raw)
    return texts


def place_after(
    store: ConversationStore,
    message: str | None,
    backend: Backend,
    *,
    opening: str = "",
    separated: bool = True,
    near: Near | None = None,
) -> Place:
    """Where the model of ``backend`` stands after a message; what it has not read follows.

    Parameters
    ----------
    store : ConversationStore
        Where the message and the states are.
    message : str or None
        Its id; ``None`` for the beginning.
    backend : Backend
        Whose states may be used.
    opening : str
        What the model reads before the first message.
    separated : bool
        The next message is to follow, so the empty line before it is added.
    near : callable, optional
        Positions in memory.
    """
    path = store.path(message)
    texts = texts_of(path, opening)
    if path and separated:
        texts.append(separator(texts[-1]))
    for index in range(len(path) - 1, -1, -1):
        id = path[index].id
        position = near(id) if near else None
        if position is None:
            kept = store.states.at_end(id, model_of(backend))
            if kept is None:
                continue
            read = "".join(texts[: index + 2])
            position = Position(read, kept.context_tokens, backend, kept.reading)
        return Place(position, "".join(texts[index + 2 :]))
    return Place(None, "".join(texts))


def place_inside(
    store: ConversationStore,
    answer: Message,
    n_tokens: int,
    backend: Backend,
    *,
    opening: str = "",
    near: Near | None = None,
) -> Place:
    """Where the model of ``backend`` stands after the first ``n_tokens`` of an answer."""
    tokens = store.tokens(answer.id)
    if n_tokens == len(tokens):
        options: dict[str, Any] = {"opening": opening, "separated": False, "near": near}
        return place_after(store, answer.id, backend, **options)
    raw = "".join(said.text for said in tokens[:n_tokens])
    kept = store.states.before(answer.id, n_tokens, model_of(backend))
    if kept is None or kept.characters > len(raw):
        asked = place_after(
            store, answer.parent, backend, opening=opening, separated=False, near=near
        )
        return Place(asked.position, asked.unread + raw)
    read = "".join(texts_of(store.path(answer.parent), opening)) + raw[: kept.characters]
    position = Position(read, kept.context_tokens, backend, kept.reading)
    return Place(position, raw[kept.characters :])


def text_of(place: Place) -> str:
    """Everything up to a place, read or not."""
    return (place.position.text if place.position else "") + place.unread
