"""What is asked of the engine, checked, and where in its conversation that belongs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

from ..backends.chain import Chain
from ..backends.router import Router
from ..config import EngineConfig
from ..context import CognitiveContext
from ..conversation import Conversation
from ..errors import ArgumentError, EchoError
from ..sampling import SamplingSettings
from ..turns import Turn

__all__ = ["Request", "checked_request", "find_place", "keep_within"]

_SETTINGS = frozenset(field.name for field in fields(SamplingSettings))


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the engine.

    Parameters
    ----------
    context : CognitiveContext
        What was asked.
    settings : SamplingSettings
        How tokens are chosen: ``metadata["settings"]`` over the engine's own.
    max_tokens : int
        Most tokens of the answer: ``metadata["max_tokens"]``, or the engine's own.
    history : tuple of (str, str)
        The messages and replies before, oldest first.
    continues : str or None
        The reply so far that is to go on, ``metadata["continues"]``; ``None`` for a new one.
    """

    context: CognitiveContext
    settings: SamplingSettings
    max_tokens: int
    history: tuple[tuple[str, str], ...]
    continues: str | None


def checked_request(context: CognitiveContext, config: EngineConfig) -> Request:
    """A request, if the engine can take it.

    Raises
    ------
    ArgumentError
        If it cannot.
    """
    if not isinstance(context, CognitiveContext):
        raise ArgumentError(
            f"context is of type {type(context).__name__}; give a CognitiveContext."
        )
    metadata = context.metadata
    chosen = metadata.get("settings", {})
    if not isinstance(chosen, Mapping):
        raise ArgumentError(f"metadata['settings'] is {chosen!r:.80}; give a dictionary.")
    for name in chosen:
        if name not in _SETTINGS:
            known = ", ".join(sorted(_SETTINGS))
            raise ArgumentError(f"metadata['settings'] has {name!r}; there are {known}.")
    max_tokens = metadata.get("max_tokens", config.max_tokens)
    if type(max_tokens) is not int or max_tokens < 0:
        raise ArgumentError(
            f"metadata['max_tokens'] is {max_tokens!r}; it must be an integer of at least 0."
        )
    continues = metadata.get("continues")
    if continues is not None and not isinstance(continues, str):
        raise ArgumentError(f"metadata['continues'] is {continues!r:.80}; give a text.")
    settings = replace(config.sampling, **chosen)
    return Request(context, settings, max_tokens, _pairs(context), continues)


def _pairs(context: CognitiveContext) -> tuple[tuple[str, str], ...]:
    """The history in pairs of a message and its reply."""
    texts = []
    for index, said in enumerate(context.conversation_history):
        name = f"conversation_history[{index}]"
        if not isinstance(said, Mapping):
            raise ArgumentError(f"{name} is {said!r:.80}; give a dictionary.")
        wanted = "assistant" if index % 2 else "user"
        if said.get("role") != wanted:
            raise ArgumentError(
                f"{name} has the role {said.get('role')!r:.80}; it must be {wanted!r}, for roles "
                "take turns and the user begins."
            )
        content = said.get("content")
        if not isinstance(content, str) or (wanted == "user" and not content.strip()):
            raise ArgumentError(f"{name} has the content {content!r:.80}; give a text.")
        texts.append(content)
    if len(texts) % 2:
        raise ArgumentError(
            f"conversation_history[{len(texts) - 1}] has no reply; give it, or leave the message "
            "out."
        )
    return tuple(zip(texts[::2], texts[1::2], strict=True))


def find_place(chat: Conversation, pairs: Sequence[tuple[str, str]]) -> None:
    """Makes these turns the branch shown; those that the conversation does not know are added."""
    node: Turn | None = None
    known = 0
    for user, reply in pairs:
        found = _child(chat, node, user, reply)
        if found is None:
            break
        node, known = found, known + 1
    chat.current = node
    for user, reply in pairs[known:]:
        # It may go on: nobody knows why it ended.
        chat.recall(user, reply, "length")


def _child(chat: Conversation, parent: Turn | None, user: str, reply: str) -> Turn | None:
    """The turn after ``parent`` with these texts; the latest of several."""
    for turn in reversed(chat.all_turns):
        if turn.parent is parent and (turn.user, turn.reply) == (user, reply.strip()):
            return turn
    return None


def keep_within(chat: Conversation, chain: Chain | Router, text: str, limit: int) -> None:
    """Goes back to a shorter talk where a message would lead beyond ``limit`` tokens.

    The latest turns that fit in half of it with the message are then read anew; the other half
    is for what follows.

    Raises
    ------
    ArgumentError
        If the message alone is too long.
    """
    message = _tokens(chain, text)
    if message > limit:
        raise ArgumentError(
            f"user_input has {message} tokens, and context_length is {limit}; shorten it."
        )
    if chat.current is None:
        return
    place = chat.current.answered
    read = place.position.context_tokens if place.position else 0
    if read + _tokens(chain, place.unread) + message <= limit:
        return
    room = limit // 2 - message
    kept: list[Turn] = []
    for turn in reversed(chat.turns):
        room -= _tokens(chain, f"User: {turn.user}\n\nAssistant: {turn.reply}\n\n")
        if room < 0:
            break
        kept.append(turn)
    chat.current = None
    for turn in reversed(kept):
        chat.recall(turn.user, turn.reply, turn.stop_reason)


def _tokens(chain: Chain | Router, text: str) -> int:
    """How many tokens a text has; the mock's are words."""
    try:
        model = getattr(chain.backend, "model", None)
    except EchoError:
        model = None
    return len(text.split()) if model is None else len(model.encode(text))
