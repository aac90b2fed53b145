"""Safetensors: what is written is read, and a damaged header never gets further."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from deep_tree_echo.convert import convert_file
from deep_tree_echo.convert.hf_names import authors_name
from deep_tree_echo.errors import ModelFormatError, UnsupportedModelError
from deep_tree_echo.formats.rwkv_file import read_file
from deep_tree_echo.formats.safetensors import read_safetensors
from deep_tree_echo.formats.stored import StoredTensor
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.checkpoint_files import checkpoint_bytes, encoded
from tests.oracles.checkpoints import checkpoint_arrays
from tests.random_models import ARCHITECTURES, random_weights

DTYPES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}
Arrays = Mapping[str, NDArray[Any]]


def file_bytes(arrays: Arrays, dtype: str = "F32", **changes: object) -> bytes:
    """A file of arrays, its names sorted as the library sorts them."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name in sorted(arrays):
        piece = encoded(arrays[name], DTYPES[dtype])
        header[name] = {
            "dtype": dtype,
            "shape": list(arrays[name].shape),
            "data_offsets": [len(data), len(data) + len(piece)],
        }
        data += piece
    return with_header(json.dumps(header | changes), data)


def with_header(header: str | bytes, data: bytes = b"") -> bytes:
    text = header.encode() if isinstance(header, str) else header
    return struct.pack("<Q", len(text)) + text + data


def read(data: bytes) -> list[StoredTensor]:
    return read_safetensors(io.BytesIO(data))


SMALL = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(4, np.float32)}


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_written_is_read(dtype: str) -> None:
    found = read(file_bytes(SMALL, dtype))
    assert [tensor.name for tensor in found] == ["a", "b"]
    for tensor, values in zip(found, SMALL.values(), strict=True):
        assert np.array_equal(tensor.values(), values)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_same_model_as_from_a_checkpoint(tmp_path: Path, architecture: str, dtype: str) -> None:
    weights = checkpoint_arrays(architecture, random_weights(architecture, n_layer=2))
    (tmp_path / "a.pth").write_bytes(checkpoint_bytes(weights, DTYPES[dtype]))
    (tmp_path / "b.safetensors").write_bytes(file_bytes(weights, dtype))
    convert_file(tmp_path / "a.pth", tmp_path / "a.bin", "Q8_0")
    convert_file(tmp_path / "b.safetensors", tmp_path / "b.bin", "Q8_0")
    (header, expected), (again, found) = (
        read_file([(tmp_path / name).read_bytes()]) for name in ("a.bin", "b.bin")
    )
    assert header == again
    named = {tensor.name: tensor for tensor in expected}
    assert found[0].name == "emb.weight"
    assert found[-1].name == "head.weight"
    for tensor in found:
        other = named.pop(tensor.name)
        assert (tensor.shape, tensor.type) == (other.shape, other.type)
        assert np.array_equal(tensor.data, other.data)
    assert not named


# Hugging Face's names: the classes Rwkv to Rwkv6 of transformers, RWKV7 of flash-linear-attention.
HF_PARTS = {
    "emb.weight": "rwkv.embeddings.weight",
    "blocks.0.ln0.": "rwkv.blocks.0.pre_ln.",
    ".att.": ".attention.",
    ".ffn.": ".feed_forward.",
    "time_mix_k": "time_mix_key",
    "time_mix_v": "time_mix_value",
    "time_mix_r": "time_mix_receptance",
    "time_mix_g": "time_mix_gate",
}
HF_PARTS_7 = {
    "emb.weight": "model.embeddings.weight",
    "head.weight": "lm_head.weight",
    "blocks.0.ln0.": "model.layers.0.pre_norm.",
    "blocks.": "model.layers.",
    ".ln1.": ".attn_norm.",
    ".ln2.": ".ffn_norm.",
    "ln_out.": "model.norm.",
    ".att.ln_x.": ".attn.g_norm.",
    ".att.receptance.": ".attn.r_proj.",
    ".att.key.": ".attn.k_proj.",
    ".att.value.": ".attn.v_proj.",
    ".att.output.": ".attn.o_proj.",
    ".att.": ".attn.",
}


def hf_arrays(architecture: str, weights: Arrays) -> dict[str, NDArray[Any]]:
    found = {}
    for name, values in weights.items():
        theirs = name
        for ours, other in (HF_PARTS_7 if architecture == "7.0" else HF_PARTS).items():
            theirs = theirs.replace(ours, other, 1)
        if architecture != "7.0":
            theirs = theirs.replace("blocks.", "rwkv.blocks.", int(theirs.startswith("blocks.")))
            theirs = theirs.replace("ln_out.", "rwkv.ln_out.")
        part = theirs.rpartition(".")[2]
        if architecture == "7.0" and part[:1] in "wavg" and part[1:] in ("0", "1", "2"):
            ending = {"0": "2.bias", "1": "0.weight", "2": "2.weight"}[part[1]]
            theirs = theirs.removesuffix(part) + f"{part[0]}_lora.lora.{ending}"
            values = values.reshape(-1) if part[1] == "0" else values.T
        found[theirs] = values
    return found


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_hugging_faces_names(tmp_path: Path, architecture: str) -> None:
    weights = checkpoint_arrays(architecture, random_weights(architecture, n_layer=2))
    theirs = hf_arrays(architecture, weights)
    assert {authors_name(name) for name in theirs} == set(weights)
    assert any(name.startswith(("model.", "rwkv.")) for name in theirs)
    (tmp_path / "a.safetensors").write_bytes(file_bytes(weights))
    (tmp_path / "b.safetensors").write_bytes(file_bytes(theirs))
    for name in "ab":
        convert_file(tmp_path / f"{name}.safetensors", tmp_path / f"{name}.bin", "FP16")
    a, b = (read_file([(tmp_path / f"{name}.bin").read_bytes()])[1] for name in "ab")
    named = {tensor.name: tensor for tensor in a}
    for tensor in b:
        assert np.array_equal(
            tensor.floats().reshape(tensor.shape), named[tensor.name].floats().reshape(tensor.shape)
        )


def entry(**changes: object) -> str:
    described = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]} | changes
    return json.dumps({"a": described})


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (b"", ModelFormatError, "truncated"),
        (struct.pack("<Q", 1 << 63), ModelFormatError, "says it has"),
        (struct.pack("<Q", 100) + b"{", ModelFormatError, "says it has"),
        (with_header("[1, 2]"), ModelFormatError, "no JSON object"),
        (with_header("{" * 5000), ModelFormatError, "not JSON"),
        (with_header("[" * 100_000), ModelFormatError, "not JSON"),
        (with_header(b"\xff\xff"), ModelFormatError, "not JSON"),
        (with_header('{"a": 1, "a": 2}'), ModelFormatError, "'a' comes twice"),
        (with_header('{"a": ' + "9" * 5000 + "}"), ModelFormatError, "not JSON"),
        (with_header('{"a": 1}'), ModelFormatError, "a is not described"),
        (with_header(entry(dtype=3), bytes(24)), ModelFormatError, "a is not described"),
        (with_header(entry(dtype="I64"), bytes(24)), UnsupportedModelError, "type I64"),
        (with_header(entry(shape=[2, 4]), bytes(24)), ModelFormatError, "do not go together"),
        (with_header(entry(shape=[]), bytes(24)), ModelFormatError, "do not go together"),
        (with_header(entry(shape=[6, True]), bytes(24)), ModelFormatError, "do not go together"),
        (with_header(entry(shape=[-2, -3]), bytes(24)), ModelFormatError, "do not go together"),
        (with_header(entry(shape=[0, 3]), bytes(24)), ModelFormatError, "do not go together"),
        (with_header(entry(shape=[1 << 62] * 2), bytes(24)), ModelFormatError, "do not go"),
        (with_header(entry(data_offsets=[-24, 0]), bytes(24)), ModelFormatError, "do not go"),
        (with_header(entry(data_offsets=[24, 0]), bytes(24)), ModelFormatError, "do not go"),
        (with_header(entry(data_offsets=[4, 28]), bytes(28)), ModelFormatError, "ends at 0"),
        (with_header(entry(), bytes(23)), ModelFormatError, "truncated"),
        (with_header(entry(), bytes(25)), ModelFormatError, "1 bytes after its last"),
        (
            with_header(entry().replace('"a"', '"' + "a" * 300 + '"'), bytes(24)),
            ModelFormatError,
            "do not",
        ),
        (
            file_bytes(SMALL, b={"dtype": "F32", "shape": [1], "data_offsets": [20, 24]}),
            ModelFormatError,
            "the tensor before it",
        ),
    ],
)
def test_damaged_headers(data: bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        read(data)


SOUND = file_bytes(SMALL)


@given(st.integers(0, len(SOUND) - 1), st.binary(min_size=1, max_size=4))
def test_damage_anywhere_never_does_worse_than_an_error(at: int, junk: bytes) -> None:
    with suppress(ModelFormatError, UnsupportedModelError):
        for tensor in read(SOUND[:at] + junk + SOUND[at + len(junk) :]):
            tensor.values()


@given(st.integers(0, len(SOUND) - 1))
def test_truncated(size: int) -> None:
    with pytest.raises(ModelFormatError):
        read(SOUND[:size])


def test_texts_that_do_not_end_take_no_time() -> None:
    with pytest.raises(ModelFormatError, match="not JSON"):
        read(with_header(b'{"' + b'\\"' * 4_000_000))


def test_the_library_reads_and_writes_the_same(tmp_path: Path) -> None:
    numpy = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed here")
    numpy.save_file(SMALL, tmp_path / "theirs.safetensors")
    with (tmp_path / "theirs.safetensors").open("rb") as file:
        for tensor in read_safetensors(file):
            assert np.array_equal(tensor.values(), SMALL[tensor.name])
    (tmp_path / "ours.safetensors").write_bytes(SOUND)
    for name, values in numpy.load_file(tmp_path / "ours.safetensors").items():
        assert np.array_equal(values, SMALL[name])
