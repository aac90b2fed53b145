"""Write a model as an rwkv.cpp file, and read such a file back.

A file is a header of six 32-bit integers (magic, version 101, vocabulary,
width, layers, data type) and then tensors: dimensions, length of the key, data
type, sides from the last to the first, key, data. Everything is little endian.
Matrices are written in half precision, all else in single precision, as the
converter of rwkv.cpp does; ``att.r_k`` counts as a vector.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .parameters import Parameters, Shape

__all__ = ["parameters_of", "read_file", "write_file"]

MAGIC, VERSION, FP32, FP16 = 0x67676D66, 101, 0, 1


def write_file(parameters: Parameters, path: Path, half: bool = True) -> int:
    """Write a model file; an older one stays until the new one is whole.

    Parameters
    ----------
    parameters : Parameters
        The model.
    path : Path
        The file.
    half : bool
        Matrices as FP16; otherwise everything as FP32.

    Returns
    -------
    int
        Bytes written.
    """
    shape = parameters.shape
    kind = FP16 if half else FP32
    parts = [struct.pack("<6i", MAGIC, VERSION, shape.vocabulary, shape.width, shape.layers, kind)]
    for name, view in parameters.items():
        key = name.encode()
        matrix = view.ndim == 2 and not name.endswith("r_k")
        this = FP16 if half and matrix else FP32
        sides = view.shape[::-1]
        parts.append(struct.pack(f"<{3 + len(sides)}i", len(sides), len(key), this, *sides))
        parts.append(key)
        parts.append(view.astype("<f2" if this == FP16 else "<f4").tobytes())
    whole = b"".join(parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".part")
    fresh.write_bytes(whole)
    fresh.replace(path)
    return len(whole)


def read_file(path: Path) -> tuple[dict[str, int], dict[str, NDArray[np.float32]]]:
    """Read a model file in FP32 or FP16.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    header : dict of str to int
        ``vocabulary``, ``width``, ``layers`` and ``type``.
    tensors : dict of str to ndarray of float32
        In the order of the file, sides from the first to the last.

    Raises
    ------
    ValueError
        If it is no such file.
    """
    whole = path.read_bytes()
    magic, version, vocabulary, width, layers, kind = struct.unpack_from("<6i", whole)
    if (magic, version) != (MAGIC, VERSION):
        raise ValueError(f"{path.name} is not an rwkv.cpp file of version {VERSION}.")
    at, tensors = 24, {}
    while at < len(whole):
        count, length, this = struct.unpack_from("<3i", whole, at)
        at += 12
        sides = struct.unpack_from(f"<{count}i", whole, at)[::-1]
        at += 4 * count
        key = whole[at : at + length].decode()
        at += length
        if this not in (FP32, FP16):
            raise ValueError(f"{key} is quantised; only FP32 and FP16 are read here.")
        values = np.frombuffer(whole, "<f2" if this else "<f4", int(np.prod(sides)), at)
        at += values.nbytes
        tensors[key] = values.astype(np.float32).reshape(sides)
    return {"vocabulary": vocabulary, "width": width, "layers": layers, "type": kind}, tensors


def parameters_of(path: Path, dtype: Any = np.float32) -> Parameters:
    """Read a model file into parameters.

    Parameters
    ----------
    path : Path
        A file of RWKV-7 in FP32 or FP16.
    dtype : dtype
        Type of the parameters.

    Returns
    -------
    values : Parameters
        With the numbers of the file.
    """
    header, tensors = read_file(path)
    first = "blocks.0."
    shape = Shape(
        width=header["width"],
        layers=header["layers"],
        head_size=tensors[first + "att.r_k"].shape[1],
        rank=tensors[first + "att.w1"].shape[0],
        gate_rank=tensors[first + "att.g1"].shape[0],
        hidden=tensors[first + "ffn.key.weight"].shape[0] // header["width"],
        vocabulary=header["vocabulary"],
    )
    parameters = Parameters(shape, dtype)
    for name, view in parameters.items():
        view[...] = tensors[name].reshape(view.shape)
    return parameters
