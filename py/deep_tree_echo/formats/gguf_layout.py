"""GGUF's tensors of RWKV 6 and 7 with the names and shapes of rwkv.cpp's files.

llama.cpp stores the same numbers under other names, the token shifts joined and the matrices
already transposed. In RWKV 6 it divides what a layer adds by 2 for every so many layers before
it, and halves the residual stream there; we undo that, which is exact but for the least halves.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np

from ..errors import ModelFormatError, UnsupportedModelError
from .blocks import dequantize
from .gguf import Gguf
from .stored import Bytes, StoredTensor
from .types import TensorType

_BLOCK = re.compile(r"blk\.(0|[1-9]\d{0,3})\.(.+)", re.ASCII)
_OUTSIDE = {
    "token_embd.weight": "emb.weight",
    "token_embd_norm.weight": "blocks.0.ln0.weight",
    "token_embd_norm.bias": "blocks.0.ln0.bias",
    "output_norm.weight": "ln_out.weight",
    "output_norm.bias": "ln_out.bias",
    "output.weight": "head.weight",
}
_LAYER = {
    **{
        f"{theirs}.{part}": f"{ours}.{part}"
        for theirs, ours in (
            ("attn_norm", "ln1"),
            ("attn_norm_2", "ln2"),
            ("time_mix_ln", "att.ln_x"),
        )
        for part in ("weight", "bias")
    },
    **{
        f"time_mix_{name}.weight": f"att.{name}.weight"
        for name in ("key", "value", "receptance", "output")
    },
    **{f"channel_mix_{name}.weight": f"ffn.{name}.weight" for name in ("key", "value")},
}
_NAMES = {
    "rwkv6": {
        **_LAYER,
        "time_mix_gate.weight": "att.gate.weight",
        "channel_mix_receptance.weight": "ffn.receptance.weight",
        **{f"time_mix_w{i}.weight": f"att.time_maa_w{i}" for i in "12"},
        **{f"time_mix_decay_w{i}.weight": f"att.time_decay_w{i}" for i in "12"},
        **{f"time_mix_lerp_{letter}.weight": f"att.time_maa_{letter}" for letter in "xwkvrg"},
        **{f"channel_mix_lerp_{letter}.weight": f"ffn.time_maa_{letter}" for letter in "kr"},
        "time_mix_first.weight": "att.time_faaaa",
        "time_mix_decay.weight": "att.time_decay",
    },
    "rwkv7": {
        **_LAYER,
        **{f"time_mix_{name}.weight": f"att.{name}" for name in ("k_k", "k_a", "r_k")},
        **{
            f"time_mix_{letter}{i}.weight": f"att.{letter}{i}"
            for letter in "wavg"
            for i in "012"
            if letter + i != "g0"
        },
        "time_mix_lerp_fused.weight": "att.x_rwkvag",
        "channel_mix_lerp_k.weight": "ffn.x_k",
    },
}
# llama.cpp wants them in the first layer, which has no use for them; they are copies of a0, a1, a2.
_UNUSED = {f"blocks.0.att.v{i}" for i in "012"}
_FUSED_6 = "time_mix_lerp_fused.weight"
_RESCALED = ("att.output.weight", "ffn.value.weight")
_DEEPEST_RESCALE = 14
# Where the halves lie that a block's numbers are multiples of.
_SCALES = {
    TensorType.Q4_0: (0, 2),
    TensorType.Q4_1: (0, 4),
    TensorType.Q5_0: (0, 2),
    TensorType.Q5_1: (0, 4),
    TensorType.Q8_0: (0, 2),
    TensorType.Q4_K: (0, 4),
    TensorType.Q5_K: (0, 4),
    TensorType.Q6_K: (208, 210),
}


def from_gguf(gguf: Gguf) -> list[StoredTensor]:
    """The tensors of a GGUF file as rwkv.cpp's files have them, in the file's order.

    Parameters
    ----------
    gguf : Gguf
        Of the architecture ``rwkv6`` or ``rwkv7``.

    Raises
    ------
    UnsupportedModelError
        If a tensor is not one of the architecture.
    ModelFormatError
        If one has an impossible shape, or the metadata lack the head size.
    """
    architecture = str(gguf.metadata.get("general.architecture"))
    if architecture not in _NAMES:
        raise ModelFormatError("The GGUF file does not say its architecture; fetch it again.")
    head_size = _count(gguf, f"{architecture}.wkv.head_size")
    every = _count(gguf, f"{architecture}.rescale_every_n_layers", 0)
    out: list[StoredTensor] = []
    for tensor in gguf.tensors:
        match = _BLOCK.fullmatch(tensor.name)
        if match and architecture == "rwkv6" and match[2] == _FUSED_6:
            out += _parted(tensor, f"blocks.{match[1]}.att.time_maa_")
            continue
        inside = _NAMES[architecture].get(match[2]) if match else None
        name = f"blocks.{match[1]}.{inside}" if match and inside else _OUTSIDE.get(tensor.name)
        if name is None:
            raise UnsupportedModelError(
                f"{tensor.name} is not part of {architecture}, and the model needs it; such "
                "variants are not supported."
            )
        if name in _UNUSED:
            continue
        part = inside or ""
        renamed = _reshaped(tensor, name, _shape(tensor, part, head_size))
        if match and every and part in _RESCALED:
            renamed = _rescaled(renamed, int(match[1]) // every)
        out.append(renamed)
    return out


def _count(gguf: Gguf, key: str, default: int | None = None) -> int:
    value = gguf.metadata.get(key, default)
    if type(value) is not int or not 0 <= value <= 1 << 16:
        raise ModelFormatError(f"The GGUF file says {key} {value!r:.40}; fetch it again.")
    return value


def _shape(tensor: StoredTensor, part: str, head_size: int) -> tuple[int, ...]:
    """The shape that rwkv.cpp's files have; rows stay as they are."""
    size = tensor.n_rows * tensor.shape[-1]
    if part in ("att.r_k", "att.time_faaaa", "att.time_decay"):
        if head_size == 0 or size % head_size:
            raise ModelFormatError(
                f"{tensor.name} has {size} elements, which heads of {head_size} do not share; the "
                "file is damaged, fetch it again."
            )
        heads = (size // head_size, head_size)
        return heads if part == "att.r_k" else (*heads, 1)
    if part == "att.x_rwkvag":
        return (6, 1, size // 6)
    if re.fullmatch(r"att\.([wav]0|k_[ka])|ffn\.x_k", part):
        return (1, 1, size)
    if part.startswith(("att.time_maa_", "ffn.time_maa_")) and part[-2:] not in ("w1", "w2"):
        return (size,)
    return tensor.shape


def _parted(tensor: StoredTensor, prefix: str) -> list[StoredTensor]:
    """The token shifts of RWKV 6, which lie one after the other: w, k, v, r, g."""
    letters = "wkvrg"
    width = tensor.shape[-1]
    if tensor.n_rows != len(letters):
        raise ModelFormatError(
            f"{tensor.name} has the shape {tensor.shape} and should have five rows; the file is "
            "damaged, fetch it again."
        )

    def row(index: int) -> StoredTensor:
        return StoredTensor(
            f"{prefix}{letters[index]}",
            (width,),
            tensor.type,
            lambda begin, end: tensor.read(index + begin, index + end),
        )

    return [row(index) for index in range(len(letters))]


def _reshaped(tensor: StoredTensor, name: str, shape: tuple[int, ...]) -> StoredTensor:
    """The same numbers in another shape; small tensors become FP32 where rows are cut anew."""
    if math.prod(shape) != math.prod(tensor.shape):
        raise ModelFormatError(
            f"{tensor.name} has the shape {tensor.shape}, which does not make {shape}; the file is "
            "damaged, fetch it again."
        )
    if shape[-1] == tensor.shape[-1]:
        return replace(tensor, name=name, shape=shape)
    return StoredTensor.from_floats(
        name, shape, lambda: tensor.values().reshape(shape), tensor.type
    )


def _rescaled(tensor: StoredTensor, halvings: int) -> StoredTensor:
    """The tensor times 2 to the ``halvings``."""
    if halvings > _DEEPEST_RESCALE:
        raise ModelFormatError(
            f"{tensor.name} would have been halved {halvings} times, which no model is; the file "
            "is damaged, fetch it again."
        )
    factor = float(2**halvings)

    def read(begin: int, end: int) -> Bytes:
        rows = tensor.read(begin, end)
        out = _multiplied(tensor.type, rows, factor)
        if out is None:
            raise UnsupportedModelError(
                f"{tensor.name} has numbers that do not fit its type {tensor.type.name} once "
                "llama.cpp's rescaling is undone."
            )
        return out

    return tensor if halvings == 0 else replace(tensor, read=read)


def _multiplied(type: TensorType, rows: Bytes, factor: float) -> Bytes | None:
    """Rows times a power of two, in their own type; ``None`` if a number becomes too large."""
    with np.errstate(over="ignore"):
        if type is TensorType.FP32:
            return (rows.view("<f4") * np.float32(factor)).view(np.uint8)
        if type is TensorType.FP16:
            halves = rows.view("<f2") * np.float16(factor)
            return halves.view(np.uint8) if np.isfinite(halves).all() else None
        if type is TensorType.BF16:
            words = (dequantize(type, rows) * np.float32(factor)).view("<u4") >> 16
            return words.astype("<u2").view(np.uint8)
        first, last = _SCALES[type]
        blocks = rows.reshape(-1, type.row_bytes(type.block_columns)).copy()
        halves = blocks[:, first:last].copy().view("<f2") * np.float16(factor)
        blocks[:, first:last] = halves.view(np.uint8)
    return blocks.reshape(rows.shape) if np.isfinite(halves).all() else None
