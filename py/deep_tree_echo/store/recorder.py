"""Keeps an answer while it comes: each token, and the model's state every few of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from ..backends.chain import Position
from ..conversation import Conversation
from ..errors import EchoError, FileError
from ..events import Done, Error, Event, Fallback, Prompt
from .saying import Saying

if TYPE_CHECKING:
    from .conversations import ConversationStore

SNAPSHOT_TOKENS = 16
"""A state is kept every so many tokens of an answer."""


class Recorder:
    """Keeps one answer of a `ConversationStore` while it comes.

    Parameters
    ----------
    store : ConversationStore
        Where the answer is; it has been added there.
    answer : str
        Its id. What it has already goes on.
    before : str, optional
        Everything that the model knows from before the question; from it follows what the model
        has read of the question, which may be more than its text.
    snapshot_tokens : int or None
        A state is kept every so many tokens; ``None``: only at the end of the answer.

    Notes
    -----
    Each token is kept before its event is passed on. If that fails, as on a full disk, the
    states make room, for a text is worth more; if it fails again the answer goes on, nothing
    more of it is kept, and ``trouble`` says why.
    """

    def __init__(
        self,
        store: ConversationStore,
        answer: str,
        *,
        before: str | None = None,
        snapshot_tokens: int | None = SNAPSHOT_TOKENS,
    ) -> None:
        self.trouble: str | None = None
        """Why something could not be kept, in one sentence."""
        self._store = store
        self._answer = answer
        self._question = store.message(answer).parent
        self._before = before
        self._every = snapshot_tokens
        self._begun_with = store.tokens(answer)
        self._saying = Saying(self._begun_with)
        self._ended = False
        store.begin(answer)

    def catch_up(self, saying: Saying, asked: Position | None) -> None:
        """Keeps what was said before the answer was in the store.

        Parameters
        ----------
        saying : Saying
            All of it.
        asked : Position or None
            Where the model stood once it had read the question.
        """
        self._saying, self._begun_with = saying, []
        self._asked(asked)
        self._try(lambda: self._store.unsaid(self._answer, saying.tokens))

    def follow(self, events: Iterator[Event], talk: Conversation) -> Iterator[Event]:
        """The events of the answer, each kept before it is given on.

        Parameters
        ----------
        events : iterator of Event
            What `Conversation.say` and its like give.
        talk : Conversation
            Who gives them.
        """
        left = False
        try:
            for event in events:
                self._take(event, talk)
                yield event
        except GeneratorExit:
            left = True
            raise
        except EchoError as error:
            self._end(None, status="failed", problem=str(error))
            raise
        finally:
            # Closing the events of an answer that was left ends its turn. Where all is collected
            # at once the model may be gone by then, and nobody is there to hear of it.
            with contextlib.ExitStack() as stack:
                if left:
                    stack.enter_context(contextlib.suppress(EchoError))
                _close(events)
                self.end(talk)

    def end(self, talk: Conversation, done: Done | None = None) -> None:
        """The answer has ended; a second time does nothing."""
        turn = talk.current
        if self._ended or turn is None:
            return
        figures = None
        if done is not None:
            # What more an engine's result holds, such as every candidate's tokens, is large.
            known = {field.name for field in fields(Done)} - {"type", "text"}
            figures = {name: one for name, one in done.to_json().items() if name in known}
        self._end(
            turn.raw,
            stop_reason=turn.stop_reason,
            backend=turn.backend,
            model=turn.model,
            figures=figures,
        )
        if turn.answered.position is not None and not turn.answered.unread:
            self._keep(self._answer, -1, len(turn.raw), turn.answered.position)

    def _take(self, event: Event, talk: Conversation) -> None:
        said = self._saying.take(event, talk.written)
        if said is not None:
            at = len(self._saying.tokens)
            self._try(lambda: self._store.said(self._answer, at - 1, said))
            # Of an answer that was chosen among several only the end's state is there.
            if self._every and at % self._every == 0 and not self._saying.drawn:
                self._keep(self._answer, at, self._saying.length, talk.position)
        elif isinstance(event, Prompt):
            if event.done == event.total and not self._begun_with:
                self._asked(talk.position)
        elif isinstance(event, Fallback):
            self._try(lambda: self._store.unsaid(self._answer, self._begun_with))
        elif isinstance(event, Done):
            self.end(talk, event)
        elif isinstance(event, Error):
            self._end(None, status="failed", problem=event.message)

    def _asked(self, position: Position | None) -> None:
        """The question has been read."""
        if position is None or self._question is None:
            return
        if self._before is not None and position.text.startswith(self._before):
            read, question = position.text[len(self._before) :], self._question
            self._try(lambda: self._store.read(question, read))
        if self._every:
            self._keep(self._question, -1, 0, position)

    def _keep(
        self, message: str, n_tokens: int, characters: int, position: Position | None
    ) -> None:
        """Keeps where the model stands; that it cannot be kept only costs time later."""
        if position is None or self.trouble is not None:
            return
        with contextlib.suppress(FileError):
            self._store.states.keep(
                message, n_tokens, characters, position.context_tokens, position.state
            )

    def _end(self, raw: str | None, **facts: Any) -> None:
        self._ended = True
        tokens = self._saying.tokens
        written = "".join(said.text for said in tokens) if raw is None else raw

        def finish() -> None:
            # It may have been deleted meanwhile.
            if self._store.has_message(self._answer):
                self._store.finish(self._answer, written, tokens, **facts)

        self._try(finish)

    def _try(self, write: Callable[[], object]) -> None:
        if self.trouble is not None:
            return
        try:
            write()
        except FileError:
            try:
                self._store.states.forget()
                write()
            except FileError as error:
                self.trouble = str(error)


def follow_late(
    find: Callable[[], Recorder | None], events: Iterator[Event], talk: Conversation
) -> Iterator[Event]:
    """The events of an answer that may not be in the store yet; it is kept from then on, whole.

    Parameters
    ----------
    find : callable
        Gives its recorder, once it is there.
    events, talk
        As of `Recorder.follow`.
    """
    saying = Saying()
    asked: Position | None = None
    try:
        for event in events:
            if (recorder := find()) is not None:
                recorder.catch_up(saying, asked)
                yield from recorder.follow(_with_first(event, events), talk)
                return
            saying.take(event, talk.written)
            if isinstance(event, Prompt) and event.done == event.total:
                asked = talk.position
            yield event
    finally:
        with contextlib.suppress(EchoError):
            _close(events)


def _with_first(event: Event, events: Iterator[Event]) -> Iterator[Event]:
    try:
        yield event
        yield from events
    finally:
        _close(events)


def _close(events: Iterator[Event]) -> None:
    close = getattr(events, "close", None)
    if close:
        close()
