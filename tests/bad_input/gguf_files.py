"""GGUF files that are damaged, hostile or of another model, each with its sentence."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from deep_tree_echo.errors import EchoError, ModelFormatError, UnsupportedModelError

from tests.bad_input.files import Bad
from tests.gguf_files import (
    ARRAY,
    BOOL,
    FLOAT32,
    INT32,
    STRING,
    UINT8,
    UINT32,
    UINT64,
    File,
    Tensor,
    gguf_file,
    make,
    pack_text,
)

HUGE = 2**64 - 1
TOKENS = ["<s>", *(f"\\x{byte:02x}" for byte in range(256))]
KEY = "blk.0.time_mix_key.weight"


@cache
def good() -> File:
    """The file that the others are made of: RWKV 7, F32, with a tokenizer."""
    return gguf_file(n_embed=64, n_layer=2, tokens=TOKENS, token_types=[3, *[1] * 256])


@cache
def good_6() -> File:
    return gguf_file("6.0", n_embed=64, n_layer=2, rescale=1)


def bad(data: bytes | File, *words: str, error: type[EchoError] = ModelFormatError) -> Bad:
    return Bad(data.pack() if isinstance(data, File) else data, error, words)


def unsupported(data: bytes | File, *words: str) -> Bad:
    return bad(data, *words, error=UnsupportedModelError)


def header(
    version: int = 3, tensors: int = 1, pairs: int = 1, rest: bytes = bytes(400_000)
) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, pairs) + rest


def pair(key: bytes, type: int, value: bytes) -> bytes:
    """A file that begins with this pair, its value as bytes."""
    return header(rest=pack_text(key) + struct.pack("<I", type) + value + bytes(400_000))


def changed(name: str, change: Callable[[Tensor], Tensor], file: File | None = None) -> File:
    """With another description of one tensor; the data keeps its place."""
    file = file or good()
    tensors = tuple(change(each) if each.name == name else each for each in file.tensors)
    return replace(file, tensors=tensors)


def without(name: str) -> File:
    return replace(good(), tensors=tuple(each for each in good().tensors if each.name != name))


def with_tensor(name: str, shape: tuple[int, ...] = (64,)) -> File:
    extra = make(name, "F32", np.zeros(shape, np.float32))
    return replace(good(), tensors=(*good().tensors, extra))


def headers() -> dict[str, Bad]:
    return {
        "cut inside": bad(header()[:15], "15 of the 24"),
        "only the magic": bad(b"GGUF", "4 of the 24"),
        "version 1": unsupported(header(1), "version 1"),
        "version 4": unsupported(header(4), "version 4"),
        "big endian": unsupported(b"GGUF" + struct.pack(">I", 3) + bytes(100), "big endian"),
        "no tensors": bad(header(tensors=0), "0 tensors"),
        "2^64 - 1 tensors": bad(header(tensors=HUGE), str(HUGE)),
        "2^60 tensors": bad(header(tensors=2**60), str(2**60)),
        "no pairs": bad(header(pairs=0), "0 pairs"),
        "2^64 - 1 pairs": bad(header(pairs=HUGE), str(HUGE)),
    }


def metadata() -> dict[str, Bad]:
    def of(key: str, type: int, value: Any) -> File:
        return good().with_pair(key, type, value)

    text = struct.pack("<Q", HUGE)
    listed = struct.pack("<IQ", UINT8, 2**62)
    return {
        "a key of no bytes": bad(header(rest=bytes(400_000)), "a key of 0 bytes"),
        "a key of 2^63 bytes": bad(
            header(rest=struct.pack("<Q", 2**63) + bytes(400_000)), str(2**63)
        ),
        "a key that is not text": bad(pair(b"gen\xffral", UINT32, bytes(4)), "0xff"),
        "value type 13": bad(pair(b"some", 13, bytes(8)), "some", "13"),
        "a text of -1 bytes": bad(pair(b"some", STRING, text), "some", str(HUGE)),
        "a list of 2^62 items": bad(pair(b"some", ARRAY, listed), "some", str(2**62)),
        "a list of 2^64 - 1 texts": bad(
            pair(b"some", ARRAY, struct.pack("<IQ", STRING, HUGE)), "some", str(HUGE)
        ),
        "a list of lists": bad(
            pair(b"some", ARRAY, struct.pack("<IQ", ARRAY, 1) * 9), "some", "list of lists"
        ),
        "a list of type 99": bad(
            pair(b"some", ARRAY, struct.pack("<IQ", 99, 1)), "some", "unknown type"
        ),
        "llama": unsupported(of("general.architecture", STRING, "llama"), '"llama"', "rwkv7"),
        "an architecture of odd letters": unsupported(
            pair(b"general.architecture", STRING, pack_text("ll\n\x01\x7f")), '"ll???"'
        ),
        "an architecture of 1000 bytes": bad(
            pair(b"general.architecture", STRING, pack_text("x" * 1000)), "1000"
        ),
        "an architecture that is a number": bad(
            pair(b"general.architecture", UINT32, bytes(4)), "general.architecture", "text"
        ),
        "no architecture": bad(good().without_pair("general.architecture"), "general.architecture"),
        "an architecture twice": bad(
            replace(good(), pairs=(good().pairs[0], *good().pairs)), "architecture", "twice"
        ),
        "a width that is a text": bad(
            of("rwkv7.embedding_length", STRING, "64"), "embedding_length", "number"
        ),
        "a width twice": bad(
            replace(good(), pairs=(*good().pairs, good().pairs[3])), "embedding_length", "twice"
        ),
        "no width": bad(good().without_pair("rwkv7.embedding_length"), "rwkv7.embedding_length"),
        "the width of rwkv6": bad(
            good()
            .without_pair("rwkv7.embedding_length")
            .with_pair("rwkv6.embedding_length", UINT32, 64),
            "rwkv7.embedding_length",
        ),
        "0 wide": bad(of("rwkv7.embedding_length", UINT32, 0), "embedding_length is 0"),
        "2^32 - 1 wide": bad(of("rwkv7.embedding_length", UINT32, 2**32 - 1), "4.29497e+09"),
        "2^64 - 1 layers": bad(of("rwkv7.block_count", UINT64, HUGE), "block_count"),
        "2^20 layers": bad(of("rwkv7.block_count", UINT32, 2**20), "n_layer 1048576"),
        "-1 layers": bad(of("rwkv7.block_count", INT32, -1), "block_count is -1"),
        "1.5 layers": bad(of("rwkv7.block_count", FLOAT32, 1.5), "block_count is 1.5"),
        "nan layers": bad(of("rwkv7.block_count", FLOAT32, float("nan")), "block_count is nan"),
        "true layers": bad(of("rwkv7.block_count", BOOL, True), "block_count", "number"),
        "heads of 0": bad(of("rwkv7.wkv.head_size", UINT32, 0), "head_size is 0"),
        "heads of 24": bad(of("rwkv7.wkv.head_size", UINT32, 24), "head_size is 24", "64"),
        "heads of 128": bad(of("rwkv7.wkv.head_size", UINT32, 128), "head_size is 128"),
        "one token shift": bad(of("rwkv7.token_shift_count", UINT32, 1), "token_shift_count is 1"),
        "another epsilon": unsupported(
            of("rwkv7.attention.layer_norm_epsilon", FLOAT32, 1e-6), "epsilon is 1e-06"
        ),
        "alignment 0": bad(of("general.alignment", UINT32, 0), "alignment is 0"),
        "alignment 24": bad(of("general.alignment", UINT32, 24), "alignment is 24", "power"),
        "alignment 2^31": bad(of("general.alignment", UINT32, 2**31), "alignment"),
        "a part of several": unsupported(of("split.count", UINT32, 3), "3 parts"),
        "tokens that are numbers": bad(
            of("tokenizer.ggml.tokens", ARRAY, (UINT32, [1, 2])), "tokens", "list of texts"
        ),
        "tokens that are a text": bad(of("tokenizer.ggml.tokens", STRING, "a b c"), "a list"),
        "token types that are floats": bad(
            of("tokenizer.ggml.token_type", ARRAY, (FLOAT32, [1.0])), "token_type", "int32"
        ),
        "no tokens": bad(of("tokenizer.ggml.tokens", ARRAY, (STRING, [])), "0 tokens"),
        "a token more than the vocabulary": bad(
            of("tokenizer.ggml.tokens", ARRAY, (STRING, [*TOKENS, "x"])), "258 tokens", "257"
        ),
        "a token of 70000 bytes": bad(
            of("tokenizer.ggml.tokens", ARRAY, (STRING, ["x" * 70000])), "70000"
        ),
        "tokens of 17 MB": bad(
            of("tokenizer.ggml.tokens", ARRAY, (STRING, ["x" * 65000] * 280)), "16 MB"
        ),
        "tokens twice": bad(
            replace(
                good(), pairs=(*good().pairs, ("tokenizer.ggml.tokens", ARRAY, (STRING, "ab")))
            ),
            "twice",
        ),
    }


def tensors() -> dict[str, Bad]:
    def described(name: str, **changes: Any) -> File:
        return changed(name, lambda tensor: replace(tensor, **changes))

    def reshaped(name: str, shape: tuple[int, ...]) -> File:
        return changed(name, lambda tensor: replace(tensor, shape=shape))

    def at(name: str, offset: int) -> File:
        return replace(good(), offsets={name: offset})

    def patched(old: bytes, new: bytes) -> bytes:
        data = good().pack()
        assert data.count(old) == 1
        return data.replace(old, new)

    named = pack_text(KEY)
    last = good().tensors[-1].name
    return {
        "a name of no bytes": bad(patched(named, bytes(8) + named[8:]), "name has 0 bytes"),
        "a name of 2^64 - 1 bytes": bad(
            patched(named, struct.pack("<Q", HUGE) + named[8:]), str(HUGE)
        ),
        "a name that is not text": bad(patched(named, named[:-1] + b"\0"), "0x00"),
        "0 dimensions": bad(patched(named + b"\2", named + b"\0"), KEY, "0 dimensions"),
        "5 dimensions": bad(patched(named + b"\2", named + b"\5"), KEY, "5 dimensions"),
        "a dimension of 0": bad(reshaped(KEY, (0, 64)), KEY, "0 elements"),
        "a dimension of 2^64 - 1": bad(reshaped(KEY, (HUGE, 64)), KEY, str(HUGE)),
        "2^33 elements": bad(reshaped(KEY, (2**17, 2**16)), KEY, str(2**17)),
        "more elements than the file": bad(reshaped(KEY, (2**12, 64)), KEY),
        "type Q3_K": unsupported(described(KEY, type=11), KEY, "Q3_K", "Q4_K"),
        "type IQ4_XS": unsupported(described(KEY, type=23), KEY, "IQ4_XS"),
        "type 4, which is gone": bad(described(KEY, type=4), KEY, "type 4"),
        "type 2^32 - 1": bad(described(KEY, type=2**32 - 1), KEY, str(2**32 - 1)),
        "rows that fill no blocks": bad(described(KEY, type=12), KEY, "blocks of 256"),
        "an unaligned offset": bad(at(KEY, 33), KEY, "offset 33"),
        "an offset beyond": bad(at(KEY, HUGE), KEY, str(HUGE)),
        "the offset of another": bad(at(KEY, 0), "offset 0", "right after"),
        "a gap": bad(
            replace(good(), offsets={last: len(good().pack())}), last, "should have it at"
        ),
        "a tensor twice": bad(
            replace(good(), tensors=(*good().tensors, good().tensors[0])), "token_embd", "twice"
        ),
        "no embedding": bad(without("token_embd.weight"), "token_embd.weight"),
        "an embedding of one dimension": bad(
            reshaped("token_embd.weight", (257 * 64,)), "token_embd.weight"
        ),
        "no head": bad(without("output.weight"), "head.weight"),
        "no key": bad(without(KEY), "blocks.0.att.key.weight"),
        "a key of another shape": bad(reshaped(KEY, (32, 128)), "blocks.0.att.key.weight", "128"),
        "a key of four dimensions": bad(reshaped(KEY, (2, 2, 32, 32)), KEY, "(2, 2, 32, 32)"),
        "r_k of another shape": bad(_short_r_k(), "r_k", "(32)"),
        "mixes of another shape": bad(_five_mixes(), "lerp_fused", "six vectors"),
        "mixes of another shape in rwkv6": bad(_four_mixes(), "lerp_fused", "five vectors"),
        "layer 2 of 2": unsupported(with_tensor("blk.2.attn_norm.weight"), "blk.2.", "2 layers"),
        "layer 10^30": unsupported(with_tensor(f"blk.{10**30}.attn_norm.weight"), str(10**30)),
        "layer -1": unsupported(with_tensor("blk.-1.attn_norm.weight"), "blk.-1."),
        "a tensor of another model": unsupported(with_tensor("blk.0.attn_q.weight"), "attn_q"),
        "a tensor of rwkv6": unsupported(
            with_tensor("blk.0.time_mix_gate.weight", (64, 64)), "time_mix_gate", "RWKV 7"
        ),
        "a bias": unsupported(with_tensor("blk.1.time_mix_key.bias"), "time_mix_key.bias"),
        "a block without a name": unsupported(with_tensor("blk.0."), "blk.0."),
    }


def _with_values(file: File, name: str, shape: tuple[int, ...]) -> File:
    other = make(name, "F32", np.zeros(shape, np.float32))
    return changed(name, lambda tensor: other, file)


def _short_r_k() -> File:
    return _with_values(good(), "blk.0.time_mix_r_k.weight", (32,))


def _five_mixes() -> File:
    return _with_values(good(), "blk.0.time_mix_lerp_fused.weight", (5, 1, 1, 64))


def _four_mixes() -> File:
    return _with_values(good_6(), "blk.0.time_mix_lerp_fused.weight", (4, 1, 1, 64))


def lengths() -> dict[str, Bad]:
    whole, head = good().pack(), good().head()
    data_end = len(whole)
    cuts = {
        "after the header": 24,
        "inside a key": 40,
        "inside the tokens": len(head) // 2,
        "inside the descriptions": len(head) - 600,
        "before the data": len(head),
        "inside the first tensor": len(head) + 1000,
        "inside the last tensor": data_end - 70,
        "one byte short": data_end - 1,
    }
    files = {f"cut {name}": bad(whole[:cut]) for name, cut in cuts.items()}
    return files | {
        "a byte too many": bad(whole + b"\0", "output.weight"),
        "32 zeros too many": bad(whole + bytes(32), "output.weight"),
        "twice": bad(whole * 2, "output.weight"),
    }


def all_gguf_files() -> dict[str, Bad]:
    return {
        f"{group}: {name}": each
        for group, files in (
            ("header", headers()),
            ("metadata", metadata()),
            ("tensors", tensors()),
            ("length", lengths()),
        )
        for name, each in files.items()
    }
