"""The store of conversations: each a tree of messages, with the states at their ends."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..conversation import asked_text
from ..database import Database, Value, open_database
from ..errors import ArgumentError
from . import schema
from .records import Comparison, ConversationRecord, Found, Message, Role, Said, Status, new_id
from .states import STATES_MB, States
from .tokens import pack_tokens, unpack_tokens

if TYPE_CHECKING:
    from ..backends.answer import Respondent
    from .chat import Chat

_COLUMNS = (
    "id, conversation, parent, role, text, status, raw, stop_reason, backend, model, figures, "
    "problem, created"
)
_PATH = """
WITH RECURSIVE path (id, level) AS (
  SELECT ?, 0 UNION ALL
  SELECT messages.parent, level + 1 FROM path JOIN messages USING (id)
  WHERE messages.parent IS NOT NULL
)
"""
_BELOW = """
WITH RECURSIVE below (id) AS (
  SELECT ? UNION ALL
  SELECT messages.id FROM below JOIN messages
  ON messages.conversation = ? AND messages.parent = below.id
)
"""


class ConversationStore:
    """Conversations in a database: what was said, and the model's states where it can go on.

    Parameters
    ----------
    database : Database
        Where they are kept; other parts may keep their tables in it, too.
    states_mb : float
        Most that states may take, in millions of bytes. Beyond it those used longest ago go,
        those in the middle of answers first; the model then reads their text again.
    clock : callable
        Seconds since 1970.

    Raises
    ------
    FileError
        If the database cannot be written, or a newer program wrote it.

    Examples
    --------
    >>> store = ConversationStore.open(None)
    >>> talk = store.create("Trees")
    >>> question = store.add(talk, None, "user", "How old is the oldest tree?")
    >>> answer = store.add(talk, question.id, "assistant", "Nearly 5,000 years.")
    >>> [message.text for message in store.path(answer.id)]
    ['How old is the oldest tree?', 'Nearly 5,000 years.']
    >>> [found.excerpt.count("old") for found in store.search("oldest")]
    [2]
    >>> store.close()
    """

    def __init__(
        self,
        database: Database,
        *,
        states_mb: float = STATES_MB,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.database = database
        self._clock = clock
        database.migrate(schema.NAME, schema.VERSIONS)
        self.states = States(database, states_mb, self.now)
        self._recover()

    @classmethod
    def open(
        cls, path: str | os.PathLike[str] | None, *, states_mb: float = STATES_MB
    ) -> ConversationStore:
        """Opens a file, which is made where there is none; ``None``: in memory.

        Raises
        ------
        ArgumentError, FileError
            As `open_database`.
        """
        database = open_database(path)
        try:
            return cls(database, states_mb=states_mb)
        except BaseException:
            database.close()
            raise

    def close(self) -> None:
        """Closes the database."""
        self.database.close()

    def __enter__(self) -> ConversationStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def now(self) -> int:
        """Milliseconds since 1970."""
        return int(self._clock() * 1000)

    def chat(self, conversation: str, chain: Respondent, **options: Any) -> Chat:
        """A conversation with someone who answers; see `Chat` for the options."""
        from .chat import Chat

        return Chat(self, conversation, chain, **options)

    # ------------------------------------------------------------ conversations

    def conversations(self) -> list[ConversationRecord]:
        """All of them, the most recently used first."""
        return [ConversationRecord(*row) for row in self._listed("")]  # type: ignore[arg-type]

    def conversation(self, id: str) -> ConversationRecord:
        """One of them.

        Raises
        ------
        ArgumentError
            If there is none of this name.
        """
        for row in self._listed("WHERE id = ?", id):
            return ConversationRecord(*row)  # type: ignore[arg-type]
        raise ArgumentError(f"conversation is {id!r}; there is no such conversation.")

    def _listed(self, where: str, *values: Value) -> list[tuple[Value, ...]]:
        return self.database.execute(
            f"""SELECT id, name, coalesce((SELECT substr(text, 1, 200) FROM messages
              WHERE messages.conversation = conversations.id AND role = 'user'
              ORDER BY number LIMIT 1), ''), created, updated, leaf,
              (SELECT count(*) FROM messages WHERE messages.conversation = conversations.id)
            FROM conversations {where} ORDER BY updated DESC, id""",
            values,
        )

    def create(self, name: str = "", id: str | None = None) -> str:
        """Makes an empty conversation and gives its id, a new one unless ``id`` is given.

        Raises
        ------
        ArgumentError
            If there is one of this id.
        """
        id = id or new_id()
        now = self.now()
        with self.database.transaction():
            if self._has(id):
                raise ArgumentError(f"id is {id!r}; there is a conversation of this id.")
            self.database.execute(
                "INSERT INTO conversations (id, name, created, updated) VALUES (?, ?, ?, ?)",
                (id, name.strip(), now, now),
            )
        return id

    def _has(self, id: str) -> bool:
        return bool(self.database.execute("SELECT 1 FROM conversations WHERE id = ?", (id,)))

    def rename(self, conversation: str, name: str) -> None:
        """Gives it a name; an empty one takes the name away."""
        self._change(conversation, "name", name.strip())

    def select(self, message: str) -> None:
        """Shows the branch that ends with this message; what is said next follows it."""
        found = self.message(message)
        self._change(found.conversation, "leaf", message)

    def to_beginning(self, conversation: str) -> None:
        """Shows the place before the first message: what is said next begins a new tree."""
        self._change(conversation, "leaf", None)

    def _change(self, conversation: str, column: str, value: Value) -> None:
        changed = self.database.execute(
            f"UPDATE conversations SET {column} = ? WHERE id = ? RETURNING id",
            (value, conversation),
        )
        if not changed:
            raise ArgumentError(f"conversation is {conversation!r}; there is no such conversation.")

    def delete(self, conversation: str) -> None:
        """Deletes a conversation with all its branches and states; no such one is no mistake."""
        with self.database.transaction():
            self.database.execute("DELETE FROM messages WHERE conversation = ?", (conversation,))
            self.database.execute("DELETE FROM conversations WHERE id = ?", (conversation,))

    # ----------------------------------------------------------------- messages

    def add(
        self,
        conversation: str,
        parent: str | None,
        role: Role,
        text: str,
        *,
        id: str | None = None,
        status: Status = "done",
    ) -> Message:
        """Adds a message after ``parent`` and shows the branch that ends with it.

        Raises
        ------
        ArgumentError
            If the conversation or ``parent`` is not there, or there is a message of this id.
        """
        id = id or new_id()
        now = self.now()
        with self.database.transaction():
            if not self._has(conversation):
                raise ArgumentError(
                    f"conversation is {conversation!r}; there is no such conversation."
                )
            if parent is not None and self.message(parent).conversation != conversation:
                raise ArgumentError(f"parent is {parent!r}; it is in another conversation.")
            if self.has_message(id):
                raise ArgumentError(f"id is {id!r}; there is a message of this id.")
            self.database.execute(
                "INSERT INTO messages (id, conversation, parent, role, status, text, created) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (id, conversation, parent, role, status, text, now),
            )
            self._touch(conversation, id, now)
        return self.message(id)

    def _touch(self, conversation: str, leaf: str, now: int) -> None:
        self.database.execute(
            "UPDATE conversations SET leaf = ?, updated = ? WHERE id = ?",
            (leaf, now, conversation),
        )

    def has_message(self, id: str) -> bool:
        """Whether there is a message of this id."""
        return bool(self.database.execute("SELECT 1 FROM messages WHERE id = ?", (id,)))

    def message(self, id: str) -> Message:
        """A message by its id.

        Raises
        ------
        ArgumentError
            If there is none.
        """
        for row in self.database.execute(f"SELECT {_COLUMNS} FROM messages WHERE id = ?", (id,)):
            return _message(row)
        raise ArgumentError(f"message is {id!r}; there is no such message.")

    def messages(self, conversation: str) -> list[Message]:
        """Those of all branches, in the order in which they were made."""
        rows = self.database.execute(
            f"SELECT {_COLUMNS} FROM messages WHERE conversation = ? ORDER BY number",
            (conversation,),
        )
        return [_message(row) for row in rows]

    def path(self, message: str | None) -> list[Message]:
        """The messages from the first one to ``message``; none for ``None``."""
        rows = self.database.execute(
            f"{_PATH} SELECT {_COLUMNS} FROM path JOIN messages USING (id) ORDER BY level DESC",
            (message,),
        )
        return [_message(row) for row in rows]

    def children(self, conversation: str, parent: str | None) -> list[Message]:
        """The messages that follow ``parent`` at once, oldest first; ``None``: the first ones."""
        rows = self.database.execute(
            f"SELECT {_COLUMNS} FROM messages WHERE conversation = ? AND parent IS ? "
            "ORDER BY number",
            (conversation, parent),
        )
        return [_message(row) for row in rows]

    def compare(self, left: str, right: str) -> Comparison:
        """Two branches of a conversation side by side, each named by its last message.

        Raises
        ------
        ArgumentError
            If they are not in one conversation.
        """
        one, other = self.path(left), self.path(right)
        if self.message(left).conversation != self.message(right).conversation:
            raise ArgumentError(f"right is {right!r}; it is in another conversation than {left!r}.")
        common = 0
        while common < min(len(one), len(other)) and one[common].id == other[common].id:
            common += 1
        return Comparison(one[:common], one[common:], other[common:])

    def delete_branch(self, message: str) -> None:
        """Deletes a message and everything after it.

        Where the branch shown runs through it, the branch that ends before it is shown.
        """
        found = self.message(message)
        place = (message, found.conversation)
        with self.database.transaction():
            self.database.execute(
                f"{_BELOW} UPDATE conversations SET leaf = ? "
                "WHERE id = ? AND leaf IN (SELECT id FROM below)",
                (*place, found.parent, found.conversation),
            )
            self.database.execute(
                f"{_BELOW} DELETE FROM messages WHERE id IN (SELECT id FROM below)", place
            )

    def search(self, text: str, *, limit: int = 50) -> list[Found]:
        """Messages that have all these words, or words that begin like the last; best first."""
        words = re.findall(r"\w+", text)
        if not words:
            return []
        query = " ".join(f'"{word}"' for word in words) + "*"
        rows = self.database.execute(
            """SELECT messages.conversation, messages.id,
              snippet(words, 0, char(2), char(3), '…', 12)
            FROM words JOIN messages ON messages.number = words.rowid
            WHERE words MATCH ? ORDER BY rank LIMIT ?""",
            (query, limit),
        )
        return [Found(*row) for row in rows]  # type: ignore[arg-type]

    def tokens(self, message: str) -> list[Said]:
        """The tokens of an answer; their texts are its raw text.

        What nobody knows the tokens of, as of an answer that was imported as text, is one
        `Said` with the token -1.
        """
        found = self.message(message)
        packed = self.database.execute("SELECT tokens FROM messages WHERE id = ?", (message,))
        assert packed[0][0] is None or isinstance(packed[0][0], bytes)
        before = unpack_tokens(packed[0][0], found.raw)
        if not before and found.text:
            before = [Said(-1, None, found.raw)]
        return before + self._said(message)

    # ------------------------------------------------------------------ choices

    def choice(self, name: str) -> Any:
        """What was chosen once for everything, as JSON has it; ``None`` if nothing was."""
        rows = self.database.execute("SELECT value FROM choices WHERE name = ?", (name,))
        return json.loads(str(rows[0][0])) if rows else None

    def choose(self, name: str, value: Any) -> None:
        """Keeps a choice."""
        self.database.execute(
            "INSERT INTO choices VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            (name, json.dumps(value)),
        )

    # ------------------------------------------------- answers while they stream

    def begin(self, message: str) -> None:
        """An answer is going to be written, or to go on; its tokens are kept as they come."""
        self.database.execute(
            "UPDATE messages SET status = 'streaming', problem = NULL WHERE id = ?", (message,)
        )

    def said(self, message: str, position: int, said: Said) -> None:
        """Keeps one token of an answer that has begun; ``position`` counts from 0."""
        self.database.execute(
            "INSERT OR REPLACE INTO said SELECT number, ?, ?, ?, ? FROM messages WHERE id = ?",
            (position, said.token, said.probability, said.text, message),
        )

    def unsaid(self, message: str, tokens: Sequence[Said] = ()) -> None:
        """Forgets the tokens that are kept of an answer under way; it begins again with these."""
        with self.database.transaction():
            self.database.execute(
                "DELETE FROM said WHERE message = (SELECT number FROM messages WHERE id = ?)",
                (message,),
            )
            self.database.execute(
                "UPDATE messages SET tokens = NULL, raw = NULL, text = '' WHERE id = ?",
                (message,),
            )
            for position, said in enumerate(tokens):
                self.said(message, position, said)

    def read(self, message: str, raw: str) -> None:
        """Notes what a model has read of a question, which may be more than its text."""
        plain = _plain("user", self.message(message).text)
        # The empty line before it belongs to what it follows.
        read = raw.lstrip("\n")
        self.database.execute(
            "UPDATE messages SET raw = ? WHERE id = ?", (None if read == plain else read, message)
        )

    def finish(
        self,
        message: str,
        raw: str,
        tokens: Sequence[Said],
        *,
        status: Status = "done",
        stop_reason: str | None = None,
        backend: str = "",
        model: str = "",
        figures: dict[str, Any] | None = None,
        problem: str | None = None,
    ) -> Message:
        """An answer has been written: its whole text, and all its tokens."""
        now = self.now()
        text = raw.strip()
        with self.database.transaction():
            self.database.execute(
                """UPDATE messages SET text = ?, raw = ?, status = ?, stop_reason = ?,
                  backend = ?, model = ?, figures = ?, problem = ?, tokens = ? WHERE id = ?""",
                (
                    text,
                    None if raw == f" {text}" else raw,
                    status,
                    stop_reason,
                    backend,
                    model,
                    None if figures is None else json.dumps(figures),
                    problem,
                    pack_tokens(tokens) if tokens else None,
                    message,
                ),
            )
            self.database.execute(
                "DELETE FROM said WHERE message = (SELECT number FROM messages WHERE id = ?)",
                (message,),
            )
            found = self.message(message)
            self.database.execute(
                "UPDATE conversations SET updated = ? WHERE id = ?", (now, found.conversation)
            )
        return found

    def _said(self, message: str) -> list[Said]:
        rows = self.database.execute(
            """SELECT token, probability, said.text FROM said
            JOIN messages ON messages.number = said.message
            WHERE messages.id = ? ORDER BY position""",
            (message,),
        )
        return [Said(*row) for row in rows]  # type: ignore[arg-type]

    def _recover(self) -> None:
        """Ends the answers that were under way when the program was."""
        rows = self.database.execute("SELECT id FROM messages WHERE status = 'streaming'")
        for (id,) in rows:
            self.settle(str(id))

    def settle(self, message: str) -> Message:
        """Ends an answer that nobody is writing any more with the tokens that are kept."""
        with self.database.transaction():
            found = self.message(message)
            tokens = self.tokens(message)
            raw = "".join(said.text for said in tokens)
            if not raw.strip():
                return self.finish(
                    message,
                    raw,
                    tokens,
                    status="failed",
                    problem="The program ended before the answer was made; regenerate to ask "
                    "again.",
                )
            return self.finish(
                message,
                raw,
                tokens,
                stop_reason="cancelled",
                backend=found.backend,
                model=found.model,
            )


def _plain(role: str, text: str) -> str:
    """What a model reads or writes of a message that has no more than its text."""
    if role == "assistant":
        return f" {text}"
    return asked_text(text) if text.strip() else ""


def _message(row: Iterable[Value]) -> Message:
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    raw, figures = values.pop("raw"), values.pop("figures")
    plain = _plain(str(values["role"]), str(values["text"]))
    return Message(
        **values,  # type: ignore[arg-type]
        raw=plain if raw is None else str(raw),
        figures=None if figures is None else json.loads(str(figures)),
    )
