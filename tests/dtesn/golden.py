"""The answers of kauri, nodepy and mpmath, made by ``tests/oracles/trees_reference.py``."""

from __future__ import annotations

import json
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from deep_tree_echo.dtesn import BSeries, RootedTree

FOLDER = Path(__file__).resolve().parents[1] / "oracles" / "golden"


@cache
def golden(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


@cache
def kauri_trees() -> tuple[RootedTree, ...]:
    """All trees up to order 8, in kauri's order."""
    return tuple(map(RootedTree.parse, golden("kauri")["trees"]))


def kauri_values(name: str) -> dict[RootedTree, Fraction]:
    return dict(zip(kauri_trees(), map(Fraction, golden("kauri")[name]), strict=True))


def kauri_series(name: str, empty: int = 1) -> BSeries:
    return BSeries(8, kauri_values(name), empty)
