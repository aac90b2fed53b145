"""Hugging Face's names for the tensors of RWKV as the author's.

Their classes hold the author's numbers under other names. In RWKV 7 the small matrices also lie
the other way round there: those of ``flash-linear-attention`` are (outputs, inputs).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..formats.stored import StoredTensor

_PLACES = (
    # RWKV 4 to 6: the classes Rwkv, Rwkv5 and Rwkv6.
    (r"rwkv\.embeddings\.weight", "emb.weight"),
    (r"rwkv\.blocks\.0\.pre_ln\.(weight|bias)", r"blocks.0.ln0.\1"),
    (r"rwkv\.blocks\.(\d+)\.attention\.", r"blocks.\1.att."),
    (r"rwkv\.blocks\.(\d+)\.feed_forward\.", r"blocks.\1.ffn."),
    (r"rwkv\.blocks\.(\d+)\.(ln[12])\.", r"blocks.\1.\2."),
    (r"rwkv\.ln_out\.", "ln_out."),
    # RWKV 7: the class RWKV7.
    (r"model\.embeddings\.weight", "emb.weight"),
    (r"model\.layers\.0\.pre_norm\.", "blocks.0.ln0."),
    (r"model\.layers\.(\d+)\.attn_norm\.", r"blocks.\1.ln1."),
    (r"model\.layers\.(\d+)\.ffn_norm\.", r"blocks.\1.ln2."),
    (r"model\.layers\.(\d+)\.attn\.", r"blocks.\1.att."),
    (r"model\.layers\.(\d+)\.ffn\.", r"blocks.\1.ffn."),
    (r"model\.norm\.", "ln_out."),
    (r"lm_head\.weight", "head.weight"),
)
_PARTS = (
    (r"(time_mix)_key", r"\1_k"),
    (r"(time_mix)_value", r"\1_v"),
    (r"(time_mix)_receptance", r"\1_r"),
    (r"(time_mix)_gate", r"\1_g"),
    (r"att\.g_norm\.", "att.ln_x."),
    (r"att\.r_proj\.", "att.receptance."),
    (r"att\.k_proj\.", "att.key."),
    (r"att\.v_proj\.", "att.value."),
    (r"att\.o_proj\.", "att.output."),
    (r"att\.([wavg])_lora\.lora\.0\.weight", r"att.\g<1>1"),
    (r"att\.([wavg])_lora\.lora\.2\.weight", r"att.\g<1>2"),
    (r"att\.([wav])_lora\.lora\.2\.bias", r"att.\g<1>0"),
)


def authors_name(name: str) -> str:
    """The author's name of a tensor; names that are not Hugging Face's stay.

    Examples
    --------
    >>> authors_name("rwkv.blocks.3.attention.time_mix_key")
    'blocks.3.att.time_mix_k'
    >>> authors_name("model.layers.0.attn.w_lora.lora.2.bias")
    'blocks.0.att.w0'
    >>> authors_name("blocks.0.att.w0")
    'blocks.0.att.w0'
    """
    for pattern, place in _PLACES:
        renamed, count = re.subn(f"^{pattern}", place, name)
        if count:
            for part, ours in _PARTS:
                renamed = re.sub(part, ours, renamed)
            return renamed
    return name


def with_authors_names(tensors: Sequence[StoredTensor]) -> list[StoredTensor]:
    """Tensors by the author's names and with the author's shapes."""
    return [_renamed(tensor) for tensor in tensors]


def _renamed(tensor: StoredTensor) -> StoredTensor:
    name = authors_name(tensor.name)
    if "_lora.lora." in tensor.name and len(tensor.shape) == 2:
        return StoredTensor.from_floats(
            name, tensor.shape[::-1], lambda: np.transpose(tensor.values()), tensor.type
        )
    return replace(tensor, name=name)
