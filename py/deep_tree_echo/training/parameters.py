"""The parameters of an RWKV-7 model: names, shapes, first values.

All tensors are views of one flat vector, so the optimiser, the gradient
norm and the sum of two gradients are single array operations. Names and
shapes are those of rwkv.cpp's files, so that export writes them as they are:
every matrix, the low-rank ones too, is stored (outputs, inputs).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["Parameters", "Shape", "initial_parameters"]

BIG = (
    "att.receptance.weight", "att.key.weight", "att.value.weight", "att.output.weight",
    "ffn.key.weight", "ffn.value.weight",
)  # fmt: skip
MIXES = "rwkvag"  # the order of the six token-shift mixes in att.x_rwkvag


@dataclass(frozen=True)
class Shape:
    """The sizes of a model.

    Parameters
    ----------
    width : int
        Channels (the embedding size).
    layers : int
        Blocks.
    head_size : int
        Channels of one head; divides `width`.
    rank : int
        Rank of the decay, rate and value-mix projections.
    gate_rank : int
        Rank of the gate projection.
    hidden : int
        Channels of the feed-forward layer as a multiple of `width`.
    vocabulary : int
        Tokens: id 0 ends a text.
    """

    width: int = 192
    layers: int = 6
    head_size: int = 64
    rank: int = 32
    gate_rank: int = 64
    hidden: int = 4
    vocabulary: int = 4096

    @property
    def heads(self) -> int:
        """Number of heads."""
        return self.width // self.head_size

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Return every tensor's shape by name, in the order of the file."""
        c, r, g = self.width, self.rank, self.gate_rank
        shapes: dict[str, tuple[int, ...]] = {"emb.weight": (self.vocabulary, c)}
        for layer in range(self.layers):
            block: dict[str, tuple[int, ...]] = {}
            for norm in ("ln1", "ln2") + (("ln0",) if layer == 0 else ()):
                block[f"{norm}.weight"] = block[f"{norm}.bias"] = (c,)
            block["att.x_rwkvag"] = (6, 1, c)
            for name, rank in (("w", r), ("a", r), ("v", r), ("g", g)):
                if name == "v" and layer == 0:
                    continue  # the first layer's value is what later ones mix in
                block[f"att.{name}1"], block[f"att.{name}2"] = (rank, c), (c, rank)
                if name != "g":
                    block[f"att.{name}0"] = (1, 1, c)
            block["att.k_k"] = block["att.k_a"] = (1, 1, c)
            block["att.r_k"] = (self.heads, self.head_size)
            for name in ("receptance", "key", "value", "output"):
                block[f"att.{name}.weight"] = (c, c)
            block["att.ln_x.weight"] = block["att.ln_x.bias"] = (c,)
            block["ffn.x_k"] = (1, 1, c)
            block["ffn.key.weight"] = (self.hidden * c, c)
            block["ffn.value.weight"] = (c, self.hidden * c)
            for name, shape in block.items():
                shapes[f"blocks.{layer}.{name}"] = shape
        shapes["ln_out.weight"] = shapes["ln_out.bias"] = (c,)
        shapes["head.weight"] = (self.vocabulary, c)
        return shapes


class Parameters:
    """Named views of one flat vector.

    Parameters
    ----------
    shape : Shape
        The model's sizes.
    dtype : DTypeLike
        Floating-point type of the vector.
    """

    def __init__(self, shape: Shape, dtype: DTypeLike = np.float32) -> None:
        self.shape = shape
        tensors = shape.tensors()
        sizes = [int(np.prod(sides)) for sides in tensors.values()]
        self.flat: NDArray[Any] = np.zeros(sum(sizes), dtype)
        self._views: dict[str, NDArray[Any]] = {}
        start = 0
        for (name, sides), size in zip(tensors.items(), sizes, strict=True):
            self._views[name] = self.flat[start : start + size].reshape(sides)
            start += size

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return the view called `name`."""
        return self._views[name]

    def items(self) -> list[tuple[str, NDArray[Any]]]:
        """Return all names and views in the order of the file."""
        return list(self._views.items())

    @staticmethod
    def is_big(name: str) -> bool:
        """Tell whether a tensor is one of the big matrices, to which weight decay applies.

        Parameters
        ----------
        name : str
            Of the tensor.

        Returns
        -------
        bool
            False for gains, mixes, low-rank matrices and the embedding, which have
            no scale that would need holding back.
        """
        return name.endswith((*BIG, "head.weight"))


def initial_parameters(shape: Shape, seed: int) -> Parameters:
    """Draw the first values, after the author's training code for RWKV-7.

    Parameters
    ----------
    shape : Shape
        The model's sizes.
    seed : int
        Seed of the draw.

    Returns
    -------
    values : Parameters
        In float32.
    """
    random = np.random.default_rng(seed)
    out = Parameters(shape)
    c, size = shape.width, shape.head_size
    channel = np.arange(c)
    part, line = channel / c, channel / (c - 1) - 0.5
    within = (channel % size - (size - 1) / 2) / ((size - 1) / 2)
    zigzag = within * np.abs(within)
    powers = {"r": 0.2, "w": 0.9, "k": 0.7, "v": 0.7, "a": 0.9, "g": 0.2}

    def orthogonal(sides: tuple[int, ...], gain: float) -> NDArray[Any]:
        rows, columns = sides
        square = random.standard_normal((max(rows, columns), min(rows, columns)))
        q = np.linalg.qr(square)[0]
        return gain * (q if rows >= columns else q.T)

    def uniform(name: str, bound: float) -> None:
        out[name][...] = random.uniform(-bound, bound, out[name].shape)

    uniform("emb.weight", 1e-2)
    out["head.weight"][...] = orthogonal((shape.vocabulary, c), 0.5)
    for name, view in out.items():
        if name.startswith("ln") or ".ln" in name:
            view[...] = 1.0 if name.endswith("weight") else 0.0
    for layer in range(shape.layers):
        at = f"blocks.{layer}."
        up, down = layer / max(1, shape.layers - 1), 1 - layer / shape.layers
        for index, letter in enumerate(MIXES):
            out[at + "att.x_rwkvag"][index, 0] = 1 - part ** (powers[letter] * down)
        decay = -6 + 6 * (channel / (c - 1)) ** (1 + up**0.3)
        out[at + "att.w0"][...] = decay + 0.5 + zigzag * 2.5
        out[at + "att.a0"][...] = -0.19 + zigzag * 0.3 + line * 0.4
        if layer:
            out[at + "att.v0"][...] = 0.73 - line * 0.4
        # The first factor of each low-rank pair starts at zero, so the pair adds
        # nothing at first and the second factor's scale does not matter yet.
        for letter in "wavg" if layer else "wag":
            second = out[at + f"att.{letter}2"]
            second[...] = orthogonal(second.shape, 0.1)
        out[at + "att.k_k"][...] = 0.71 - line * 0.1
        out[at + "att.k_a"][...] = 1.02
        out[at + "att.r_k"][...] = -0.04
        uniform(at + "att.receptance.weight", 0.5 / c**0.5)
        uniform(at + "att.key.weight", 0.05 / c**0.5)
        uniform(at + "att.value.weight", 0.5 / c**0.5)
        out[at + "ffn.x_k"][...] = 1 - part ** (down**4)
        uniform(at + "ffn.key.weight", 0.5 / c**0.5)
        # att.output and ffn.value stay zero: every block starts as the identity.
    return out
