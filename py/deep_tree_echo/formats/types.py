"""The element types of tensors and the bytes that their rows take."""

from __future__ import annotations

from enum import IntEnum

from ..errors import ArgumentError

BLOCK_COLUMNS = 32
"""Elements of a row that share one block of a quantised type."""


class TensorType(IntEnum):
    """An element type with its number in rwkv.cpp's files."""

    FP32 = 0
    FP16 = 1
    Q4_0 = 2
    Q4_1 = 3
    Q5_0 = 7
    Q5_1 = 8
    Q8_0 = 9

    @property
    def quantised(self) -> bool:
        """Whether rows are stored in blocks of 32 elements."""
        return self not in (TensorType.FP32, TensorType.FP16)

    def row_bytes(self, columns: int) -> int:
        """Bytes of one row of ``columns`` elements, 0 if they do not fill whole blocks.

        Examples
        --------
        >>> TensorType.Q5_1.row_bytes(64), TensorType.Q5_1.row_bytes(40)
        (48, 0)
        """
        if not self.quantised:
            return columns * (4 if self is TensorType.FP32 else 2)
        if columns % BLOCK_COLUMNS:
            return 0
        return columns // BLOCK_COLUMNS * _BLOCK_BYTES[self]

    @classmethod
    def parse(cls, name: str) -> TensorType:
        """The type called ``name``, such as ``"Q5_1"``; any case.

        Raises
        ------
        ArgumentError
            If there is none of that name.
        """
        try:
            return cls[name.upper()]
        except KeyError:
            known = ", ".join(member.name for member in cls)
            raise ArgumentError(f"type is {name!r}; it must be one of {known}.") from None


_BLOCK_BYTES = {
    TensorType.Q4_0: 2 + 16,
    TensorType.Q4_1: 4 + 16,
    TensorType.Q5_0: 2 + 4 + 16,
    TensorType.Q5_1: 4 + 4 + 16,
    TensorType.Q8_0: 2 + 32,
}
