"""Conversations in one file: whole trees, with their states, checksummed."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..database import Value
from ..errors import ArchiveError, ArgumentError
from ..wholefile import whole_file
from .records import new_id

if TYPE_CHECKING:
    from .conversations import ConversationStore

_MAGIC = b"DTECHATS"
_VERSION = 1
# magic, version, bytes of the facts; then the facts, the states' numbers, and the SHA-256 of it all
_HEAD = struct.Struct("<8sIQ")
_SUM_BYTES = 32
_MOST_FACTS = 1 << 30

Tell = Callable[[int, int], object]
"""Hears how much is done, of how much."""
# Rows between two words about how far an import is.
_ROWS = 32

# The columns that are in the facts, with the types that they may have.
_TEXT: tuple[type, ...] = (str,)
_MAYBE: tuple[type, ...] = (str, type(None))
_Columns = dict[str, tuple[type, ...]]
_CONVERSATION: _Columns = {
    "id": _TEXT,
    "name": _TEXT,
    "created": (int,),
    "updated": (int,),
    "leaf": _MAYBE,
}
_MESSAGE: _Columns = {
    "id": _TEXT,
    "conversation": _TEXT,
    "parent": _MAYBE,
    "role": _TEXT,
    "status": _TEXT,
    "text": _TEXT,
    "raw": _MAYBE,
    "stop_reason": _MAYBE,
    "backend": _TEXT,
    "model": _TEXT,
    "figures": _MAYBE,
    "problem": _MAYBE,
    "tokens": _MAYBE,  # in base64
    "extra": _MAYBE,
    "created": (int,),
}
_STATE: _Columns = {
    "message": _TEXT,
    "position": (int,),
    "fingerprint": _TEXT,
    "characters": (int,),
    "context_tokens": (int,),
    "mark": (int,),
    "numbers": (int,),  # bytes of it, as of the logits
    "logits": (int,),
}


def export_bytes(
    store: ConversationStore, conversations: Sequence[str] | None = None, *, states: bool = True
) -> bytes:
    """The bytes of `export_file`."""
    return b"".join(export_parts(store, conversations, states))


def export_file(
    store: ConversationStore,
    path: str | os.PathLike[str],
    conversations: Sequence[str] | None = None,
    *,
    states: bool = True,
) -> None:
    """Writes conversations with all their branches to a file, which appears whole or not at all.

    Parameters
    ----------
    store : ConversationStore
        Where they are.
    path : path
        The file.
    conversations : sequence of str, optional
        Their ids; all of them if not given.
    states : bool
        Whether the models' states go along. Without them the file is small, and the texts are
        read again.

    Raises
    ------
    ArgumentError
        If there is no such conversation or folder.

    Examples
    --------
    >>> import tempfile
    >>> from deep_tree_echo.store import ConversationStore
    >>> store, other = ConversationStore.open(None), ConversationStore.open(None)
    >>> message = store.add(store.create("Trees"), None, "user", "Hello")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export_file(store, f"{folder}/trees.chats")
    ...     ids = import_file(other, f"{folder}/trees.chats")
    >>> [record.name for record in other.conversations()]
    ['Trees']
    >>> store.close(), other.close()
    (None, None)
    """
    parts = export_parts(store, conversations, states)
    with whole_file(path) as file:
        for part in parts:
            file.write(part)


def import_file(store: ConversationStore, path: str | os.PathLike[str]) -> list[str]:
    """Adds the conversations of a file that `export_file` wrote: all of them, or none.

    Returns
    -------
    list of str
        Their ids; a conversation that is in the store already is added as a copy with a new one.

    Raises
    ------
    ArgumentError
        If there is no such file.
    ArchiveError
        If it is no such file, a damaged one, or one of a newer program.
    FileError
        If they cannot be written.
    """
    path = Path(path)
    if not path.is_file():
        raise ArgumentError(f"path is {str(path)!r}; there is no such file.")
    return import_bytes(store, path.read_bytes(), path.name)


def import_bytes(
    store: ConversationStore, data: bytes, name: str = "The file", tell: Tell | None = None
) -> list[str]:
    """As `import_file`, from the file's bytes; ``name`` is what it is called in errors."""
    facts, blobs = _read(data, name)
    try:
        return _Import(store, facts, blobs, tell).write()
    except (ArgumentError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ArchiveError(
            f"{name} is not what this program writes, and nothing of it was imported: {error}."
        ) from error


def _rows(store: ConversationStore, table: str, columns: str, where: str, id: str) -> list[Any]:
    names = columns.split(", ")
    rows = store.database.execute(f"SELECT {columns} FROM {table} {where}", (id,))
    return [dict(zip(names, row, strict=True)) for row in rows]


def export_parts(
    store: ConversationStore,
    conversations: Sequence[str] | None = None,
    states: bool = True,
    tell: Tell | None = None,
) -> list[bytes]:
    """The bytes of `export_file`, in pieces; ``tell`` hears of the conversations."""
    facts: dict[str, list[dict[str, Any]]] = {"conversations": [], "messages": [], "states": []}
    blobs: list[bytes] = []
    # One moment of the store, however long it takes.
    with store.database.transaction():
        if conversations is None:
            conversations = [record.id for record in store.conversations()]
        for number, id in enumerate(conversations):
            if tell is not None:
                tell(number, len(conversations))
            store.conversation(id)
            facts["conversations"] += _rows(
                store, "conversations", ", ".join(_CONVERSATION), "WHERE id = ?", id
            )
            where = "WHERE conversation = ? ORDER BY number"
            for row in _rows(store, "messages", ", ".join(_MESSAGE), where, id):
                if row["tokens"] is not None:
                    row["tokens"] = base64.b64encode(row["tokens"]).decode()
                facts["messages"].append(row)
            if states:
                _add_states(store, id, facts["states"], blobs)
    packed = zlib.compress(json.dumps(facts, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    parts = [_HEAD.pack(_MAGIC, _VERSION, len(packed)), packed, *blobs]
    checksum = hashlib.sha256()
    for part in parts:
        checksum.update(part)
    return [*parts, checksum.digest()]


def _add_states(
    store: ConversationStore, id: str, states: list[dict[str, Any]], blobs: list[bytes]
) -> None:
    rows = store.database.execute(
        """SELECT messages.id, position, fingerprint, characters, context_tokens, mark,
          numbers, logits
        FROM states JOIN messages ON messages.number = states.message
        JOIN numbers ON numbers.state = states.number
        WHERE conversation = ? ORDER BY states.number""",
        (id,),
    )
    for *values, numbers, logits in rows:
        assert isinstance(numbers, bytes)
        assert isinstance(logits, bytes)
        blobs += [numbers, logits]
        states.append(dict(zip(_STATE, [*values, len(numbers), len(logits)], strict=True)))


def _read(data: bytes, name: str) -> tuple[dict[str, Any], memoryview]:
    if data[: len(_MAGIC)] != _MAGIC or len(data) < _HEAD.size:
        raise ArchiveError(f"{name} is not a file of conversations; choose another.")
    _, version, n_facts = _HEAD.unpack_from(data)
    if version != _VERSION:
        raise ArchiveError(
            f"{name} has version {version} of the format, and this program reads version "
            f"{_VERSION}; use the newer program that wrote it."
        )
    whole = memoryview(data)
    if (
        len(data) < _HEAD.size + _SUM_BYTES
        or hashlib.sha256(whole[:-_SUM_BYTES]).digest() != data[-_SUM_BYTES:]
    ):
        raise ArchiveError(
            f"{name} is damaged: its checksum is another one, and nothing of it was imported; "
            "export the conversations again."
        )
    try:
        unpacker = zlib.decompressobj()
        packed = whole[_HEAD.size : _HEAD.size + n_facts]
        facts = json.loads(unpacker.decompress(packed, _MOST_FACTS).decode("utf-8"))
        blobs = whole[_HEAD.size + n_facts : -_SUM_BYTES]
        if not isinstance(facts, dict):
            raise TypeError("its facts are no dictionary")
    except (zlib.error, ValueError, TypeError, RecursionError) as error:
        raise ArchiveError(f"{name} is not what this program writes: {error}.") from error
    return facts, blobs


class _Import:
    def __init__(
        self,
        store: ConversationStore,
        facts: dict[str, Any],
        blobs: memoryview,
        tell: Tell | None = None,
    ) -> None:
        self._store = store
        self._tell = tell
        self._done = 0
        self._blobs = blobs
        self._conversations = _checked(facts["conversations"], _CONVERSATION)
        self._messages = _checked(facts["messages"], _MESSAGE)
        # Files from before the marks have none; 0 says that nobody knows.
        marked = [{"mark": 0, **row} for row in facts["states"]]
        self._states = _checked(marked, _STATE)

    def write(self) -> list[str]:
        execute = self._store.database.execute
        with self._store.database.transaction():
            # Ids are kept where they are free, so that links to them go on.
            known = {
                str(row["id"])
                for row in self._conversations
                if execute("SELECT 1 FROM conversations WHERE id = ?", (row["id"],))
            }
            names: dict[str | None, str | None] = {None: None}
            for row in [*self._conversations, *self._messages]:
                old = row["id"]
                if old in names:
                    raise ValueError(f"{old!r} is there twice")
                taken = known or self._store.has_message(old)
                names[old] = new_id() if taken else old
            for row in self._conversations:
                row |= {"id": names[row["id"]], "leaf": names[row["leaf"]]}
                self._insert("conversations", row)
            before: set[str] = set()
            for row in self._messages:
                if row["tokens"] is not None:
                    row["tokens"] = base64.b64decode(row["tokens"], validate=True)
                if row["status"] == "streaming":
                    row["status"] = "failed"
                    row["problem"] = "The answer was under way when it was exported; regenerate it."
                if row["parent"] is not None and row["parent"] not in before:
                    raise ValueError(f"{row['id']!r} follows {row['parent']!r}, which is not there")
                before.add(row["id"])
                for column in ("id", "conversation", "parent"):
                    row[column] = names[row[column]]
                for column in ("figures", "extra"):
                    if row[column] is not None:
                        json.loads(row[column])
                self._insert("messages", row)
                self._one_more()
            self._write_states(names)
            self._check_leaves()
        return [row["id"] for row in self._conversations]

    def _write_states(self, names: dict[str | None, str | None]) -> None:
        at = 0
        for row in self._states:
            blobs = []
            for size in (row["numbers"], row["logits"]):
                if not 0 <= size <= len(self._blobs) - at:
                    raise ValueError(f"a state has {size} bytes, and there are fewer")
                blobs.append(bytes(self._blobs[at : at + size]))
                at += size
            self._store.states.put(str(names[row["message"]]), row, *blobs)
            self._one_more()
        if at != len(self._blobs):
            raise ValueError(f"{len(self._blobs) - at} bytes belong to no state")

    def _one_more(self) -> None:
        """Another row is written."""
        if self._tell is not None and self._done % _ROWS == 0:
            self._tell(self._done, len(self._messages) + len(self._states))
        self._done += 1

    def _insert(self, table: str, row: dict[str, Value]) -> None:
        marks = ", ".join("?" * len(row))
        self._store.database.execute(
            f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values())
        )

    def _check_leaves(self) -> None:
        for row in self._conversations:
            if row["leaf"] is None:
                continue
            if self._store.message(row["leaf"]).conversation != row["id"]:
                raise ValueError("the branch shown is of another conversation")


def _checked(rows: Any, columns: _Columns) -> list[dict[str, Any]]:
    """Rows with exactly these columns, of these types."""
    for row in rows:
        if not isinstance(row, dict) or row.keys() != columns.keys():
            raise ValueError("it has other columns")
        for name, types in columns.items():
            if type(row[name]) not in types:
                raise ValueError(f"{name} is {row[name]!r}")
    return list(rows)
