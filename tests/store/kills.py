"""Kills a program in the middle of its writing, and looks at what is left."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from deep_tree_echo.store import ConversationStore

ROOT = Path(__file__).resolve().parents[2]


class KilledWriter:
    """Lets `writer` talk to one file and kills it, as often as asked.

    Parameters
    ----------
    path : Path
        The file.
    seed : int
        Decides when it is killed.
    """

    def __init__(self, path: Path, seed: int) -> None:
        self._path = path
        self._random = random.Random(seed)
        self._shown: dict[str, int] = {}
        """Tokens that were shown of each answer."""

    def kill_once(self) -> None:
        """Starts the writer, kills it, and checks the file.

        Raises
        ------
        AssertionError
            If anything that was shown is lost, or the file is damaged.
        """
        environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'py'}", "OMP_NUM_THREADS": "1"}
        writer = subprocess.Popen(
            [sys.executable, "-m", "tests.store.writer", str(self._path)],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=ROOT,
        )
        assert writer.stdout is not None
        try:
            for _ in range(self._random.randint(1, 120)):
                self._note(writer.stdout.readline())
            # Anywhere within a token.
            time.sleep(self._random.random() * 0.004)
        finally:
            writer.kill()
        for line in writer.stdout:
            self._note(line)
        writer.stdout.close()
        assert writer.wait() == -9, "the writer ended by itself"
        self.check()

    def _note(self, line: str) -> None:
        # The last line may be cut.
        if line.endswith("\n"):
            answer, tokens = json.loads(line)
            self._shown[answer] = tokens

    def check(self) -> None:
        """Opens the file as the next start of a program would."""
        with ConversationStore.open(self._path) as store:
            assert store.database.execute("PRAGMA integrity_check") == [("ok",)]
            assert store.database.execute("PRAGMA foreign_key_check") == []
            assert (
                store.database.execute("INSERT INTO words (words) VALUES ('integrity-check')") == []
            )
            for answer, tokens in self._shown.items():
                message, kept = store.message(answer), store.tokens(answer)
                assert len(kept) >= tokens, f"{tokens} tokens were shown, {len(kept)} are kept"
                assert "".join(said.text for said in kept).strip() == message.text
                assert message.status == "done"
