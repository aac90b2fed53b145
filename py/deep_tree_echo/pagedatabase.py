"""The page's database: SQLite in the worker's JavaScript, where the browser lets it have a disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .database import Database, Value, failure
from .errors import ArgumentError
from .platform import to_js

_KINDS = {type(None): "n", bool: "i", int: "i", float: "f", str: "s", bytes: "b"}
_MOST = 2**63


class PageDatabase(Database):
    """A database that ``web/src/worker/sqlite.mjs`` holds.

    Parameters
    ----------
    sqlite : JavaScript's ``Sqlite``
        Closed with the database.
    persistent : bool
        Whether it is on the disk.
    """

    # SQLite's memory there never shrinks, and the page has little.
    _cache_bytes = 1 << 20

    def __init__(self, sqlite: Any, *, persistent: bool) -> None:
        super().__init__()
        self._sqlite: Any = sqlite
        self.persistent = persistent
        self._file = "The storage of this page" if persistent else "The database in memory"
        if persistent:
            # One worker has the file for itself, and so needs no memory shared with others.
            self._execute("PRAGMA locking_mode = EXCLUSIVE", ())
        self._set_up()

    @property
    def memory_bytes(self) -> int:
        """All of SQLite's own memory in WebAssembly, which never becomes less."""
        return 0 if self._sqlite is None else int(self._sqlite.memoryBytes)

    def _execute(self, sql: str, parameters: Sequence[Value]) -> list[tuple[Value, ...]]:
        kinds = ""
        for value in parameters:
            if type(value) not in _KINDS:
                raise ArgumentError(f"parameters has {value!r}; SQLite keeps no such value.")
            if isinstance(value, int) and not -_MOST <= value < _MOST:
                raise ArgumentError(f"A value of {sql!r} has more than 64 bits.")
            kinds += _KINDS[type(value)]
        result = self._open().run(sql, kinds, to_js(list(parameters)))  # type: ignore[arg-type]
        if result is None:
            return []
        self._check(result, sql)
        found = [
            _from_js(kind, value)
            for kind, value in zip(result.kinds, result.values.to_py(), strict=True)
        ]
        width = result.width
        return [tuple(found[at : at + width]) for at in range(0, len(found), width)]

    def _script(self, sql: str) -> None:
        result = self._open().script(sql)
        if result is not None:
            self._check(result, sql)

    def _check(self, result: Any, sql: str) -> None:
        if result.code:
            raise failure(result.code, result.message, self._file, sql)

    def _open(self) -> Any:
        if self._sqlite is None:
            raise ArgumentError("The database has been closed; open it again.")
        return self._sqlite

    def _close(self) -> None:
        if self._sqlite is not None:
            self._sqlite.close()
            self._sqlite = None


def _from_js(kind: str, value: Any) -> Value:
    """A value as Python has it: JavaScript has one type for all numbers."""
    if kind == "n":
        return None
    if kind == "f":
        return float(value)
    if kind == "b":
        return bytes(value)
    if kind == "s":
        return str(value)
    return int(value)
