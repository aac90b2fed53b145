"""What the first bytes of a file tell, against what loading it really takes."""

from __future__ import annotations

import contextlib
import io

import hypothesis
import pytest
from deep_tree_echo import Model
from deep_tree_echo.errors import EchoError, MemoryBudgetError, ModelFormatError
from deep_tree_echo.formats.rwkv_file import Tensor, read_file, write_file
from deep_tree_echo.formats.types import TensorType
from deep_tree_echo.preview import head_places, look
from hypothesis import given
from hypothesis import strategies as st

from tests.gguf_files import random_gguf
from tests.random_models import ARCHITECTURES, random_model_bytes

SIZES = {"n_vocab": 1000, "n_embed": 256, "n_layer": 2}
FEW = hypothesis.settings(max_examples=max(5, hypothesis.settings.default.max_examples // 20))


def check(data, head, beginning):
    """The preview of a whole file's beginning; its figures are those of the loaded model."""
    preview = look("m", len(data), data[:beginning], head=head)
    assert preview is not None
    with Model.load(data, head=head, tokenizer="bytes") as model:
        assert (preview.n_vocab, preview.n_embed) == (model.n_vocab, model.n_embed)
        assert preview.n_layer == model.n_layer
        # Names are no weights, and rows are padded to whole groups.
        assert preview.weight_bytes == pytest.approx(model.weight_bytes, rel=0.02)
        # Which architecture it is comes later in the file: these are those of the largest one.
        assert model.work_bytes <= preview.work_bytes < 2 * model.work_bytes
        assert preview.state_bytes >= model.state_bytes
    return preview


@pytest.mark.parametrize("head", [None, "Q8_0"])
@pytest.mark.parametrize("type", ["FP32", "FP16", "Q8_0", "Q5_1", "Q4_0"])
def test_a_file_of_rwkv_cpp(type, head):
    preview = check(random_model_bytes("7.0", type=type, **SIZES), head, 4096)
    assert preview.type == type
    assert preview.head_type == ("FP32" if type == "FP32" else "FP16")
    assert preview.head_bytes == 1000 * 256 * (4 if type == "FP32" else 2)
    assert preview.rounded_head_bytes == 1008 * 256 // 32 * 34  # whole groups of 16 rows


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture(architecture):
    check(random_model_bytes(architecture, **SIZES), None, 4096)


@pytest.mark.parametrize("head", [None, "Q8_0"])
@pytest.mark.parametrize("type", ["F32", "F16", "Q8_0", "Q4_K", "Q5_K", "Q6_K"])
def test_a_gguf_file(type, head):
    tokens = ["<s>", *(chr(0x100 + i) for i in range(999))]
    types = {"output.weight": "F16"}
    data = random_gguf("7.0", type=type, types=types, tokens=tokens, **SIZES)
    preview = check(data, head, len(data) // 2)
    assert preview.head_type == "FP16"
    assert preview.rounded_head_bytes == 1008 * 256 // 32 * 34  # whole groups of 16 rows
    assert look("m", len(data), data[:3000], head=head) is None


def test_a_head_that_is_quantised_is_no_choice():
    data = random_gguf("7.0", type="Q8_0", **SIZES)
    assert check(data, None, len(data) // 2).rounded_head_bytes == 0


def packed(header, tensors):
    """The bytes of a file."""
    file = io.BytesIO()
    write_file(file, header, tensors)
    return file.getvalue()


def ends_of(data):
    """What a file has where its head may be described."""
    return b"".join(data[at : at + n] for at, n in head_places(len(data), data[:4096]))


@pytest.mark.parametrize("emb", ["FP32", "FP16"])
@pytest.mark.parametrize("type", ["FP32", "FP16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"])
def test_the_head_is_what_the_end_of_the_file_says(type, emb):
    header, tensors = read_file([random_model_bytes("7.0", type=emb, **SIZES)])
    head = tensors[-1]
    tensors[-1] = Tensor.from_floats(head.name, head.floats(), TensorType[type])
    data = packed(header, tensors)
    ends = ends_of(data)
    preview = look("m", len(data), data[:4096], head="Q8_0", ends=ends)
    assert preview.head_type == type
    assert preview.head_bytes == 1000 * TensorType[type].row_bytes(256)
    assert (preview.head == "Q8_0") == (type in ("FP32", "FP16"))
    assert (preview.rounded_head_bytes > 0) == (type in ("FP32", "FP16"))
    with Model.load(data, head=preview.head, tokenizer="bytes") as model:
        assert preview.weight_bytes == pytest.approx(model.weight_bytes, rel=0.02)
    # From the beginning alone it is taken to be like the embedding.
    assert look("m", len(data), data[:4096]).head_type == emb


def test_a_head_that_stands_elsewhere_is_not_rounded():
    header, tensors = read_file([random_model_bytes("7.0", type="FP16", **SIZES)])
    tensors.insert(1, tensors.pop())
    data = packed(header, tensors)
    assert tensors[1].name == "head.weight"
    preview = look("m", len(data), data[:4096], head="Q8_0", ends=ends_of(data))
    assert (preview.head, preview.rounded_head_bytes) == (None, 0)


def test_a_head_is_rounded_only_where_it_is_worth_it():
    data = random_model_bytes("7.0", type="FP16", **SIZES)
    saved = 1000 * 256 * 2 - 1008 * 256 // 32 * 34
    words = ("m", len(data), data[:4096])
    more = {"head": "Q8_0", "ends": ends_of(data)}
    assert look(*words, **more, worth=saved).head == "Q8_0"
    assert look(*words, **more, worth=saved + 1).head is None


def test_only_files_of_rwkv_cpp_have_places_for_heads():
    assert head_places(None, WHOLE["rwkv"]) == head_places(4096, WHOLE["gguf"]) == []
    assert head_places(4096, b"") == head_places(10, WHOLE["rwkv"]) == []


def test_what_does_not_fit_is_refused_with_what_would():
    data = random_model_bytes("7.0", type="FP32", **SIZES)
    with pytest.raises(MemoryBudgetError, match="MB are allowed"):
        look("m", len(data), data[:4096], memory_limit_mb=1)


def test_what_is_no_model_is_refused():
    with pytest.raises(ModelFormatError):
        look("m", 4096, b"\x89PNG" + bytes(4092))
    assert look("m", None, b"") is None


@FEW
@given(st.sampled_from(["rwkv", "gguf"]), st.integers(0, 6000), st.integers(0, 5999), st.binary())
def test_a_damaged_beginning_is_refused_or_tells_nothing(kind, size, at, noise):
    data = WHOLE[kind]
    damaged = (data[:at] + noise + data[at + len(noise) :])[:size]
    with contextlib.suppress(EchoError):
        ends = b"".join(damaged[at : at + n] for at, n in head_places(len(data), damaged))
        look("m", len(data), damaged, head="Q8_0", ends=ends)


WHOLE = {
    "rwkv": random_model_bytes("7.0", n_embed=64, n_layer=1),
    "gguf": random_gguf("7.0", n_vocab=257, n_embed=64, n_layer=1),
}
