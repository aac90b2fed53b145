"""A session's conversation, in memory or in a store, by the same few steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ..conversation import Conversation
from ..events import Event
from .request import find_place

if TYPE_CHECKING:
    from ..store import Chat, ConversationStore, Message

__all__ = ["Talk", "talk_of"]

Pairs = Sequence[tuple[str, str]]


class Talk(Protocol):
    """What the engine does with a conversation for one request."""

    chat: Any
    """The conversation itself: a `Conversation`, or a `Chat` of a store."""

    def place(self, pairs: Pairs) -> None:
        """Makes these turns the branch shown; those that are not known are added."""

    def say(self, text: str, preface: str) -> Iterator[Event]:
        """Answers a message there."""

    def go_on(self) -> Iterator[Event]:
        """Goes on with the last reply."""

    def take_back(self) -> None:
        """Makes the conversation what it was when the talk was made."""


class _TalkInMemory:
    """A `Conversation`."""

    def __init__(self, chat: Conversation) -> None:
        self.chat = chat
        self._moment = chat.moment()

    def place(self, pairs: Pairs) -> None:
        find_place(self.chat, pairs)

    def say(self, text: str, preface: str) -> Iterator[Event]:
        return self.chat.say(text, preface=preface)

    def go_on(self) -> Iterator[Event]:
        return self.chat.go_on()

    def take_back(self) -> None:
        self.chat.return_to(self._moment)


class _StoredTalk:
    """A `Chat` of a `ConversationStore`."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self._leaf = chat.leaf
        self._last_answer = chat.answer_id
        self._added: str | None = None
        self._went_on = False

    @property
    def _store(self) -> ConversationStore:
        return self.chat.store

    def place(self, pairs: Pairs) -> None:
        store, conversation = self._store, self.chat.id
        parent: str | None = None
        known = True
        with store.database.transaction():
            for pair in pairs:
                for role, text in zip(("user", "assistant"), pair, strict=True):
                    found = self._child(parent, role, text) if known else None
                    known = found is not None
                    if found is None:
                        found = store.add(conversation, parent, role, text)  # type: ignore[arg-type]
                        self._added = self._added or found.id
                    parent = found.id
            if parent is None:
                store.to_beginning(conversation)
            else:
                store.select(parent)

    def _child(self, parent: str | None, role: str, text: str) -> Message | None:
        wanted = text.strip() if role == "assistant" else text
        for message in reversed(self._store.children(self.chat.id, parent)):
            if message.role == role and message.text == wanted:
                return message
        return None

    def say(self, text: str, preface: str) -> Iterator[Event]:
        return self.chat.say(text, preface=preface)

    def go_on(self) -> Iterator[Event]:
        self._went_on = True
        return self.chat.go_on()

    def take_back(self) -> None:
        store, answer = self._store, self.chat.answer_id
        with store.database.transaction():
            if self._added is not None:
                store.delete_branch(self._added)
            elif not self._went_on and answer != self._last_answer and store.has_message(answer):
                question = store.message(answer).parent
                kept = {message.id for message in store.path(self._leaf)}
                store.delete_branch(answer if question is None or question in kept else question)
            if self._leaf is None:
                store.to_beginning(self.chat.id)
            else:
                store.select(self._leaf)
        self._added, self._last_answer = None, answer


def talk_of(chat: Conversation | Chat) -> Talk:
    """The steps for one request to this conversation."""
    if isinstance(chat, Conversation):
        return _TalkInMemory(chat)
    return _StoredTalk(chat)
