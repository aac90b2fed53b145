"""Model files that are not what they should be, by name."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from deep_tree_echo.errors import (
    EchoError,
    MemoryBudgetError,
    ModelFormatError,
    UnsupportedModelError,
)
from deep_tree_echo.formats import Header, Tensor, TensorReader, TensorType, write_file

from tests.random_models import random_model_bytes

HEADER_BYTES = 24
N_VOCAB, N_EMBED, N_LAYER = 257, 64, 2
MOST_INT = 2**31 - 1


@dataclass(frozen=True)
class Bad:
    """A file, the error that it must give, and the words that must be in the sentence."""

    data: bytes
    error: type[EchoError] | tuple[type[EchoError], ...]
    words: tuple[str, ...]


@cache
def good() -> bytes:
    """The file that the others are made of: RWKV 7, FP32."""
    return random_model_bytes("7.0", n_vocab=N_VOCAB, n_embed=N_EMBED, n_layer=N_LAYER)


@cache
def good_tensors() -> tuple[Tensor, ...]:
    return tuple(TensorReader().push(good()))


def rewritten(change: Callable[[list[Tensor]], list[Tensor]], n_layer: int = N_LAYER) -> bytes:
    """The good file with other tensors."""
    file = io.BytesIO()
    header = Header(N_VOCAB, N_EMBED, n_layer, TensorType.FP32)
    write_file(file, header, change(list(good_tensors())))
    return file.getvalue()


def with_int(at: int, value: int) -> bytes:
    """The good file with one of its int32 replaced."""
    return good()[:at] + struct.pack("<i", value) + good()[at + 4 :]


def tensor_offsets() -> list[int]:
    """Where each tensor's record begins, and where the file ends."""
    offsets = [HEADER_BYTES]
    for tensor in good_tensors():
        offsets.append(offsets[-1] + sum(map(len, tensor.pack())))
    return offsets


def foreign_files() -> dict[str, Bad]:
    def bad(data: bytes, *words: str) -> Bad:
        return Bad(data, ModelFormatError, words)

    filler = bytes(range(256)) * 8
    json = b'{"__metadata__":{"format":"pt"}}'
    page = b"\n<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head></html>"
    return {
        "empty": bad(b"", "empty"),
        "zip": bad(b"PK\x03\x04\x14\0" + filler, "zip", "convert"),
        "short zip": bad(b"PK\x03\x04", "zip"),
        "pickle": bad(b"\x80\x02}q\0" + filler, "PyTorch"),
        "gzip": bad(b"\x1f\x8b\x08\0" + filler, "gzip", "unpack"),
        "safetensors": bad(struct.pack("<Q", len(json)) + json + filler, "safetensors"),
        "web page": bad(page, "web page", "address"),
        "short web page": bad(b"<html/>", "web page"),
        "text": bad(b"Not found, and not a model either.\n", "text"),
        "LFS pointer": bad(b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "LFS"),
        "PNG": bad(b"\x89PNG\r\n\x1a\n" + filler, "89 50 4e 47"),
        "ELF": bad(b"\x7fELF\x02\x01\x01\0" + filler, "7f 45 4c 46"),
        "zeros": bad(bytes(4096), "00 00 00 00"),
    }


def truncated_files() -> dict[str, Bad]:
    """Cut where something else was being read each time."""
    offsets = tensor_offsets()
    name = good_tensors()[0].name
    record = offsets[0] + 12
    data = record + 8 + len(name)
    cuts = {
        "inside the magic": 3,
        "after the magic": 4,
        "one byte short of the header": HEADER_BYTES - 1,
        "after the header": HEADER_BYTES,
        "inside a record": offsets[0] + 5,
        "after a record": record,
        "inside a shape": record + 6,
        "inside a name": data - 2,
        "before any data": data,
        "inside the data": data + 1001,
        "between two tensors": offsets[2],
        "before the last tensor": offsets[-2],
        "one byte short": len(good()) - 1,
    }
    return {name: Bad(good()[:cut], ModelFormatError, ()) for name, cut in cuts.items()}


def oversized_files() -> dict[str, Bad]:
    last = good_tensors()[-1].name
    return {
        "one byte too many": Bad(good() + b"\0", ModelFormatError, (last,)),
        "eleven zeros too many": Bad(good() + bytes(11), ModelFormatError, (last,)),
        "zeros behind": Bad(good() + bytes(4096), ModelFormatError, (last, "0 dimensions")),
        "noise behind": Bad(good() + b"\xa5" * 300, ModelFormatError, (last,)),
        "twice": Bad(good() * 2, ModelFormatError, (last,)),
    }


def damaged_headers() -> dict[str, Bad]:
    def field(at: int, value: int, *words: str, error: type[EchoError] = ModelFormatError) -> Bad:
        return Bad(with_int(at, value), error, (*words, str(value)))

    unsupported = UnsupportedModelError
    return {
        "version 99": field(4, 99, "version", error=unsupported),
        "version 102": field(4, 102, "version", error=unsupported),
        "2^31 - 1 tokens": field(8, MOST_INT, "n_vocab"),
        "no tokens": field(8, 0, "n_vocab"),
        "-1 tokens": field(8, -1, "n_vocab"),
        "2^31 - 1 wide": field(12, MOST_INT, "n_embed"),
        "-64 wide": field(12, -64, "n_embed"),
        "2^31 - 1 layers": field(16, MOST_INT, "n_layer"),
        "no layers": field(16, 0, "n_layer"),
        "type 4": field(20, 4, "type", error=unsupported),
        "type 10": field(20, 10, "type"),
        "type -1": field(20, -1, "type"),
        # Large and possible: the file's size, its tensors or the budget refuse it.
        "2^24 tokens": Bad(with_int(8, 2**24), (ModelFormatError, MemoryBudgetError), ()),
    }


def damaged_tensors() -> dict[str, Bad]:
    """What is wrong in the first tensor, emb.weight, or with the set of tensors."""
    first = HEADER_BYTES
    shape = first + 12
    name = shape + 8

    def bad(data: bytes, *words: str, error: type[EchoError] = ModelFormatError) -> Bad:
        return Bad(data, error, words)

    def without(name: str) -> bytes:
        return rewritten(lambda tensors: [tensor for tensor in tensors if tensor.name != name])

    def reshaped(name: str, shape: tuple[int, ...]) -> bytes:
        return rewritten(
            lambda tensors: [
                Tensor.from_floats(name, tensor.floats().reshape(shape))
                if tensor.name == name
                else tensor
                for tensor in tensors
            ]
        )

    key = "blocks.0.att.key.weight"
    return {
        "0 dimensions": bad(with_int(first, 0), "0 dimensions"),
        "4 dimensions": bad(with_int(first, 4), "4 dimensions"),
        "2^31 - 1 dimensions": bad(with_int(first, MOST_INT), str(MOST_INT)),
        "a name of no bytes": bad(with_int(first + 4, 0), "name of 0 bytes"),
        "a name of -1 bytes": bad(with_int(first + 4, -1), "-1"),
        "a name of 2^31 - 1 bytes": bad(with_int(first + 4, MOST_INT), str(MOST_INT)),
        "type 5": bad(with_int(first + 8, 5), "emb.weight", "5", error=UnsupportedModelError),
        "type 77": bad(with_int(first + 8, 77), "emb.weight", "77"),
        "2^31 - 1 columns": bad(with_int(shape, MOST_INT), "emb.weight", str(MOST_INT)),
        "2^31 - 1 rows": bad(with_int(shape + 4, MOST_INT), "emb.weight", str(MOST_INT)),
        "-2^31 rows": bad(with_int(shape + 4, -(2**31)), "emb.weight", str(-(2**31))),
        "no rows": bad(with_int(shape + 4, 0), "emb.weight", "0"),
        "a name that is not text": bad(good()[:name] + b"\xff" + good()[name + 1 :], "0xff"),
        "a name with a zero": bad(good()[:name] + b"\0" + good()[name + 1 :], "0x00"),
        "another name": bad(good().replace(b"emb.weight", b"emb.weighs", 1), "emb.weight"),
        "no embedding": bad(without("emb.weight"), "emb.weight"),
        "no head": bad(without("head.weight"), "head.weight"),
        "no key": bad(without(key), key),
        "no r_k": bad(without("blocks.1.att.r_k"), "blocks.1.att.r_k"),
        "a key of another shape": bad(reshaped(key, (32, 128)), key, "128"),
        "a norm of another shape": bad(
            rewritten(
                lambda tensors: [
                    Tensor.from_floats(tensor.name, tensor.floats()[:-1])
                    if tensor.name == "ln_out.weight"
                    else tensor
                    for tensor in tensors
                ]
            ),
            "ln_out.weight",
            "63",
        ),
        "emb.weight twice": bad(rewritten(lambda tensors: [tensors[0], *tensors]), "twice"),
        "a layer too few": bad(rewritten(lambda tensors: tensors, N_LAYER + 1), "blocks.2."),
        "a layer too many": bad(rewritten(lambda tensors: tensors, N_LAYER - 1), "blocks.1."),
    }


def all_files() -> dict[str, Bad]:
    return {
        f"{group}: {name}": bad
        for group, files in (
            ("foreign", foreign_files()),
            ("truncated", truncated_files()),
            ("oversized", oversized_files()),
            ("header", damaged_headers()),
            ("tensors", damaged_tensors()),
        )
        for name, bad in files.items()
    }
