"""Contestants that are processes: one JSON request a line, one JSON reply a line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.bench._measure import ROOT, Turn


class Process:
    """A driver such as ``_libecho`` with its model loaded."""

    def __init__(self, *command: str | Path, env: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [str(word) for word in command],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        line = self._line()
        if line != "ready":
            raise RuntimeError(f"{command[0]} said {line!r} instead of 'ready'.")

    def ask(self, **request: Any) -> dict[str, Any]:
        """Has it do something; ``wall_ms`` and ``cpu_ms`` are in every reply."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return dict(json.loads(self._line()))

    def turn(self, tokens: int, /, **request: Any) -> Turn:
        """The same as a `Turn`."""
        reply = self.ask(**request)
        return Turn(tokens, reply["wall_ms"], reply["cpu_ms"])

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended with code {self._process.wait()}.")
        return line

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
