"""The backends that a router has: which are loaded, which are trusted, and who comes first."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from ..errors import ArgumentError, BackendError, EchoError
from ..events import Failure
from .base import Backend
from .breaker import CircuitBreaker
from .router_settings import RouterSettings
from .slot import Slot, Step
from .watched import Loaded

__all__ = ["Candidate", "Pool"]

Candidate = Backend | Callable[[], Backend]
"""A backend, or what loads one."""


class Pool:
    """The slots of a router, and everything that changes them.

    Parameters
    ----------
    candidates : mapping of str to Backend or callable
        See `Router`.
    settings : RouterSettings
        The router's.
    clock : callable
        Gives seconds.
    """

    def __init__(
        self,
        candidates: Mapping[str, Candidate],
        settings: RouterSettings,
        clock: Callable[[], float],
    ) -> None:
        if not candidates:
            raise ArgumentError("candidates is empty; give at least one backend.")
        # Reentrant: a forgotten answer is counted whenever the garbage collector finds it.
        self.lock = threading.RLock()
        """Held by whoever changes anything; never while a backend works."""
        self.slots: dict[str, Slot] = {}
        self.leader: Slot | None = None
        """Who began the latest answer."""
        self.pinned: Slot | None = None
        """Who was chosen by hand."""
        self.refusals = 0
        """How often nobody could be found."""
        self.steps: deque[Step] = deque(maxlen=settings.history)
        """What has happened of late."""
        self._settings = settings
        self._loading = threading.Lock()
        self._closed = False
        for name, candidate in candidates.items():
            given = candidate if isinstance(candidate, Backend) else None
            load = None if isinstance(candidate, Backend) else candidate
            breaker = CircuitBreaker(settings.open_after, settings.open_seconds, clock)
            answers = given.needs_file if given else name != "mock"
            slot = self.slots[name] = Slot(name, load, answers, breaker)
            if given:
                self.enter(slot, given)

    # ------------------------------------------------------------------ who answers

    def choose(self, failures: Sequence[Failure]) -> tuple[Slot, Loaded]:
        """The best backend that has not failed, with a use of it that must be given back.

        Raises
        ------
        BackendError
            If there is none.
        """
        tried = {failure.backend for failure in failures}
        while True:
            with self.lock:
                self.check_open()
                slot = self.best(tried)
                # A model that cannot run never becomes a mock.
                if slot is None or (not slot.answers and self._faulty()):
                    raise self._nobody(failures)
                if slot.loaded is not None:
                    self._begin_trial(slot)
                    slot.loaded.users += 1
                    return slot, slot.loaded
            try:
                self.load(slot)
            except EchoError:
                tried.add(slot.name)

    def best(self, tried: set[str]) -> Slot | None:
        """The best trusted one that is not among those tried."""
        usable = [one for one in self.slots.values() if one.trusted and one.name not in tried]
        if self.pinned in usable:
            return self.pinned
        best: Slot | None = None
        for slot in usable:
            if best is None or self._better(slot, best):
                best = slot
        return best

    def _better(self, slot: Slot, best: Slot) -> bool:
        """Whether a slot comes before one that stands earlier in the list."""
        if slot.answers != best.answers:
            return slot.answers
        advantage = self._settings.advantage
        if slot.speed is None or best.speed is None or advantage is None:
            return False
        factor = 1 + advantage
        if best is self.leader or self.leader is None:
            return slot.speed > best.speed * factor
        return slot.speed > best.speed / (factor if slot is self.leader else 1)

    def _faulty(self) -> bool:
        return any(slot.fault is not None for slot in self.slots.values())

    def _nobody(self, failures: Sequence[Failure]) -> BackendError:
        self.refusals += 1
        reasons = {one.name: one.why_not() for one in self.slots.values()}
        reasons |= {failure.backend: failure.reason.rstrip(".") for failure in failures}
        listed = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        return BackendError(f"No backend can answer now ({listed}); try again later.")

    def lead(self, slot: Slot, reason: str) -> None:
        """Takes note of who answers."""
        if slot is not self.leader:
            if self.leader is not None:
                slot.statistics.backend_switches += 1
            self.leader = slot
            self.note(slot.name, "chosen", reason)

    def why(self, slot: Slot) -> str:
        """Why a slot is chosen instead of the one before."""
        before = self.leader
        if before is None:
            return "It is the first that can answer."
        if slot is self.pinned:
            return "It was chosen by hand."
        if not before.trusted or before.reason:
            return f"{before.name} does not answer: {before.why_not()}."
        if slot.speed is not None and before.speed is not None:
            return f"It makes {slot.speed:.1f} tokens a second, {before.name} {before.speed:.1f}."
        return f"It comes before {before.name}."

    def slot(self, name: str) -> Slot:
        """The slot of a name."""
        if name not in self.slots:
            known = ", ".join(self.slots)
            raise ArgumentError(f"name is {name!r}; it must be one of {known}.")
        return self.slots[name]

    def check_open(self) -> None:
        """Raises an `ArgumentError` after `close`."""
        if self._closed:
            raise ArgumentError("The router is closed; make a new one.")

    # --------------------------------------------------------------- in and out

    def load(self, slot: Slot, *, by_hand: bool = False) -> None:
        """Loads the backend of a slot, unless somebody has.

        Parameters
        ----------
        slot : Slot
            Which one.
        by_hand : bool
            Whether it is loaded even if it is not trusted now.

        Raises
        ------
        EchoError
            As loading does; a `BackendError` for whatever nobody raises on purpose.
        """
        with self._loading:
            if slot.loaded is not None:
                return
            if slot.load is None or not (by_hand or slot.trusted):
                raise BackendError(f"{slot.name} cannot answer: {slot.why_not()}.")
            with self.lock:
                self._make_room()
            try:
                backend = _loaded(slot)
            except EchoError as error:
                with self.lock:
                    slot.fault = None if isinstance(error, BackendError) else error
                    self.distrust(slot, str(error), at_once=True)
                raise
            with self.lock:
                if self._closed:
                    backend.close()
                self.check_open()
                self.enter(slot, backend)

    def _make_room(self) -> None:
        """Lets those go that nobody uses, until one more may be loaded."""
        others = [one for one in self.slots.values() if one.load and one.loaded]
        others.sort(key=lambda one: one is self.leader)
        over = len(others) - self._settings.most_loaded + 1
        for slot in [one for one in others if one.loaded and not one.loaded.users][: max(over, 0)]:
            if slot.reason:  # or each request would load it, fail, and load the other one again
                self.distrust(slot, slot.reason, at_once=True)
            self.retire(slot, "Another one was loaded in its place.")

    def enter(self, slot: Slot, backend: Backend) -> None:
        """Puts a backend in its slot."""
        slot.loaded = Loaded(slot.name, backend)
        slot.answers = backend.needs_file
        slot.fingerprint = slot.loaded.fingerprint
        slot.fault = slot.earlier = None
        self.note(slot.name, "loaded", f"{backend.model_name} is in memory.")

    def retire(self, slot: Slot, reason: str) -> None:
        """Takes a backend out of use; it is closed as soon as no answer needs it."""
        if loaded := slot.loaded:
            slot.loaded, loaded.retired = None, True
            self.note(slot.name, "retired", reason)
            if not loaded.users:
                loaded.close()

    def release(self, loaded: Loaded) -> None:
        """Ends a use of a backend."""
        loaded.users -= 1
        if loaded.retired and not loaded.users:
            loaded.close()

    # ---------------------------------------------------------------------- trust

    def failed(
        self, slot: Slot, loaded: Loaded, error: BackendError, *, counts: bool = True
    ) -> None:
        """A backend has failed in an answer, or could not begin it."""
        with self.lock:
            name = "errors" if counts else "refused"
            setattr(slot.statistics, name, getattr(slot.statistics, name) + 1)
            if counts:
                self.note(slot.name, "failed", str(error))
                # An answer of an earlier copy says nothing of the present one.
                if slot.loaded is loaded:
                    self.distrust(slot, str(error), at_once=bool(loaded.steps.hangs))
            self.release(loaded)

    def _begin_trial(self, slot: Slot) -> None:
        if slot.breaker.begin():
            self.note(slot.name, "half_open", "One request may try.")

    def trust(self, slot: Slot, reason: str) -> None:
        """A backend has answered."""
        was, slot.reason = slot.state, ""
        slot.breaker.succeed()
        if was != "closed":
            self.note(slot.name, "closed", reason)

    def distrust(self, slot: Slot, reason: str, *, at_once: bool = False) -> None:
        """A backend has failed; ``at_once`` leaves it alone at once."""
        was, slot.reason = slot.state, reason
        slot.breaker.fail(at_once=at_once)
        if slot.state == "open":
            if was != "open":
                self.note(slot.name, "open", reason)
            if slot.load is not None:
                self.retire(slot, "It is loaded afresh when it may try again.")

    def close(self) -> None:
        """Gives the memory of all backends back. Harmless the second time."""
        self._closed = True
        for slot in self.slots.values():
            self.retire(slot, "The router was closed.")

    def note(self, name: str, what: str, reason: str) -> None:
        """Keeps a step."""
        self.steps.append(Step(time.time(), name, what, reason))


def _loaded(slot: Slot) -> Backend:
    assert slot.load is not None
    try:
        return slot.load()
    except EchoError:
        raise
    except Exception as error:
        reason = str(error).rstrip(".") or "no reason given"
        raise BackendError(
            f"{slot.name} could not be loaded, {type(error).__name__}: {reason}."
        ) from error
