"""A model's state as something to look at: maps, norms and spectra, small enough for a frame."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .errors import ArgumentError

Floats = NDArray[np.float32]

MAX_NUMBERS = 1 << 16
"""Most numbers of an overview; larger states are pooled."""


class Layered(Protocol):
    """A state whose parts are known by name: `State` and those of the other backends."""

    def layers(self) -> list[dict[str, Floats]]:
        """The parts of every layer."""


@dataclass(frozen=True, slots=True)
class StateMap:
    """A state, ready to draw.

    Parameters
    ----------
    overview : ndarray
        (layers, heads, tile_rows, tile_columns) float32: the root mean square of each pooled
        block, so at least 0.
    detail : ndarray
        (rows, columns) float32: the chosen head, number by number.
    spectrum : ndarray
        (min(rows, columns),) float32: its singular values, largest first; empty for RWKV 4,
        whose state is no matrix.
    norms : ndarray
        (layers,) float32: the Euclidean norm of each layer, before any change is taken.
    layer, head : int
        The chosen head, from 0.
    axes : tuple of str
        What a row and a column of ``detail`` are.
    """

    overview: Floats
    detail: Floats
    spectrum: Floats
    norms: Floats
    layer: int
    head: int
    axes: tuple[str, str]

    def facts(self) -> dict[str, Any]:
        """Everything but the arrays, for JSON."""
        layers, heads, tile_rows, tile_columns = self.overview.shape
        rows, columns = self.detail.shape
        return {
            "layers": layers,
            "heads": heads,
            "tileRows": tile_rows,
            "tileColumns": tile_columns,
            "rows": rows,
            "columns": columns,
            "layer": self.layer,
            "head": self.head,
            "axes": list(self.axes),
        }


def state_map(
    state: Layered,
    layer: int = 0,
    head: int = 0,
    *,
    before: Layered | None = None,
    version: str = "7.0",
    max_numbers: int = MAX_NUMBERS,
) -> StateMap:
    """The map of a state.

    Parameters
    ----------
    state : Layered
        The state to show.
    layer, head : int
        The head to show in full.
    before : Layered, optional
        Maps the change from this state instead of the state itself.
    version : str
        The model's architecture, which decides what rows and columns are.
    max_numbers : int
        Most numbers of the overview.

    Raises
    ------
    ArgumentError
        If there is no such layer or head.
    """
    maps = _maps(state)
    norms = np.sqrt(np.einsum("lhrc,lhrc->l", maps, maps, dtype=np.float64)).astype(np.float32)
    if before is not None:
        maps = maps - _maps(before)
    n_layer, n_head, rows, _ = maps.shape
    if not (0 <= layer < n_layer and 0 <= head < n_head):
        raise ArgumentError(
            f"layer {layer}, head {head} does not exist; the state has {n_layer} layers with "
            f"{n_head} heads."
        )
    detail = np.ascontiguousarray(maps[layer, head])
    matrix = rows > 3
    spectrum = np.linalg.svd(detail, compute_uv=False) if matrix else np.empty(0)
    # RWKV 7 keeps S by (value, key), its forerunners by (key, value).
    axes = ("value", "key") if version.startswith("7") else ("key", "value")
    return StateMap(
        overview=_pooled(maps, max_numbers),
        detail=detail,
        spectrum=spectrum.astype(np.float32),
        norms=norms,
        layer=layer,
        head=head,
        axes=axes if matrix else ("part", "channel"),
    )


def _maps(state: Layered) -> Floats:
    """(layers, heads, rows, columns) of a state: its matrices.

    RWKV 4 has none: its rows are the two token shifts and what it remembers, aa / bb.
    """
    parts = state.layers()
    if "matrix" in parts[0]:
        return np.stack([part["matrix"] for part in parts])
    rows = [
        [part["time_shift"], part["channel_shift"], part["aa"] / np.maximum(part["bb"], 1e-30)]
        for part in parts
    ]
    return np.asarray(rows, dtype=np.float32)[:, None]


def _pooled(maps: Floats, max_numbers: int) -> Floats:
    """The root mean square over square blocks, as small as the limit demands.

    >>> _pooled(np.ones((1, 1, 4, 4), np.float32), 4).shape
    (1, 1, 2, 2)
    """
    n_layer, n_head, rows, columns = maps.shape
    across = min(columns, max(1, int(sqrt(max_numbers / (n_layer * n_head)))))
    step = ceil(columns / across)
    if rows <= 3:
        step_rows, step = 1, ceil(columns * rows * n_layer / max_numbers)
        step = max(step, ceil(columns / 256))
    else:
        step_rows = step
    squares = np.square(maps)
    squares = np.add.reduceat(squares, np.arange(0, rows, step_rows), axis=2)
    squares = np.add.reduceat(squares, np.arange(0, columns, step), axis=3)
    high = np.diff(np.append(np.arange(0, rows, step_rows), rows))
    wide = np.diff(np.append(np.arange(0, columns, step), columns))
    pooled: Floats = np.sqrt(squares / (high[:, None] * wide)).astype(np.float32)
    return pooled
