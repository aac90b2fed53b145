"""One small interface for SQLite: whole transactions, migrations, errors as sentences."""

from __future__ import annotations

import contextlib
import importlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from deep_tree_echo.database import Database, Value, open_database
from deep_tree_echo.errors import ArgumentError, FileError
from deep_tree_echo.pagedatabase import PageDatabase
from deep_tree_echo.platform import IN_PYODIDE as ON_PYODIDE
from hypothesis import given
from hypothesis import strategies as st

NOTES = "CREATE TABLE notes (id INTEGER PRIMARY KEY, value);"


def page_database() -> Database:
    """The one of the page, which only Pyodide has."""
    return PageDatabase(importlib.import_module("page_sqlite").open(":memory:"), persistent=False)


@pytest.fixture(params=["memory", "file", *(["page"] if ON_PYODIDE else [])])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "page":
        opened = page_database()
    else:
        opened = open_database(tmp_path / "some.db" if request.param == "file" else None)
    yield opened
    opened.close()


def values(database: Database) -> list[Value]:
    return [row[0] for row in database.execute("SELECT value FROM notes ORDER BY id")]


def insert(database: Database, value: Value) -> None:
    database.execute("INSERT INTO notes (value) VALUES (?)", [value])


def test_transactions_are_whole(database: Database) -> None:
    database.migrate("notes", [NOTES])
    with contextlib.suppress(KeyError), database.transaction():
        insert(database, 1)
        raise KeyError
    assert values(database) == []
    with database.transaction():
        insert(database, 2)
        with contextlib.suppress(KeyError), database.transaction():
            insert(database, 3)
            raise KeyError
        with database.transaction():
            insert(database, 4)
    assert values(database) == [2, 4]


def test_migrations_happen_once_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    second = "ALTER TABLE notes ADD COLUMN tag TEXT; UPDATE notes SET tag = 'old; it was';"
    trigger = """CREATE TRIGGER tagged AFTER INSERT ON notes BEGIN
        UPDATE notes SET tag = 'new' WHERE id = new.id; SELECT 1; END"""
    for scripts in ([NOTES], [NOTES], [NOTES, second], [NOTES, second, trigger]):
        database = open_database(path)
        database.migrate("notes", scripts)
        insert(database, len(scripts))
        database.close()
    database = open_database(path)
    tags = [tag for (tag,) in database.execute("SELECT tag FROM notes ORDER BY id")]
    assert tags == ["old; it was", "old; it was", None, "new"]
    with pytest.raises(FileError, match="have version 3, and this program knows versions up to 1"):
        database.migrate("notes", [NOTES])
    database.close()


def test_failed_migration_changes_nothing(database: Database) -> None:
    database.migrate("notes", [NOTES])
    with pytest.raises(ArgumentError, match="does not take it"):
        database.migrate("notes", [NOTES, "ALTER TABLE notes ADD COLUMN tag; CREATE NONSENSE;"])
    assert database.execute("SELECT version FROM versions") == [(1,)]
    insert(database, "still two columns")
    assert database.execute("SELECT * FROM notes") == [(1, "still two columns")]


@given(
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary()
)
def test_values_come_back_as_they_were(value: Value) -> None:
    for database in [open_database(None), *([page_database()] if ON_PYODIDE else [])]:
        found = database.execute("SELECT ?", [value])[0][0]
        database.close()
        assert type(found) is type(value)
        assert found == value


def test_bad_statements_and_values(database: Database) -> None:
    for sql, parameters in (
        ("SELECT", []),
        ("SELECT ?", []),
        ("SELECT ?", [2**63]),
        ("SELECT * FROM nothing", []),
    ):
        with pytest.raises(ArgumentError):
            database.execute(sql, parameters)


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="there is no folder"):
        open_database(tmp_path / "none" / "some.db")
    other = tmp_path / "other.db"
    other.write_bytes(b"something else entirely" * 100)
    with pytest.raises(FileError, match="it is not a database"):
        open_database(other)
    with pytest.raises(FileError, match="cannot be opened"):
        open_database(tmp_path)


def test_a_file_of_small_pages_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    with contextlib.closing(sqlite3.connect(path)) as earlier:
        earlier.executescript("PRAGMA page_size = 4096; PRAGMA journal_mode = WAL;" + NOTES)
        earlier.execute("INSERT INTO notes (value) VALUES ('long ago')")
        earlier.commit()
    database = open_database(path)
    insert(database, b"x" * 100_000)
    assert values(database) == ["long ago", b"x" * 100_000]
    assert database.execute("PRAGMA page_size") == [(4096,)]
    assert database.execute("PRAGMA integrity_check") == [("ok",)]
    database.close()


def test_what_holds_for_every_database(database: Database) -> None:
    database.migrate("notes", [NOTES])
    insert(database, b"x" * 20_000_000)
    assert database.execute("PRAGMA page_size") == [(16384,)]
    kibibytes = 1024 if isinstance(database, PageDatabase) else 4096
    assert database.execute("PRAGMA cache_size") == [(-kibibytes,)]
    assert database.execute("PRAGMA foreign_keys") == [(1,)]
    # Natively it is part of the process.
    assert (database.memory_bytes > 20_000_000) == isinstance(database, PageDatabase)
    database.close()
    assert database.memory_bytes == 0


def test_full_disk_leaves_all_intact(database: Database) -> None:
    database.migrate("notes", [NOTES])
    insert(database, "kept")
    pages = database.execute("PRAGMA page_count")[0][0]
    database.execute(f"PRAGMA max_page_count = {pages!r}")
    with pytest.raises(FileError, match="the disk is full"), database.transaction():
        insert(database, b"x" * 100_000)
    assert values(database) == ["kept"]
    assert database.execute("PRAGMA integrity_check") == [("ok",)]
    with database.transaction():
        insert(database, 1)
    assert values(database) == ["kept", 1]


@pytest.mark.native("it needs threads")
def test_threads_share_a_database(database: Database) -> None:
    database.migrate("notes", [NOTES])

    def write(number: int) -> None:
        for _ in range(20):
            with database.transaction():
                insert(database, number)
                insert(database, number)

    threads = [threading.Thread(target=write, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = values(database)
    assert len(found) == 160
    assert found[::2] == found[1::2]
