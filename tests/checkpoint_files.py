"""Checkpoints as torch.save writes them, without torch: for readers that must not need it."""

from __future__ import annotations

import io
import math
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

STORAGES = {"float32": "FloatStorage", "float16": "HalfStorage", "bfloat16": "BFloat16Storage"}


def encoded(values: NDArray[np.floating], dtype: str) -> bytes:
    """The elements of a storage; bfloat16 is cut off, not rounded."""
    if dtype == "bfloat16":
        return (values.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return values.astype({"float32": "<f4", "float16": "<f2"}[dtype]).tobytes()


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def sizes(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def tensor(
    key: str,
    dtype: str,
    shape: tuple[int, ...],
    *,
    n_elements: int | None = None,
    strides: tuple[int, ...] | None = None,
) -> bytes:
    """What the pickle says of a tensor."""
    if strides is None:
        strides = tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))
    count = math.prod(shape) if n_elements is None else n_elements
    storage = text("storage") + b"ctorch\n" + STORAGES[dtype].encode() + b"\n"
    storage = b"(" + storage + text(key) + text("cpu") + number(count) + b"tQ"
    hooks = b"ccollections\nOrderedDict\n)R"
    arguments = b"(" + storage + number(0) + sizes(shape) + sizes(strides) + b"\x89" + hooks + b"t"
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"R"


def pickled(entries: Mapping[str, bytes]) -> bytes:
    """A dictionary of pickled values."""
    items = b"".join(text(name) + value for name, value in entries.items())
    return b"\x80\x02}q\x00(" + items + b"u."


def archive(members: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as whole:
        for name, data in members.items():
            whole.writestr(zipfile.ZipInfo(name), data, compression)
    return file.getvalue()


def checkpoint_bytes(
    weights: Mapping[str, NDArray[np.floating]], dtype: str = "float32", folder: str = "model"
) -> bytes:
    """A whole checkpoint of arrays."""
    entries = {
        name: tensor(str(index), dtype, values.shape)
        for index, (name, values) in enumerate(weights.items())
    }
    members = {f"{folder}/data.pkl": pickled(entries), f"{folder}/byteorder": b"little"}
    for index, values in enumerate(weights.values()):
        members[f"{folder}/data/{index}"] = encoded(values, dtype)
    return archive(members | {f"{folder}/version": b"3\n"})


def write_checkpoint(
    path: Path, weights: Mapping[str, NDArray[np.floating]], dtype: str = "float32"
) -> Path:
    """A whole checkpoint in a file."""
    path.write_bytes(checkpoint_bytes(weights, dtype))
    return path
