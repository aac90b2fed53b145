"""Packed states come back bit for bit, and nothing that is damaged or crafted does."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from deep_tree_echo.store.packing import pack, unpack
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray


@given(arrays(np.float32, st.integers(0, 300), elements=st.floats(width=32)))
def test_every_number_comes_back(numbers: NDArray[np.float32]) -> None:
    again = unpack(pack(numbers), numbers.size)
    assert again is not None
    assert again.dtype == np.float32
    assert again.tobytes() == numbers.tobytes()


def test_numbers_that_are_not_contiguous() -> None:
    numbers = np.arange(40, dtype=np.float32)[::3]
    again = unpack(pack(numbers), numbers.size)
    assert again is not None
    assert (again == numbers).all()


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_another_byte_is_noticed(place: int, change: int) -> None:
    packed = bytearray(pack(np.linspace(-3, 3, 100, dtype=np.float32)))
    packed[place % len(packed)] ^= change
    assert unpack(bytes(packed), 100) is None


def crafted(exponents: bytes, n: int) -> bytes:
    """What a file may say: the checksum is right."""
    rest = struct.pack("<II", n, len(exponents)) + exponents + bytes(3 * n)
    return struct.pack("<I", zlib.crc32(rest)) + rest


def deflated(data: bytes) -> bytes:
    code = zlib.compressobj(9, zlib.DEFLATED, -15)
    return code.compress(data) + code.flush()


@pytest.mark.parametrize(
    "exponents",
    [deflated(bytes(9)), deflated(bytes(11)), deflated(bytes(50_000_000)), b"\xff\xff", b""],
    ids=["too few", "too many", "far too many", "no code", "nothing"],
)
def test_what_only_looks_like_numbers_is_none(exponents: bytes) -> None:
    assert unpack(crafted(deflated(bytes(10)), 10), 10) is not None
    assert unpack(crafted(exponents, 10), 10) is None
