"""Converting and quantising give the files that rwkv.cpp's own tools give."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from deep_tree_echo import Model
from deep_tree_echo.backends.python_rwkv import PythonRwkv
from deep_tree_echo.convert import convert_file, open_model, plan, quantize_file
from deep_tree_echo.errors import ArgumentError, FileError, ModelFormatError, UnsupportedModelError
from deep_tree_echo.formats import output as output_module
from deep_tree_echo.formats.rwkv_file import Tensor, read_file, write_file
from deep_tree_echo.formats.types import RWKV_TYPES, TensorType

from tests.checkpoint_files import write_checkpoint
from tests.oracles.cases import CASES, POSITIONS, Case
from tests.oracles.checkpoints import checkpoint_arrays
from tests.random_models import (
    ARCHITECTURES,
    random_model_bytes,
    random_weights,
    write_random_model,
)

TINY = ("4v0-660K", "5v2-730K", "7v0-834K")
QUANTISED = [type.name for type in RWKV_TYPES if type.quantised]


def tensors_of(path: Path) -> dict[str, Tensor]:
    return {tensor.name: tensor for tensor in read_file([path.read_bytes()])[1]}


def authors_file(folder: Path, architecture: str, dtype: str = "float32", **sizes: int) -> Path:
    weights = checkpoint_arrays(architecture, random_weights(architecture, **sizes))
    return write_checkpoint(folder / f"{architecture}-{dtype}.pth", weights, dtype)


# ------------------------------------------------------------- by the reference


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
def test_halves_are_those_of_the_converter(tiny_models: Path, tmp_path: Path, model: str) -> None:
    quantize_file(tiny_models / f"tiny-rwkv-{model}-FP32.bin", tmp_path / "out.bin", "FP16")
    expected = (tiny_models / f"tiny-rwkv-{model}-FP16.bin").read_bytes()
    # Behind the version, which is 100 in old files.
    assert (tmp_path / "out.bin").read_bytes()[8:] == expected[8:]


@pytest.mark.parametrize("type", QUANTISED)
@pytest.mark.parametrize("model", TINY)
def test_the_file_by_the_oracle(tiny_models: Path, tmp_path: Path, model: str, type: str) -> None:
    """In every type: the tensors of the reference's Q5_1 file, rounded by PyPI gguf."""
    gguf = pytest.importorskip("gguf", reason="gguf, the oracle, is not installed here")
    source = tiny_models / f"tiny-rwkv-{model}-FP32.bin"
    quantize_file(source, tmp_path / "out.bin", type)
    floats = tensors_of(source)
    expected = []
    for name, tensor in tensors_of(tiny_models / f"tiny-rwkv-{model}-Q5_1.bin").items():
        if tensor.type is TensorType.Q5_1:
            rows = gguf.quantize(floats[name].floats(), gguf.GGMLQuantizationType[type])
            rows = np.ascontiguousarray(rows).view(np.uint8)
            tensor = Tensor(name, tensor.shape, TensorType[type], rows)
        expected.append(tensor)
    header = read_file([source.read_bytes()])[0]
    written = io.BytesIO()
    write_file(written, replace(header, type=TensorType[type], version=101), expected)
    assert (tmp_path / "out.bin").read_bytes() == written.getvalue()


@pytest.mark.parametrize("type", RWKV_TYPES, ids=lambda type: type.name)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_and_type(tmp_path: Path, architecture: str, type: TensorType) -> None:
    (tmp_path / "in.bin").write_bytes(random_model_bytes(architecture, n_layer=2))
    quantize_file(tmp_path / "in.bin", tmp_path / "out.bin", type)
    originals, tensors = tensors_of(tmp_path / "in.bin"), tensors_of(tmp_path / "out.bin")
    changed = {name for name in tensors if tensors[name].type is not originals[name].type}
    assert all(tensor.type in (type, TensorType.FP32) for tensor in tensors.values())
    if type.quantised:
        assert "blocks.1.ffn.key.weight" in changed
        assert not changed & {"emb.weight", "head.weight", "blocks.1.att.w1", "blocks.1.att.r_k"}
        assert not any("time_maa" in name or "time_decay_w" in name for name in changed)


# ----------------------------------------------------------------- checkpoints


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_checkpoint_becomes_its_file(tmp_path: Path, architecture: str, dtype: str) -> None:
    source = authors_file(tmp_path, architecture, dtype, n_layer=2, n_embed=128)
    convert_file(source, tmp_path / "out.bin", "FP32")
    tensors = tensors_of(tmp_path / "out.bin")
    weights = random_weights(architecture, n_layer=2, n_embed=128)
    assert list(tensors) == list(weights)
    # One unit in the last place where exp and log are undone; else what the type cannot hold.
    bound = {"float32": 2e-6, "float16": 1e-3, "bfloat16": 8e-3}[dtype]
    for name, values in weights.items():
        assert tensors[name].shape == values.shape
        assert tensors[name].type is TensorType.FP32
        scale = 40 if "time_decay" in name or "time_first" in name else 1
        error = np.abs(tensors[name].floats() - values)
        assert (error <= scale * bound * np.maximum(np.abs(values), 1e-2)).all(), name


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_logits_of_a_converted_checkpoint(tmp_path: Path, case: Case) -> None:
    """From the author's file to logits, with the author's own logits as the judge."""
    weights = checkpoint_arrays(case.architecture, random_weights(**case.parameters()))
    source = write_checkpoint(tmp_path / "model.pth", weights)
    convert_file(source, tmp_path / "model.bin", "FP32")
    data = (tmp_path / "model.bin").read_bytes()
    loader = PythonRwkv.loader(name="model", size=len(data), memory_limit_mb=None)
    loader.push(data)
    model, state, logits = loader.finish().model, None, []
    for begin, end in pairwise((0, *POSITIONS)):
        output, state = model.eval(case.tokens()[begin:end], state)
        logits.append(output)
    with np.load(case.path) as golden:
        assert np.abs(np.stack(logits) - golden["logits"]).max() <= 1e-3


@pytest.mark.parametrize("type", QUANTISED)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_same_bytes_by_way_of_fp16(tmp_path: Path, architecture: str, type: str) -> None:
    """The rule of rwkv.cpp's tools: a converter that writes FP16, then a quantiser."""
    source = authors_file(tmp_path, architecture, n_layer=2, n_embed=128)
    convert_file(source, tmp_path / "half.bin", "FP16")
    quantize_file(tmp_path / "half.bin", tmp_path / "two.bin", type)
    convert_file(source, tmp_path / "one.bin", type)
    assert (tmp_path / "one.bin").read_bytes() == (tmp_path / "two.bin").read_bytes()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_same_file_as_the_writer_of_tests(tmp_path: Path, architecture: str) -> None:
    source = authors_file(tmp_path, architecture, n_layer=2)
    convert_file(source, tmp_path / "out.bin", "FP16")
    expected = {
        tensor.name: tensor
        for tensor in read_file([random_model_bytes(architecture, n_layer=2, type="FP16")])[1]
    }
    for name, tensor in tensors_of(tmp_path / "out.bin").items():
        assert (tensor.shape, tensor.type) == (expected[name].shape, expected[name].type)
        if tensor.type is TensorType.FP16:
            assert np.array_equal(tensor.data, expected[name].data)


@pytest.mark.parametrize(("type", "table"), [("Q5_1", "FP16"), ("FP16", "FP16"), ("FP32", "FP32")])
@pytest.mark.parametrize("head", ["Q8_0", "Q4_0"])
def test_the_head_can_be_smaller(tmp_path: Path, type: str, table: str, head: str) -> None:
    source = authors_file(tmp_path, "7.0", n_layer=1, n_embed=64, n_vocab=20_000)
    convert_file(source, tmp_path / "out.bin", type, head=head)
    assert tensors_of(tmp_path / "out.bin")["head.weight"].type.name == head
    assert tensors_of(tmp_path / "out.bin")["emb.weight"].type.name == table
    with Model.load(tmp_path / "out.bin", tokenizer="bytes") as model:
        assert model.n_layer == 1


def test_fewer_rows_at_a_time_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = authors_file(tmp_path, "6.0", n_layer=2)
    convert_file(source, tmp_path / "a.bin", "Q4_1")
    monkeypatch.setattr("deep_tree_echo.formats.stored.SLICE_ELEMENTS", 100)
    convert_file(source, tmp_path / "b.bin", "Q4_1")
    assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "b.bin").read_bytes()


# -------------------------------------------------------------------- refusals


def test_the_output_is_whole_or_not_there(tmp_path: Path) -> None:
    source, target = tmp_path / "in.bin", tmp_path / "out.bin"
    source.write_bytes(random_model_bytes("7.0", n_layer=2)[:-5])
    target.write_bytes(b"before")
    with pytest.raises(ModelFormatError):
        quantize_file(source, target, "Q8_0")
    assert target.read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.bin", "out.bin"]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, MemoryError, ZeroDivisionError])
def test_an_end_on_the_way_leaves_nothing(tmp_path: Path, failure: type[BaseException]) -> None:
    source, target = tmp_path / "in.bin", tmp_path / "out.bin"
    source.write_bytes(random_model_bytes("7.0", n_layer=2))
    target.write_bytes(b"before")

    def stop(done: int, total: int) -> None:
        if done > total // 2:
            raise failure

    with pytest.raises((failure, FileError)):
        quantize_file(source, target, "Q8_0", progress=stop)
    assert target.read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.bin", "out.bin"]


def test_progress_reaches_the_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    source = authors_file(tmp_path, "7.0", n_layer=1)
    done = convert_file(source, tmp_path / "out.bin", progress=lambda *at: seen.append(at))
    assert seen[-1] == (done.n_bytes, done.n_bytes) == ((tmp_path / "out.bin").stat().st_size,) * 2
    assert [at for at, _ in seen] == sorted(at for at, _ in seen)


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = authors_file(tmp_path, "7.0", n_layer=1)
    nothing = output_module.shutil.disk_usage(tmp_path)._replace(free=1000)
    with monkeypatch.context() as patch:
        patch.setattr(output_module.shutil, "disk_usage", lambda path: nothing)
        with pytest.raises(FileError, match=r"out\.bin needs \d MB and .* has 0 MB left"):
            convert_file(source, tmp_path / "out.bin", "FP32")
    assert not (tmp_path / "out.bin").exists()


@pytest.mark.native("a device that is always full")
def test_a_disk_that_is_full_after_all(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"a"
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        output_module.write_whole(tmp_path / "out.bin", pieces(), 2)
    with (
        open("/dev/full", "wb", buffering=0) as full,
        pytest.raises(FileError, match="No space left on device; free some space"),
    ):
        output_module._write(full.write, b"a", tmp_path / "out.bin")
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    source = authors_file(tmp_path, "7.0", n_layer=1)
    with pytest.raises(FileError, match="There is no folder"):
        convert_file(source, tmp_path / "none" / "out.bin")
    with pytest.raises(FileError, match="no ordinary file"):
        convert_file(source, tmp_path)
    with pytest.raises(FileError, match="cannot be opened: No such file"):
        convert_file(tmp_path / "none.pth", tmp_path / "out.bin")
    with pytest.raises(FileError, match="is a folder"):
        convert_file(tmp_path, tmp_path / "out.bin")
    with pytest.raises(ArgumentError, match="the source itself"):
        convert_file(source, source)
    os.symlink(source, tmp_path / "link.pth")
    with pytest.raises(ArgumentError, match="the source itself"):
        convert_file(source, tmp_path / "link.pth")
    with open_model(source) as still:
        assert still.architecture == "7.0"


def test_refusals(tmp_path: Path) -> None:
    source = tmp_path / "in.bin"
    source.write_bytes(random_model_bytes("7.0", n_layer=1, type="Q8_0"))
    with pytest.raises(UnsupportedModelError, match="Q8_0 already"):
        quantize_file(source, tmp_path / "out.bin", "Q4_0")
    done = quantize_file(source, tmp_path / "out.bin", "Q4_0", allow_requantize=True)
    assert "rounded again" in done.warnings[0]
    source.write_bytes(random_model_bytes("4.0", n_embed=40, n_layer=1, head_size=8))
    with pytest.raises(UnsupportedModelError, match="rows of 40 elements"):
        quantize_file(source, tmp_path / "out.bin", "Q4_0")
    with pytest.raises(UnsupportedModelError, match=r"no file of rwkv\.cpp \(PyTorch\)"):
        quantize_file(authors_file(tmp_path, "4.0"), tmp_path / "out.bin", "Q4_0")
    with pytest.raises(ArgumentError, match="'Q6_K'"):
        convert_file(source, tmp_path / "out.bin", "Q6_K")


def test_a_quantised_file_stays_as_it_is_in_its_own_type(tmp_path: Path) -> None:
    source = tmp_path / "in.bin"
    write_random_model(source, "7.0", n_layer=1, type="Q8_0")
    assert convert_file(source, tmp_path / "out.bin", "Q8_0").warnings == ()
    assert (tmp_path / "out.bin").read_bytes() == source.read_bytes()


def test_numbers_that_fp16_cannot_hold(tmp_path: Path) -> None:
    weights = checkpoint_arrays("7.0", random_weights("7.0", n_layer=1))
    weights["blocks.0.ffn.key.weight"][3, 5] = 1e5
    source = write_checkpoint(tmp_path / "in.pth", weights)
    for type in ("FP16", "Q8_0"):
        with pytest.raises(UnsupportedModelError, match=r"ffn\.key\.weight has numbers that FP16"):
            convert_file(source, tmp_path / "out.bin", type)
    convert_file(source, tmp_path / "out.bin", "FP32")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"blocks.0.att.key.weight": None}, ModelFormatError, "key.weight is missing"),
        ({"blocks.1.ln2.bias": None}, ModelFormatError, "blocks.1.ln2.bias is missing"),
        ({"emb.weight": None}, UnsupportedModelError, "not an RWKV model"),
        ({"blocks.0.att.time_state": (4,)}, UnsupportedModelError, "time_state is not part of"),
        ({"blocks.0.att.x_w": (3,)}, ModelFormatError, "x_w has the shape"),
        ({"blocks.0.att.w1": (64,)}, ModelFormatError, "w1 has the shape"),
        ({"emb.weight": (64,)}, ModelFormatError, "emb.weight has the shape"),
    ],
)
def test_other_tensors(
    tmp_path: Path, change: dict[str, tuple[int, ...] | None], error: type[Exception], message: str
) -> None:
    weights = checkpoint_arrays("7.0", random_weights("7.0", n_layer=2))
    for name, shape in change.items():
        weights.pop(name, None)
        if shape:
            weights[name] = np.ones(shape, np.float32)
    source = write_checkpoint(tmp_path / "in.pth", weights)
    with pytest.raises(error, match=message):
        convert_file(source, tmp_path / "out.bin")


def test_the_authors_own_5_1(tmp_path: Path) -> None:
    """A gate and one decay a head, which rwkv.cpp's converter cannot express either."""
    weights = checkpoint_arrays("5.2", random_weights("5.2", n_layer=1, n_embed=128))
    weights["blocks.0.att.time_decay"] = weights["blocks.0.att.time_decay"][:, 0]
    source = write_checkpoint(tmp_path / "in.pth", weights)
    with pytest.raises(UnsupportedModelError, match="one decay for each head"):
        convert_file(source, tmp_path / "out.bin")


def test_the_plan_knows_the_size(tmp_path: Path) -> None:
    with open_model(authors_file(tmp_path, "5.1", n_embed=128)) as source:
        for type in RWKV_TYPES:
            output = plan(source, type)
            assert output.n_bytes == sum(map(len, output.pieces()))
