"""The GGUF files about which llama.cpp has been asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.gguf_files import File, gguf_file

GOLDEN = Path(__file__).parent / "golden"
POSITIONS = (1, 2, 7, 24)
"""After so many tokens the logits are compared."""

TOKENS = ["<s>"] + [f"\\x{byte:02x}" for byte in range(256)]
TOKEN_TYPES = [3] + [1] * 256


@dataclass(frozen=True)
class Case:
    architecture: str
    type: str
    rescale: int = 0

    @property
    def name(self) -> str:
        return f"llama-{self.architecture}-{self.type}"

    @property
    def path(self) -> Path:
        return GOLDEN / f"{self.name}.npz"

    def file(self) -> File:
        return gguf_file(
            self.architecture,
            type=self.type,
            rescale=self.rescale,
            tokens=TOKENS,
            token_types=TOKEN_TYPES,
            n_embed=256,
            n_layer=4,
            seed=11,
        )

    def tokens(self) -> list[int]:
        tokens: list[int] = np.random.default_rng(12).integers(0, 257, POSITIONS[-1]).tolist()
        return tokens


CASES = tuple(
    Case(architecture, type, rescale=3 if architecture == "6.0" else 0)
    for architecture in ("6.0", "7.0")
    for type in ("F32", "F16", "BF16", "Q8_0", "Q6_K", "Q5_K", "Q4_K", "Q4_0")
)
