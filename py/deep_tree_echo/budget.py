"""The page's promise: all together stays below its limit, and every part is accounted for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from . import platform
from .backends.chain import Chain
from .conversation import Conversation
from .ledger import Entry, Ledger
from .preview import STATES, Preview
from .words import Words

LEAST_HEADROOM = 4_000_000
"""Room for what an answer takes on its way, beside its states."""


class Budget:
    """What the program, the model in use and the talks hold, and what may still be loaded.

    Parameters
    ----------
    limit_mb : float
        For everything, in millions of bytes.
    words : Words, optional
        What is kept of the words of answers; the first to go where room is needed.

    Examples
    --------
    >>> budget = Budget(10_000)
    >>> budget.surround(30_000_000)
    >>> [entry.name for entry in budget.ledger.entries() if entry.kind == "page"]
    ['the page around Python']
    """

    def __init__(self, limit_mb: float, words: Words | None = None) -> None:
        self.ledger = Ledger(limit_mb, measure=lambda: platform.heap().in_use)
        self._around = 0
        self.ledger.enter("page", "the page around Python", lambda: self._around, outside=True)
        self._words = words or Words(0)
        self.ledger.enter(
            "words",
            "words of answers",
            self._words_alone,
            frees="let the states of chats go",
        )
        self._begun = False
        self._program = 0
        self._model: list[Entry] = []
        self._talks: list[tuple[Conversation, Entry]] = []

    def begin(self) -> None:
        """Everything that is there before the first model is the program; call it once or more."""
        if not self._begun:
            self._begun = True
            self._program = platform.heap().in_use
            self.ledger.enter("program", "Python, NumPy and the engine", lambda: self._program)

    def settle(self) -> None:
        """Takes from the program what it has given back since it began; call it once it is calm."""
        entries = [entry for entry in self.ledger.entries() if entry.kind not in ("page", "other")]
        others = sum(entry.n_bytes for entry in entries if entry.kind != "program")
        self._program = min(self._program, platform.heap().in_use - others)

    def _words_alone(self) -> int:
        """Bytes of what is kept of words that is no state of a talk at the same time."""
        of_talks: set[int] = set()
        for talk, _ in self._talks:
            of_talks.update(talk.state_arrays)
        return sum(size for key, size in self._words.arrays.items() if key not in of_talks)

    def surround(self, n_bytes: int) -> None:
        """What the page itself was last seen to hold, outside of Python's memory."""
        self._around = n_bytes

    @property
    def limit_mb(self) -> float:
        """What a model may take while everything else stays."""
        return max(1, self.ledger.free_bytes) / 1e6

    @property
    def most_mb(self) -> float:
        """What a model may take once all that can be let go is let go."""
        freeable = sum(entry.n_bytes for entry in self.ledger.entries() if entry.frees)
        return max(1, self.ledger.free_bytes + freeable) / 1e6

    def check(self, preview: Preview) -> None:
        """Whether a model can be loaded while the one in use stays.

        The states of the talks are no obstacle: they are copies of what the text says.

        Raises
        ------
        RoomError
            If it fits only without the model in use.
        MemoryBudgetError
            If it does not fit at all.
        """
        states = sum(entry.n_bytes for _, entry in self._talks) + self._words_alone()
        if preview.needed_bytes > self.ledger.free_bytes + states:
            self.ledger.check(preview.name, preview.needed_bytes)

    @contextmanager
    def loading(self, preview: Preview) -> Iterator[None]:
        """Sets aside what a model needs while it is loaded; raises as `check` does."""
        self.check(preview)
        need = preview.needed_bytes
        if need > self.ledger.free_bytes:
            self._words.forget()
            for talk, _ in self._talks:
                talk.let_states_go()
        with self.ledger.reserve("loading", preview.name, need):
            platform.make_room(need)
            yield

    def use(self, chain: Chain, before: int) -> None:
        """Enters the model that answers from now on, in place of the one before.

        Parameters
        ----------
        chain : Chain
            The model, loaded.
        before : int
            Bytes in use before it was loaded.
        """
        for entry in self._model:
            self.ledger.release(entry)
        about = chain.backend.description
        name = chain.model_name
        weights, work = about.get("weight_bytes", 0), about.get("work_bytes", 0)
        outside = about.get("outside_bytes", 0) / 1e6
        parts = {"weights": weights, "work": work}
        if platform.IN_PYODIDE:
            # The rest of what loading took is the vocabulary; elsewhere nobody can tell.
            parts["tokenizer"] = platform.heap().in_use - before - weights - work
        bundled = name == platform.bundled_model_path().name
        frees = "" if bundled else "load the bundled model"
        names = {kind: name for kind in parts}
        if outside:
            names["weights"] = f"{name}, without {outside:.0f} MB of embedding read from the file"
        self._model = [
            self.ledger.enter(kind, names[kind], n_bytes, frees=frees)  # type: ignore[arg-type]
            for kind, n_bytes in parts.items()
            if n_bytes > 0
        ]

    def keep(self, talks: Iterable[Conversation]) -> None:
        """Shows the states of these talks, and of no others."""
        known = {id(talk): entry for talk, entry in self._talks}
        kept = []
        for talk in talks:
            entry = known.pop(id(talk), None)
            kept.append((talk, entry or self._enter(talk)))
        for entry in known.values():
            self.ledger.release(entry)
        self._talks = kept

    def _enter(self, talk: Conversation) -> Entry:
        return self.ledger.enter(
            "states", "chat", lambda: talk.state_bytes, frees="let the states of chats go"
        )

    def talk_of(self, entry: Entry) -> Conversation | None:
        """The talk whose states an entry is about."""
        return next((talk for talk, other in self._talks if other is entry), None)

    def make_headroom(self, chain: Chain) -> None:
        """Grows the heap by what an answer will need, where it would grow by a fifth itself."""
        about = chain.backend.description
        one = about.get("state_bytes", 0) + 4 * about.get("n_vocab", 0)
        platform.make_headroom(STATES * one + LEAST_HEADROOM)

    def to_json(self) -> dict[str, Any]:
        """The budget as the page shows it; ``heap_bytes`` is what Python holds, used or not."""
        heap = platform.heap()
        return {
            "limit_bytes": self.ledger.limit_bytes,
            "heap_bytes": heap.n_bytes,
            "heap_used_bytes": heap.in_use,
            "used_bytes": self.ledger.used_bytes,
        }
