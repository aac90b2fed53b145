"""The element types of tensors and the bytes that their rows take."""

from __future__ import annotations

from enum import IntEnum

from ..errors import ArgumentError

BLOCK_COLUMNS = 32
"""Elements of a row that share one block of a quantised type, but for the K types."""
K_BLOCK_COLUMNS = 256
"""The same of the K types, whose blocks have parts with scales of their own."""


class TensorType(IntEnum):
    """An element type with its number in ggml.

    rwkv.cpp's files hold the types of `RWKV_TYPES`; the others come in GGUF files, safetensors
    and checkpoints, and are only read.
    """

    FP32 = 0
    FP16 = 1
    Q4_0 = 2
    Q4_1 = 3
    Q5_0 = 7
    Q5_1 = 8
    Q8_0 = 9
    Q4_K = 12
    Q5_K = 13
    Q6_K = 14
    BF16 = 30

    @property
    def quantised(self) -> bool:
        """Whether rows are stored in blocks of elements that share a scale."""
        return self in _BLOCK_BYTES

    @property
    def block_columns(self) -> int:
        """Elements of a row that share one block; 1 where the type has none."""
        if not self.quantised:
            return 1
        return K_BLOCK_COLUMNS if self.name.endswith("K") else BLOCK_COLUMNS

    def row_bytes(self, columns: int) -> int:
        """Bytes of one row of ``columns`` elements, 0 if they do not fill whole blocks.

        Examples
        --------
        >>> TensorType.Q5_1.row_bytes(64), TensorType.Q5_1.row_bytes(40)
        (48, 0)
        """
        if not self.quantised:
            return columns * (4 if self is TensorType.FP32 else 2)
        if columns % self.block_columns:
            return 0
        return columns // self.block_columns * _BLOCK_BYTES[self]

    @classmethod
    def parse(cls, name: str) -> TensorType:
        """The type of `RWKV_TYPES` called ``name``, such as ``"Q5_1"``; any case.

        Raises
        ------
        ArgumentError
            If there is none of that name.
        """
        for type in RWKV_TYPES:
            if type.name == name.upper():
                return type
        known = ", ".join(type.name for type in RWKV_TYPES)
        raise ArgumentError(f"type is {name!r}; it must be one of {known}.")


_BLOCK_BYTES = {
    TensorType.Q4_0: 2 + 16,
    TensorType.Q4_1: 4 + 16,
    TensorType.Q5_0: 2 + 4 + 16,
    TensorType.Q5_1: 4 + 4 + 16,
    TensorType.Q8_0: 2 + 32,
    TensorType.Q4_K: 2 + 2 + 12 + 128,
    TensorType.Q5_K: 2 + 2 + 12 + 32 + 128,
    TensorType.Q6_K: 128 + 64 + 16 + 2,
}

RWKV_TYPES = (
    TensorType.FP32,
    TensorType.FP16,
    TensorType.Q4_0,
    TensorType.Q4_1,
    TensorType.Q5_0,
    TensorType.Q5_1,
    TensorType.Q8_0,
)
"""The types of rwkv.cpp's files: those that can be written."""
