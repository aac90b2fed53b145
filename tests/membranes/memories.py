"""Databases in memory that tests leave behind: newer Pythons warn of those that nobody closes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from deep_tree_echo.database import Database, open_database

_OPEN: list[Database] = []


def in_memory() -> Database:
    """A database that `closing` closes."""
    _OPEN.append(open_database(None))
    return _OPEN[-1]


@pytest.fixture(autouse=True)
def closing() -> Iterator[None]:
    """Closes what the test has opened by `in_memory`."""
    yield
    while _OPEN:
        _OPEN.pop().close()
