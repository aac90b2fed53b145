"""The store on the page's SQLite, which only Pyodide has: the same tests as on Python's."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from deep_tree_echo.database import Database
from deep_tree_echo.pagedatabase import PageDatabase
from deep_tree_echo.platform import IN_PYODIDE
from hypothesis.stateful import run_state_machine_as_test

from . import test_archive, test_chat, test_tree

pytestmark = pytest.mark.skipif(not IN_PYODIDE, reason="only the page has this SQLite")


@pytest.fixture(autouse=True)
def _page(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_page_database(path: Path | None) -> Database:
        # A file of that module's own memory, which lasts as long as Python does.
        name = ":memory:" if path is None else str(path).replace("/", "_")
        return PageDatabase(importlib.import_module("page_sqlite").open(name), persistent=False)

    for module in ("deep_tree_echo.store.conversations", test_chat.__name__):
        monkeypatch.setattr(f"{module}.open_database", open_page_database)


def test_the_tree() -> None:
    run_state_machine_as_test(test_tree.Tree, settings=test_tree.TestTree.settings)


def test_a_long_talk_and_searching() -> None:
    test_tree.test_a_very_long_talk()
    test_tree.test_searching()


def test_states(tmp_path: Path) -> None:
    test_archive.test_states_come_along(tmp_path, True)
    test_archive.test_states_come_along(tmp_path, False)


def test_a_full_disk(tmp_path: Path) -> None:
    test_chat.test_a_full_disk_ends_keeping_and_not_the_answer(tmp_path / "full.db")
