"""Write a model as an rwkv.cpp file, and read such a file back.

Matrices are written in half precision, all else in single precision, as the
converter of rwkv.cpp does; ``att.r_k`` counts as a vector.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UnsupportedModelError
from ..formats import rwkv_file
from ..formats.rwkv_file import Header, Tensor
from ..formats.types import TensorType
from .parameters import Parameters, Shape

__all__ = ["parameters_of", "read_file", "write_file"]


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
    type = TensorType.FP16 if half else TensorType.FP32
    tensors = []
    for name, view in parameters.items():
        matrix = view.ndim == 2 and not name.endswith("r_k")
        tensors.append(Tensor.from_floats(name, view, type if matrix else TensorType.FP32))
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".part")
    with fresh.open("wb") as file:
        header = Header(shape.vocabulary, shape.width, shape.layers, type)
        rwkv_file.write_file(file, header, tensors)
    fresh.replace(path)
    return path.stat().st_size


def read_file(path: Path) -> tuple[Header, dict[str, NDArray[np.float32]]]:
    """Read a model file in FP32 or FP16.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    header : Header
        Its sizes and type.
    tensors : dict of str to ndarray of float32
        In the order of the file, sides from the first to the last.

    Raises
    ------
    ModelFormatError
        If it is no such file, or damaged.
    UnsupportedModelError
        If it is quantised.
    """
    header, tensors = rwkv_file.read_file([path.read_bytes()])
    for tensor in tensors:
        if tensor.type.quantised:
            raise UnsupportedModelError(
                f"{tensor.name} of {path.name} is {tensor.type.name}; only FP32 and FP16 are read "
                "here."
            )
    return header, {tensor.name: tensor.floats() for tensor in tensors}


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

    Raises
    ------
    ModelFormatError, UnsupportedModelError
        As `read_file` does.
    """
    header, tensors = read_file(path)
    first = "blocks.0."
    shape = Shape(
        width=header.n_embed,
        layers=header.n_layer,
        head_size=tensors[first + "att.r_k"].shape[1],
        rank=tensors[first + "att.w1"].shape[0],
        gate_rank=tensors[first + "att.g1"].shape[0],
        hidden=tensors[first + "ffn.key.weight"].shape[0] // header.n_embed,
        vocabulary=header.n_vocab,
    )
    parameters = Parameters(shape, dtype)
    for name, view in parameters.items():
        view[...] = tensors[name].reshape(view.shape)
    return parameters
