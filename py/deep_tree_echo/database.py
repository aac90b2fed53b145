"""SQLite behind one small interface: Python's own natively, another build of it in the page."""

from __future__ import annotations

import contextlib
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

from .errors import ArgumentError, FileError

__all__ = ["Database", "Value", "open_database"]

Value = None | int | float | str | bytes
"""What a field of a table can hold."""

# SQLite's result codes of what a machine does to a file, not a statement to SQLite; for each the
# sentence's end.
_TROUBLE = {
    3: "it may not be opened or written; check its permissions",
    5: "another program holds it; close that one or try again",
    8: "it may not be written; check its permissions",
    10: "the disk failed to read or write it; check the disk",
    11: "it is damaged; take another copy of it",
    13: "the disk is full; free some space and try again",
    14: "it cannot be opened; check that its folder exists and may be written",
    26: "it is not a database; choose another file",
}

_BUSY_SECONDS = 10.0

# States are large: with SQLite's own 4 or 8 kB they take twice as long to write in a browser.
_PAGE_BYTES = 16384
_CACHE_BYTES = 4 << 20
_LOG_BYTES = 8 << 20


class Database(ABC):
    """One SQLite database. Threads may share it; each transaction belongs to one of them.

    Examples
    --------
    >>> notes = open_database(None)
    >>> notes.migrate("notes", ["CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);"])
    >>> with notes.transaction():
    ...     _ = notes.execute("INSERT INTO notes (text) VALUES (?)", ["first"])
    >>> notes.execute("SELECT id, text FROM notes")
    [(1, 'first')]
    >>> notes.close()
    """

    persistent: bool = False
    """Whether what it holds is still there after a restart."""

    _cache_bytes = _CACHE_BYTES

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._depth = 0

    @property
    def memory_bytes(self) -> int:
        """Bytes of memory that the database holds beside what Python does, as far as known."""
        return 0

    def _set_up(self) -> None:
        """What holds for every database of ours, wherever it is."""
        for setting in (
            f"page_size = {_PAGE_BYTES}",  # only of a new file
            f"cache_size = {-self._cache_bytes // 1024}",
            # With the log, a process that is killed loses nothing that was committed; NORMAL may
            # lose the last moments when the machine itself loses its power, and no more.
            "journal_mode = WAL",
            "synchronous = NORMAL",
            f"wal_autocheckpoint = {_LOG_BYTES // _PAGE_BYTES}",
            "foreign_keys = ON",
        ):
            self._execute(f"PRAGMA {setting}", ())

    @abstractmethod
    def _execute(self, sql: str, parameters: Sequence[Value]) -> list[tuple[Value, ...]]:
        """One statement and its rows."""

    @abstractmethod
    def _script(self, sql: str) -> None:
        """Several statements, in the transaction that is open."""

    @abstractmethod
    def _close(self) -> None: ...

    def execute(self, sql: str, parameters: Sequence[Value] = ()) -> list[tuple[Value, ...]]:
        """Executes one statement.

        Parameters
        ----------
        sql : str
            The statement, with ``?`` for each parameter.
        parameters : sequence
            Their values.

        Returns
        -------
        list of tuple
            The rows it gives, all of them; none for most statements that change something.

        Raises
        ------
        ArgumentError
            If SQLite does not take the statement or a value.
        FileError
            If the file cannot be read or written, as on a full disk; it is then as it was.
        """
        with self._lock:
            return self._execute(sql, parameters)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """What happens in the block happens whole, or not at all if it raises.

        A transaction within another one can fail alone.

        Raises
        ------
        FileError
            If it cannot be written; the database is then as it was before.
        """
        with self._lock:
            inner = f"inner_{self._depth}"
            self._execute(f"SAVEPOINT {inner}" if self._depth else "BEGIN IMMEDIATE", ())
            self._depth += 1
            try:
                yield
                self._execute(f"RELEASE {inner}" if self._depth > 1 else "COMMIT", ())
            except BaseException:
                # After some failures SQLite has rolled back by itself, and says so.
                with contextlib.suppress(ArgumentError, FileError):
                    if self._depth > 1:
                        self._execute(f"ROLLBACK TO {inner}", ())
                        self._execute(f"RELEASE {inner}", ())
                    else:
                        self._execute("ROLLBACK", ())
                raise
            finally:
                self._depth -= 1

    def migrate(self, name: str, versions: Sequence[str]) -> None:
        """Brings a part's tables to their newest version, in one transaction.

        Parameters
        ----------
        name : str
            Whose tables: the part's own name, such as ``memory``.
        versions : sequence of str
            The statements that lead from nothing to version 1, from version 1 to 2, and so on.
            Those that have once been released are never changed.

        Raises
        ------
        FileError
            If a newer program has written the tables, or they cannot be written.
        """
        with self.transaction():
            self._script(
                "CREATE TABLE IF NOT EXISTS versions "
                "(name TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;"
            )
            rows = self._execute("SELECT version FROM versions WHERE name = ?", (name,))
            found = rows[0][0] if rows else 0
            assert isinstance(found, int)
            if found > len(versions):
                raise FileError(
                    f"The tables of {name} have version {found}, and this program knows versions "
                    f"up to {len(versions)}; use the newer program that wrote them."
                )
            for script in versions[found:]:
                self._script(script)
            if found < len(versions):
                self._execute(
                    "INSERT INTO versions VALUES (?, ?) "
                    "ON CONFLICT (name) DO UPDATE SET version = excluded.version",
                    (name, len(versions)),
                )

    def close(self) -> None:
        """Writes what is to be written and lets the file go; a second time does nothing."""
        with self._lock:
            self._close()


def open_database(path: str | os.PathLike[str] | None) -> Database:
    """Opens a database natively, by Python's sqlite3; several processes may open the same one.

    Parameters
    ----------
    path : path or None
        Its file, which is made where there is none; ``None``: in memory.

    Returns
    -------
    Database
        With foreign keys enforced, and a write-ahead log where the file system allows it.

    Raises
    ------
    ArgumentError
        If there is no such folder.
    FileError
        If the file is no database, or cannot be opened or written.
    """
    return _Native(None if path is None else Path(path))


def failure(code: int, message: str, file: str, sql: str) -> ArgumentError | FileError:
    """The error to raise for SQLite's result code and message."""
    if trouble := _TROUBLE.get(code & 0xFF):
        return FileError(f"{file} cannot be used: {trouble} (SQLite: {message}).")
    return ArgumentError(f"sql is {sql!r}; SQLite does not take it: {message}.")


class _Native(Database):
    def __init__(self, path: Path | None) -> None:
        import sqlite3

        super().__init__()
        if path is not None and not path.parent.is_dir():
            raise ArgumentError(f"path is {str(path)!r}; there is no folder {path.parent}.")
        self._file = "The database in memory" if path is None else path.name
        self.persistent = path is not None
        with self._explained("open"):
            # The lock of the base class keeps the threads apart.
            self._connection = sqlite3.connect(
                ":memory:" if path is None else path,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
        try:
            self._set_up()
        except BaseException:
            self._connection.close()
            raise

    @contextlib.contextmanager
    def _explained(self, sql: str) -> Iterator[None]:
        import sqlite3

        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 1)
            raise failure(code, str(error), self._file, sql) from error
        except OverflowError as error:
            raise ArgumentError(f"A value of {sql!r} has more than 64 bits.") from error

    def _execute(self, sql: str, parameters: Sequence[Value]) -> list[tuple[Value, ...]]:
        with self._explained(sql):
            return self._connection.execute(sql, parameters).fetchall()

    def _script(self, sql: str) -> None:
        import sqlite3

        # executescript would end the transaction.
        statement = ""
        for piece in sql.split(";")[:-1]:
            statement += piece + ";"
            if sqlite3.complete_statement(statement):
                self._execute(statement, ())
                statement = ""
        if rest := (statement + sql.rpartition(";")[2]).strip():
            self._execute(rest, ())

    def _close(self) -> None:
        self._connection.close()
