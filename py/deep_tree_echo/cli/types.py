"""Values on the command line."""

from __future__ import annotations

import argparse

from ..errors import ArgumentError
from ..formats.types import RWKV_TYPES, TensorType

TYPE_NAMES = ", ".join(type.name for type in RWKV_TYPES)


def tensor_type(word: str) -> TensorType:
    """The type called ``word``, or a word on usage."""
    try:
        return TensorType.parse(word)
    except ArgumentError:
        raise argparse.ArgumentTypeError(f"{word!r} is none of {TYPE_NAMES}") from None


def megabytes(word: str) -> float:
    """A positive number of megabytes."""
    try:
        value = float(word)
    except ValueError:
        value = -1
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{word!r} is no number of megabytes above 0")
    return value
