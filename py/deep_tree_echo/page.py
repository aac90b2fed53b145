"""The page's door: the worker calls it with JSON text and takes events and state maps back.

The page owns the talks and names every message; what the model has read of them is kept here and
may be forgotten at any time, for the page sends the whole talk with every question.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from . import platform
from .backends.base import ModelFile
from .backends.chain import Chain, backend_class
from .budget import Budget
from .context import CognitiveContext
from .conversation import Conversation, Place, Turn
from .engine.cognitive import CognitiveEngine
from .engine.events import Membrane
from .engine.passage import Ask
from .errors import (
    ArgumentError,
    BackendError,
    EchoError,
    FileError,
    UnsupportedModelError,
)
from .events import Branch, Choice, Done, Error, Event, Failure, Token
from .pageadaptation import PageAdaptation
from .pagemembranes import FORMS, Account, PageReasoning, check_branch, check_form
from .pagememories import PageMemories
from .pagereread import PageReread
from .pagestore import PageStore
from .pagewords import PageWords, model_of
from .preview import Preview, head_places, look
from .sampling import SamplingSettings
from .stateview import StateView

if TYPE_CHECKING:
    from .guidance import Guidance
    from .membranes.base import Memory
    from .reservoirview import ReservoirView

LIMIT_MB = 600
"""The page's promise: everything together stays below it."""

WORTH_ROUNDING = 8_000_000
"""Bytes that rounding a head must save; below, nobody would notice."""

MOST_TALKS = 4
"""Talks whose states are kept; older ones are read again when they go on."""

MOST_BRANCHES = 8
"""Candidates for one answer."""

STATES_MB = 16
"""Memory for the earlier states of one talk."""

_INSIDE = (
    "memory_response",
    "reasoning_response",
    "grammar_response",
)
"""Fields of a result that the page has in the account of the membranes."""

Open = Callable[[], Any]
"""Starts a file from its first byte: an asynchronous iterable of JavaScript's byte arrays."""


@dataclass(frozen=True, slots=True)
class _Known:
    """Where the model has read an answer: the talk and its turn there."""

    talk: Conversation
    turn: Turn


class Page:
    """Everything the page's worker can ask for.

    Examples
    --------
    >>> import asyncio
    >>> page = Page()
    >>> loaded = json.loads(asyncio.run(page.load("none", 0, lambda: [], "mock")))
    >>> loaded["backend"]
    'mock'
    >>> question = {"turns": [{"id": "q", "role": "user", "text": "Hello"}], "answerId": "a"}
    >>> page.begin(json.dumps(question | {"continues": False, "settings": {"max_tokens": 4}}))
    >>> events = []
    >>> while slice := json.loads(page.pump(1.0)):
    ...     events += slice
    >>> events[-1]["type"], events[-1]["backend"]
    ('done', 'mock')
    """

    def __init__(self) -> None:
        self.words = PageWords()
        self.store = PageStore()
        self.memories = PageMemories(self.store)
        self.memories.unread = self._unread
        self.adaptation = PageAdaptation(self.store)
        self._budget = Budget(LIMIT_MB, self.words.kept)
        self._chain: Chain | None = None
        self._engine: CognitiveEngine | None = None
        self._head: str | None = None
        self._missing: list[Failure] = []
        self._known: dict[str, _Known] = {}
        self._talks: list[Conversation] = []
        self._talk: Conversation | None = None
        self._events: Iterator[Event] | None = None
        self._answer_id = ""
        self._account = Account()
        self._reasoning = PageReasoning()
        self._follows = False
        self._recent: deque[Any] = deque(maxlen=2)
        self._looked: tuple[object, Preview | None] | None = None

    async def load_bundled(self, missing: str = "{}") -> str:
        """Loads the model that came with the page, or the mock where there is none.

        Parameters
        ----------
        missing : str
            JSON: the parts of the page that could not be fetched, each with its reason; one may
            be ``relaxed SIMD``, without which libecho is only slower.

        Returns
        -------
        str
            JSON of what answers now.
        """
        for part, reason in json.loads(missing).items():
            self._missing.append(Failure(part, reason))
        path = platform.bundled_model_path()
        if not path.is_file():
            return await self._use(ModelFile.from_bytes("none", b""), "mock")
        return await self._use(ModelFile.from_path(path), "auto")

    async def load(
        self,
        name: str,
        size: int | None,
        open_file: Open,
        backend: str = "auto",
        head: str | None = None,
        first: Any = None,
        ends: Any = None,
        rows: Any = None,
    ) -> str:
        """Loads a model file; the one in use stays until the new one is ready, and if it fails.

        Parameters
        ----------
        name : str
            What the user sees.
        size : int or None
            Bytes in the file, if known.
        open_file : callable
            Starts it from its first byte, as often as backends are tried.
        backend : str
            ``auto``, or a single backend.
        head : str, optional
            Requantises the head to this type where that saves much.
        first, ends : JavaScript's byte arrays, optional
            The file's beginning, and what it has at the `head_places`; from them its needs are
            known before it is read. Without them its head stays as it is.
        rows : JavaScript's object, optional
            The file to read again while the model is in use, so that a large embedding stays
            there; see `PageReread`.

        Raises
        ------
        RoomError
            If the model fits only without the one in use.
        EchoError
            With one sentence.
        """

        async def chunks() -> AsyncIterator[bytes]:
            async for piece in open_file():
                yield piece.to_bytes()

        again = None if rows is None else partial(PageReread, name, rows)
        preview = None
        if first is not None:
            preview = self._look(name, size, first, head, ends, again is not None)
        head = preview.head if preview else None
        loaded = await self._use(ModelFile(name, size, chunks, head, again), backend, preview)
        if rows is not None and not self._ready().backend.description.get("outside_bytes"):
            rows.close()
        return loaded

    async def _use(self, file: ModelFile, backend: Any, preview: Preview | None = None) -> str:
        with contextlib.suppress(BackendError):
            backend_class("rwkv_cpp")  # so that what it imports counts as the program
        self._budget.begin()
        before = platform.heap().in_use
        # The bundled model has no limit: it is the way out when there is room for nothing else.
        bundled = file.name in ("none", platform.bundled_model_path().name)
        limit_mb = None if bundled else self._budget.limit_mb
        with self._budget.loading(preview) if preview else contextlib.nullcontext():
            chain = await Chain.load_async(file, backend, limit_mb)
            if self._events is not None:
                self.stop()
                self._finish()
            self._budget.use(chain, before)
        if self._chain is not None:
            self._chain.close()
        self._chain = chain
        if self._engine is None:
            self._engine = CognitiveEngine(chain, reasoning=self._reasoning)
        self._engine.chain = chain
        self.memories.use_model(model_of(chain))
        self.adaptation.use_model(model_of(chain))
        self._reasoning.fingerprint = str(getattr(model_of(chain), "fingerprint", ""))
        self._head = file.head
        self._known.clear()
        self.words.use()
        self._talks.clear()
        self._budget.keep(())
        self._talk = None
        self._recent.clear()
        return self.loaded()

    def _look(
        self,
        name: str,
        size: int | None,
        first: Any,
        head: str | None,
        ends: Any,
        rereads: bool,
    ) -> Preview | None:
        """A `Preview`, or ``None``; asked the same again, as before a load, it remembers."""
        beginning = first.to_bytes()
        end = None if ends is None else ends.to_bytes()
        key = (name, size, hash(beginning), head, end, rereads)
        if self._looked is not None and self._looked[0] == key:
            return self._looked[1]
        self._looked = None
        try:
            limit = self._budget.most_mb
            found = look(
                name,
                size,
                beginning,
                memory_limit_mb=limit,
                head=head,
                worth=WORTH_ROUNDING,
                ends=end,
                rereads=rereads,
            )
        except (BackendError, UnsupportedModelError):
            # Another backend may know it.
            return None
        self._looked = (key, found)
        return found

    def head_places(self, size: int | None, first: Any) -> str:
        """Where the page is to look for a file's head: a JSON list of places and bytes."""
        return json.dumps(head_places(size, first.to_bytes()))

    def check(
        self,
        name: str,
        size: int | None,
        first: Any,
        head: str | None = None,
        ends: Any = None,
        rereads: bool = False,
    ) -> str:
        """What a file's beginning tells, before any of the rest is fetched; as for `load`.

        ``rereads`` says that the file can be read again while the model is in use.

        Returns
        -------
        str
            JSON: a `Preview`, or ``null`` where the beginning does not tell.

        Raises
        ------
        ModelFormatError, MemoryBudgetError
            If it could never be loaded, in one sentence.
        RoomError
            If it could be, but for the model in use.
        """
        preview = self._look(name, size, first, head, ends, rereads)
        if preview:
            self._budget.check(preview)
        return json.dumps(asdict(preview) if preview else None)

    def loaded(self) -> str:
        """What answers now, as JSON."""
        chain = self._ready()
        return json.dumps(
            {
                "backend": chain.backend.name,
                "model": chain.model_name,
                "description": chain.backend.description,
                "failures": [asdict(failure) for failure in self._failures()],
                "head": self._head,
                "memoryBytes": platform.memory_bytes(),
                "limitBytes": LIMIT_MB * 1_000_000,
            }
        )

    def _ready(self) -> Chain:
        if self._chain is None:
            raise ArgumentError("No model is loaded; load one first.")
        return self._chain

    def _failures(self) -> list[Failure]:
        """Why no better backend answers: what could not be fetched explains the rest."""
        failures = list(self._chain.failures if self._chain else [])
        reasons = {failure.backend: failure.reason for failure in self._missing}
        explained = {"rwkv_cpp": reasons.get("NumPy") or reasons.get("engine")}
        explained["python_rwkv"] = reasons.get("NumPy")
        result = [Failure(f.backend, explained.get(f.backend) or f.reason) for f in failures]
        if not failures and "model" in reasons:
            result = [Failure("rwkv_cpp", reasons["model"])]
        if "relaxed SIMD" in reasons and self._ready().backend.name == "rwkv_cpp":
            result.insert(0, Failure("rwkv_cpp with relaxed SIMD", reasons["relaxed SIMD"]))
        return result

    def begin(self, question: str) -> None:
        """Begins to answer a question, given as the page's JSON.

        Raises
        ------
        ArgumentError
            If a setting is out of its range, or an answer is under way.
        """
        if self._events is not None:
            raise ArgumentError("An answer is under way; stop it or let it end first.")
        asked = json.loads(question)
        context = _context(asked)
        talk, continues = self._recalled(asked["turns"], asked["continues"])
        chain, answer, said = self._ready(), asked["answerId"], context.user_input
        begun = asked.get("begun")
        ask: Ask | None = None
        if begun and not continues:
            known = self._known.get(begun["answerId"])
            place = known.turn.asked if known else talk.asked(said)
            spot = self.words.spot(chain, place, begun["answerId"], begun["ids"])

            def ask(preface: str) -> Iterator[Event]:
                return self.words.branch(talk, said, spot, begun)
        elif continues:

            def ask(preface: str) -> Iterator[Event]:
                return talk.go_on()

        form = next((name for name in FORMS if name in context.metadata), None)
        if form is not None and begun and begun["then"]:
            check_branch(form, context.metadata[form], begun, model_of(chain))
        branches = 1 if ask else context.metadata["branches"]
        assert self._engine is not None
        self._engine.adaptation = self._adapted(asked["turns"][0]["id"])
        guided = form is not None or self._engine.adaptation is not None
        guidance = self.words.listen(chain, answer, begun, guided=guided, candidates=branches)
        if form is not None and self._engine.grammar is None:
            # It needs NumPy, which may be missing, and which few answers need.
            from .membranes.grammar import GrammarMembrane

            self._engine.grammar = GrammarMembrane()
        # What goes on from given words has been asked before.
        self._engine.memory = None if ask else self._memory()
        if self._engine.memory is not None:
            context = replace(context, memory_state=self.memories.settings)
        self._account = Account(form, branches, ask is not None)
        events = self._engine.process(context, chat=talk, ask=ask, guidance=guidance)
        self._events = self.store.follow(events, answer, talk, None if ask else said)
        if self._talk is not talk:
            self._recent.clear()
        self._talk, self._answer_id = talk, asked["answerId"]
        self._budget.make_headroom(self._ready())

    def _memory(self) -> Memory | None:
        """What remembers, if that is wanted; an answer comes without it, too."""
        with contextlib.suppress(EchoError):
            return self.memories.membrane()
        return None

    def _adapted(self, chat: str) -> Guidance | None:
        """What was learned, if that is wanted; an answer comes without it, too."""
        with contextlib.suppress(EchoError):
            return self.adaptation.guidance(chat)
        return None

    def _recalled(self, turns: list[dict[str, str]], continues: bool) -> tuple[Conversation, bool]:
        """The talk in which the model has read as much of ``turns`` as it still knows."""
        heard = turns if continues else turns[:-1]
        pairs: list[tuple[dict[str, str], dict[str, str]]] = []
        for said, answered in zip(heard[::2], heard[1::2], strict=True):
            pairs.append((said, answered))
        unread = []
        talk = None
        while pairs and talk is None:
            known = self._known.get(pairs[-1][1]["id"])
            if known is not None and known.turn.reply == pairs[-1][1]["text"]:
                talk = known.talk
                talk.select(known.turn.id)
            else:
                unread.append(pairs.pop())
        if talk is None and unread:
            talk = self._resumed(heard, continues)
            if talk is not None:
                unread.clear()
        if talk is None:
            talk = self._new_talk()
        for said, answered in reversed(unread):
            turn = talk.recall(said["text"], answered["text"], "length")
            self._known[answered["id"]] = _Known(talk, turn)
        self._keep(talk)
        return talk, continues

    def _resumed(self, heard: list[dict[str, str]], continues: bool) -> Conversation | None:
        """The talk from the states in the store, if it is there."""
        backend = self._ready().backend
        if not continues:
            return self.store.resumed(heard, backend, self._new_talk)
        talk = self.store.answered(heard, backend, self._new_talk)
        if talk is not None and talk.current is not None:
            self._known[heard[-1]["id"]] = _Known(talk, talk.current)
        return talk

    def _new_talk(self, begins: Place | None = None) -> Conversation:
        return Conversation(self._ready(), state_budget_mb=STATES_MB, begins=begins)

    def _asked(self, turns: list[dict[str, str]], answer: str) -> Place:
        """Where an answer to the last of ``turns`` begins; the talk stays where it is."""
        known = self._known.get(answer)
        if known is not None:
            return known.turn.asked
        here = self._talk.current if self._talk else None
        talk, _ = self._recalled(turns, False)
        asked = talk.asked(turns[-1]["text"])
        if here is not None and talk is self._talk:
            talk.select(here.id)
        return asked

    def seek(self, place: str, singly: bool = False, shown: bool = True) -> None:
        """Begins to go back to a place of a talk; `seek_on` goes on.

        Parameters
        ----------
        place : str
            JSON: ``turns`` up to a message, ``answerId`` of an answer to it, and the answer's
            ``ids`` up to the place. ``null`` goes back to now.
        singly : bool
            The reservoir is watched, too.
        shown : bool
            Otherwise the state there is made ready for a branch, and nothing else.

        Raises
        ------
        ArgumentError
            If there is no model, or it is not the one that answered.
        """
        wanted = json.loads(place)
        if wanted is None:
            self.words.replay.leave()
            return
        if self._events is not None:
            raise ArgumentError("An answer is under way; stop it or let it end first.")
        chain, answer = self._ready(), wanted["answerId"]
        asked = self._asked(wanted["turns"], answer)
        spot = self.words.spot(chain, asked, answer, wanted["ids"])
        self.words.replay.go(spot, singly=singly, shown=shown)

    def seek_on(self, seconds: float) -> str:
        """Goes on for about so long: JSON of tokens read and to be read, ``null`` once there."""
        return json.dumps(self.words.replay.advance(seconds))

    def _keep(self, talk: Conversation) -> None:
        self._talks = [other for other in self._talks if other is not talk][1 - MOST_TALKS :]
        self._talks.append(talk)
        self._budget.keep(self._talks)
        kept = {id(other) for other in self._talks}
        self._known = {key: value for key, value in self._known.items() if id(value.talk) in kept}

    def pump(self, seconds: float) -> str:
        """Goes on with the answer for about so long; its events as JSON, ``[]`` after the end."""
        events: list[dict[str, Any]] = []
        end = time.perf_counter() + seconds
        try:
            while self._events is not None:
                event = next(self._events)
                self._account.take(event)
                self.words.take(event)
                if isinstance(event, Done):
                    self._finish()
                    failures = [asdict(failure) for failure in self._failures()]
                    figures = event.to_json() | {"failures": failures}
                    shown = {k: v for k, v in figures.items() if k not in _INSIDE}
                    events.append(shown | {"account": self._account.to_json()})
                    break
                if isinstance(event, Error):
                    self._events = None
                    events.append(event.to_json() | {"account": self._account.to_json()})
                    break
                if isinstance(event, Membrane):
                    continue  # nothing to show by itself, and an answer not begun has no end
                if not isinstance(event, (Branch, Choice)):
                    more = self.words.known(event) if isinstance(event, Token) else {}
                    events.append(event.to_json() | more)
                if self._follows and isinstance(event, Token) and self._talk:
                    self._recent.append(self._talk.state)
                if time.perf_counter() >= end:
                    if self._account.changed:
                        account = self._account.to_json()
                        events.append({"type": "membranes", "account": account})
                    break
        except EchoError as error:
            self._events = None
            events.append(Error(str(error), type(error).__name__).to_json())
        except Exception:
            self._events = None
            raise
        return json.dumps(events)

    def check_form(self, form: str, source: str) -> None:
        """Compiles a ``json_schema`` or ``grammar``; raises an `EchoError` if it cannot be."""
        check_form(form, source)

    def take(self, answer: str, number: int, text: str, name: str) -> str:
        """Another candidate for an answer becomes one of its own.

        Parameters
        ----------
        answer : str
            The one that was chosen.
        number : int
            The candidate's.
        text : str
            What it says.
        name : str
            What the page calls it from now on.

        Returns
        -------
        str
            JSON: its ``words``, and ``context_tokens``; ``null`` where they are not known any more.
            The model then reads it when the talk goes on.
        """
        known = self._known.get(answer)
        tokens = None
        if known is not None:
            for turn in known.talk.all_turns:
                if turn.parent is known.turn.parent and turn.reply == text.strip():
                    self._known[name] = _Known(known.talk, turn)
                    tokens = turn.context_tokens
        return json.dumps({"words": self.words.said(answer, number), "context_tokens": tokens})

    def _finish(self) -> None:
        """Notes where the answer has ended."""
        talk = self._talk
        self._events = None
        # A full disk keeps nobody from answering.
        with contextlib.suppress(FileError):
            self.adaptation.answered()
        self.words.ended(talk.current if talk else None)
        if talk is not None and talk.current is not None:
            self._known[self._answer_id] = _Known(talk, talk.current)
        with contextlib.suppress(FileError):
            self.memories.answered()

    def _unread(self, ids: list[str]) -> bool:
        """What was read of these messages is no longer what is to be read; whether one answers."""
        for name in ids:
            self._known.pop(name, None)
        return self._events is not None

    def stop(self) -> None:
        """Ends the answer under way before its next token."""
        self.words.stop()
        if self._talk is not None:
            self._talk.stop()

    def forget(self, ids: str) -> None:
        """Lets go of what was kept for these messages, a JSON list of their names."""
        with contextlib.suppress(FileError):
            self.adaptation.forget(json.loads(ids))
        for name in json.loads(ids):
            self._known.pop(name, None)
        self.words.forget(json.loads(ids))
        known = {id(value.talk) for value in self._known.values()}
        if self._events is None and self._talk and id(self._talk) not in known:
            self._talk = None
            self._recent.clear()
        self._talks = [talk for talk in self._talks if id(talk) in known or talk is self._talk]
        self._budget.keep(self._talks)

    def let_states_go(self, ids: str) -> None:
        """Gives the memory of the states of some talks back; ``ids`` is JSON, ``null`` for all.

        A talk is named by any of its answers. Its text is read again when it goes on.
        """
        names = json.loads(ids)
        chosen = self._known if names is None else {name for name in names if name in self._known}
        for talk in {
            id(self._known[name].talk): self._known[name].talk for name in chosen
        }.values():
            if talk is not self._talk or self._events is None:
                talk.let_states_go()
        self._recent.clear()
        if self._events is None:
            self.words.forget(names)

    def memory(self, around: int | None = None) -> str:
        """What holds memory, as JSON; ``around`` is what the page was last seen to hold itself."""
        if around is not None:
            self._budget.surround(around)
        entries = []
        for entry in self._budget.ledger.entries():
            talk = self._budget.talk_of(entry)
            facts = entry.to_json()
            if talk is not None:
                ids = [name for name, known in self._known.items() if known.talk is talk]
                facts |= {"ids": ids, "name": talk.all_turns[0].user[:48] if ids else "New chat"}
            entries.append(facts)
        return json.dumps(self._budget.to_json() | {"entries": entries})

    def settle(self) -> None:
        """What starting has left behind is gone: the memory shown follows."""
        self._budget.settle()

    def follow(self, change: bool) -> None:
        """Whether the state before the last token is wanted too; keeping it costs a little."""
        self._follows = change
        self._recent.clear()

    def reservoir_view(self) -> ReservoirView | None:
        """The reservoir after the last word, or where the page has gone back to, if any."""
        return self.words.reservoir_view()

    def state_view(self, layer: int, head: int) -> StateView | None:
        """The model's state after the last token, or ``None`` where there is nothing to show.

        After `follow` it is the change from the state before. While the page has gone back, it is
        the state there.
        """
        replay = self.words.replay
        if replay.spot and replay.reading:
            earlier = replay.before.state if self._follows and replay.before else None
            tokens = replay.spot.context_tokens
            return StateView(replay.reading.state, earlier, layer, head, tokens)
        if self._talk is None or (state := self._talk.state) is None:
            return None
        before = next((old for old in reversed(self._recent) if old is not state), None)
        return StateView(state, before, layer, head, self._talk.context_tokens)


def _context(asked: dict[str, Any]) -> CognitiveContext:
    """The page's question as the engine takes it; the first message names the talk.

    Raises
    ------
    ArgumentError
        If there is no message, or a setting is out of its range.
    """
    settings = dict(asked["settings"])
    max_tokens = int(settings.pop("max_tokens"))
    SamplingSettings(**settings)  # refused before anything has changed
    turns = asked["turns"]
    place = -2 if asked["continues"] else -1
    metadata: dict[str, Any] = {"settings": settings, "max_tokens": max_tokens}
    metadata["branches"] = branches = int(asked.get("branches", 1))
    if not 1 <= branches <= MOST_BRANCHES:
        raise ArgumentError(f"branches is {branches}; it must be from 1 to {MOST_BRANCHES}.")
    metadata |= {name: asked[name] for name in FORMS if asked.get(name) is not None}
    return CognitiveContext(
        session_id=turns[0]["id"],
        user_input=turns[place]["text"],
        conversation_history=[
            {"role": turn["role"], "content": turn["text"]} for turn in turns[:place]
        ],
        metadata=metadata,
    )
