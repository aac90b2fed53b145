"""The models of the benchmarks: random weights, the same numbers in every format.

``recipe`` gives the tensors by the author's names; they are rounded once, by the package's own
rule, and written both as a file of rwkv.cpp and as GGUF. Every matrix has the file's type, the
head and the low-rank ones too, so that nobody reads more bytes a token than another; the
embedding is FP16, and vectors are FP32. The head's rows are zero for the token that ends a text and
for those that are no whole UTF-8, so that greedy decoding goes on and gives a text: wllama 3.8.1
breaks on any other.
"""

from __future__ import annotations

import ast
import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
from deep_tree_echo.formats.rwkv_file import Header, Tensor, write_file
from deep_tree_echo.formats.types import TensorType
from numpy.typing import NDArray

from tests.bench._measure import ROOT

FOLDER = ROOT / "build" / "bench" / "models"
WORLD = ROOT / "build" / "external" / "world" / "rwkv_vocab_v20230424.txt"
N_VOCAB = 65536
HEAD = 64
RANKS = {"w": 64, "a": 64, "v": 32, "g": 128}

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Size:
    """A published size of RWKV 7."""

    name: str
    n_layer: int
    n_embed: int

    @property
    def weights_per_token(self) -> int:
        """Numbers of all matrices that one token reads: all but the embedding."""
        lora = sum(2 * rank * self.n_embed for rank in RANKS.values())
        layer = 12 * self.n_embed**2 + lora
        # The first layer has no residual of values to mix.
        return self.n_layer * layer - 2 * RANKS["v"] * self.n_embed + N_VOCAB * self.n_embed


SMALL = Size("0.1B", 12, 768)
MEDIUM = Size("0.4B", 24, 1024)
BYTES_PER_WEIGHT = {"Q8_0": 34 / 32, "Q4_0": 18 / 32}


@dataclass(frozen=True)
class Pair:
    """The same model for us and for llama.cpp and what is made of it."""

    bin: Path
    gguf: Path


def models(size: Size, type: str) -> Pair:
    """The files of a model, made now unless they are there."""
    # The rounding is the reference rule and never changes; everything else is in this file.
    made_from = b"".join(path.read_bytes() for path in (Path(__file__), WORLD))
    place = FOLDER / hashlib.sha256(made_from).hexdigest()[:12]
    if not place.exists():
        shutil.rmtree(FOLDER, ignore_errors=True)
        place.mkdir(parents=True)
    pair = Pair(place / f"{size.name}-{type}.bin", place / f"{size.name}-{type}.gguf")
    if not pair.bin.exists() or not pair.gguf.exists():
        print(f"making {pair.bin.stem} ({size.n_layer} layers, {size.n_embed} wide)", flush=True)
        _write(size, TensorType.parse(type), pair)
    return pair


def recipe(size: Size) -> Iterator[tuple[str, Floats]]:
    """The tensors of a model by the author's names, in the order and shapes of rwkv.cpp's file."""
    width, n_layer = size.n_embed, size.n_layer
    random = np.random.default_rng(7)

    def matrix(rows: int, columns: int, gain: float = 1.0) -> Floats:
        values = random.standard_normal((rows, columns), dtype=np.float32)
        values *= np.float32(gain / columns**0.5)
        return values

    def uniform(low: float, high: float, *shape: int) -> Floats:
        return random.uniform(low, high, shape or (width,)).astype(np.float32)

    def norm(name: str) -> Iterator[tuple[str, Floats]]:
        yield f"{name}.weight", uniform(0.9, 1.1)
        yield f"{name}.bias", uniform(-0.1, 0.1)

    yield "emb.weight", matrix(N_VOCAB, width, width**0.5)
    for layer in range(n_layer):
        block = f"blocks.{layer}."
        for name in ("ln0", "ln1", "ln2") if layer == 0 else ("ln1", "ln2"):
            yield from norm(block + name)
        att = f"{block}att."
        yield f"{att}x_rwkvag", uniform(0, 1, 6, 1, width)
        for letter, rank in RANKS.items():
            if letter == "v" and layer == 0:
                continue
            if letter != "g":
                low, high = (-6, -1) if letter == "w" else (-1, 1)
                yield f"{att}{letter}0", uniform(low, high, 1, 1, width)
            yield f"{att}{letter}1", matrix(rank, width, 0.3)
            yield f"{att}{letter}2", matrix(width, rank, 1 if letter == "g" else 0.3)
        yield f"{att}k_k", uniform(0.5, 1, 1, 1, width)
        yield f"{att}k_a", uniform(0.8, 1.2, 1, 1, width)
        yield f"{att}r_k", uniform(-0.1, 0.1, width // HEAD, HEAD)
        for name in ("receptance", "key", "value", "output"):
            yield f"{att}{name}.weight", matrix(width, width, 0.7)
        yield from norm(f"{att}ln_x")
        yield f"{block}ffn.x_k", uniform(0, 1, 1, 1, width)
        yield f"{block}ffn.key.weight", matrix(4 * width, width, 0.7)
        yield f"{block}ffn.value.weight", matrix(width, 4 * width, 0.7)
    yield from norm("ln_out")
    head = matrix(N_VOCAB, width)
    head[_unspeakable()] = 0
    yield "head.weight", head


def _type_of(name: str, values: Floats, type: TensorType) -> TensorType:
    if name == "emb.weight":
        return TensorType.FP16
    return type if values.ndim == 2 and not name.endswith("r_k") else TensorType.FP32


def _write(size: Size, type: TensorType, pair: Pair) -> None:
    """Writes both files; each appears whole or not at all."""
    fresh = Pair(pair.bin.with_suffix(".bin.new"), pair.gguf.with_suffix(".gguf.new"))
    writer = _gguf_writer(size, type, fresh.gguf)

    def tensors() -> Iterator[Tensor]:
        for name, values in recipe(size):
            tensor = Tensor.from_floats(name, values, _type_of(name, values, type))
            _add(writer, size, tensor)
            yield tensor

    with fresh.bin.open("wb") as file:
        write_file(file, Header(N_VOCAB, size.n_embed, size.n_layer, type), tensors())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    fresh.bin.replace(pair.bin)
    fresh.gguf.replace(pair.gguf)


_NAMES = {
    "emb.weight": "token_embd.weight",
    "head.weight": "output.weight",
    "ln_out.": "output_norm.",
    "ln0.": "token_embd_norm.",
    "ln1.": "attn_norm.",
    "ln2.": "attn_norm_2.",
    "att.x_rwkvag": "time_mix_lerp_fused.weight",
    "att.ln_x.": "time_mix_ln.",
    "att.": "time_mix_",
    "ffn.x_k": "channel_mix_lerp_k.weight",
    "ffn.": "channel_mix_",
}


def gguf_name(name: str) -> str:
    """llama.cpp's name of a tensor.

    Examples
    --------
    >>> gguf_name("blocks.3.att.w1")
    'blk.3.time_mix_w1.weight'
    >>> gguf_name("blocks.0.ln0.bias")
    'token_embd_norm.bias'
    """
    prefix, rest = "", name
    if name.startswith("blocks."):
        _, layer, rest = name.split(".", 2)
        prefix = "" if rest.startswith("ln0") else f"blk.{layer}."
    for ours, theirs in _NAMES.items():
        if rest.startswith(ours):
            rest = theirs + rest.removeprefix(ours)
            break
    return prefix + rest + ("" if rest.endswith((".weight", ".bias")) else ".weight")


def _add(writer: gguf.GGUFWriter, size: Size, tensor: Tensor) -> None:
    kind = gguf.GGMLQuantizationType[tensor.type.name.replace("FP", "F")]
    name = gguf_name(tensor.name)
    if tensor.type is TensorType.FP32:
        shape = tensor.shape
        if tensor.name.endswith("x_rwkvag"):
            shape = (6, 1, 1, size.n_embed)
        elif not tensor.name.endswith("x_k"):
            shape = (size.n_embed,)
        writer.add_tensor(name, tensor.floats().reshape(shape))
    elif tensor.type is TensorType.FP16:
        writer.add_tensor(name, tensor.data.view("<f2"))
    else:
        writer.add_tensor(name, tensor.data, raw_dtype=kind)
    if tensor.name == "blocks.0.att.a2":
        # llama.cpp wants these in the first layer, too, and never reads them.
        for part, rows in (("v0", None), ("v1", RANKS["a"]), ("v2", size.n_embed)):
            columns = size.n_embed if rows != size.n_embed else RANKS["a"]
            empty = np.zeros(columns if rows is None else (rows, columns), np.float32)
            writer.add_tensor(gguf_name(f"blocks.0.att.{part}"), empty)


def _gguf_writer(size: Size, type: TensorType, path: Path) -> gguf.GGUFWriter:
    writer = gguf.GGUFWriter(path, "rwkv7")
    writer.add_name(f"random {size.name}")
    writer.add_context_length(1 << 20)
    writer.add_embedding_length(size.n_embed)
    writer.add_block_count(size.n_layer)
    writer.add_layer_norm_eps(1e-5)
    writer.add_wkv_head_size(HEAD)
    writer.add_decay_lora_rank(RANKS["w"])
    writer.add_iclr_lora_rank(RANKS["a"])
    writer.add_value_residual_mix_lora_rank(RANKS["v"])
    writer.add_gate_lora_rank(RANKS["g"])
    writer.add_feed_forward_length(4 * size.n_embed)
    writer.add_file_type(gguf.LlamaFileType[f"MOSTLY_{type.name}"])
    writer.add_head_count(0)
    # As Python would print their bytes.
    tokens = [b"<s>"] + [repr(data)[2:-1].encode() for data in _world()[1:]]
    kinds = [gguf.TokenType.CONTROL] + [gguf.TokenType.NORMAL] * (len(tokens) - 1)
    rest = range(len(tokens), N_VOCAB)
    writer.add_tokenizer_model("rwkv")
    writer.add_token_list(tokens + [f"[PAD{number}]".encode() for number in rest])
    writer.add_token_types(kinds + [gguf.TokenType.UNUSED] * len(rest))
    for add in (writer.add_bos_token_id, writer.add_eos_token_id, writer.add_unk_token_id):
        add(0)
    writer.add_pad_token_id(0)
    writer.add_add_bos_token(False)
    writer.add_chat_template("{{ messages[0].content }}")
    return writer


def _world() -> list[bytes]:
    """The tokens of the World vocabulary; the first one, which ends a text, has no bytes."""
    tokens = [b""]
    for line in WORLD.read_text(encoding="utf-8").splitlines():
        value = ast.literal_eval(line[line.index(" ") : line.rindex(" ")].strip())
        tokens.append(value.encode() if isinstance(value, str) else value)
    return tokens


def _unspeakable() -> list[int]:
    """Tokens that are no whole UTF-8, and the numbers for which there is no token."""
    tokens = _world()
    found = list(range(len(tokens), N_VOCAB))
    for number, data in enumerate(tokens):
        try:
            if not data.decode():
                found.append(number)
        except UnicodeDecodeError:
            found.append(number)
    return found


if __name__ == "__main__":
    for made in ((SMALL, "Q8_0"), (SMALL, "Q4_0"), (MEDIUM, "Q4_0")):
        print(models(*made).bin)
