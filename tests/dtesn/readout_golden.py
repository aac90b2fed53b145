"""The answers of reservoirpy, made by ``tests/oracles/readout_reference.py``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PATH = Path(__file__).resolve().parents[1] / "oracles" / "golden" / "readouts.npz"


@cache
def answers() -> dict[str, NDArray[Any]]:
    with np.load(PATH) as file:
        return dict(file)
