"""Which type each tensor takes in a file, by the rule of rwkv.cpp's converter and quantiser."""

from __future__ import annotations

from .types import TensorType

_SENSITIVE = ("v1", "v2", "g1", "g2", "a1", "a2", "w1", "w2", "r_k")


def type_in_file(
    name: str, shape: tuple[int, ...], type: TensorType, kept: TensorType
) -> TensorType:
    """The type that a tensor takes in a file of ``type``.

    Parameters
    ----------
    name, shape
        The tensor's, the shape in PyTorch's order.
    type : TensorType
        The type of the file.
    kept : TensorType
        The tensor's type now, which it keeps where the rule leaves it alone.

    Examples
    --------
    >>> type_in_file("blocks.0.att.key.weight", (64, 64), TensorType.Q5_1, TensorType.FP16).name
    'Q5_1'
    >>> type_in_file("blocks.0.att.w1", (32, 64), TensorType.Q5_1, TensorType.FP16).name
    'FP16'
    """
    if type is TensorType.FP32:
        return type
    if type is TensorType.FP16:
        matrix = len(shape) == 2 and ".time_" not in name and not name.endswith(".r_k")
        return type if matrix else kept
    if len(shape) != 2 or name in ("emb.weight", "head.weight"):
        return kept
    if "att." in name and any(part in name for part in _SENSITIVE):
        return kept
    return type
