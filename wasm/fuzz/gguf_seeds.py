"""The seeds of ``gguf_fuzz``: heads of tiny models as PyPI ``gguf`` writes them.

The tensors have a shape and a type only; the target adds the data. See gguf_fuzz.cc for the four
bytes in front of each.
"""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np

RANK, N_VOCAB = 8, 5
TOKENS = ["<s>", *(f"\\x{byte:02x}" for byte in range(256)), "\\n\\n", "[PAD258]"]

Shapes = dict[str, tuple[int, ...]]


def block(version: int, width: int) -> Shapes:
    """What stands behind ``blk.0.``."""
    vector, square = (width,), (width, width)
    norms = ("attn_norm", "attn_norm_2", "time_mix_ln")
    shapes: Shapes = {f"{norm}.{part}": vector for norm in norms for part in ("weight", "bias")}
    squares = ["receptance", "key", "value", "output"]
    if version == 6:
        squares.append("gate")
        shapes |= {"time_mix_lerp_x.weight": vector, "time_mix_decay.weight": vector}
        shapes |= {"time_mix_lerp_fused.weight": (5, 1, 1, width)}
        shapes |= {"time_mix_w1.weight": (5 * RANK, width)}
        shapes |= {"time_mix_w2.weight": (5, width, RANK)}
        shapes |= {"time_mix_first.weight": (2, width // 2)}
        shapes |= {"time_mix_decay_w1.weight": (RANK, width)}
        shapes |= {"time_mix_decay_w2.weight": (width, RANK)}
        shapes |= {"channel_mix_lerp_r.weight": vector, "channel_mix_receptance.weight": square}
    else:
        shapes |= {"time_mix_lerp_fused.weight": (6, 1, 1, width)}
        shapes |= {f"time_mix_{part}.weight": vector for part in ("k_k", "k_a", "r_k")}
        shapes |= {f"time_mix_{part}0.weight": vector for part in "wav"}
        shapes |= {f"time_mix_{part}1.weight": (RANK, width) for part in "wavg"}
        shapes |= {f"time_mix_{part}2.weight": (width, RANK) for part in "wavg"}
    shapes |= {f"time_mix_{part}.weight": square for part in squares}
    shapes |= {"channel_mix_lerp_k.weight": vector}
    shapes |= {"channel_mix_key.weight": square}
    return shapes | {"channel_mix_value.weight": square}


def head(version: int, type_name: str, tokens: bool) -> tuple[bytes, int]:
    """A head, padded, and the bytes of data behind it."""
    # The blocks of k-quants are 256 wide, and everything else is smaller with less.
    width = 256 if type_name.endswith("K") else 32
    n_vocab = len(TOKENS) if tokens else N_VOCAB
    shapes: Shapes = {"token_embd.weight": (n_vocab, width)}
    shapes |= {f"token_embd_norm.{part}": (width,) for part in ("weight", "bias")}
    shapes |= {f"blk.0.{name}": shape for name, shape in block(version, width).items()}
    shapes |= {f"output_norm.{part}": (width,) for part in ("weight", "bias")}
    shapes |= {"output.weight": (n_vocab, width)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "head.gguf"
        writer = gguf.GGUFWriter(path, f"rwkv{version}")
        writer.add_embedding_length(width)
        writer.add_block_count(1)
        writer.add_layer_norm_eps(1e-5)
        writer.add_wkv_head_size(width // 2)
        if version == 6:
            writer.add_rescale_every_n_layers(1)
        if tokens:
            writer.add_tokenizer_model("rwkv")
            writer.add_token_list(TOKENS)
            writer.add_token_types([3, *[1] * 257, 5])
        n_bytes = 0
        for name, shape in shapes.items():
            matrix = shape in ((width, width), (n_vocab, width))
            type = gguf.GGMLQuantizationType[type_name if matrix else "F32"]
            columns, block_bytes = gguf.GGML_QUANT_SIZES[type]
            size = math.prod(shape) // columns * block_bytes
            writer.add_tensor_info(name, shape, np.dtype(np.float32), size, raw_dtype=type)
            n_bytes += -(-size // 32) * 32
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        writer.close()
        data = path.read_bytes()
    return data + bytes(-len(data) % 32), n_bytes


def seeds(rng: random.Random) -> Iterator[tuple[str, bytes]]:
    """Names and contents, always the same."""
    for version in (6, 7):
        for type_name in ("F32", "F16", "BF16", "Q4_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"):
            file, n_bytes = head(version, type_name, tokens=type_name == "Q4_0")
            announced = (n_bytes // 32).to_bytes(2, "little")
            name = f"{version}-{type_name}"
            yield f"{name}-whole", bytes([0, 0]) + announced + file
            yield f"{name}-announced", bytes([0, 8 | rng.randrange(8)]) + announced + file
            yield f"{name}-pieces", bytes([rng.randrange(1, 256), 16]) + announced + file
