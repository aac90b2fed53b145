"""The author's checkpoints as rwkv.cpp's files have them: names, shapes and encodings.

``wasm/rwkv/README.md`` tells the same as tables. The arithmetic is that of rwkv.cpp's converter:
most tensors go over as they are, a few are reshaped, transposed, exponentiated or joined.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelFormatError, UnsupportedModelError
from ..formats.rwkv_records import find_architecture
from ..formats.stored import Floats, StoredTensor

_BLOCK = re.compile(r"blocks\.(0|[1-9]\d{0,3})\.(.+)", re.ASCII)
_OUTSIDE = ("emb.weight", "ln_out.weight", "ln_out.bias", "head.weight")

_LAYER = {
    *(f"{norm}.{part}" for norm in ("ln1", "ln2") for part in ("weight", "bias")),
    *(f"att.{name}.weight" for name in ("receptance", "key", "value", "output")),
    "ffn.key.weight",
    "ffn.value.weight",
}
_GROUP_NORM = {"att.ln_x.weight", "att.ln_x.bias"}
_MIXES_4 = {
    *(f"att.time_mix_{letter}" for letter in "kvr"),
    *(f"ffn.time_mix_{letter}" for letter in "kr"),
    "ffn.receptance.weight",
}
_RANKS_7 = {f"att.{letter}{i}" for letter in "wa" for i in "012"} | {"att.g1", "att.g2"}
_RESIDUAL_7 = {f"att.v{i}" for i in "012"}
_LERPS_7 = tuple(f"att.x_{letter}" for letter in "rwkvag")

_TRANSPOSED = {
    "6.0": ("att.time_maa_w1", "att.time_decay_w1", "att.time_decay_w2"),
    "7.0": tuple(f"att.{letter}{i}" for letter in "wavg" for i in "12"),
}

NAMES: dict[str, set[str]] = {
    "4.0": _LAYER | _MIXES_4 | {"att.time_decay", "att.time_first"},
    "5.1": _LAYER | _MIXES_4 | _GROUP_NORM | {"att.time_decay", "att.time_first"},
    "5.2": _LAYER
    | _MIXES_4
    | _GROUP_NORM
    | {"att.time_decay", "att.time_faaaa", "att.time_mix_g", "att.gate.weight"},
    "6.0": _LAYER
    | _GROUP_NORM
    | {
        *(f"att.time_maa_{letter}" for letter in "xwkvrg"),
        *(f"ffn.time_maa_{letter}" for letter in "kr"),
        *("att.time_maa_w1", "att.time_maa_w2", "att.time_faaaa", "att.gate.weight"),
        *("att.time_decay", "att.time_decay_w1", "att.time_decay_w2", "ffn.receptance.weight"),
    },
    "7.0": _LAYER
    | _GROUP_NORM
    | _RANKS_7
    | _RESIDUAL_7
    | {*_LERPS_7, "att.k_k", "att.k_a", "att.r_k", "ffn.x_k"},
}
"""The tensors of one layer in a checkpoint, by architecture."""


def check_names(
    architecture: str, tensors: Sequence[StoredTensor], *, joined: bool = False
) -> None:
    """Checks that a model has every tensor of its architecture and no other.

    Parameters
    ----------
    architecture : str
        As `find_architecture` tells it.
    tensors : sequence of StoredTensor
        By the author's names.
    joined : bool
        Whether the token shifts of RWKV 7 are one tensor, as in rwkv.cpp's files.

    Raises
    ------
    ModelFormatError
        If one is missing.
    UnsupportedModelError
        If one is not of this architecture: leaving it out would change what the model says.
    """
    found: dict[int, set[str]] = {}
    outside = set()
    for tensor in tensors:
        if match := _BLOCK.fullmatch(tensor.name):
            found.setdefault(int(match[1]), set()).add(match[2])
        else:
            outside.add(tensor.name)
    n_layer = max(found, default=-1) + 1
    layer_names = NAMES[architecture]
    if joined and architecture == "7.0":
        layer_names = (layer_names - set(_LERPS_7)) | {"att.x_rwkvag"}
    missing = set(_OUTSIDE) - outside
    unknown = outside - set(_OUTSIDE)
    for layer in range(n_layer):
        wanted = set(layer_names)
        if layer == 0:
            wanted |= {"ln0.weight", "ln0.bias"}
        have = found.get(layer, set())
        missing |= {f"blocks.{layer}.{name}" for name in wanted - have}
        unknown |= {f"blocks.{layer}.{name}" for name in have - wanted}
    # The value residual of the first layer is of no use, and not in every file.
    missing -= {f"blocks.0.{name}" for name in _RESIDUAL_7}
    if "emb.weight" in missing or n_layer == 0:
        raise UnsupportedModelError(
            "This is not an RWKV model: it has "
            + ("no emb.weight." if "emb.weight" in missing else "no tensor called blocks.0....")
        )
    if missing:
        raise ModelFormatError(
            f"{min(missing)} is missing, which a model of RWKV {architecture} with {n_layer} "
            "layers has; the file is incomplete, fetch it again."
        )
    if unknown:
        raise UnsupportedModelError(
            f"{ascii(min(unknown))[1:-1]:.80} is not part of RWKV {architecture}, and the model "
            "needs it; such variants are not supported."
        )


def to_rwkv_cpp(tensors: Sequence[StoredTensor]) -> list[StoredTensor]:
    """A checkpoint's tensors with the names, shapes and values of rwkv.cpp's files.

    Parameters
    ----------
    tensors : sequence of StoredTensor
        By the author's names, in the checkpoint's order, which is kept.

    Returns
    -------
    list of StoredTensor
        What changes is FP32 and computed when it is read; the rest is as it was.

    Raises
    ------
    ModelFormatError, UnsupportedModelError
        If it is no whole checkpoint of RWKV 4, 5.1, 5.2, 6 or 7, or one has an impossible shape.
    """
    names = {tensor.name: tensor for tensor in tensors}
    if "blocks.0.att.r_k" not in names and "blocks.0.att.k_k" in names:
        raise ModelFormatError("blocks.0.att.r_k is missing; the file is incomplete.")
    architecture = find_architecture(names)
    check_names(architecture, tensors)
    embedding = names["emb.weight"].shape
    if len(embedding) != 2:
        raise _misshapen(names["emb.weight"], "(n_vocab, n_embed)")
    if architecture == "5.2" and math.prod(names["blocks.0.att.time_decay"].shape) < embedding[1]:
        raise UnsupportedModelError(
            "This model has a gate and one decay for each head (the author's version 5.1), which "
            "rwkv.cpp's format cannot express; choose a model of RWKV 5.2 or later."
        )
    out: list[StoredTensor] = []
    joined = set()
    for tensor in tensors:
        match = _BLOCK.fullmatch(tensor.name)
        if match and match[2] in _LERPS_7:
            if match[1] not in joined:
                out.append(_join(names, f"blocks.{match[1]}.", embedding[1]))
                joined.add(match[1])
        else:
            out.append(_convert(architecture, tensor, match[2] if match else "", names))
    return out


def _convert(
    architecture: str, tensor: StoredTensor, part: str, names: dict[str, StoredTensor]
) -> StoredTensor:
    """One tensor; ``part`` is its name within its layer."""
    if part in _TRANSPOSED.get(architecture, ()):
        if len(tensor.shape) != 2:
            raise _misshapen(tensor, "two dimensions")
        return _computed(tensor, tensor.shape[::-1], np.transpose)
    if architecture == "7.0" or not part.partition(".")[2].startswith("time_"):
        return tensor
    if part == "att.time_maa_w2":
        if len(tensor.shape) != 3:
            raise _misshapen(tensor, "three dimensions")
        swapped = (tensor.shape[0], tensor.shape[2], tensor.shape[1])
        return _computed(tensor, swapped, lambda x: x.transpose(0, 2, 1))
    if architecture == "4.0":
        flat = _squeezed(tensor.shape)
        return _computed(tensor, flat, _negative_exp if part == "att.time_decay" else None)
    if part == "att.time_faaaa":
        return _computed(tensor, (*_per_head(tensor), 1))
    if part == "att.time_first":
        return _computed(tensor, (math.prod(tensor.shape), 1, 1), _exp)
    if part == "att.time_decay":
        if architecture == "5.1":
            return _computed(tensor, (math.prod(tensor.shape), 1, 1), _decay)
        if architecture == "5.2":
            return _computed(tensor, (*_per_head(tensor), 1), _decay)
        heads = _per_head(names[tensor.name.replace("time_decay", "time_faaaa")])
        return _computed(tensor, (*heads, 1))
    return _computed(tensor, _squeezed(tensor.shape))


def _join(names: dict[str, StoredTensor], prefix: str, width: int) -> StoredTensor:
    """The token shifts of RWKV 7 in one tensor (6, 1, C)."""
    parts = [names[prefix + part] for part in _LERPS_7]
    for part in parts:
        if math.prod(part.shape) != width:
            raise _misshapen(part, f"{width} elements")
    return StoredTensor.from_floats(
        f"{prefix}att.x_rwkvag",
        (len(parts), 1, width),
        lambda: np.stack([part.values().reshape(1, width) for part in parts]),
        parts[0].type_in_file,
    )


def _computed(
    tensor: StoredTensor,
    shape: tuple[int, ...],
    function: Callable[[Floats], NDArray[np.floating]] | None = None,
) -> StoredTensor:
    """``function`` of the tensor, in ``shape``."""
    if math.prod(shape) != math.prod(tensor.shape):
        raise _misshapen(tensor, f"{math.prod(shape)} elements")

    def compute() -> NDArray[np.floating]:
        values = tensor.values()
        return (values if function is None else function(values)).reshape(shape)

    return StoredTensor.from_floats(tensor.name, shape, compute, tensor.type_in_file)


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Without the dimensions of one element; at least one dimension stays."""
    return tuple(size for size in shape if size > 1) or (1,)


def _per_head(tensor: StoredTensor) -> tuple[int, int]:
    """Heads and head size of a tensor with one number for each channel of each head."""
    if len(tensor.shape) == 2:
        return tensor.shape[0], tensor.shape[1]
    shape = _squeezed(tensor.shape)
    if len(shape) != 2:
        raise _misshapen(tensor, "(heads, head size)")
    return shape[0], shape[1]


# In float64, so that the float32 is the nearest there is.
def _exp(x: Floats) -> NDArray[np.floating]:
    with np.errstate(over="ignore"):
        wide: NDArray[np.float64] = np.exp(x.astype(np.float64))
    return wide


def _negative_exp(x: Floats) -> NDArray[np.floating]:
    return -_exp(x)


def _decay(x: Floats) -> NDArray[np.floating]:
    wide: NDArray[np.float64] = np.exp(-_exp(x))
    return wide


def _misshapen(tensor: StoredTensor, wanted: str) -> ModelFormatError:
    return ModelFormatError(
        f"{tensor.name} has the shape {tensor.shape} and should have {wanted}; the file is damaged "
        "or of an unknown architecture."
    )
