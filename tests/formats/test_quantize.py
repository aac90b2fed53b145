"""Quantising a file gives the file that rwkv.cpp's quantiser gives."""

from __future__ import annotations

from pathlib import Path

import pytest
from deep_tree_echo.errors import ArgumentError, ModelFormatError, UnsupportedModelError
from deep_tree_echo.formats.quantize import quantize_file, quantized
from deep_tree_echo.formats.rwkv_file import read_file
from deep_tree_echo.formats.types import RWKV_TYPES, TensorType

from tests.random_models import ARCHITECTURES, random_model_bytes

TINY = ("4v0-660K", "5v2-730K", "7v0-834K")


@pytest.mark.parametrize("type", ["Q5_0", "Q5_1"])
@pytest.mark.parametrize("model", TINY)
def test_same_bytes_as_the_reference(
    tiny_models: Path, tmp_path: Path, model: str, type: str
) -> None:
    source = tiny_models / f"tiny-rwkv-{model}-FP32.bin"
    quantize_file(source, tmp_path / "out.bin", type)
    expected = tiny_models / f"tiny-rwkv-{model}-{type}.bin"
    assert (tmp_path / "out.bin").read_bytes() == expected.read_bytes()


@pytest.mark.parametrize("model", TINY)
def test_halves_are_those_of_the_converter(tiny_models: Path, model: str) -> None:
    pieces = quantized(
        [(tiny_models / f"tiny-rwkv-{model}-FP32.bin").read_bytes()], TensorType.FP16
    )
    expected = (tiny_models / f"tiny-rwkv-{model}-FP16.bin").read_bytes()
    assert b"".join(pieces)[8:] == expected[8:]  # behind the version, 100 in old files


@pytest.mark.parametrize("type", RWKV_TYPES, ids=lambda type: type.name)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_and_type(architecture: str, type: TensorType) -> None:
    data = random_model_bytes(architecture, n_layer=2)
    header, tensors = read_file(quantized([data], type))
    assert header.type is type
    _, originals = read_file([data])
    changed = {
        tensor.name
        for tensor, original in zip(tensors, originals, strict=True)
        if tensor.type is not original.type
    }
    assert all(tensor.type in (type, TensorType.FP32) for tensor in tensors)
    if type.quantised:
        assert "blocks.1.ffn.key.weight" in changed
        assert not changed & {"emb.weight", "head.weight", "blocks.1.att.w1", "blocks.1.att.r_k"}
        assert not any("time_maa" in name or "time_decay_w" in name for name in changed)


def test_the_output_is_whole_or_not_there(tmp_path: Path) -> None:
    source, target = tmp_path / "in.bin", tmp_path / "out.bin"
    source.write_bytes(random_model_bytes("7.0", n_layer=2)[:-5])
    target.write_bytes(b"before")
    with pytest.raises(ModelFormatError):
        quantize_file(source, target, "Q8_0")
    assert target.read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.bin", "out.bin"]


def test_refusals(tmp_path: Path) -> None:
    source = tmp_path / "in.bin"
    source.write_bytes(random_model_bytes("7.0", n_layer=1, type="Q8_0"))
    with pytest.raises(UnsupportedModelError, match="Q8_0 already"):
        quantize_file(source, tmp_path / "out.bin", "Q4_0")
    with pytest.raises(ArgumentError, match="the source itself"):
        quantize_file(source, source, "Q4_0")
    source.write_bytes(random_model_bytes("4.0", n_embed=40, n_layer=1, head_size=8))
    with pytest.raises(UnsupportedModelError, match="rows of 40 elements"):
        quantize_file(source, tmp_path / "out.bin", "Q4_0")
