"""The models and tokens for which the author's code has been asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

GOLDEN = Path(__file__).resolve().parent / "golden"
N_TOKENS = 64
POSITIONS = (1, 2, 7, 33, 64)
"""The logits after so many tokens are kept."""
STATE_STRIDE = 5
"""Every so-many-th number of the final state is kept; no size of a model is a multiple of it."""


@dataclass(frozen=True)
class Case:
    """A random model: an architecture, the sizes and the seed of `random_weights`."""

    architecture: str
    n_vocab: int
    n_embed: int
    n_layer: int
    n_ffn: int
    seed: int

    @property
    def name(self) -> str:
        """The name of its golden file."""
        return f"{self.architecture}-{self.n_embed}x{self.n_layer}"

    @property
    def path(self) -> Path:
        """Its golden file."""
        return GOLDEN / f"{self.name}.npz"

    def parameters(self) -> dict[str, Any]:
        """What `random_weights` takes."""
        return {
            "architecture": self.architecture,
            "n_vocab": self.n_vocab,
            "n_embed": self.n_embed,
            "n_layer": self.n_layer,
            "n_ffn": self.n_ffn,
            "seed": self.seed,
        }

    def tokens(self) -> NDArray[np.int64]:
        """The (N_TOKENS,) tokens that are read."""
        return np.random.default_rng(self.seed + 1000).integers(0, self.n_vocab, N_TOKENS)


CASES = (
    Case("4.0", n_vocab=97, n_embed=64, n_layer=3, n_ffn=256, seed=40),
    Case("4.0", n_vocab=257, n_embed=192, n_layer=2, n_ffn=384, seed=41),
    Case("5.1", n_vocab=97, n_embed=128, n_layer=3, n_ffn=224, seed=51),
    Case("5.1", n_vocab=257, n_embed=192, n_layer=2, n_ffn=448, seed=50),
    Case("5.2", n_vocab=97, n_embed=64, n_layer=3, n_ffn=224, seed=52),
    Case("5.2", n_vocab=257, n_embed=192, n_layer=2, n_ffn=672, seed=53),
    Case("6.0", n_vocab=97, n_embed=64, n_layer=3, n_ffn=224, seed=60),
    Case("6.0", n_vocab=257, n_embed=192, n_layer=2, n_ffn=672, seed=61),
    Case("7.0", n_vocab=97, n_embed=64, n_layer=5, n_ffn=256, seed=70),
    Case("7.0", n_vocab=257, n_embed=192, n_layer=3, n_ffn=768, seed=71),
)
