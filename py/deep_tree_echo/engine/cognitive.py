"""The engine: a context goes in, typed events come out."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Collection, Generator, Sequence
from typing import TYPE_CHECKING, Any

from .. import platform
from ..backends.chain import Chain
from ..backends.router import Router
from ..config import EngineConfig
from ..context import CognitiveContext
from ..conversation import Conversation
from ..errors import ArgumentError, EchoError
from ..events import Event
from ..guidance import Guidance
from ..membranes.base import Grammar, Memory, Reasoning
from .membranes import MembraneSteps
from .passage import Ask, Passage
from .report import Tally, summary
from .request import Request, checked_request
from .sessions import Session, Sessions

if TYPE_CHECKING:
    from ..store import Chat, ConversationStore

__all__ = ["CognitiveEngine"]


class CognitiveEngine:
    """Turns contexts into answers: membranes prepare, the model answers, membranes look back.

    Every session is a `Conversation`: what the model has read once is not read again. Sessions
    may be answered in turns; each gives one answer at a time.

    Parameters
    ----------
    chain : Chain or Router
        Who answers. It may be replaced at any time between answers.
    store : ConversationStore, optional
        Keeps the sessions: each is the conversation of its name, there again after a restart.
    memory : Memory, optional
        Recalls before an answer and learns from it.
    reasoning : Reasoning, optional
        Plans, and answers by branches where that is worth it.
    grammar : Grammar, optional
        Keeps answers within a grammar or schema.
    adaptation : Guidance, optional
        What was learned from the user's own text.
    config : EngineConfig, optional
        The settings.
    clock : callable
        Gives seconds for the sessions' time-out; only differences matter.

    Examples
    --------
    >>> from deep_tree_echo import Chain, CognitiveContext, ModelFile
    >>> engine = CognitiveEngine(Chain.load(ModelFile.from_bytes("none", b""), "mock"))
    >>> events = list(engine.process(CognitiveContext("session_1", "Hello")))
    >>> events[-1].type, events[-1].backend_used, events[-1].fallback_mode
    ('done', 'mock', True)
    >>> events[-1].integrated_response.split()[0], events[-1].overall_confidence
    ('[mock]', None)
    """

    def __init__(
        self,
        chain: Chain | Router,
        *,
        store: ConversationStore | None = None,
        memory: Memory | None = None,
        reasoning: Reasoning | None = None,
        grammar: Grammar | None = None,
        adaptation: Guidance | None = None,
        config: EngineConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.chain = chain
        self.store = store
        self.memory = memory
        self.reasoning = reasoning
        self.grammar = grammar
        self.adaptation = adaptation
        self.config = config or EngineConfig()
        if store is not None and self.config.context_length is not None:
            raise ArgumentError(
                f"context_length is {self.config.context_length}, and a store keeps whole talks; "
                "give None, or no store."
            )
        self._known_model: Any = None
        self._on_close: list[Callable[[], object]] = []
        self._sessions = Sessions(self.config, self._new_chat, clock)
        self._tally = Tally()

    @classmethod
    async def load(
        cls, config: EngineConfig | None = None, *, store: ConversationStore | None = None
    ) -> CognitiveEngine:
        """Loads the model of a configuration, and what it enables beside it.

        Parameters
        ----------
        config : EngineConfig, optional
            The settings.
        store : ConversationStore, optional
            Keeps the sessions, and the memories and calibrations if there is no ``database_path``.

        Raises
        ------
        ArgumentError
            If there is no such file.
        EchoError
            If nobody can load the model, or the database cannot be opened.
        """
        from .loading import load_engine

        return await load_engine(config or EngineConfig(), store)

    @property
    def sessions(self) -> list[Session]:
        """The sessions that are known, in the order of their first request."""
        return list(self._sessions)

    def conversation(self, session_id: str) -> Conversation | Chat | None:
        """What was said in a session, or ``None`` if it is not known."""
        session = self._sessions.find(session_id)
        return session.chat if session else None

    def process(
        self,
        context: CognitiveContext,
        *,
        watch: Collection[str] = (),
        chat: Conversation | Chat | None = None,
        ask: Ask | None = None,
        guidance: Sequence[Guidance] = (),
    ) -> Generator[Event, None, None]:
        """Answers a context.

        Parameters
        ----------
        context : CognitiveContext
            The request. Of its ``metadata`` the engine itself knows ``settings`` (the fields of
            `SamplingSettings`), ``max_tokens`` and ``continues``: the reply so far to
            ``user_input``, if it is to go on. A ``conversation_history`` that is not empty says
            where in the session the message belongs; what of it is not known is added.
        watch : collection of str
            ``reservoir``, if somebody wants to see its events.
        chat : Conversation or Chat, optional
            One of the caller's own, already where the message belongs, in place of a session.
        ask : callable, optional
            Asks it in the caller's own way, such as ``lambda preface: chat.go_on()``; the reasoning
            membrane then has no part in the answer.
        guidance : sequence of Guidance
            What the caller has to say in each token, before all others.

        Yields
        ------
        Event
            ``membrane``, ``prompt``, ``token``, ``metrics``, ``reservoir``, ``fallback``, those of
            the reasoning membrane, and at the end one `Result` (``done``). An ``error`` ends an
            answer that could not be made; the session and the memories are then as they were, as
            they are when the iteration is left.

        Raises
        ------
        ArgumentError
            At once, for a value that is out of range, or if an answer is under way in this session.
        LimitError
            At once, if there are too many sessions.
        """
        request = checked_request(context, self.config)
        if chat is not None:
            session = self._sessions.around(chat, context.session_id)
            return self._run(request, session, watch, ask, guidance)
        self._sessions.check(context.session_id)
        return self._run(request, None, watch, ask, guidance)

    async def aprocess(
        self, context: CognitiveContext, *, watch: Collection[str] = ()
    ) -> AsyncIterator[Event]:
        """As `process`, for asyncio: between two events the loop does what waits."""
        events = self.process(context, watch=watch)
        try:
            for event in events:
                yield event
                await platform.breathe()
        finally:
            events.close()

    def stop(self, session_id: str) -> None:
        """Ends the answer under way in a session, if there is one; what was said counts."""
        session = self._sessions.find(session_id)
        if session is not None and session.is_busy:
            session.is_stopped = True
            session.chat.stop()

    def forget(self, session_id: str) -> None:
        """Ends a session and gives its memory back; an answer under way is stopped."""
        self.stop(session_id)
        self._sessions.forget(session_id)

    def summary(self) -> dict[str, Any]:
        """What the engine has done so far, and each backend of a `Router`."""
        return summary(self._tally, self.chain)

    def close(self) -> None:
        """Ends all sessions and gives the model's memory back."""
        for session in self._sessions:
            self.forget(session.id)
        self.chain.close()
        while self._on_close:
            self._on_close.pop()()

    def on_close(self, call: Callable[[], object]) -> None:
        """Has `close` call this, too; the latest comes first."""
        self._on_close.append(call)

    def _run(
        self,
        request: Request,
        own: Session | None,
        watch: Collection[str],
        ask: Ask | None,
        guidance: Sequence[Guidance],
    ) -> Generator[Event, None, None]:
        context = request.context
        session = own or self._sessions.open(context.session_id)
        reasoning = self.reasoning if ask is None else None
        try:
            self._tell_the_model()
            steps = MembraneSteps(context, self.memory, reasoning, self.grammar)
            adaptation = () if self.adaptation is None else (self.adaptation,)
            yield from Passage(
                request,
                session,
                self.chain,
                steps,
                adaptation,
                self.config,
                self._tally,
                watch,
                lambda: self._sessions.n_busy,
                guidance,
                own is not None,
                ask,
            ).events()
        finally:
            if own is None:
                self._sessions.leave(session)
                if self.store is not None and self._sessions.find(session.id) is None:
                    self._forget_empty(self.store, session.id)

    def _tell_the_model(self) -> None:
        """Lets the memory know whose states it may look into."""
        use_model = getattr(self.memory, "use_model", None)
        if use_model is None:
            return
        try:
            model = getattr(self.chain.backend, "model", None)
        except EchoError:
            return  # the answer will say why
        if model is not self._known_model:
            self._known_model = model
            use_model(model)

    def _new_chat(self, name: str) -> Conversation | Chat:
        chain = self.chain
        if self.store is None:
            return Conversation(chain, state_budget_mb=self.config.state_budget_mb)
        try:
            return self.store.chat(name, chain)
        except ArgumentError:
            return self.store.chat(self.store.create(id=name), chain)

    @staticmethod
    def _forget_empty(store: ConversationStore, name: str) -> None:
        """Deletes the conversation of a session that was made for an answer that never came."""
        if not store.children(name, None):
            store.delete(name)
