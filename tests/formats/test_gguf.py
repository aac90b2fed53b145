"""The NumPy reader of GGUF: the same weights as in a file of rwkv.cpp, and never a damaged one."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from deep_tree_echo import platform
from deep_tree_echo.backends.python_rwkv import PythonRwkv
from deep_tree_echo.convert import convert_file
from deep_tree_echo.errors import MemoryBudgetError, ModelFormatError, UnsupportedModelError
from deep_tree_echo.formats.gguf import Gguf, GgufReader, index_gguf
from deep_tree_echo.formats.gguf_layout import from_gguf
from deep_tree_echo.formats.rwkv_file import read_file
from deep_tree_echo.formats.types import TensorType
from hypothesis import given
from hypothesis import strategies as st

from tests.gguf_files import ARRAY, INT32, STRING, UINT8, UINT32, File, gguf_file, random_gguf
from tests.random_models import random_model_bytes, random_weights

TYPES = ("F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K")
OURS = {"F32": "FP32", "F16": "FP16"}
ARCHITECTURES = ("6.0", "7.0")
SMALL = gguf_file("7.0", n_layer=1, n_embed=64, n_vocab=40, type="Q8_0")
SMALL_BYTES = SMALL.pack()


def index(data: bytes) -> Gguf:
    """Reads a file in place; pushed in pieces it gives the same, or the same refusal."""
    try:
        found = index_gguf(io.BytesIO(data))
    except (ModelFormatError, UnsupportedModelError) as error:
        with pytest.raises(type(error)):
            pushed(data, 1000)
        raise
    again = pushed(data, 1000)
    assert (again.metadata, again.vocabulary) == (found.metadata, found.vocabulary)
    for a, b in zip(found.tensors, again.tensors, strict=True):
        assert (a.name, a.shape, a.type) == (b.name, b.shape, b.type)
        assert np.array_equal(a.read(0, a.n_rows), b.read(0, b.n_rows))
    return found


def pushed(data: bytes, piece: int, total: bool = True) -> Gguf:
    reader = GgufReader(len(data) if total else None)
    for begin in range(0, len(data), piece):
        reader.push(data[begin : begin + piece])
    return reader.finish()


@pytest.mark.parametrize("rescale", [0, 2])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_weights_of_a_file(architecture: str, rescale: int) -> None:
    """Names, shapes and values are those of rwkv.cpp's files, llama.cpp's halving undone."""
    rescale = rescale if architecture == "6.0" else 0
    weights = random_weights(architecture, n_layer=5)
    found = from_gguf(index(gguf_file(architecture, weights, rescale=rescale).pack()))
    tensors = {tensor.name: tensor for tensor in found}
    assert set(tensors) == set(weights)
    for name, values in weights.items():
        assert tensors[name].shape == values.shape
        assert np.array_equal(tensors[name].values(), values)


@pytest.mark.parametrize("type", TYPES)
def test_rescaling_is_undone_in_every_type(type: str) -> None:
    """Exactly: only the scales of blocks change, by a power of two."""
    file = gguf_file("6.0", n_layer=3, n_embed=256, n_ffn=256, n_vocab=30, type=type, rescale=1)
    gguf = index(file.pack())
    raw = {tensor.name: tensor.values() for tensor in gguf.tensors}
    found = {tensor.name: tensor for tensor in from_gguf(gguf)}
    for layer in range(3):
        for ours, theirs in (
            ("att.output", "time_mix_output"),
            ("ffn.value", "channel_mix_value"),
        ):
            tensor = found[f"blocks.{layer}.{ours}.weight"]
            assert tensor.type.name == OURS.get(type, type)
            expected = raw[f"blk.{layer}.{theirs}.weight"] * np.float32(2**layer)
            assert np.array_equal(tensor.values(), expected)
            assert np.array_equal(tensor.read(3, 5), tensor.read(0, 9)[3:5])


@pytest.mark.parametrize("type", TYPES)
def test_contents_by_the_oracle(tmp_path: Path, type: str) -> None:
    gguf = pytest.importorskip("gguf", reason="gguf, the oracle, is not installed here")
    data = random_gguf("7.0", n_layer=2, n_embed=256, type=type)
    (tmp_path / "model.gguf").write_bytes(data)
    theirs = {t.name: t for t in gguf.GGUFReader(tmp_path / "model.gguf").tensors}
    for tensor in index(data).tensors:
        expected = gguf.dequantize(theirs[tensor.name].data, theirs[tensor.name].tensor_type)
        assert tensor.shape == tuple(reversed(theirs[tensor.name].shape.tolist()))
        assert np.array_equal(tensor.values(), expected.reshape(tensor.shape))


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_logits_in_numpy(architecture: str, type: str) -> None:
    """The same as with the floats that the file's blocks stand for."""
    rescale = int(architecture == "6.0")
    data = random_gguf(architecture, n_layer=2, n_embed=256, n_ffn=512, type=type, rescale=rescale)
    model = load(data)
    assert model.model.architecture == architecture
    floats = {tensor.name: tensor.values() for tensor in from_gguf(index(data))}
    exact = load(gguf_file(architecture, floats, rescale=rescale).pack())
    tokens = [1, 20, 3, 200, 57]
    a, _ = model.model.eval(tokens)
    b, _ = exact.model.eval(tokens)
    assert np.abs(a - b).max() <= 1e-4 * b.std()


def load(data: bytes, piece: int = 1 << 16) -> PythonRwkv:
    loader = PythonRwkv.loader(name="model.gguf", size=len(data), memory_limit_mb=None)
    for begin in range(0, len(data), piece):
        loader.push(data[begin : begin + piece])
    return loader.finish()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_same_model_as_in_a_file_of_rwkv_cpp(architecture: str) -> None:
    ours = PythonRwkv.loader(name="a", size=None, memory_limit_mb=None)
    ours.push(random_model_bytes(architecture, n_layer=3))
    tokens = [5, 6, 7, 250]
    a, state_a = ours.finish().model.eval(tokens)
    rescale = 2 if architecture == "6.0" else 0
    theirs = random_gguf(architecture, n_layer=3, rescale=rescale)
    b, state_b = load(theirs, piece=997).model.eval(tokens)
    assert np.array_equal(a, b)
    assert np.array_equal(state_a.to_numpy(), state_b.to_numpy())


@pytest.mark.parametrize("size_known", [True, False])
def test_over_the_budget(size_known: bool) -> None:
    """Refused by its header, before its weights have come."""
    data = random_gguf("7.0", n_layer=4, n_embed=256)
    size = len(data) if size_known else None
    loader = PythonRwkv.loader(name="model.gguf", size=size, memory_limit_mb=6)
    with pytest.raises(MemoryBudgetError, match="needs about 15 MB and 6 MB are allowed; the same"):
        loader.push(data[: len(data) // 4])


# ---------------------------------------------------------------- conversion


@pytest.mark.parametrize("type", ["F32", "Q8_0", "Q4_0", "Q5_1"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_blocks_go_over_as_they_are(tmp_path: Path, architecture: str, type: str) -> None:
    (tmp_path / "in.gguf").write_bytes(random_gguf(architecture, n_layer=2, type=type))
    convert_file(tmp_path / "in.gguf", tmp_path / "out.bin", OURS.get(type, type))
    header, tensors = read_file([(tmp_path / "out.bin").read_bytes()])
    expected = {t.name: t for t in read_file([random_model_bytes(architecture, n_layer=2)])[1]}
    assert header.type is TensorType.parse(OURS.get(type, type))
    source = {
        tensor.name: tensor for tensor in from_gguf(index((tmp_path / "in.gguf").read_bytes()))
    }
    for tensor in tensors:
        assert tensor.shape == expected[tensor.name].shape
        if source[tensor.name].type.quantised:
            assert np.array_equal(tensor.data, source[tensor.name].read(0, len(tensor.data)))


def test_k_types_are_rounded_again_only_when_asked(tmp_path: Path) -> None:
    source = tmp_path / "in.gguf"
    source.write_bytes(random_gguf("7.0", n_layer=1, n_embed=256, type="Q4_K"))
    with pytest.raises(UnsupportedModelError, match="Q4_K already"):
        convert_file(source, tmp_path / "out.bin", "Q5_1")
    done = convert_file(source, tmp_path / "out.bin", "Q5_1", allow_requantize=True)
    assert "rounded again" in done.warnings[0]
    types = {t.name: t.type.name for t in read_file([(tmp_path / "out.bin").read_bytes()])[1]}
    assert types["blocks.0.att.key.weight"] == "Q5_1"
    assert types["emb.weight"] == "FP16"


# ----------------------------------------------------------------- tokenizer

TOKENS = ["<s>", *(f"\\x{byte:02x}" for byte in range(256)), "ab", "\\n\\n", "\\\\x", "[PAD260]"]
TOKEN_TYPES = [3, *[1] * 259, 5]


def test_a_vocabulary_of_its_own() -> None:
    data = random_gguf("7.0", n_layer=1, n_vocab=261, tokens=TOKENS, token_types=TOKEN_TYPES)
    vocabulary = index(data).vocabulary
    assert vocabulary is not None
    assert (vocabulary[0], vocabulary[98], vocabulary[258], vocabulary[259]) == (
        b"",
        b"a",
        b"\n\n",
        b"\\x",
    )
    model = load(data).model
    assert model.encode("cab\n\n<s>") == [100, 257, 258, 61, 116, 63]
    assert model.decode_bytes([100, 257, 0, 260]) == b"cab"


@pytest.mark.skipif(platform.vocabulary_path() is None, reason="the World vocabulary is not here")
def test_the_world_vocabulary(tmp_path: Path) -> None:
    """As llama.cpp's converter writes it, it encodes as the World tokenizer does."""
    from deep_tree_echo.backends.python_rwkv.tokenizer import WorldTokenizer

    path = platform.vocabulary_path()
    assert path is not None
    world = WorldTokenizer(path.read_bytes())
    tokens = ["<s>", *(repr(world.decode([id]))[2:-1] for id in range(1, 65530))]
    tokens += [f"[PAD{id}]" for id in range(65530, 65536)]
    types = [3, *[1] * 65529, *[5] * 6]
    data = random_gguf("7.0", n_layer=1, n_vocab=65536, tokens=tokens, token_types=types)
    model = load(data).model
    text = "The Eiffel tower, 埃菲尔铁塔\n\n\t'quoted\\' [PAD65530] <s> " + "é" * 9
    assert model.encode(text) == world.encode(text.encode())
    (tmp_path / "in.gguf").write_bytes(data)
    done = convert_file(tmp_path / "in.gguf", tmp_path / "out.bin", "FP16")
    assert "no tokenizer" in done.warnings[0]


# ----------------------------------------------------------------- bad input


def changed(**changes: object) -> bytes:
    return replace(SMALL, **changes).pack()  # type: ignore[arg-type]


def with_tensor(change: Callable[..., object], at: int = 3) -> File:
    tensors = list(SMALL.tensors)
    tensors[at] = change(tensors[at])  # type: ignore[call-overload]
    return replace(SMALL, tensors=tuple(tensors))


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (changed(version=1), UnsupportedModelError, "version 1"),
        (changed(version=3 << 24), UnsupportedModelError, "big endian"),
        (
            SMALL.with_pair("general.architecture", STRING, "llama").pack(),
            UnsupportedModelError,
            "architecture 'llama'",
        ),
        (
            SMALL.without_pair("general.architecture").pack(),
            ModelFormatError,
            "not say its architecture",
        ),
        (SMALL.with_pair("general.alignment", UINT32, 0).pack(), ModelFormatError, "alignment 0"),
        (
            SMALL.with_pair("general.alignment", STRING, "x").pack(),
            ModelFormatError,
            "alignment x",
        ),
        (
            with_tensor(lambda t: replace(t, type=99)).pack(),
            UnsupportedModelError,
            "type 99 of ggml",
        ),
        (
            with_tensor(lambda t: replace(t, name=SMALL.tensors[0].name)).pack(),
            ModelFormatError,
            "twice",
        ),
        (with_tensor(lambda t: replace(t, shape=(0,))).pack(), ModelFormatError, "shape"),
        (with_tensor(lambda t: replace(t, shape=(1 << 39, 4))).pack(), ModelFormatError, "shape"),
        (with_tensor(lambda t: replace(t, shape=(1,) * 5)).pack(), ModelFormatError, "5 dimens"),
        (
            replace(SMALL, offsets={SMALL.tensors[2].name: 0}).pack(),
            ModelFormatError,
            "where .* lies",
        ),
        (
            replace(SMALL, offsets={SMALL.tensors[2].name: 1 << 60}).pack(),
            ModelFormatError,
            "truncated",
        ),
        (
            SMALL_BYTES[:8] + struct.pack("<Q", 1 << 60) + SMALL_BYTES[16:],
            ModelFormatError,
            "annou",
        ),
        (
            SMALL_BYTES[:16] + struct.pack("<Q", 1 << 60) + SMALL_BYTES[24:],
            ModelFormatError,
            "annou",
        ),
        (
            SMALL_BYTES[:24] + struct.pack("<Q", 1 << 60) + SMALL_BYTES[32:],
            ModelFormatError,
            "a key of",
        ),
    ],
)
def test_damaged(data: bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        index(data)


def test_lists_that_are_not_needed_are_passed_over() -> None:
    file = SMALL.with_pair("a", ARRAY, (UINT8, range(200)))
    file = file.with_pair("b", ARRAY, (STRING, ["x"] * 1000)).with_pair("c", INT32, -1)
    assert index(file.pack()).metadata["c"] == -1


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (struct.pack("<IQ", UINT8, 1 << 60), "items in"),
        (struct.pack("<IQ", ARRAY, 1), "list of type 9"),
        (struct.pack("<IQ", STRING, 1) + struct.pack("<Q", 1 << 62), "an item"),
        (struct.pack("<IQ", UINT8, 1 << 23), "truncated"),
    ],
)
def test_damaged_lists(value: bytes, message: str) -> None:
    key = b"tokenizer.ggml.tokens"
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", len(key)) + key
    with pytest.raises(ModelFormatError, match=message):
        index(head + struct.pack("<I", ARRAY) + value + bytes(50))


@pytest.mark.parametrize(
    ("file", "error", "message"),
    [
        (SMALL.without_pair("rwkv7.wkv.head_size"), ModelFormatError, "head_size None"),
        (SMALL.with_pair("rwkv7.wkv.head_size", UINT32, 0), ModelFormatError, "heads of 0"),
        (SMALL.with_pair("rwkv7.wkv.head_size", UINT32, 48), ModelFormatError, "heads of 48"),
        (
            with_tensor(lambda t: replace(t, name="blk.0.attn_q.weight")),
            UnsupportedModelError,
            "attn_q.weight is not part of rwkv7",
        ),
    ],
)
def test_layouts_that_are_none(file: File, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        from_gguf(index(file.pack()))


@given(st.integers(0, len(SMALL_BYTES) - 1))
def test_truncated(size: int) -> None:
    with pytest.raises(ModelFormatError):
        index(SMALL_BYTES[:size])
    with pytest.raises(ModelFormatError):
        pushed(SMALL_BYTES[:size], 4096, total=False)


@given(st.integers(0, len(SMALL.head()) + 200), st.integers(0, 255))
def test_a_damaged_byte_never_does_worse_than_an_error(at: int, byte: int) -> None:
    damaged = SMALL_BYTES[:at] + bytes([byte]) + SMALL_BYTES[at + 1 :]
    with suppress(ModelFormatError, UnsupportedModelError):
        from_gguf(index(damaged))


@given(st.lists(st.integers(0, len(SMALL_BYTES)), max_size=20))
def test_pieces_of_any_size(cuts: list[int]) -> None:
    reader = GgufReader(len(SMALL_BYTES))
    for begin, end in pairwise([0, *sorted(cuts), len(SMALL_BYTES)]):
        reader.push(SMALL_BYTES[begin:end])
    found = reader.finish()
    for a, b in zip(found.tensors, index_gguf(io.BytesIO(SMALL_BYTES)).tensors, strict=True):
        assert np.array_equal(a.read(0, a.n_rows), b.read(0, b.n_rows))
