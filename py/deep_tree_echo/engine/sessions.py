"""The sessions of an engine: each is a conversation, and there are only so many."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..config import EngineConfig
from ..conversation import Conversation
from ..errors import ArgumentError, LimitError
from .activity import Echo

if TYPE_CHECKING:
    from ..store import Chat

__all__ = ["Session", "Sessions"]


@dataclass(eq=False, slots=True)
class Session:
    """One session.

    Parameters
    ----------
    id : str
        Its name.
    chat : Conversation or Chat
        What was said, in memory or in a store.
    echo : Echo
        The reservoir that its tokens drive.
    used : float
        When it was last used, by the engine's clock.
    is_busy : bool
        Whether an answer is under way.
    is_stopped : bool
        Whether that answer is to end.
    n_answers : int
        How many it has had.
    """

    id: str
    chat: Conversation | Chat
    echo: Echo
    used: float
    is_busy: bool = False
    is_stopped: bool = False
    n_answers: int = 0


class Sessions:
    """All sessions of an engine, by their names.

    Parameters
    ----------
    config : EngineConfig
        Their limits.
    new_chat : callable
        Gives the conversation of a session by its name.
    clock : callable
        Gives seconds; only differences matter.
    """

    def __init__(
        self,
        config: EngineConfig,
        new_chat: Callable[[str], Conversation | Chat],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._new_chat = new_chat
        self._clock = clock
        self._sessions: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._sessions.values()))

    def find(self, name: str) -> Session | None:
        """A session, if it is known."""
        return self._sessions.get(name)

    @property
    def n_busy(self) -> int:
        """In how many an answer is under way."""
        return sum(session.is_busy for session in self._sessions.values())

    def check(self, name: str) -> None:
        """Whether a request for this session can be taken now.

        Raises
        ------
        ArgumentError
            If an answer is under way in it.
        LimitError
            If it would be one session too many.
        """
        self._forget_old()
        session = self._sessions.get(name)
        if session is not None and session.is_busy:
            raise ArgumentError(
                f"session_id is {name!r}; an answer is under way in that session, stop it or let "
                "it end first."
            )
        limit = self._config.session_limit
        free = [other for other in self._sessions.values() if not other.is_busy]
        can_forget = self._config.when_full == "forget" and free
        if session is None and len(self._sessions) >= limit and not can_forget:
            raise LimitError(
                f"There are {limit} sessions already, which is the limit; end one, or wait "
                f"{self._config.session_timeout_s:g} s until one is forgotten."
            )

    def open(self, name: str) -> Session:
        """The session, made if it is new, and busy from now on; raises as `check` does."""
        self.check(name)
        session = self._sessions.get(name)
        if session is None:
            if len(self._sessions) >= self._config.session_limit:
                free = [other for other in self._sessions.values() if not other.is_busy]
                self.forget(min(free, key=lambda other: other.used).id)
            echo = Echo(self._config.reservoir_size)
            session = Session(name, self._new_chat(name), echo, self._clock())
            self._sessions[name] = session
        session.is_busy, session.is_stopped = True, False
        return session

    def around(self, chat: Conversation | Chat, name: str) -> Session:
        """A session that is not kept, around a conversation of somebody else's."""
        return Session(name, chat, Echo(self._config.reservoir_size), self._clock())

    def leave(self, session: Session) -> None:
        """Ends the answer under way; a session that has never had one is forgotten."""
        session.is_busy = False
        session.used = self._clock()
        if not session.n_answers:
            self.forget(session.id)

    def forget(self, name: str) -> None:
        """Forgets a session; harmless for one that is not known."""
        self._sessions.pop(name, None)

    def _forget_old(self) -> None:
        before = self._clock() - self._config.session_timeout_s
        for session in list(self._sessions.values()):
            if not session.is_busy and session.used < before:
                self.forget(session.id)
