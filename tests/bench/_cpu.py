"""Processor time, natively and inside Pyodide."""

from __future__ import annotations

import sys
import time
from importlib import import_module

__all__ = ["seconds"]


def seconds() -> float:
    """Processor time so far; inside Pyodide only Node knows it."""
    if sys.platform != "emscripten":
        return time.process_time()
    used = import_module("js").process.cpuUsage()
    return float(used.user + used.system) / 1e6
