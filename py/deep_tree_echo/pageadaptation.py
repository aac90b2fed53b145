"""The page's door to adaptation: off at first, for one chat or for all, kept with the talks."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .database import Database, Value
from .errors import ArgumentError, EchoError
from .pagecalls import Calls
from .pagestore import PageStore

if TYPE_CHECKING:
    from .adaptation import Adaptation

__all__ = ["PageAdaptation"]

_CHOICE = "adaptation"
_MODES = ("off", "chat", "all")
_ALL = "all"
_MOST_KNOWN = 4
_POINTS = 200
_VERSIONS = [
    """
    CREATE TABLE adaptations (
        name TEXT PRIMARY KEY, -- "all", or "chat" and its first message
        data BLOB NOT NULL, -- a snapshot
        points TEXT NOT NULL -- JSON: tokens, bits per byte without and with
    );
    """
]


class PageAdaptation:
    """What was learned from what the visitor has written, where that is chosen.

    Parameters
    ----------
    store : PageStore
        What was learned is in the same database as the talks.

    Examples
    --------
    >>> PageAdaptation(PageStore()).on
    False
    """

    def __init__(self, store: PageStore) -> None:
        self._store = store
        self._database: Database | None = None
        self._mode = "off"
        self._answering: _Learned | None = None
        self._known: dict[str, _Learned] = {}
        self._model: Any = None
        methods: dict[str, Callable[..., Any]] = {
            "state": self._state,
            "choose": self._choose,
            "reset": self._reset,
            "export": self._export,
            "import": self._import,
        }
        self.call = Calls("the adaptation has", methods)

    @property
    def on(self) -> bool:
        """Whether anything is learned."""
        self._look()
        return self._mode != "off" and self._database is not None

    @property
    def nbytes(self) -> int:
        """Memory of what is held of the last chats, in bytes."""
        return sum(learned.adaptation.nbytes for learned in self._known.values())

    def use_model(self, model: Any) -> None:
        """Another model answers; ``None`` for a mock."""
        self._model = model

    def guidance(self, chat: str) -> Adaptation | None:
        """What takes part in an answer of the chat with this first message, if anything does."""
        if not self.on or self._model is None:
            return None
        self._answering = self._of(chat)
        return self._answering.adaptation

    def answered(self) -> None:
        """Keeps what was learned until now."""
        learned, self._answering = self._answering, None
        if learned is not None and learned.note():
            self._keep(learned)

    def forget(self, messages: list[str]) -> None:
        """The chats with these messages are deleted, and what was learned from each alone."""
        self._look()
        if self._database is None:
            return
        for message in messages:
            self._known.pop(_name(message), None)
            self._execute("DELETE FROM adaptations WHERE name = ?", _name(message))

    # ------------------------------------------------------------------ parts

    def _look(self) -> None:
        """Notices when the store has opened, or is elsewhere now."""
        kept = self._store.kept
        database = None if kept is None else kept.database
        if database is self._database:
            return
        self._database, self._answering = database, None
        self._known.clear()
        chosen = kept.choice(_CHOICE) if kept is not None else None
        self._mode = chosen if chosen in _MODES else "off"

    def _execute(self, sql: str, *values: Value) -> list[tuple[Value, ...]]:
        database = self._store.need().database
        database.migrate("adaptation", _VERSIONS)
        return database.execute(sql, values)

    def _of(self, chat: str) -> _Learned:
        """What is learned for a chat, or for all where that is chosen."""
        if self._mode == "chat" and not chat:
            raise ArgumentError("This chat has no message yet; say something first.")
        name = _name(chat) if self._mode == "chat" else _ALL
        if name in self._known:
            return self._known[name]
        try:
            # It needs NumPy, which may be missing, and which few answers need.
            from .adaptation import Adaptation
        except ImportError as error:
            raise EchoError(
                "Adaptation needs NumPy, which could not be fetched; reload the page."
            ) from error
        learned = _Learned(name, Adaptation(), [])
        for data, points in self._execute(
            "SELECT data, points FROM adaptations WHERE name = ?", name
        ):
            # One of another version is learned anew.
            with contextlib.suppress(ArgumentError):
                learned.adaptation.restore(bytes(data))  # type: ignore[arg-type]
                learned.points = json.loads(str(points))
        kept = list(self._known.items())[1 - _MOST_KNOWN :]
        self._known = {**dict(kept), name: learned}
        return learned

    def _keep(self, learned: _Learned) -> None:
        self._execute(
            "INSERT INTO adaptations VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
            "data = excluded.data, points = excluded.points",
            learned.name,
            learned.adaptation.snapshot(),
            json.dumps(learned.points),
        )

    def _state(self, chat: str = "") -> dict[str, Any]:
        """How things stand for the chat that is shown."""
        state: dict[str, Any] = {"mode": self._mode if self.on else "off"}
        state |= {"can": self._model is not None, "gauge": None, "points": []}
        if not self.on or self._model is None or (self._mode == "chat" and not chat):
            return state
        learned = self._of(chat)
        return state | {"gauge": learned.adaptation.gauge().to_json(), "points": learned.points}

    def _choose(self, mode: str, chat: str = "") -> dict[str, Any]:
        self._look()
        if mode not in _MODES:
            raise ArgumentError(f"mode is {mode!r}; it must be one of {', '.join(_MODES)}.")
        if self._model is None and mode != "off":
            raise ArgumentError("The mock has no hidden state to learn from; load a model.")
        self._store.need().choose(_CHOICE, mode)
        self._mode = mode
        return self._state(chat)

    def _reset(self, chat: str = "") -> dict[str, Any]:
        """Forgets what was learned for this chat, or for all chats."""
        learned = self._of(chat)
        learned.adaptation.reset()
        learned.points = []
        self._execute("DELETE FROM adaptations WHERE name = ?", learned.name)
        return self._state(chat)

    def _export(self, chat: str = "") -> str:
        return base64.b64encode(self._of(chat).adaptation.snapshot()).decode()

    def _import(self, data: str, chat: str = "") -> dict[str, Any]:
        learned = self._of(chat)
        learned.adaptation.restore(base64.b64decode(data))
        learned.points = []
        learned.note()
        self._keep(learned)
        return self._state(chat)


@dataclass(slots=True)
class _Learned:
    """What was learned, and what it had gained after each answer."""

    name: str
    adaptation: Adaptation
    points: list[list[float]]  # (n, 3): tokens, bits per byte without and with

    def note(self) -> bool:
        """Notes how things stand now; whether that is anything new."""
        gauge = self.adaptation.gauge()
        if not gauge.bytes or (self.points and self.points[-1][0] == gauge.tokens):
            return False
        self.points.append([gauge.tokens, gauge.bits_per_byte_without, gauge.bits_per_byte_with])
        if len(self.points) > _POINTS:
            # Every second of the older ones is enough for a line.
            half = _POINTS // 2
            self.points = self.points[:half:2] + self.points[half:]
        return True


def _name(message: str) -> str:
    return f"chat {message}"
