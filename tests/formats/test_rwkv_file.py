"""Reading model files: in any pieces, and never a damaged one."""

from __future__ import annotations

import io
import struct
from contextlib import suppress
from itertools import pairwise

import numpy as np
import pytest
from deep_tree_echo.errors import ModelFormatError, UnsupportedModelError
from deep_tree_echo.formats.rwkv_file import (
    Header,
    Tensor,
    TensorReader,
    find_architecture,
    index_file,
    read_file,
    write_file,
)
from deep_tree_echo.formats.types import TensorType
from hypothesis import given
from hypothesis import strategies as st

from tests.random_models import ARCHITECTURES, random_model_bytes, random_weights

MODEL = random_model_bytes("7.0", n_vocab=40, n_embed=32, n_layer=2, head_size=32, type="Q5_1")
HEADER = struct.pack("<6i", 0x67676D66, 101, 40, 32, 2, 0)


def record(name: bytes, shape: tuple[int, ...], type: int = 0, data: bytes = b"") -> bytes:
    head = struct.pack("<3i", len(shape), len(name), type)
    return head + struct.pack(f"<{len(shape)}i", *reversed(shape)) + name + data


def read(data: bytes, total: int | None = None) -> tuple[Header, list[Tensor]]:
    """Reads pushed bytes; a file read in place gives the same, or the same refusal."""
    if total is None:
        return read_file([data])
    try:
        header, tensors = read_file([data], total)
    except (ModelFormatError, UnsupportedModelError) as error:
        if total == len(data):
            with pytest.raises(type(error)):
                index_file(io.BytesIO(data))
        raise
    if total == len(data):
        again, stored = index_file(io.BytesIO(data))
        assert again == header
        for a, b in zip(tensors, stored, strict=True):
            assert (a.name, a.shape, a.type) == (b.name, b.shape, b.type)
            assert np.array_equal(a.data, np.concatenate(list(b.slices())))
    return header, tensors


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_is_written_is_read(architecture: str) -> None:
    weights = random_weights(architecture, n_vocab=40, n_embed=64, n_layer=2, head_size=32)
    data = random_model_bytes(architecture, n_vocab=40, n_embed=64, n_layer=2, head_size=32)
    header, tensors = read(data, len(data))
    assert header == Header(40, 64, 2, TensorType.FP32)
    assert [tensor.name for tensor in tensors] == list(weights)
    for tensor in tensors:
        assert np.array_equal(tensor.floats(), weights[tensor.name])
    assert find_architecture({tensor.name: tensor for tensor in tensors}) == architecture
    file = io.BytesIO()
    write_file(file, header, tensors)
    assert file.getvalue() == data


@given(st.lists(st.integers(0, len(MODEL)), max_size=30))
def test_pieces_of_any_size(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(MODEL)]
    reader = TensorReader(len(MODEL))
    tensors = []
    for begin, end in pairwise(edges):
        tensors += reader.push(MODEL[begin:end])
    assert reader.finish().type is TensorType.Q5_1
    expected = read(MODEL)[1]
    assert [tensor.name for tensor in tensors] == [tensor.name for tensor in expected]
    assert all(np.array_equal(a.data, b.data) for a, b in zip(tensors, expected, strict=True))


@given(st.integers(0, len(MODEL) - 1))
def test_truncated(size: int) -> None:
    with pytest.raises(ModelFormatError):
        read(MODEL[:size], len(MODEL))


def test_truncated_without_a_size() -> None:
    with pytest.raises(ModelFormatError, match=r"inside a tensor \(head.weight\)"):
        read(MODEL[:-1])
    with pytest.raises(ModelFormatError, match="empty"):
        read(b"")
    with pytest.raises(ModelFormatError, match="inside its header"):
        read(MODEL[:20])
    with pytest.raises(ModelFormatError, match="inside its header"):
        read(MODEL[:2])


@given(st.integers(0, len(MODEL) - 1), st.integers(0, 255))
def test_a_damaged_byte_never_does_worse_than_an_error(at: int, byte: int) -> None:
    damaged = MODEL[:at] + bytes([byte]) + MODEL[at + 1 :]
    with suppress(ModelFormatError, UnsupportedModelError):
        read(damaged, len(damaged))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"GGUF" + bytes(40), "GGUF"),
        (b"PK\x03\x04" + bytes(40), "zip archive"),
        (b"\x80\x02}q" + bytes(40), "pickle"),
        (b"\x1f\x8b" + bytes(40), "gzip"),
        (struct.pack("<Q", 300) + b'{"emb.weight":' + bytes(20), "safetensors"),
        (b"<!DOCTYPE html><html><head>404</head>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS"),
        (b"Not found, and other words", "a text"),
        (bytes(range(1, 40)), "begins with the bytes 01 02 03 04"),
        (b"<html>", "web page"),
    ],
)
def test_foreign_files(data: bytes, message: str) -> None:
    with pytest.raises(ModelFormatError, match=message):
        read(data)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ((99, 40, 32, 2, 0), UnsupportedModelError, "version 99"),
        ((101, 0, 32, 2, 0), ModelFormatError, "n_vocab 0"),
        ((101, 40, 1 << 17, 2, 0), ModelFormatError, "n_embed 131072"),
        ((101, 40, 32, -1, 0), ModelFormatError, "n_layer -1"),
        ((101, 40, 32, 2, 5), UnsupportedModelError, "data type 5"),
        ((101, 40, 32, 2, 77), ModelFormatError, "unknown data type 77"),
        ((100, 40, 32, 2, 7), UnsupportedModelError, "version 100"),
    ],
)
def test_damaged_headers(fields: tuple[int, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        read(struct.pack("<6i", 0x67676D66, *fields))


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (record(b"a", (2**31 - 1, 1)), "too large"),
        (record(b"a", (2**30, 2**30, 2**30)), "too large"),
        (record(b"a", (0, 4)), "dimension of 0"),
        (record(b"a", (-(2**31), 4)), "dimension of -2147483648"),
        (struct.pack("<3i", 4, 1, 0), "no tensor"),
        (struct.pack("<3i", 1, 10**9, 0), "no tensor"),
        (record(b"a\x00b", (4,)), "byte 0x00"),
        (record(b"a", (4,), type=42), "unknown data type 42"),
        (record(b"a", (4, 40), type=2), "blocks of 32"),
        (record(b"a", (1,), data=bytes(4)) * 2, "a is in the file twice"),
    ],
)
def test_damaged_tensors(tensor: bytes, message: str) -> None:
    with pytest.raises(ModelFormatError, match=message):
        read(HEADER + tensor)


def test_too_many_tensors() -> None:
    many = b"".join(record(f"t{i}".encode(), (1,), data=bytes(4)) for i in range(193))
    with pytest.raises(ModelFormatError, match="192 that a model of 2 layers"):
        read(HEADER + many)


def test_more_bytes_than_announced() -> None:
    with pytest.raises(ModelFormatError, match="have arrived"):
        read(MODEL + b"\0", len(MODEL))


def test_a_failed_reader_stays_failed() -> None:
    reader = TensorReader()
    for _ in range(2):
        with pytest.raises(ModelFormatError, match="GGUF"):
            reader.push(b"GGUF" + bytes(20))
    with pytest.raises(ModelFormatError, match="GGUF"):
        reader.finish()
