"""The page's door to its store: the talks as the page has them, kept as the store does."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from .backends.base import Backend
from .conversation import Conversation, asked_text
from .database import Database
from .errors import ArgumentError, FileError
from .events import Event
from .pagecalls import Calls
from .pagedatabase import PageDatabase
from .platform import to_js
from .store import ConversationStore
from .store.archive import Tell, export_parts, import_bytes
from .store.places import place_after, text_of
from .store.recorder import Recorder, follow_late
from .turns import Place

__all__ = ["DISK_MB", "PageStore"]

DISK_MB = 128.0
"""Most that states may take on the visitor's disk. In memory none are kept beside the talks'."""

# What the page shows of an answer that is not in a column of its own.
_EXTRA = ("words", "membranes")


class PageStore:
    """What the page keeps; `open` it first, and again when its place changes."""

    def __init__(self) -> None:
        self._store: ConversationStore | None = None
        self.moves: Callable[[Database, Database], None] | None = None
        """Takes what others keep from one database to the next."""
        methods: dict[str, Callable[..., Any]] = {
            "talks": self._talks,
            "talk": self._talk,
            "save": self._save,
            "delete": lambda talk: self.need().delete(talk),
            "choice": lambda name: self.need().choice(name),
            "choose": lambda name, value: self.need().choose(name, value),
            "check": lambda: self.need().database.execute("PRAGMA integrity_check"),
            "search": lambda text: [found.to_json() for found in self.need().search(text)],
        }
        self.call = Calls("the store has", methods)

    def open(self, sqlite: Any, persistent: bool, move: bool) -> None:
        """Keeps everything in another database from now on.

        Parameters
        ----------
        sqlite : JavaScript's ``Sqlite``
            The database.
        persistent : bool
            Whether it is on the disk.
        move : bool
            What was kept so far goes along, unless it is there.

        Raises
        ------
        FileError
            If it cannot be used; what was open stays.
        """
        database = PageDatabase(sqlite, persistent=persistent)
        store = ConversationStore(database, states_mb=DISK_MB if persistent else 0)
        before, self._store = self._store, store
        if before is not None:
            if move:
                _move(before, store)
                if self.moves is not None:
                    self.moves(before.database, store.database)
            before.close()

    @property
    def kept(self) -> ConversationStore | None:
        """The store, once it is open."""
        return self._store

    def need(self) -> ConversationStore:
        """The store.

        Raises
        ------
        ArgumentError
            If it is not open yet.
        """
        if self._store is None:
            raise ArgumentError("The store is not open yet; wait for the status line.")
        return self._store

    @property
    def memory_bytes(self) -> int:
        """Memory that it holds outside of Python's, in bytes: SQLite's own, caches included."""
        return 0 if self._store is None else self._store.database.memory_bytes

    def close(self) -> None:
        """Lets the database go."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def export(self, talks: str, put: Callable[[Any], object], tell: Tell) -> None:
        """Gives talks with all their branches and states as a file.

        Parameters
        ----------
        talks : str
            JSON: a list of their ids, or ``null`` for all.
        put : callable
            Takes the file's bytes, a piece after the other.
        tell : callable
            Hears how many talks are done, and of how many.
        """
        for part in export_parts(self.need(), json.loads(talks), tell=tell):
            put(to_js(part))

    def import_(self, data: Any, name: str, tell: Tell) -> str:
        """Adds the talks of a file; all of them, or none. Gives a JSON list of their ids.

        Parameters
        ----------
        data : JavaScript's byte array
            The file.
        name : str
            What it is called in errors.
        tell : callable
            Hears how many messages and states are written, and of how many.

        Raises
        ------
        ArchiveError
            If it is no such file, a damaged one, or one of a newer program.
        FileError
            If they cannot be written.
        """
        return json.dumps(import_bytes(self.need(), data.to_bytes(), name, tell))

    def follow(
        self, events: Iterator[Event], answer: str, talk: Conversation, said: str | None
    ) -> Iterator[Event]:
        """The events of an answer, which is kept while it comes, once it is in the store.

        Parameters
        ----------
        events : iterator of Event
            The answer.
        answer : str
            Its id.
        talk : Conversation
            Who answers.
        said : str or None
            The message that it is going to read, if any.
        """
        before = None
        if said is not None:
            before = text_of(talk.asked(said)).removesuffix(asked_text(said))

        def find() -> Recorder | None:
            # Storage that fails does not keep anybody from answering.
            with contextlib.suppress(FileError):
                if self._store is not None and self._store.has_message(answer):
                    # The words of the page keep the states between by themselves (words.py).
                    return Recorder(self._store, answer, before=before, snapshot_tokens=None)
            return None

        recorder = find()
        return recorder.follow(events, talk) if recorder else follow_late(find, events, talk)

    def resumed(
        self, turns: list[dict[str, str]], backend: Backend, talk: Callable[[Place], Conversation]
    ) -> Conversation | None:
        """A talk that goes on after ``turns`` from the states in the store.

        ``None`` if the last of them is not there, or is another text.
        """
        store, last = self._store, turns[-1]
        with contextlib.suppress(FileError):
            if store is None or not store.has_message(last["id"]):
                return None
            if store.message(last["id"]).text == last["text"]:
                return talk(place_after(store, last["id"], backend))
        return None

    def answered(
        self, turns: list[dict[str, str]], backend: Backend, talk: Callable[[], Conversation]
    ) -> Conversation | None:
        """A talk whose last turn is that of ``turns``, to go on with its answer."""
        store, (said, last) = self._store, turns[-2:]
        with contextlib.suppress(FileError):
            if store is None or not store.has_message(last["id"]):
                return None
            found = store.message(last["id"])
            if found.text != last["text"] or not found.text:
                return None
            asked = place_after(store, said["id"], backend, separated=False)
            answer = place_after(store, last["id"], backend, separated=False)
            result = talk()
            result.resume(said["text"], asked, found.raw, answer)
            return result
        return None

    def _talks(self) -> list[dict[str, Any]]:
        return [
            {
                "id": record.id,
                "title": record.name,
                "first": record.first_words,
                "created": record.created,
                "updated": record.updated,
                "leaf": record.leaf,
            }
            for record in self.need().conversations()
        ]

    def _talk(self, talk: str) -> dict[str, Any] | None:
        store = self.need()
        rows = store.database.execute(
            """SELECT id, parent, role, text, status, figures, problem, extra FROM messages
            WHERE conversation = ? ORDER BY number""",
            (talk,),
        )
        messages = {}
        for id, parent, role, text, status, figures, problem, extra in rows:
            message = {"id": id, "parent": parent, "role": role, "text": text, "status": status}
            if figures is not None:
                message["figures"] = json.loads(str(figures))
            if problem is not None:
                message["problem"] = problem
            messages[id] = message | json.loads(str(extra or "{}"))
        for found in self._talks():
            if found["id"] == talk:
                return found | {"messages": messages}
        return None

    def _save(self, talk: dict[str, Any], messages: list[dict[str, Any]]) -> None:
        database = self.need().database
        with database.transaction():
            database.execute(
                """INSERT INTO conversations (id, name, created, updated, leaf)
                VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
                name = excluded.name, updated = excluded.updated, leaf = excluded.leaf""",
                tuple(talk[name] for name in ("id", "title", "created", "updated", "leaf")),
            )
            for message in messages:
                self._save_message(talk, message)

    def _save_message(self, talk: dict[str, Any], message: dict[str, Any]) -> None:
        database = self.need().database
        status = message["status"]
        if status not in ("done", "failed"):
            status = "streaming"
        figures = message.get("figures")
        extra = {name: message[name] for name in _EXTRA if message.get(name) is not None}
        shown = (
            status,
            None if figures is None else json.dumps(figures),
            message.get("problem") if status == "failed" else None,
            json.dumps(extra) if extra else None,
        )
        id, text = message["id"], message["text"]
        rows = database.execute("SELECT text FROM messages WHERE id = ?", (id,))
        if not rows:
            database.execute(
                """INSERT INTO messages (status, figures, problem, extra, id, conversation, parent,
                  role, text, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
                (
                    *shown,
                    id,
                    talk["id"],
                    message["parent"],
                    message["role"],
                    text,
                    talk["updated"],
                ),
            )
            return
        database.execute(
            "UPDATE messages SET status = ?, figures = ?, problem = ?, extra = ? WHERE id = ?",
            (*shown, id),
        )
        # While it streams its tokens are kept one by one.
        if status != "streaming" and rows[0][0] != text:
            database.execute(
                "UPDATE messages SET text = ?, raw = NULL, tokens = NULL WHERE id = ?", (text, id)
            )


def _move(old: ConversationStore, new: ConversationStore) -> None:
    """Adds what one store has and the other has not; the states stay behind."""
    columns = (
        "id, conversation, parent, role, status, text, raw, stop_reason, backend, model, figures, "
        "problem, tokens, extra, created"
    )
    marks = ", ".join("?" * len(columns.split(", ")))
    with new.database.transaction():
        for record in old.conversations():
            new.database.execute(
                """INSERT INTO conversations (id, name, created, updated, leaf)
                VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
                name = excluded.name, updated = excluded.updated, leaf = excluded.leaf
                WHERE excluded.updated > updated""",
                (record.id, record.name, record.created, record.updated, record.leaf),
            )
            rows = old.database.execute(
                f"SELECT {columns} FROM messages WHERE conversation = ? ORDER BY number",
                (record.id,),
            )
            for row in rows:
                new.database.execute(
                    f"INSERT INTO messages ({columns}) VALUES ({marks}) ON CONFLICT DO NOTHING",
                    row,
                )
        for name, value in old.database.execute("SELECT name, value FROM choices"):
            new.database.execute(
                "INSERT INTO choices VALUES (?, ?) ON CONFLICT DO NOTHING", (name, value)
            )
