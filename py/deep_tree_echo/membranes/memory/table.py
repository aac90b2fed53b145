"""Memories in SQLite."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...database import Database, Value
from .items import MemoryItem, checked_type

__all__ = ["MemoryTable", "as_stored", "new_id"]

_VERSIONS = [
    """
    CREATE TABLE memories (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        content TEXT NOT NULL,
        memory_type TEXT NOT NULL,
        timestamp REAL NOT NULL,
        session_id TEXT NOT NULL,
        importance REAL NOT NULL,
        access_count INTEGER NOT NULL,
        last_accessed REAL,
        encoding BLOB, -- 256 float16
        encoded_by TEXT NOT NULL, -- the model's fingerprint
        tags TEXT NOT NULL, -- JSON, as metadata
        metadata TEXT NOT NULL
    );
    CREATE TABLE memory_associations (
        one TEXT NOT NULL REFERENCES memories (id) ON DELETE CASCADE ON UPDATE CASCADE,
        other TEXT NOT NULL REFERENCES memories (id) ON DELETE CASCADE ON UPDATE CASCADE,
        PRIMARY KEY (one, other)
    ) WITHOUT ROWID;
    CREATE INDEX memory_associations_other ON memory_associations (other);
    """
]
_COLUMNS = (
    "id, content, memory_type, timestamp, session_id, importance, access_count, last_accessed, "
    "encoding, tags, metadata"
)
_AT_ONCE = 500  # memories that one statement asks for


def new_id() -> str:
    """A name that no other memory has, here or elsewhere."""
    return secrets.token_hex(8)


class MemoryTable:
    """The tables of a database that hold memories.

    Parameters
    ----------
    database : Database
        Others may keep their tables in it. What is deleted in it is overwritten from now on.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        database.migrate("memory", _VERSIONS)
        database.execute("PRAGMA secure_delete = ON")

    def all(self) -> list[MemoryItem]:
        """Every memory, in the order of storing."""
        rows = self.database.execute(f"SELECT {_COLUMNS} FROM memories ORDER BY number")
        linked: dict[str, list[str]] = {}
        pairs = "SELECT one, other FROM memory_associations ORDER BY one, other"
        for one, other in self.database.execute(pairs):
            linked.setdefault(str(one), []).append(str(other))
            linked.setdefault(str(other), []).append(str(one))
        return [_item(row, linked.get(str(row[0]), [])) for row in rows]

    def encodings(self, fingerprint: str) -> dict[str, NDArray[np.float32]]:
        """Those that one model made, by id."""
        rows = self.database.execute(
            "SELECT id, encoding FROM memories WHERE encoded_by = ? AND encoding IS NOT NULL "
            "ORDER BY number",
            [fingerprint],
        )
        return {str(id): _vector(data) for id, data in rows if isinstance(data, bytes)}

    def get(self, ids: Sequence[str]) -> list[MemoryItem]:
        """Some memories, in the order of their ids; those that are not there are left out."""
        found = {}
        # A statement has its price in the page, and SQLite a limit of marks in one.
        for begin in range(0, len(ids), _AT_ONCE):
            some = list(ids[begin : begin + _AT_ONCE])
            marks = ", ".join("?" * len(some))
            linked: dict[str, list[str]] = {}
            for one, other in self.database.execute(
                f"SELECT one, other FROM memory_associations WHERE one IN ({marks}) "
                f"UNION SELECT other, one FROM memory_associations WHERE other IN ({marks}) "
                "ORDER BY 1, 2",
                some + some,
            ):
                linked.setdefault(str(one), []).append(str(other))
            for row in self.database.execute(
                f"SELECT {_COLUMNS} FROM memories WHERE id IN ({marks})", some
            ):
                found[str(row[0])] = _item(row, linked.get(str(row[0]), []))
        return [found[id] for id in ids if id in found]

    def put(self, item: MemoryItem, fingerprint: str = "") -> None:
        """Stores a memory, or changes the one with its id; its associations are not touched."""
        names = [name.strip() for name in _COLUMNS.split(",")] + ["encoded_by"]
        encoding = None if item.encoding is None else item.encoding.astype(np.float16).tobytes()
        values: list[Value] = [
            item.id, item.content, item.memory_type, item.timestamp, item.session_id,
            item.importance, item.access_count, item.last_accessed, encoding,
            json.dumps(list(item.tags)), json.dumps(item.metadata), fingerprint,
        ]  # fmt: skip
        changes = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
        self.database.execute(
            f"INSERT INTO memories ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "
            f"ON CONFLICT (id) DO UPDATE SET {changes}",
            values,
        )

    def change(self, item: MemoryItem) -> None:
        """Changes what the user and time change of a memory, but neither text nor encoding."""
        self.database.execute(
            "UPDATE memories SET memory_type = ?, timestamp = ?, importance = ?, tags = ?, "
            "metadata = ? WHERE id = ?",
            [
                item.memory_type,
                item.timestamp,
                item.importance,
                json.dumps(list(item.tags)),
                json.dumps(item.metadata),
                item.id,
            ],
        )

    def encode(self, id: str, encoding: NDArray[np.float32], fingerprint: str) -> None:
        """Keeps what a model made of a memory."""
        self.database.execute(
            "UPDATE memories SET encoding = ?, encoded_by = ? WHERE id = ?",
            [encoding.astype(np.float16).tobytes(), fingerprint, id],
        )

    def used(self, ids: Iterable[str], now: float) -> None:
        """Counts a use."""
        for id in ids:
            self.database.execute(
                "UPDATE memories SET access_count = access_count + 1, last_accessed = ? "
                "WHERE id = ?",
                [now, id],
            )

    def associate(self, first: str, second: str) -> None:
        """Two memories belong together, whichever is named first."""
        self.database.execute(
            "INSERT OR IGNORE INTO memory_associations VALUES (?, ?)", sorted((first, second))
        )

    def dissociate(self, first: str, second: str) -> None:
        """Two memories belong together no longer."""
        self.database.execute(
            "DELETE FROM memory_associations WHERE one = ? AND other = ?", sorted((first, second))
        )

    def delete(self, ids: Iterable[str]) -> None:
        """Deletes memories with their associations."""
        for id in ids:
            self.database.execute("DELETE FROM memories WHERE id = ?", [id])

    def wipe_traces(self) -> None:
        """Empties the write-ahead log, in which what was deleted may still be read.

        It does nothing within a transaction, or while another connection reads.
        """
        self.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def as_stored(encoding: NDArray[np.float32]) -> NDArray[np.float32]:
    """An encoding rounded as the table keeps it, so that a restart changes no score."""
    return encoding.astype(np.float16).astype(np.float32)


def _vector(data: bytes) -> NDArray[np.float32]:
    return np.frombuffer(data, np.float16).astype(np.float32)


def _item(row: tuple[Any, ...], associations: list[str]) -> MemoryItem:
    return MemoryItem(
        id=row[0],
        content=row[1],
        memory_type=checked_type(row[2]),
        timestamp=row[3],
        session_id=row[4],
        importance=row[5],
        access_count=row[6],
        last_accessed=row[7],
        encoding=None if row[8] is None else _vector(row[8]),
        tags=tuple(json.loads(row[9])),
        associations=tuple(associations),
        metadata=json.loads(row[10]),
    )
