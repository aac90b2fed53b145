"""Writes the seed corpora of the fuzz targets: ``python seeds.py FOLDER``.

FOLDER/loader gets tiny models of every architecture and type with random
weights, whole, cut and with flipped bytes, and the beginnings of foreign files;
FOLDER/gguf gets heads of GGUF files (see gguf_seeds.py, which needs PyPI gguf);
FOLDER/tokenizer gets vocabularies with texts, FOLDER/grammar programs with what
to do with them. The same files are written every time.
"""

from __future__ import annotations

import random
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import gguf_seeds

N_VOCAB, N_EMBED, N_LAYER, N_HEAD, N_FFN, RANK = 5, 32, 2, 2, 64, 32
HEAD_SIZE = N_EMBED // N_HEAD

# Name of a type: number in the file and bytes of a block, 1 or 32 elements long.
TYPES = {
    "FP32": (0, 4, 1),
    "FP16": (1, 2, 1),
    "Q4_0": (2, 18, 32),
    "Q4_1": (3, 20, 32),
    "Q5_0": (7, 22, 32),
    "Q5_1": (8, 24, 32),
    "Q8_0": (9, 34, 32),
}
LOW_RANK = ("v1", "v2", "g1", "g2", "a1", "a2", "w1", "w2", "r_k")

Shape = tuple[int, ...]
VECTOR: Shape = (N_EMBED,)
SQUARE: Shape = (N_EMBED, N_EMBED)
PER_HEAD: Shape = (N_HEAD, HEAD_SIZE, 1)
HEADS: Shape = (N_HEAD, 1, 1)


def attention_4() -> dict[str, Shape]:
    return {name: VECTOR for name in ("time_decay", "time_first")} | mixes("kvr")


def attention_51() -> dict[str, Shape]:
    return {"time_decay": HEADS, "time_first": HEADS} | mixes("kvr") | group_norm()


def attention_52() -> dict[str, Shape]:
    head = {"time_decay": PER_HEAD, "time_faaaa": PER_HEAD, "gate.weight": SQUARE}
    return head | mixes("kvrg") | group_norm()


def attention_6() -> dict[str, Shape]:
    shapes: dict[str, Shape] = {f"time_maa_{part}": VECTOR for part in "xwkvrg"}
    shapes |= {"time_maa_w1": (5 * RANK, N_EMBED), "time_maa_w2": (5, N_EMBED, RANK)}
    shapes |= {"time_decay_w1": (RANK, N_EMBED), "time_decay_w2": (N_EMBED, RANK)}
    shapes |= {"time_decay": PER_HEAD, "time_faaaa": PER_HEAD, "gate.weight": SQUARE}
    return shapes | group_norm()


def attention_7() -> dict[str, Shape]:
    shapes: dict[str, Shape] = {"x_rwkvag": (6, 1, N_EMBED), "r_k": (N_HEAD, HEAD_SIZE)}
    shapes |= {name: (1, 1, N_EMBED) for name in ("w0", "a0", "v0", "k_k", "k_a")}
    shapes |= {f"{part}1": (RANK, N_EMBED) for part in "wavg"}
    shapes |= {f"{part}2": (N_EMBED, RANK) for part in "wavg"}
    return shapes | group_norm()


def mixes(parts: str) -> dict[str, Shape]:
    return {f"time_mix_{part}": VECTOR for part in parts}


def group_norm() -> dict[str, Shape]:
    return {"ln_x.weight": VECTOR, "ln_x.bias": VECTOR}


# Architecture: what its time mix has beside four matrices, and what its channel
# mix has beside two.
ARCHITECTURES: dict[str, tuple[Callable[[], dict[str, Shape]], dict[str, Shape]]] = {
    "4.0": (attention_4, mixes("kr") | {"receptance.weight": SQUARE}),
    "5.1": (attention_51, mixes("kr") | {"receptance.weight": SQUARE}),
    "5.2": (attention_52, mixes("kr") | {"receptance.weight": SQUARE}),
    "6.0": (
        attention_6,
        {"time_maa_k": VECTOR, "time_maa_r": VECTOR, "receptance.weight": SQUARE},
    ),
    "7.0": (attention_7, {"x_k": (1, 1, N_EMBED)}),
}


def tensors(architecture: str) -> Iterator[tuple[str, Shape]]:
    """Names and shapes in PyTorch's order, as the file has them."""
    attention, channel_mix = ARCHITECTURES[architecture]
    yield "emb.weight", (N_VOCAB, N_EMBED)
    for layer in range(N_LAYER):
        block = f"blocks.{layer}."
        for norm in ("ln0", "ln1", "ln2") if layer == 0 else ("ln1", "ln2"):
            yield f"{block}{norm}.weight", VECTOR
            yield f"{block}{norm}.bias", VECTOR
        for name, shape in attention().items():
            yield f"{block}att.{name}", shape
        for name in ("receptance", "key", "value", "output"):
            yield f"{block}att.{name}.weight", SQUARE
        for name, shape in channel_mix.items():
            yield f"{block}ffn.{name}", shape
        yield f"{block}ffn.key.weight", (N_FFN, N_EMBED)
        yield f"{block}ffn.value.weight", (N_EMBED, N_FFN)
    yield "ln_out.weight", VECTOR
    yield "ln_out.bias", VECTOR
    yield "head.weight", (N_VOCAB, N_EMBED)


def stored_type(name: str, shape: Shape, type_name: str) -> str:
    """The type that rwkv.cpp stores a tensor in."""
    matrix = len(shape) == 2 and ".time_" not in name and not name.endswith("r_k")
    if not matrix or type_name == "FP32":
        return "FP32"
    table = name in ("emb.weight", "head.weight")
    low_rank = ".att." in name and any(part in name for part in LOW_RANK)
    return "FP16" if table or low_rank else type_name


def data(rng: random.Random, type_name: str, n: int) -> bytes:
    """``n`` small numbers of a type, quantised ones with random codes."""
    _, block_bytes, block = TYPES[type_name]
    if type_name == "FP32":
        return struct.pack(f"<{n}f", *(rng.uniform(-1, 1) for _ in range(n)))
    if type_name == "FP16":
        return struct.pack(f"<{n}e", *(rng.uniform(-1, 1) for _ in range(n)))
    halves = 2 if type_name.endswith("_1") else 1
    return b"".join(
        struct.pack(f"<{halves}e", *(rng.uniform(-0.1, 0.1) for _ in range(halves)))
        + rng.randbytes(block_bytes - 2 * halves)
        for _ in range(n // block)
    )


def model(rng: random.Random, architecture: str, type_name: str) -> bytes:
    number = TYPES[type_name][0]
    parts = [struct.pack("<6i", 0x67676D66, 101, N_VOCAB, N_EMBED, N_LAYER, number)]
    for name, shape in tensors(architecture):
        stored = stored_type(name, shape, type_name)
        n = 1
        for size in shape:
            n *= size
        parts.append(struct.pack("<3i", len(shape), len(name), TYPES[stored][0]))
        parts.append(struct.pack(f"<{len(shape)}i", *reversed(shape)))
        parts.append(name.encode() + data(rng, stored, n))
    return b"".join(parts)


def flipped(rng: random.Random, file: bytes) -> bytes:
    """A few bytes of the first kilobytes, where the descriptions are, changed."""
    damaged = bytearray(file)
    for _ in range(rng.randint(1, 4)):
        damaged[rng.randrange(min(len(damaged), 4096))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def loader_seeds(rng: random.Random) -> Iterator[tuple[str, bytes]]:
    """The two leading bytes steer the target: see loader_fuzz.cc."""
    for architecture in ARCHITECTURES:
        for type_name in TYPES:
            file = model(rng, architecture, type_name)
            name = f"{architecture}-{type_name}"
            yield f"{name}-whole", bytes([0, 8]) + file
            yield f"{name}-pieces", bytes([rng.randrange(1, 256), 16 | rng.randrange(8)]) + file
            yield f"{name}-cut", bytes([7, 0]) + file[: rng.randrange(len(file))]
            yield f"{name}-flipped", bytes([0, 0]) + flipped(rng, file)
    foreign = {
        "empty": b"",
        "zip": b"PK\x03\x04" + bytes(32),
        "gzip": b"\x1f\x8b\x08" + bytes(32),
        "safetensors": struct.pack("<Q", 64) + b'{"a":{}}' + b" " * 64,
        "html": b"<!DOCTYPE html><html></html>" + b" " * 16,
        "text": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        "huge": struct.pack("<6i", 0x67676D66, 101, 2**31 - 1, 2**31 - 1, 2**31 - 1, 0),
        "large": struct.pack("<6i", 0x67676D66, 101, 65536, 4096, 32, 1),
    }
    for name, file in foreign.items():
        yield name, bytes([0, 0]) + file


def tokenizer_seeds() -> Iterator[tuple[str, bytes]]:
    """Two bytes of length, one that adds the single bytes, vocabulary, text."""
    vocabularies = {
        "ascii": "257 'ab' 2\n258 'abc' 3\n259 'bc' 2\n300 ' the' 4\n",
        "escapes": "257 '\\t\\n\\r\\\\\\'' 5\n258 \"it's\" 4\n259 '\\x0b\\u20ac' 4\n",
        "bytes": "257 b'\\xe2\\x82' 2\r\n258 b'\\xe2\\x82\\xac' 3\r\n",
        "unicode": "257 'é€' 5\n258 '\\U0001f600' 4\n\n259 '  ' 2\n",
        "damaged": "257 'ab 2\n258 'abc' 4\n",
        "no lines": "",
    }
    text = "abcab the it's é€😀\t\n\r\\'  ".encode() + bytes([0xE2, 0x82, 0xFF, 0])
    for name, vocabulary in vocabularies.items():
        for complete in (0, 1):
            head = struct.pack("<HB", len(text), complete)
            yield f"{name}-{complete}", head + vocabulary.encode() + text


# Programs by what they match.
PROGRAMS = {
    "brackets": "1 4 3 1 0 1 1 0 0 1 1 1 0 0 0 1 0 10280 1 10537 2 10537 2 0 3",
    "counted": "1 6 9 0 0 1 1 0 0 1 0 0 2 0 0 2 0 0 2 0 0 1 0 512 1 512 2 512 3 24929 0 512 4 "
    "24929 0 512 5 24929 0 24929 0",
    "ambiguous": "2 5 3 2 0 1 1 0 1 0 2 0 0 0 1 1 0 0 0 1 0 24929 2 25700 3 25442 3 1 0 1 4",
    "none": "1 1 0 0 0 1",
}


def grammar_seeds() -> Iterator[tuple[str, bytes]]:
    """The number of words, the words in two bytes each, steps."""
    steps = bytes([254, 40, 253, 97, 254, 40, 251, 97, 41, 254] * 3)
    for name, text in PROGRAMS.items():
        words = [int(word) for word in text.split()]
        yield name, bytes([len(words)]) + struct.pack(f"<{len(words)}H", *words) + steps


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    rng = random.Random(1)
    for target, seeds in (
        ("loader", loader_seeds(rng)),
        ("gguf", gguf_seeds.seeds(rng)),
        ("tokenizer", tokenizer_seeds()),
        ("grammar", grammar_seeds()),
    ):
        folder = Path(sys.argv[1]) / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in seeds:
            (folder / name.replace(" ", "-")).write_bytes(content)


if __name__ == "__main__":
    main()
