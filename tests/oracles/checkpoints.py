"""Random weights as the author's checkpoints have them: other names, shapes and encodings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float32]

_TRANSPOSED_7 = ("w1", "w2", "a1", "a2", "v1", "v2", "g1", "g2")


def checkpoint(architecture: str, weights: dict[str, Floats]) -> dict[str, torch.Tensor]:
    """The dictionary that a ``.pth`` file of the author holds; see `checkpoint_arrays`."""
    import torch

    arrays = checkpoint_arrays(architecture, weights)
    return {name: torch.from_numpy(values) for name, values in arrays.items()}


def checkpoint_arrays(architecture: str, weights: dict[str, Floats]) -> dict[str, Floats]:
    """The arrays of such a dictionary, from the weights of a file.

    Parameters
    ----------
    architecture : str
        That of the weights.
    weights : dict of str to ndarray
        As `random_models.random_weights` gives them.
    """
    tensors: dict[str, Floats] = {}
    for name, values in weights.items():
        if architecture == "7.0":
            tensors |= _undo_7(name, values)
        else:
            tensors[name] = _undo(architecture, name, values)
    return {name: np.array(values, np.float32, order="C") for name, values in tensors.items()}


def _undo(architecture: str, name: str, values: Floats) -> Floats:
    """The inverse of what rwkv.cpp's converter does to a tensor of RWKV 4, 5 or 6."""
    wide = values.astype(np.float64)
    part = name.rpartition(".")[2]
    if part.startswith(("time_mix_", "time_maa_")) and values.ndim == 1:
        return values.reshape(1, 1, -1)
    if part == "time_decay":
        if architecture == "4.0":
            return np.log(-wide)
        if architecture == "6.0":
            return values.reshape(1, 1, -1)
        return np.log(-np.log(wide)).reshape(values.shape[:2] if values.shape[1] > 1 else -1)
    if part == "time_first" and architecture == "5.1":
        return np.log(wide).reshape(-1)
    if part == "time_faaaa":
        return values.reshape(values.shape[:2])
    if part in ("time_maa_w1", "time_decay_w1", "time_decay_w2"):
        return values.T
    if part == "time_maa_w2":
        return values.transpose(0, 2, 1)
    return values


def _undo_7(name: str, values: Floats) -> dict[str, Floats]:
    """The same for RWKV 7."""
    stem, _, part = name.rpartition(".")
    if part == "x_rwkvag":
        return {f"{stem}.x_{letter}": values[i : i + 1] for i, letter in enumerate("rwkvag")}
    if part in _TRANSPOSED_7:
        return {name: values.T}
    return {name: values}
