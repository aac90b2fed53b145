"""A program that is killed at any point has lost nothing that it had shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from .kills import KilledWriter


@pytest.mark.native("it starts and kills processes")
def test_killed_at_any_point(tmp_path: Path) -> None:
    # The benchmark `store` does it a hundred times.
    writer = KilledWriter(tmp_path / "chats.db", seed=1)
    for _ in range(4):
        writer.kill_once()
