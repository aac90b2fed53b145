"""The router: several backends, of which the fastest healthy one answers."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import Any

from .. import platform
from ..errors import BackendError, EchoError
from ..events import Event, Failure
from ..guidance import Guidance
from ..sampling import SamplingSettings
from .answer import Begun, ChainGeneration, Position, Request, begin_on
from .base import Backend, Generation
from .cache import AnswerCache, KeptAnswer, Replay, cache_key
from .chain import Chain
from .health import Health, Known, check
from .pool import Candidate, Pool
from .router_settings import RouterSettings
from .slot import Slot
from .watched import Bracket, Loaded, Outcome, Watched

__all__ = ["Router"]


class Router:
    """Backends that stand in for each other; see docs/backends.md for who answers when.

    It has the face of a `Chain`. Every method may be called from any thread; each generation is
    for one thread at a time. The steps of a backend are taken one after the other, so answers of
    the same backend take turns, token by token, and those of several run side by side.

    Parameters
    ----------
    candidates : mapping of str to Backend or callable
        The backends, best first, by the names that failures and statistics give them. What is
        callable loads a backend when it is first needed, and again after it has failed.
    settings : RouterSettings, optional
        The default settings if not given.
    clock : callable
        Gives seconds, for circuit breakers and for the cache.

    Raises
    ------
    ArgumentError
        If there are no candidates.

    Examples
    --------
    >>> from deep_tree_echo import ModelFile, SamplingSettings
    >>> router = Router.from_chain(Chain.load(ModelFile.from_bytes("none", b""), "mock"))
    >>> answer = router.generate("Hello", settings=SamplingSettings(seed=1))
    >>> [event.type for event in answer][0], answer.backend_name, answer.stop_reason
    ('prompt', 'mock', 'end')
    >>> router.statistics()["mock"]["completed"]
    1
    """

    def __init__(
        self,
        candidates: Mapping[str, Candidate],
        settings: RouterSettings | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings = settings or RouterSettings()
        self._pool = Pool(candidates, settings, clock)
        self._cache = AnswerCache(settings.cache_entries, settings.cache_seconds, clock)
        self._known: Known = {}

    @classmethod
    def from_chain(cls, chain: Chain, settings: RouterSettings | None = None) -> Router:
        """Takes over the backend of a loaded chain, with those that the chain could fall back on.

        The chain is closed by that. What it has failed with counts as the first failure here.
        """
        taken = chain.release()
        router = cls({n: partial(chain.load_again, n) for n in chain.candidates}, settings)
        pool = router._pool
        for failure in chain.failures:
            pool.distrust(pool.slot(failure.backend), failure.reason, at_once=True)
        pool.enter(pool.slot(taken.name), taken)
        pool.lead(pool.slot(taken.name), "It was in use in the chain.")
        return router

    # ------------------------------------------------------------------- answers

    @property
    def backend(self) -> Backend:
        """The backend that began the latest answer, or else the one that will.

        Raises
        ------
        ArgumentError
            After `close`.
        BackendError
            If none can be had.
        """
        with self._pool.lock:
            self._pool.check_open()
            if self._pool.leader is not None and self._pool.leader.loaded is not None:
                return self._pool.leader.loaded.backend
        return self._pool.choose([])[1].backend

    @property
    def model_name(self) -> str:
        """The name of its file, or ``mock``."""
        return self.backend.model_name

    @property
    def failures(self) -> list[Failure]:
        """The backends that are not trusted now, and why."""
        with self._pool.lock:
            slots = self._pool.slots.values()
            return [Failure(one.name, one.why_not() + ".") for one in slots if not one.trusted]

    def generate(
        self,
        prompt: str,
        state: Position | None = None,
        *,
        max_tokens: int = 256,
        settings: SamplingSettings | None = None,
        stop: Sequence[str] = (),
        guidance: Sequence[Guidance] = (),
        begun: str = "",
    ) -> ChainGeneration:
        """Continues ``prompt`` from ``state``, a `Position` that a generation has left.

        Each backend is tried once. Should one fail on the way, a `Fallback` event follows and the
        answer starts again from its beginning on the next; should none be left, the iteration
        raises a `BackendError` that names them all.
        """
        self._pool.check_open()
        options = {
            "max_tokens": max_tokens,
            "settings": settings,
            "stop": tuple(stop),
            "guidance": tuple(guidance),
            "begun": begun,
        }
        position = state or Position("", 0, None, None)
        return ChainGeneration(self, Request(prompt, position, options))

    async def stream(
        self, prompt: str, state: Position | None = None, **options: Any
    ) -> AsyncIterator[Event]:
        """The events of `generate`, in an event loop that goes on meanwhile.

        Where there are threads, steps run in those of the loop. Leaving it ends the answer.
        """
        generation = await _elsewhere(lambda: self.generate(prompt, state, **options))
        events, turn, ended = iter(generation), threading.Lock(), False

        def step() -> Event | None:
            with turn:
                return next(events, None)

        def leave() -> None:
            with turn, contextlib.suppress(EchoError):
                for _ in events:
                    pass

        try:
            while (event := await _elsewhere(step)) is not None:
                yield event
            ended = True
        finally:
            if not ended:
                generation.cancel()
                await asyncio.shield(_elsewhere(leave))

    def begin(self, request: Request, failures: list[Failure]) -> Begun:
        """Begins an answer on the best backend that is not among ``failures``."""
        while True:
            self._check_interval()
            if begun := self._replay(request, failures):
                return begun
            slot, loaded = self._pool.choose(failures)
            try:
                return self._begin_on(slot, loaded, request)
            except BackendError as error:
                # Who cannot follow a grammar is none the worse for it.
                follows = slot.answers or not any(g.required for g in request.options["guidance"])
                self._pool.failed(slot, loaded, error, counts=follows)
                failures.append(Failure(slot.name, str(error)))
            except EchoError:
                self._refused(slot, loaded)
                raise

    def give_up(self, begun: Begun, error: BackendError, failures: list[Failure]) -> None:
        """Takes note of a failure; the next `begin` looks further."""
        failures.append(Failure(begun.name, str(error)))

    def has_closed(self, begun: Begun) -> bool:
        """Never: a backend that is retired stays until its last answer has ended."""
        return False

    # ---------------------------------------------------------------- on demand

    def switch_backend(self, name: str) -> Health | None:
        """Has one backend answer from now on, as long as it can; ``auto`` lets speed decide again.

        The backend is loaded and checked first; if that fails, all stays as it was.

        Raises
        ------
        ArgumentError
            If there is no backend of this name.
        BackendError
            If it cannot be loaded, or is not healthy.
        """
        self._pool.check_open()
        if name == "auto":
            with self._pool.lock:
                self._pool.pinned = None
                self._pool.note(name, "chosen", "By hand: the fastest healthy one.")
            return None
        slot = self._pool.slot(name)
        health = self.check(name, load=True)[name]
        if not health.healthy:
            raise BackendError(f"{name} cannot answer: {health.reason}")
        with self._pool.lock:
            self._pool.pinned = slot
            self._pool.lead(slot, "By hand.")
        return health

    def check(self, name: str | None = None, *, load: bool = False) -> dict[str, Health]:
        """Checks the health of one backend or of all, see `health.check`.

        A healthy one is trusted again at once; another one is left alone at once.

        Parameters
        ----------
        name : str, optional
            Which one.
        load : bool
            Whether those that are not in memory are loaded for it; else they are left out.
        """
        self._pool.check_open()
        slots = list(self._pool.slots.values()) if name is None else [self._pool.slot(name)]
        return {slot.name: found for slot in slots if (found := self._check(slot, load))}

    async def watch(self, interval: float) -> None:
        """Checks all that are in memory every ``interval`` seconds, until the task is cancelled."""
        while True:
            await asyncio.sleep(interval)
            await _elsewhere(self.check)

    def statistics(self) -> dict[str, dict[str, Any]]:
        """What each backend has done, see `BackendStatistics`."""
        with self._pool.lock:
            return {name: slot.statistics.to_json() for name, slot in self._pool.slots.items()}

    def status(self) -> dict[str, Any]:
        """How each backend stands, who answers, and what has happened of late: JSON only."""
        with self._pool.lock:
            return {
                "backend": self._pool.leader.name if self._pool.leader else None,
                "pinned": self._pool.pinned.name if self._pool.pinned else None,
                "backends": [slot.to_json() for slot in self._pool.slots.values()],
                "cached": len(self._cache),
                "refused": self._pool.refusals,
                "steps": [step.to_json() for step in self._pool.steps],
            }

    def clear_cache(self) -> None:
        """Forgets all answers."""
        with self._pool.lock:
            self._cache.clear()

    def close(self) -> None:
        """Gives the memory of all backends back. Harmless the second time."""
        with self._pool.lock:
            self._cache.clear()
            self._pool.close()

    # ------------------------------------------------------------------ one answer

    def _begin_on(self, slot: Slot, loaded: Loaded, request: Request) -> Begun:
        key = cache_key(request, loaded.backend, slot.fingerprint) if self._cache.keeps else None
        with self._pool.lock:
            slot.statistics.requests += 1
        bracket = Bracket(request.options["guidance"])
        options = request.options | {"guidance": bracket.guidance}
        guarded = Request(request.prompt, request.position, options)
        begun: list[Begun] = []

        def start() -> Generation:
            begun.append(begin_on(loaded.backend, guarded))
            return begun[0].generation

        ended = partial(self._ended, slot, loaded, key)
        watched = Watched(loaded, start, self.settings.step_seconds, bracket, ended)
        with self._pool.lock:
            self._pool.lead(slot, self._pool.why(slot))
        first = begun[0]
        return Begun(
            slot.name,
            first.model_name,
            first.backend,
            watched,
            first.tokens_before,
            first.prompt_read,
        )

    def _ended(
        self,
        slot: Slot,
        loaded: Loaded,
        key: Hashable | None,
        outcome: Outcome,
        answer: Watched | None,
        error: BackendError | None,
    ) -> None:
        with self._pool.lock:
            if error is not None:
                self._pool.failed(slot, loaded, error)
                return
            statistics = slot.statistics
            setattr(statistics, outcome, getattr(statistics, outcome) + 1)
            present = slot.loaded is loaded
            self._pool.release(loaded)
            if answer is None:
                return
            statistics.tokens += len(answer.tokens)
            for seconds in answer.token_seconds:
                statistics.speed.add(seconds)
            if answer.first_token_seconds is not None:
                statistics.first_token.add(answer.first_token_seconds)
            if outcome == "completed":
                statistics.latency.add(answer.seconds)
            limit = self.settings.step_seconds
            if present and limit is not None and answer.slowest > limit:
                slow = f"{slot.name} took {answer.slowest:.2g} s for a step; it may {limit:g} s."
                self._pool.distrust(slot, slow)
            elif present and (outcome == "completed" or answer.tokens):
                self._pool.trust(slot, "It has answered.")
            if key is not None and outcome == "completed":
                self._cache.keep(key, _kept(slot, loaded, answer))

    def _replay(self, request: Request, failures: Sequence[Failure]) -> Begun | None:
        """An answer that was given before, by the one who would answer or by another like it."""
        if not self._cache.keeps:
            return None
        with self._pool.lock:
            best = self._pool.best({failure.backend for failure in failures})
            # An answer is as right when nobody could give it now.
            for slot in [best] if best else self._pool.slots.values():
                backend = slot.loaded.backend if slot.loaded else None
                key = cache_key(request, backend, slot.fingerprint)
                if key is not None and (found := self._cache.get(key)):
                    self._pool.slots[found.name].statistics.cache_hits += 1
                    return Begun(
                        found.name,
                        found.model_name,
                        None,
                        Replay(found),
                        0,
                        not found.prompt_tokens,
                    )
        return None

    def _refused(self, slot: Slot, loaded: Loaded) -> None:
        with self._pool.lock:
            slot.statistics.refused += 1
            self._pool.release(loaded)

    # --------------------------------------------------------------------- health

    def _check_interval(self) -> None:
        interval, slot = self.settings.check_interval, self._pool.leader
        if interval is None or slot is None or slot.loaded is None:
            return
        if slot.health is None or time.time() - slot.health.checked_at >= interval:
            self._check(slot, load=False)

    def _check(self, slot: Slot, load: bool) -> Health | None:
        with self._pool.lock:
            loaded = slot.loaded
            if loaded is not None:
                loaded.users += 1
        if loaded is None:
            if not load:
                return None
            try:
                self._pool.load(slot, by_hand=True)
            except EchoError as error:
                slot.health = Health(slot.name, False, str(error), 0.0, None, time.time())
                return slot.health
            return self._check(slot, load=False)
        health, answer = check(loaded, self.settings.check_seconds, slot.earlier, self._known)
        with self._pool.lock:
            slot.health = health
            if health.healthy:
                slot.earlier = answer
                if health.tokens_per_second and slot.speed is None:
                    for _ in answer:
                        slot.statistics.speed.add(1 / health.tokens_per_second)
                self._pool.trust(slot, "It is healthy.")
            elif slot.loaded is loaded:
                self._pool.distrust(slot, health.reason, at_once=True)
            self._pool.release(loaded)
        return health


def _kept(slot: Slot, loaded: Loaded, answer: Watched) -> KeptAnswer:
    assert answer.stop_reason is not None
    return KeptAnswer(
        slot.name,
        loaded.backend.model_name,
        answer.text,
        answer.stop_reason,
        answer.prompt_tokens,
        answer.context_tokens,
        tuple(answer.tokens),
    )


async def _elsewhere(step: Callable[[], Any]) -> Any:
    """What a step gives, in another thread where there are threads."""
    if platform.IN_PYODIDE:
        await platform.breathe()
        return step()
    return await asyncio.to_thread(step)
