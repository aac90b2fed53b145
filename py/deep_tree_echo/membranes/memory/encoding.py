"""A memory as numbers: a sketch of the model's state after reading it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["SIZE", "Encoder", "StateEncoder", "encoder_of"]

SIZE = 256
"""Numbers of an encoding."""
_TOKENS = 512  # of a text that are read; the rest is found by its words only

Vector = NDArray[np.float32]


class Encoder(Protocol):
    """Makes encodings; those of different fingerprints are never compared."""

    fingerprint: str
    """Which model makes them."""

    def encode(self, text: str) -> Vector:
        """(SIZE,) float32."""


class StateEncoder:
    """Encodes texts by the recurrent state of the upper half of a model's layers.

    The state that has read the text from nothing is folded to 256 numbers by adding each of its
    numbers, with a random sign, to a random one of them (a count sketch, which keeps inner
    products on average).

    Parameters
    ----------
    model : Model
        One that gives states, of libecho or of NumPy.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        shape = model.state_shape
        self._skip = 0 if shape.n_head == 0 else 2 * shape.n_embed
        self._layers = (shape.n_layer, shape.n_layer // 2)
        size = (shape.n_layer - shape.n_layer // 2) * (shape.layer_size - self._skip)
        random = np.random.default_rng(2026)
        self._places = random.integers(0, SIZE, size, dtype=np.int16)
        self._signs = random.integers(0, 2, size, dtype=np.int8) * 2 - 1
        self.fingerprint = str(model.fingerprint)

    def encode(self, text: str) -> Vector:
        """(256,) float32 of length 1, or zeros for a text without tokens.

        Raises
        ------
        EchoError
            If the model cannot read it.
        """
        tokens = self._model.encode(text[: 8 * _TOKENS])[:_TOKENS]
        if not tokens:
            return np.zeros(SIZE, np.float32)
        _, state = self._model.eval(tokens)
        layers, first = self._layers
        numbers = state.to_numpy().reshape(layers, -1)[first:, self._skip :].reshape(-1)
        sketch = np.bincount(self._places, weights=numbers * self._signs, minlength=SIZE)
        length = float(np.linalg.norm(sketch))
        if not np.isfinite(length) or length == 0.0:
            return np.zeros(SIZE, np.float32)
        found: Vector = (sketch / length).astype(np.float32)
        return found


def encoder_of(model: Any) -> StateEncoder | None:
    """An encoder by this model, ``None`` if it has no states to look into or no fingerprint."""
    if model is None or not hasattr(model, "state_shape") or not getattr(model, "fingerprint", ""):
        return None
    return StateEncoder(model)
