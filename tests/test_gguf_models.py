"""GGUF files in libecho: the same model as from an rwkv.cpp file, and llama.cpp's logits."""

from __future__ import annotations

import ast
from dataclasses import replace
from itertools import pairwise, repeat

import numpy as np
import pytest
from deep_tree_echo import Model, core
from deep_tree_echo.errors import MemoryBudgetError, ModelFormatError, UnsupportedModelError
from deep_tree_echo.platform import vocabulary_path
from deep_tree_echo.tokenizer import Tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gguf_files import STRING, UINT32, File, gguf_file, make, random_gguf
from tests.oracles.llama_cases import CASES, POSITIONS, TOKEN_TYPES, TOKENS, Case
from tests.random_models import random_model_bytes, random_weights

TEXT = list(range(1, 60))
SIZES = {"n_embed": 128, "n_layer": 4}
NATIVE = {"F32": "FP32", "F16": "FP16"} | {
    type: type for type in ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0")
}

LLAMA_BOUND = {
    # As a share of the spread of the logits: measured 8e-6, 6e-4, 0.006, 0.009, 0.04, 0.05, 0.03.
    "F32": 1e-4,
    "F16": 3e-3,
    "BF16": 0.02,  # llama.cpp rounds the other factor to BF16 too
    "Q8_0": 0.04,
    "Q4_0": 0.04,
    "Q6_K": 0.1,
    "Q5_K": 0.1,
    "Q4_K": 0.1,
}


def logits_of(model: Model, tokens: list[int]) -> np.ndarray:
    """The logits (tokens, n_vocab) after each token."""
    rows, state = [], None
    for token in tokens:
        logits, state = model.eval([token], state)
        rows.append(logits)
    return np.stack(rows)


def apart(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Root of the mean square difference, as a share of the spread."""
    return float(np.sqrt(np.mean((ours - theirs) ** 2)) / theirs.std())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_agrees_with_llama_cpp(case: Case) -> None:
    model = Model.load(case.file().pack())
    assert model.architecture == case.architecture
    assert model.type == NATIVE.get(case.type, case.type)
    ours = logits_of(model, case.tokens())[np.array(POSITIONS) - 1]
    with np.load(case.path) as golden:
        assert golden["logits"].std() > 1
        assert apart(ours, golden["logits"]) < LLAMA_BOUND[case.type]


@pytest.mark.parametrize("rescale", [0, 1, 2, 3])
def test_rwkv_6_is_the_model_of_an_rwkv_cpp_file(rescale: int) -> None:
    """Halving the residual stream is undone exactly, however often it happens."""
    theirs, theirs_state = Model.load(random_model_bytes("6.0", **SIZES)).eval(TEXT)
    ours, ours_state = Model.load(random_gguf("6.0", rescale=rescale, **SIZES)).eval(TEXT)
    assert np.array_equal(ours, theirs)
    assert np.array_equal(ours_state.to_numpy(), theirs_state.to_numpy())


@pytest.mark.parametrize("head_size", [16, 32, 64, 128])
def test_rwkv_7_is_the_model_of_an_rwkv_cpp_file(head_size: int) -> None:
    sizes = SIZES | {"head_size": head_size}
    theirs, _ = Model.load(random_model_bytes("7.0", **sizes)).eval(TEXT)
    ours = Model.load(random_gguf("7.0", **sizes))
    assert (ours.n_head, ours.head_size) == (128 // head_size, head_size)
    assert np.array_equal(ours.eval(TEXT)[0], theirs)


@pytest.mark.parametrize("type", NATIVE)
def test_types_of_rwkv_cpp_are_kept(type: str) -> None:
    """With every tensor of both files of the same type, the logits are the same numbers."""
    weights = random_weights("6.0", **SIZES)
    small = {"token_embd.weight": "F16", "output.weight": "F16"} if type != "F32" else {}
    ours = Model.load(gguf_file("6.0", weights, type, types=small).pack())
    theirs = Model.load(random_model_bytes("6.0", type=NATIVE[type], **SIZES))
    assert ours.type == NATIVE[type]
    assert np.array_equal(ours.eval(TEXT)[0], theirs.eval(TEXT)[0])


@pytest.mark.parametrize("type", NATIVE)
def test_halving_is_undone_in_every_type(type: str) -> None:
    weights = random_weights("6.0", **SIZES)
    for name, values in weights.items():
        if name.endswith(("att.output.weight", "ffn.value.weight")):
            # A denormal half would lose a bit by being halved, in the file already.
            weights[name] = np.ldexp(np.rint(np.ldexp(values, 12)), -12)
    halved = Model.load(gguf_file("6.0", weights, type, rescale=2).pack())
    whole = Model.load(gguf_file("6.0", weights, type).pack())
    assert np.array_equal(halved.eval(TEXT)[0], whole.eval(TEXT)[0])


@pytest.mark.parametrize("type", ["Q4_K", "Q5_K", "Q6_K", "BF16"])
def test_the_embedding_stays_in_the_files_type(type: str) -> None:
    """One token, no layer of influence: with exact matrices only the embedding is rounded."""
    weights = random_weights("7.0", n_embed=256, n_layer=1)
    rounded = gguf_file("7.0", weights, types={"token_embd.weight": type})
    bytes_ = {tensor.name: tensor.data for tensor in rounded.tensors}["token_embd.weight"]
    rows = np.frombuffer(bytes_, np.uint8).reshape(257, -1).copy()
    floats = np.empty((257, 256), np.float32)
    core.check(
        core.library().echo_dequantize(
            core.READ_TYPES[type], core.address(rows), 257, 256, core.address(floats)
        )
    )
    exact = gguf_file("7.0", weights | {"emb.weight": floats})
    ours, theirs = Model.load(rounded.pack()), Model.load(exact.pack())
    assert np.array_equal(ours.eval(TEXT)[0], theirs.eval(TEXT)[0])
    assert theirs.weight_bytes - ours.weight_bytes == 4 * floats.size - len(bytes_)


@pytest.mark.parametrize(("type", "kept"), [("Q4_K", "Q4_1"), ("Q5_K", "Q5_1"), ("Q6_K", "Q8_0")])
def test_matrices_of_k_quants_take_the_memory_of_their_own_type(type: str, kept: str) -> None:
    small = {"token_embd.weight": "F16", "output.weight": "F16"}
    weights = random_weights("7.0", n_embed=256, n_layer=2)
    ours = Model.load(gguf_file("7.0", weights, type, types=small).pack())
    same = Model.load(gguf_file("7.0", weights, kept, types=small).pack())
    assert ours.weight_bytes == same.weight_bytes
    assert ours.type == type


def shuffled(file: File, seed: int, alignment: int) -> File:
    order = np.random.default_rng(seed).permutation(len(file.tensors)).tolist()
    pairs = np.random.default_rng(seed).permutation(len(file.pairs))
    return replace(
        file.with_pair("general.alignment", UINT32, alignment),
        order=tuple(order),
        alignment=alignment,
        pairs=(*(file.pairs[i] for i in pairs), ("general.alignment", UINT32, alignment)),
    )


@settings(max_examples=10)
@given(st.integers(0, 99), st.sampled_from([1, 8, 32, 256, 4096]), st.integers(1, 70_000))
def test_any_order_alignment_and_size_of_the_pieces(seed: int, alignment: int, size: int) -> None:
    file = gguf_file("6.0", n_embed=64, n_layer=2, rescale=1, tokens=TOKENS)
    expected = Model.load(file.pack()).eval(TEXT)[0]
    data = shuffled(file, seed, alignment).pack()
    # Pieces of a few bytes are slow, so only the head comes that way.
    cuts = [*range(0, 8000, min(size, 8000)), *range(8000, len(data), max(size, 1000)), len(data)]
    pieces = (data[begin:end] for begin, end in pairwise(cuts))
    assert np.array_equal(Model.load(pieces).eval(TEXT)[0], expected)


def test_version_2() -> None:
    data = replace(gguf_file(), version=2).pack()
    assert np.array_equal(
        Model.load(data).eval(TEXT)[0], Model.load(random_model_bytes()).eval(TEXT)[0]
    )


def test_without_the_last_padding() -> None:
    file = replace(gguf_file(), alignment=4096).with_pair("general.alignment", UINT32, 4096)
    padded, padding = file.pack(), file.padding(len(file.tensors[-1].data))
    assert padding
    expected = Model.load(padded).eval(TEXT)[0]
    assert np.array_equal(Model.load(padded[: -len(padding)]).eval(TEXT)[0], expected)
    assert np.array_equal(Model.load(iter([padded])).eval(TEXT)[0], expected)


def test_unfused_mixes_of_older_files() -> None:
    weights = random_weights("6.0", n_embed=64, n_layer=2)
    file = gguf_file("6.0", weights)
    tensors = [tensor for tensor in file.tensors if "lerp_fused" not in tensor.name]
    for layer in range(2):
        for part in "wkvrg":
            mix = weights[f"blocks.{layer}.att.time_maa_{part}"]
            tensors.append(make(f"blk.{layer}.time_mix_lerp_{part}.weight", "F32", mix))
    ours = Model.load(replace(file, tensors=tuple(tensors)).pack())
    assert np.array_equal(ours.eval(TEXT)[0], Model.load(file.pack()).eval(TEXT)[0])


@pytest.mark.parametrize("type", ["F32", "Q8_0", "Q4_K"])
def test_the_estimate_is_exact_before_the_weights(type: str) -> None:
    file = gguf_file("7.0", type=type, n_embed=256, n_layer=2)
    data = file.pack()
    loader = core.Loader(total_bytes=len(data))
    loader.push(data[: len(file.head()) - 100])
    assert loader.estimate().known == 0
    loader.push(data[len(file.head()) - 100 : len(file.head())])
    estimate = loader.estimate()
    assert estimate.known == 1
    loader.push(data[len(file.head()) :])
    info = loader.finish().info
    # Interleaved rows come in groups: the vocabulary of 257 gets some more.
    assert info.weight_bytes == estimate.weight_bytes
    assert info.format == core.FORMATS.index("GGUF")


def test_over_the_budget_is_known_from_the_head() -> None:
    file = gguf_file("7.0", n_embed=256, n_layer=4)
    with pytest.raises(MemoryBudgetError, match=r"^This model needs about \d+ MB and 3 MB are"):
        Model.load(iter([file.head()]), memory_limit_mb=3)


@pytest.mark.parametrize(
    ("type", "advice"),
    [("F16", "the same model in Q8_0"), ("Q8_0", r"the same model in Q5_\d"), ("Q4_0", "choose a")],
)
def test_over_the_budget_says_what_fits(type: str, advice: str) -> None:
    """Also where the vocabulary's tables are quantised, which rwkv.cpp's files never have."""
    file = gguf_file("7.0", type=type, n_embed=512, n_layer=2, n_vocab=4000)
    needed = sum(len(tensor.data) for tensor in file.tensors) / 1e6 + 4
    with pytest.raises(MemoryBudgetError, match=rf"MB are allowed; {advice}"):
        Model.load(iter([file.head()]), memory_limit_mb=0.8 * needed)


@pytest.mark.parametrize("head", ["Q8_0", "Q4_0"])
@pytest.mark.parametrize("type", ["F16", "Q6_K"])
def test_a_head_of_another_type(type: str, head: str) -> None:
    data = random_gguf("7.0", type=type, n_embed=256, n_layer=2)
    plain, rounded = Model.load(data), Model.load(data, head=head)
    assert rounded.weight_bytes < plain.weight_bytes or (type, head) == ("Q6_K", "Q8_0")
    bound = 0.02 if head == "Q8_0" else 0.2
    assert apart(rounded.eval(TEXT)[0], plain.eval(TEXT)[0]) < bound


# ------------------------------------------------------------------ tokenizers


def test_the_format_is_said() -> None:
    assert Model.load(random_gguf()).format == "GGUF"
    assert Model.load(random_model_bytes()).format == "rwkv.cpp"


def test_the_files_tokenizer_is_used() -> None:
    tokens = [*TOKENS, "hello", "\\n\\n", "\\xc3\\xa4", "[PAD260]"]
    types = [*TOKEN_TYPES, 1, 1, 1, 5]
    model = Model.load(random_gguf(n_vocab=261, tokens=tokens, token_types=types))
    assert model.tokenizer.name == "file"
    assert model.encode("hello\n\nä!") == [257, 258, 259, 1 + ord("!")]
    assert model.decode([257, 0, 260, 258, 99999]) == "hello\n\n"
    assert model.encode("<s>[PAD260]") == [1 + byte for byte in b"<s>[PAD260]"]
    clone = model.clone()
    model.close()
    assert clone.encode("hello") == [257]
    clone.close()
    assert clone.decode([257]) == "hello"


def test_another_tokenizer_can_be_given() -> None:
    data = random_gguf(tokens=TOKENS, token_types=TOKEN_TYPES)
    assert Model.load(data).encode("A") == [66]
    assert Model.load(data, tokenizer="bytes").encode("A") == [65]


def test_escapes_in_tokens() -> None:
    texts = {
        "\\t\\t": b"\t\t",
        "\\n\\r": b"\n\r",
        "\\\\n": b"\\n",
        "\\'\"": b"'\"",
        "\\x9a\\x0B": b"\x9a\x0b",
        # What Python would not write: the backslash is passed over, as llama.cpp does.
        "\\qq": b"qq",
        "tail\\": b"tail\\",
        "\\xg1": b"xg1",
        "1\\x": b"1x",
    }
    model = Model.load(
        random_gguf(n_vocab=300, tokens=[*TOKENS, *texts], token_types=[*TOKEN_TYPES, *[1] * 9])
    )
    assert [model.decode_bytes([257 + i]) for i in range(9)] == list(texts.values())


def test_the_world_vocabulary() -> None:
    """The list that llama.cpp's converter makes of the vocabulary file is the same tokenizer."""
    path = vocabulary_path()
    if path is None:
        pytest.skip("the World vocabulary is not here")
    tokens = ["<s>"]
    for line in path.read_text("utf-8").splitlines():
        token = ast.literal_eval(line[line.index(" ") : line.rindex(" ")].strip())
        data = token.encode() if isinstance(token, str) else token
        tokens.append(repr(data)[2:-1])
    types = [3, *repeat(1, len(tokens) - 1), *repeat(5, 65536 - len(tokens))]
    tokens += [f"[PAD{i}]" for i in range(len(tokens), 65536)]
    model = Model.load(
        random_gguf(
            n_vocab=65536, n_embed=32, head_size=32, n_layer=1, tokens=tokens, token_types=types
        )
    )
    world = Tokenizer("world")
    texts: list[str | bytes] = [
        "Hello, world!\n\nUser: <s>[PAD65535]",
        "Größe 漢字 🦜\t\\x41 'quoted' \"too\"",
        "\0\x7f",
    ]
    texts += [bytes(np.random.default_rng(i).integers(0, 256, 2000, np.uint8)) for i in range(3)]
    for text in texts:
        assert model.encode(text) == world.encode(text)
    for token in range(65536):
        assert model.decode_bytes([token]) == world.decode_bytes([token])


def test_a_file_without_a_tokenizer() -> None:
    loader = core.Loader()
    loader.push(random_gguf())
    model = loader.finish()
    assert model.info.has_tokenizer == 0
    with pytest.raises(UnsupportedModelError, match=r"^The model's file carries no tokenizer\.$"):
        model.tokenizer()
    loader = core.Loader()
    loader.push(random_model_bytes())
    with pytest.raises(UnsupportedModelError, match="carries no tokenizer"):
        loader.finish().tokenizer()


def test_a_tokenizer_of_another_kind() -> None:
    file = gguf_file(tokens=TOKENS).with_pair("tokenizer.ggml.model", STRING, "gpt2")
    loader = core.Loader()
    loader.push(file.pack())
    model = loader.finish()
    assert model.info.has_tokenizer == 0
    with pytest.raises(UnsupportedModelError, match='of the kind "gpt2"'):
        model.tokenizer()
    assert Model.load(file.pack()).tokenizer.name == "bytes+1"


def test_a_tokenizer_that_cannot_write_every_byte() -> None:
    with pytest.raises(ModelFormatError, match="no token for the byte 0x61 alone"):
        Model.load(random_gguf(tokens=[t for t in TOKENS if t != "\\x61"]))


def test_a_token_twice() -> None:
    with pytest.raises(ModelFormatError, match=r"same token under the ids (257 and 98|98 and 257)"):
        Model.load(random_gguf(n_vocab=258, tokens=[*TOKENS, "a"]))
