"""Seeded random models of every architecture, written as rwkv.cpp's files.

The values are sane: decays spread over what training gives, logits spread by more than 1, and
every part of the network matters to them.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from deep_tree_echo.formats.quantize import type_in_file
from deep_tree_echo.formats.rwkv_file import Header, Tensor, write_file
from deep_tree_echo.formats.types import TensorType
from numpy.typing import NDArray

ARCHITECTURES = ("4.0", "5.1", "5.2", "6.0", "7.0")
SHIFT_RANK, DECAY_RANK = 32, 32
RANKS_7 = {"w": 32, "a": 32, "v": 32, "g": 64}

Floats = NDArray[np.float32]


def random_weights(
    architecture: str = "7.0",
    n_vocab: int = 257,
    n_embed: int = 64,
    n_layer: int = 3,
    n_ffn: int | None = None,
    head_size: int = 64,
    seed: int = 1,
) -> dict[str, Floats]:
    """Random weights by the names and with the shapes of a file, in the order of a file.

    Parameters
    ----------
    architecture : str
        One of `ARCHITECTURES`.
    n_vocab, n_embed, n_layer : int
        Sizes.
    n_ffn : int, optional
        Width of the channel mix; four times ``n_embed`` if not given.
    head_size : int
        Divides ``n_embed``; without meaning for RWKV 4.
    seed : int
        Equal seeds give equal weights.
    """
    if architecture not in ARCHITECTURES:
        raise ValueError(f"architecture is {architecture!r}; it must be one of {ARCHITECTURES}.")
    if n_embed % head_size and architecture != "4.0":
        raise ValueError(f"head_size is {head_size}; it must divide n_embed, which is {n_embed}.")
    draw = _Draw(seed, n_embed, n_ffn or 4 * n_embed, head_size)
    weights = {"emb.weight": draw.normal(n_vocab, n_embed, scale=1.0)}
    for layer in range(n_layer):
        block = dict(
            _norms(draw, "ln0", "ln1", "ln2") if layer == 0 else _norms(draw, "ln1", "ln2")
        )
        block |= _MIXES[architecture](draw, layer)
        weights |= {f"blocks.{layer}.{name}": values for name, values in block.items()}
    weights |= dict(_norms(draw, "ln_out"))
    weights["head.weight"] = draw.matrix(n_vocab, n_embed, gain=2.0)
    return weights


def write_random_model(
    file: str | Path | BinaryIO,
    architecture: str = "7.0",
    n_vocab: int = 257,
    n_embed: int = 64,
    n_layer: int = 3,
    n_ffn: int | None = None,
    head_size: int = 64,
    seed: int = 1,
    type: str = "FP32",
) -> None:
    """Writes a random model of any type; the parameters are those of `random_weights`."""
    weights = random_weights(architecture, n_vocab, n_embed, n_layer, n_ffn, head_size, seed)
    wanted = TensorType.parse(type)
    header = Header(n_vocab, n_embed, n_layer, wanted)
    # As if a converter had written FP16 and the quantiser had made the rest of it.
    base = TensorType.FP32 if wanted is TensorType.FP32 else TensorType.FP16

    def tensors() -> Iterator[Tensor]:
        for name, values in weights.items():
            kept = type_in_file(name, values.shape, base, TensorType.FP32)
            yield Tensor.from_floats(name, values, type_in_file(name, values.shape, wanted, kept))

    if isinstance(file, (str, Path)):
        with Path(file).open("wb") as opened:
            write_file(opened, header, tensors())
    else:
        write_file(file, header, tensors())


def random_model_bytes(architecture: str = "7.0", **parameters: Any) -> bytes:
    """The bytes of a random model's file; see `write_random_model`."""
    file = io.BytesIO()
    write_random_model(file, architecture, **parameters)
    return file.getvalue()


class _Draw:
    """Random values of the kinds that the tensors need."""

    def __init__(self, seed: int, width: int, hidden: int, head_size: int) -> None:
        self._random = np.random.default_rng(seed)
        self.width = width
        self.hidden = hidden
        self.head_size = head_size
        self.n_head = width // head_size

    def normal(self, *shape: int, scale: float) -> Floats:
        return (self._random.standard_normal(shape) * scale).astype(np.float32)

    def matrix(self, rows: int, columns: int, gain: float = 1.0) -> Floats:
        """Outputs of about ``gain`` times the inputs' size."""
        return self.normal(rows, columns, scale=gain / columns**0.5)

    def uniform(self, low: float, high: float, *shape: int) -> Floats:
        return self._random.uniform(low, high, shape).astype(np.float32)


def _norms(draw: _Draw, *names: str) -> Iterator[tuple[str, Floats]]:
    for name in names:
        yield f"{name}.weight", draw.uniform(0.8, 1.2, draw.width)
        yield f"{name}.bias", draw.normal(draw.width, scale=0.1)


def _squares(draw: _Draw, *names: str) -> Iterator[tuple[str, Floats]]:
    for name in names:
        yield f"att.{name}.weight", draw.matrix(draw.width, draw.width)


def _gated_channel_mix(draw: _Draw, mix: str) -> dict[str, Floats]:
    return {
        f"ffn.{mix}_k": draw.uniform(0, 1, draw.width),
        f"ffn.{mix}_r": draw.uniform(0, 1, draw.width),
        "ffn.key.weight": draw.matrix(draw.hidden, draw.width),
        "ffn.receptance.weight": draw.matrix(draw.width, draw.width),
        "ffn.value.weight": draw.matrix(draw.width, draw.hidden),
    }


def _mixes_4(draw: _Draw, layer: int) -> dict[str, Floats]:
    mixes = {f"att.time_mix_{letter}": draw.uniform(0, 1, draw.width) for letter in "kvr"}
    return {
        "att.time_decay": -np.exp(draw.uniform(-6, 1, draw.width)),
        "att.time_first": draw.normal(draw.width, scale=1.0),
        **mixes,
        **dict(_squares(draw, "key", "value", "receptance", "output")),
        **_gated_channel_mix(draw, "time_mix"),
    }


def _mixes_5(draw: _Draw, layer: int, gated: bool) -> dict[str, Floats]:
    heads = (draw.n_head, draw.head_size, 1) if gated else (draw.n_head, 1, 1)
    letters = "kvrg" if gated else "kvr"
    mixes = {f"att.time_mix_{letter}": draw.uniform(0, 1, draw.width) for letter in letters}
    decay = np.exp(-np.exp(draw.uniform(-6, 1, *heads)))
    if gated:
        first = {"att.time_faaaa": draw.normal(*heads, scale=0.5)}
    else:
        first = {"att.time_first": np.exp(draw.normal(*heads, scale=0.5))}
    gate = ("gate",) if gated else ()
    return {
        **mixes,
        "att.time_decay": decay,
        **first,
        **dict(_squares(draw, "receptance", "key", "value", "output", *gate)),
        **{f"att.{name}": values for name, values in _norms(draw, "ln_x")},
        **_gated_channel_mix(draw, "time_mix"),
    }


def _mixes_6(draw: _Draw, layer: int) -> dict[str, Floats]:
    width, heads = draw.width, (draw.n_head, draw.head_size, 1)
    mixes = {f"att.time_maa_{letter}": draw.uniform(0, 1, width) for letter in "xwkvrg"}
    return {
        **mixes,
        "att.time_maa_w1": draw.matrix(5 * SHIFT_RANK, width),
        "att.time_maa_w2": draw.normal(5, width, SHIFT_RANK, scale=0.3 / SHIFT_RANK**0.5),
        "att.time_decay": draw.uniform(-6, 1, *heads),
        "att.time_decay_w1": draw.matrix(DECAY_RANK, width),
        "att.time_decay_w2": draw.matrix(width, DECAY_RANK),
        "att.time_faaaa": draw.normal(*heads, scale=0.5),
        **dict(_squares(draw, "receptance", "key", "value", "output", "gate")),
        **{f"att.{name}": values for name, values in _norms(draw, "ln_x")},
        **_gated_channel_mix(draw, "time_maa"),
    }


def _mixes_7(draw: _Draw, layer: int) -> dict[str, Floats]:
    width = draw.width
    first = {"w": (-6.0, 1.0), "a": (-1.0, 1.0), "v": (-1.0, 1.0)}
    mixes: dict[str, Floats] = {"att.x_rwkvag": draw.uniform(0, 1, 6, 1, width)}
    for letter, rank in RANKS_7.items():
        if letter == "v" and layer == 0:
            continue
        if letter in first:
            mixes[f"att.{letter}0"] = draw.uniform(*first[letter], 1, 1, width)
        mixes[f"att.{letter}1"] = draw.matrix(rank, width)
        mixes[f"att.{letter}2"] = draw.matrix(width, rank)
    return {
        **mixes,
        "att.k_k": draw.uniform(0.5, 1, 1, 1, width),
        "att.k_a": draw.uniform(0.8, 1.2, 1, 1, width),
        "att.r_k": draw.normal(draw.n_head, draw.head_size, scale=0.1),
        **dict(_squares(draw, "receptance", "key", "value", "output")),
        **{f"att.{name}": values for name, values in _norms(draw, "ln_x")},
        "ffn.x_k": draw.uniform(0, 1, 1, 1, width),
        "ffn.key.weight": draw.matrix(draw.hidden, width),
        "ffn.value.weight": draw.matrix(width, draw.hidden),
    }


_MIXES: dict[str, Callable[[_Draw, int], dict[str, Floats]]] = {
    "4.0": _mixes_4,
    "5.1": lambda draw, layer: _mixes_5(draw, layer, gated=False),
    "5.2": lambda draw, layer: _mixes_5(draw, layer, gated=True),
    "6.0": _mixes_6,
    "7.0": _mixes_7,
}
