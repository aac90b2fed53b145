"""GGUF files from their parts, well-formed or not, without a library: so that the same tests run
inside Pyodide. PyPI ``gguf`` reads what is written here in `tests/formats/test_gguf_files.py`."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from deep_tree_echo.formats.blocks import quantize
from deep_tree_echo.formats.types import TensorType

from tests.kblocks import quantize_q4_k, quantize_q5_k, quantize_q6_k
from tests.random_models import Floats, random_weights

# Values' types.
UINT8, INT8, UINT16, INT16, UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY = range(10)
UINT64, INT64, FLOAT64 = range(10, 13)
_FORMATS = dict(
    zip(
        (UINT8, INT8, UINT16, INT16, UINT32, INT32, FLOAT32, BOOL, UINT64, INT64, FLOAT64),
        "BbHhIif?Qqd",
        strict=True,
    )
)

GGML_TYPES = {
    "F32": 0,
    "F16": 1,
    "Q4_0": 2,
    "Q4_1": 3,
    "Q5_0": 6,
    "Q5_1": 7,
    "Q8_0": 8,
    "Q4_K": 12,
    "Q5_K": 13,
    "Q6_K": 14,
    "BF16": 30,
}

Pair = tuple[str, int, Any]
"""Key, type and value; an array's value is its items' type and the items."""


def pack_text(text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(data)) + data


def pack_value(type: int, value: Any) -> bytes:
    if type == STRING:
        return pack_text(value)
    if type == ARRAY:
        item, items = value
        if item in _FORMATS:
            data = np.array(items, "<" + _FORMATS[item]).tobytes()
        else:
            data = b"".join(pack_value(item, each) for each in items)
        return struct.pack("<IQ", item, len(items)) + data
    return struct.pack("<" + _FORMATS[type], value)


@dataclass(frozen=True)
class Tensor:
    """A tensor as a file describes it: ``shape`` outermost first, ``data`` its bytes."""

    name: str
    type: int
    shape: tuple[int, ...]
    data: bytes

    def describe(self, offset: int) -> bytes:
        return (
            pack_text(self.name)
            + struct.pack("<I", len(self.shape))
            + struct.pack(f"<{len(self.shape)}Q", *reversed(self.shape))
            + struct.pack("<IQ", self.type, offset)
        )


@dataclass(frozen=True)
class File:
    """A whole file. ``order``: the places of the tensors' data, by their numbers."""

    pairs: tuple[Pair, ...]
    tensors: tuple[Tensor, ...]
    alignment: int = 32
    version: int = 3
    order: tuple[int, ...] | None = None
    offsets: Mapping[str, int] = field(default_factory=dict)

    def padding(self, size: int) -> bytes:
        return bytes(-size % self.alignment)

    def head(self) -> bytes:
        """Everything before the data, padded."""
        offsets, at = {}, 0
        for place in self.order or range(len(self.tensors)):
            tensor = self.tensors[place]
            offsets[tensor.name] = at
            at += len(tensor.data) + len(self.padding(len(tensor.data)))
        offsets |= self.offsets
        head = b"GGUF" + struct.pack("<IQQ", self.version, len(self.tensors), len(self.pairs))
        for key, type, value in self.pairs:
            head += pack_text(key) + struct.pack("<I", type) + pack_value(type, value)
        head += b"".join(tensor.describe(offsets[tensor.name]) for tensor in self.tensors)
        return head + self.padding(len(head))

    def pack(self) -> bytes:
        parts = [self.head()]
        for place in self.order or range(len(self.tensors)):
            data = self.tensors[place].data
            parts += [data, self.padding(len(data))]
        return b"".join(parts)

    def with_pair(self, key: str, type: int, value: Any) -> File:
        """With this pair instead of the one of the same key, or behind the others."""
        others = tuple(pair for pair in self.pairs if pair[0] != key)
        return replace(self, pairs=(*others, (key, type, value)))

    def without_pair(self, key: str) -> File:
        return replace(self, pairs=tuple(pair for pair in self.pairs if pair[0] != key))


def encode(type: str, values: Floats) -> bytes:
    """The bytes of an array in one of `GGML_TYPES`."""
    rows = np.ascontiguousarray(values, np.float32)
    if type == "F32":
        return rows.tobytes()
    if type == "BF16":  # to the nearest, ties to even
        bits = rows.view(np.uint32)
        return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype("<u2").tobytes()
    k_quants = {"Q4_K": quantize_q4_k, "Q5_K": quantize_q5_k, "Q6_K": quantize_q6_k}
    if type in k_quants:
        return k_quants[type](rows.reshape(-1, 256)).tobytes()
    native = TensorType.parse(type.replace("F16", "FP16"))
    return quantize(native, rows.reshape(-1, rows.shape[-1])).tobytes()


def make(name: str, type: str, values: Floats) -> Tensor:
    return Tensor(name, GGML_TYPES[type], values.shape, encode(type, values))


# llama.cpp's names behind "blk.N." for those behind "blocks.N.".
_NAMES_6 = {
    "att.time_maa_x": "time_mix_lerp_x",
    "att.time_maa_w1": "time_mix_w1",
    "att.time_maa_w2": "time_mix_w2",
    "att.time_decay": "time_mix_decay",
    "att.time_decay_w1": "time_mix_decay_w1",
    "att.time_decay_w2": "time_mix_decay_w2",
    "att.time_faaaa": "time_mix_first",
    "att.gate": "time_mix_gate",
    "ffn.time_maa_k": "channel_mix_lerp_k",
    "ffn.time_maa_r": "channel_mix_lerp_r",
    "ffn.receptance": "channel_mix_receptance",
}
_NAMES_7 = {
    "att.x_rwkvag": "time_mix_lerp_fused",
    "ffn.x_k": "channel_mix_lerp_k",
    **{f"att.{name}": f"time_mix_{name}" for name in ("k_k", "k_a", "r_k")},
    **{f"att.{part}{i}": f"time_mix_{part}{i}" for part in "wavg" for i in range(3)},
}
_NAMES = {
    "ln1": "attn_norm",
    "ln2": "attn_norm_2",
    "att.ln_x": "time_mix_ln",
    "ffn.key": "channel_mix_key",
    "ffn.value": "channel_mix_value",
    **{f"att.{name}": f"time_mix_{name}" for name in ("receptance", "key", "value", "output")},
}
_OUTSIDE = {
    "emb.weight": "token_embd.weight",
    "head.weight": "output.weight",
    "ln_out.weight": "output_norm.weight",
    "ln_out.bias": "output_norm.bias",
    "blocks.0.ln0.weight": "token_embd_norm.weight",
    "blocks.0.ln0.bias": "token_embd_norm.bias",
}


def gguf_weights(
    architecture: str, weights: Mapping[str, Floats], rescale: int = 0
) -> dict[str, Floats]:
    """Weights of an rwkv.cpp file by llama.cpp's names and in its layouts."""
    of_blocks = _NAMES | (_NAMES_6 if architecture == "6.0" else _NAMES_7)
    found: dict[str, Floats] = {}
    mixes: dict[str, list[Floats]] = {}
    for name, values in weights.items():
        if name in _OUTSIDE:
            found[_OUTSIDE[name]] = values
            continue
        _, layer, rest = name.split(".", 2)
        stem, ending = rest, "weight"
        if rest.endswith((".weight", ".bias")):
            stem, ending = rest.rsplit(".", 1)
        if architecture == "6.0" and stem in {f"att.time_maa_{part}" for part in "wkvrg"}:
            mixes.setdefault(layer, []).append(values.reshape(1, 1, -1))
            continue
        if layer == "0" and stem in ("att.a0", "att.a1", "att.a2"):
            # llama.cpp wants block 0 to have v0, v1 and v2 too, and reads none of them.
            found[f"blk.0.time_mix_v{stem[-1]}.weight"] = values.reshape(
                values.shape[-2:]
            ).squeeze()
        if stem == "att.x_rwkvag":
            values = values.reshape(6, 1, 1, -1)
        elif stem == "att.time_faaaa":
            values = values.reshape(values.shape[:2])
        elif stem in ("att.time_decay", "att.r_k") or values.shape[:-1] == (1, 1):
            values = values.reshape(-1)
        if rescale and rest in ("att.output.weight", "ffn.value.weight"):
            values = values / np.float32(2 ** (int(layer) // rescale))
        found[f"blk.{layer}.{of_blocks[stem]}.{ending}"] = values
    for layer, five in mixes.items():
        found[f"blk.{layer}.time_mix_lerp_fused.weight"] = np.stack(five)
    return found


def _ranks(name: str, weights: Mapping[str, Floats]) -> dict[str, int]:
    """What llama.cpp wants to be told of the low-rank matrices."""
    if name == "rwkv6":
        return {
            "time_mix_extra_dim": len(weights["blk.0.time_mix_w1.weight"]) // 5,
            "time_decay_extra_dim": len(weights["blk.0.time_mix_decay_w1.weight"]),
        }
    keys = {"w": "decay", "a": "iclr", "v": "value_residual_mix", "g": "gate"}
    last = max(int(each.split(".")[1]) for each in weights if each.startswith("blk."))
    return {
        f"attention.{key}_lora_rank": len(weights[f"blk.{last}.time_mix_{part}1.weight"])
        for part, key in keys.items()
    }


SMALL = ("lerp", "_w0.", "_a0.", "_v0.", "time_mix_first", "decay", "_k_k.", "_k_a.", "_r_k.")


def type_of(name: str, values: Floats, type: str) -> str:
    """The type that llama.cpp's quantiser gives a tensor: the small matrices stay."""
    small = values.ndim != 2 or any(part in name for part in SMALL)
    low_rank = name.rsplit(".", 2)[-2][-2:] in {f"{part}{i}" for part in "wavg" for i in (1, 2)}
    block = {"K": 256, "0": 32, "1": 32}.get(type[-1], 1) if type[0] == "Q" else 1
    if small or low_rank or values.shape[-1] % block:
        return "F32"
    return type


def gguf_file(
    architecture: str = "7.0",
    weights: Mapping[str, Floats] | None = None,
    type: str = "F32",
    *,
    types: Mapping[str, str] | None = None,
    rescale: int = 0,
    head_size: int = 64,
    tokens: Sequence[str | bytes] = (),
    token_types: Sequence[int] = (),
    **sizes: Any,
) -> File:
    """A file of random weights, or of those given.

    Parameters
    ----------
    architecture : str
        ``6.0`` or ``7.0``.
    weights : mapping, optional
        By rwkv.cpp's names; `random_weights` with ``sizes`` if not given.
    type : str
        One of `GGML_TYPES`, for the matrices that llama.cpp's quantiser rounds.
    types : mapping, optional
        Other types for the tensors with these names in the GGUF file.
    rescale : int
        Of RWKV 6: every so many layers the output matrices are halved.
    tokens, token_types
        For the tokenizer.
    """
    if weights is None:
        weights = random_weights(architecture, head_size=head_size, **sizes)
    name = "rwkv6" if architecture == "6.0" else "rwkv7"
    named = gguf_weights(architecture, weights, rescale)
    n_embed = weights["ln_out.weight"].size
    n_layer = 1 + max(int(each.split(".")[1]) for each in weights if each.startswith("blocks."))
    pairs: list[Pair] = [
        ("general.architecture", STRING, name),
        ("general.name", STRING, "Ünbenannt"),
        (f"{name}.context_length", UINT32, 1048576),
        (f"{name}.embedding_length", UINT32, n_embed),
        (f"{name}.block_count", UINT32, n_layer),
        (f"{name}.attention.layer_norm_epsilon", FLOAT32, 1e-5),
        (f"{name}.wkv.head_size", UINT32, head_size),
        (f"{name}.feed_forward_length", UINT32, len(weights["blocks.0.ffn.key.weight"])),
        (f"{name}.attention.head_count", UINT32, 0),
        ("general.tags", ARRAY, (STRING, ["text-generation", "rwkv"])),
    ]
    pairs += [(f"{name}.{key}", UINT32, value) for key, value in _ranks(name, named).items()]
    if name == "rwkv6":
        pairs.append(("rwkv6.rescale_every_n_layers", UINT32, rescale))
    if tokens:
        pairs += [
            ("tokenizer.ggml.model", STRING, "rwkv"),
            ("tokenizer.ggml.tokens", ARRAY, (STRING, tokens)),
        ]
    if token_types:
        pairs.append(("tokenizer.ggml.token_type", ARRAY, (INT32, token_types)))
    tensors = tuple(
        make(each, (types or {}).get(each) or type_of(each, values, type), values)
        for each, values in named.items()
    )
    return File(tuple(pairs), tensors)


def random_gguf(architecture: str = "7.0", **parameters: Any) -> bytes:
    """The bytes of `gguf_file`."""
    return gguf_file(architecture, **parameters).pack()
